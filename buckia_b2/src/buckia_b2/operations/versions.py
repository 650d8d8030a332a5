"""Versions of objects: list, read, restore and delete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from buckia_b2.api.bucket import Bucket
from buckia_b2.api.transport import retry_request
from buckia_b2.api.version_history import START_ACTION, parse_versions_page
from buckia_b2.errors import parsing_response
from buckia_b2.files.file_info import from_file, version_from_file
from buckia_b2.operations.copy import Copier
from buckia_b2.operations.delete import Deleter
from buckia_b2.operations.download import Downloader
from buckia_b2.operations.list import PAGE, fetch_page
from buckia_core.adapters.contract.types import Precondition
from buckia_core.http.blocking import run_blocking
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion

_ACTION = "listing versions"


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions of the objects of one bucket."""

    bucket: Bucket
    downloader: Downloader
    copier: Copier
    deleter: Deleter
    page: int = PAGE

    def all(self, prefix: str) -> Iterator[ObjectVersion]:
        """See `Versioned.list_versions`."""
        root, last = self.bucket.prefix, None
        for file in self._iter_files(prefix):
            name = file["fileName"]
            if file["action"] == START_ACTION:
                continue
            with parsing_response(_ACTION):
                version = version_from_file(name[len(root) :], file, latest=name != last)
            yield version
            last = name

    def stat(self, key: str, version: str) -> RemoteObject:
        """See `Versioned.stat_version`."""
        found = self.bucket.get_by_id(key, version)
        with parsing_response("reading its metadata", key):
            return from_file(key, found)

    @contextmanager
    def open(self, key: str, version: str) -> Iterator[Iterator[bytes]]:
        """Open the content of a version in chunks. Raises the same errors as `Versioned.open_version`."""
        self.bucket.get_by_id(key, version)
        with self.downloader.open_version(key, version) as blocks:
            yield blocks

    def restore(self, key: str, version: str, expect: Precondition | None) -> RemoteObject:
        """See `Versioned.restore_version`."""
        return self.copier.copy_version(key, version, key, expect)

    def delete(self, key: str, version: str) -> None:
        """See `Versioned.delete_version`."""
        run_blocking(self.deleter.remove_version(key, version))

    def _iter_files(self, prefix: str) -> Iterator[dict[str, Any]]:
        full_prefix = self.bucket.prefix + prefix
        name, file_id, page = full_prefix or None, None, self.page
        seen: set[str] = set()
        while True:
            response, page = fetch_page(partial(self._fetch, name, file_id, full_prefix), page)
            with parsing_response(_ACTION):
                versions, following, file_id = parse_versions_page(response, seen)
                names = [name or "", *(each["fileName"] for each in versions), *([following] if following else [])]
                if names != sorted(names) or not all(each.startswith(full_prefix) for each in names[1:]):
                    raise ValueError("versions are out of order, or of other names than were asked for")
            yield from versions
            name = following
            if name is None:
                return

    def _fetch(self, name: str | None, file_id: str | None, full_prefix: str, count: int) -> dict[str, Any]:
        call, bucket_id = self.bucket.session.call, self.bucket.id
        page: dict[str, Any] = retry_request(
            partial(call, "list_file_versions", bucket_id, name, file_id, count, full_prefix, action=_ACTION)
        )
        return page
