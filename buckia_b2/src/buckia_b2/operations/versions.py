"""Versions of objects: listed, read, brought back and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from buckia_b2.api.bucket import UNFINISHED, Bucket, versions_page
from buckia_b2.api.retry import repeated
from buckia_b2.errors import AnswerTooLong, understanding
from buckia_b2.files.file_info import from_file, version_of
from buckia_b2.operations.copy import Copier
from buckia_b2.operations.delete import Deleter
from buckia_b2.operations.download import Downloader
from buckia_core.adapters.contract.types import Precondition
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion

PAGE = 10_000
"""Versions that one request lists at most. B2 bills each thousand."""

_SHORT_PAGE = 1000
"""Versions that one request lists where more of them make too long an answer."""

_DOING = "listing versions"


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of the objects of one bucket."""

    bucket: Bucket
    downloader: Downloader
    copier: Copier
    deleter: Deleter
    page: int = PAGE

    def all(self, prefix: str) -> Iterator[ObjectVersion]:
        """See `Versioned.list_versions`."""
        root, last = self.bucket.prefix, None
        for told in self._told(prefix):
            name = told["fileName"]
            if told["action"] == UNFINISHED:
                continue
            with understanding(_DOING):
                version = version_of(name[len(root) :], told, latest=name != last)
            yield version
            last = name

    def stat(self, key: str, version: str) -> RemoteObject:
        """See `Versioned.stat_version`."""
        found = self.bucket.by_id(key, version)
        with understanding("looking at it", key):
            return from_file(key, found)

    @contextmanager
    def opened(self, key: str, version: str) -> Iterator[Iterator[bytes]]:
        """Give the blocks of a version. Errors are those of `Versioned.open_version`."""
        self.bucket.by_id(key, version)
        with self.downloader.opened_version(key, version) as blocks:
            yield blocks

    def restore(self, key: str, version: str, expect: Precondition | None) -> RemoteObject:
        """See `Versioned.restore_version`."""
        return self.copier.copy_version(key, version, key, expect)

    def delete(self, key: str, version: str) -> None:
        """See `Versioned.delete_version`."""
        self.deleter.remove_version(key, version)

    def _told(self, prefix: str) -> Iterator[dict[str, Any]]:
        whole = self.bucket.prefix + prefix
        name, file_id, page = whole or None, None, self.page
        seen: set[str] = set()
        while True:
            try:
                answer = repeated(partial(self._fetch, name, file_id, whole, page))
            except AnswerTooLong:
                if page <= _SHORT_PAGE:
                    raise
                page = _SHORT_PAGE
                continue
            with understanding(_DOING):
                versions, following, file_id = versions_page(answer, seen)
                names = [name or "", *(each["fileName"] for each in versions), *([following] if following else [])]
                if names != sorted(names) or not all(each.startswith(whole) for each in names[1:]):
                    raise ValueError("versions are out of order, or of other names than were asked for")
            yield from versions
            name = following
            if name is None:
                return

    def _fetch(self, name: str | None, file_id: str | None, whole: str, page: int) -> dict[str, Any]:
        found: dict[str, Any] = self.bucket.account.call(
            "list_file_versions", self.bucket.id, name, file_id, page, whole, doing=_DOING
        )
        return found
