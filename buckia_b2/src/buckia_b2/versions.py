"""Versions of objects: listed, read, brought back and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from buckia_b2.bucket import UNFINISHED, Bucket
from buckia_b2.copying import Copier
from buckia_b2.deleting import Deleter
from buckia_b2.downloading import Downloader
from buckia_b2.objects import from_file, version_of
from buckia_b2.repeating import repeated
from buckia_core.adapters.objects import Precondition
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion

PAGE = 10_000
"""Versions that one request lists at most. B2 bills each thousand."""


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
            yield version_of(name[len(root) :], told, latest=name != last)
            last = name

    def stat(self, key: str, version: str) -> RemoteObject:
        """See `Versioned.stat_version`."""
        return from_file(key, self.bucket.by_id(key, version))

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
        name, file_id = whole or None, None
        while True:
            answer = repeated(partial(self._fetch, name, file_id, whole))
            yield from answer["files"]
            name, file_id = answer["nextFileName"], answer["nextFileId"]
            if name is None:
                return

    def _fetch(self, name: str | None, file_id: str | None, whole: str) -> dict[str, Any]:
        found: dict[str, Any] = self.bucket.account.call(
            "list_file_versions", self.bucket.id, name, file_id, self.page, whole, doing="listing versions"
        )
        return found
