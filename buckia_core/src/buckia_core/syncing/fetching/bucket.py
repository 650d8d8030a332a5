"""`FetchedBucket`: the bucket as it was fetched, read from the cache instead of the provider."""

from __future__ import annotations

import io
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.readers import LimitedReader
from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, UploadInfo
from buckia_core.errors import NotFound, NotSupported, PreconditionFailed
from buckia_core.planning.manifest import BaselineEntry, RemoteObject
from buckia_core.syncing.fetching.cache import FetchCache


class FetchedBucket(BaseSync):
    """The bucket as it was fetched: the objects of the baseline, with the fetched changes. Sends no requests.

    A change that was fetched before the baseline changed is outdated: its object is listed as the baseline has it.
    Only fetched objects can be read, and nothing is written.

    Args:
        bucket: The bucket, which lends its name and identity.
        cache: The fetched changes.
        read_baseline: Returns the rows of the baseline by key; called once, at the first listing.
    """

    def __init__(
        self, bucket: BaseSync, cache: FetchCache, read_baseline: Callable[[], Mapping[str, BaselineEntry]]
    ) -> None:
        self._bucket = bucket
        self._cache = cache
        self._read_baseline = read_baseline
        self._changes = {change.key: change for change in cache.changes()}

    @property
    def provider(self) -> str:
        """See `BaseSync`."""
        return self._bucket.provider

    @property
    def identity(self) -> str:
        """See `BaseSync`."""
        return self._bucket.identity

    @property
    def earlier_identities(self) -> Sequence[str]:
        """See `BaseSync`."""
        return self._bucket.earlier_identities

    @property
    def capabilities(self) -> Capabilities:
        """See `BaseSync`."""
        return Capabilities(nested_keys=self._bucket.capabilities.nested_keys, free_reads=True)

    @property
    def local_directory(self) -> str | None:
        """See `BaseSync`."""
        return self._bucket.local_directory

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        keys = self._keys
        for index in range(bisect_left(keys, prefix), len(keys)):
            key = keys[index]
            if not key.startswith(prefix) or (end_at is not None and key > end_at):
                break
            if start_after is None or key > start_after:
                found = self._object(key)
                if found is not None:
                    yield found

    def stat_file(self, key: str) -> RemoteObject:
        """See `BaseSync`."""
        found = self._object(key)
        if found is None:
            raise NotFound("it is not among the fetched objects", provider=self.provider, key=key)
        return found

    def download_file(
        self,
        key: str,
        target: Path,
        *,
        expect: RemoteObject | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> RemoteObject:
        """See `BaseSync`."""
        with self.open_file(key, expect=expect, start=start, end=end) as reader, open(target, "wb") as file:
            while data := reader.read(1 << 20):
                file.write(data)
        return self._expected(key, expect)

    def open_file(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """See `BaseSync`."""
        found = self._expected(key, expect)
        return _open(self._cache.content(key), start, found.size if end is None else end)

    def upload_file(
        self,
        source: Source,  # noqa: ARG002  # the signature of `BaseSync`
        key: str,
        *,
        expect: Precondition | None = None,  # noqa: ARG002  # as above
        info: UploadInfo | None = None,  # noqa: ARG002  # as above
    ) -> RemoteObject:
        """Refuse: the next sync uploads."""
        raise PreconditionFailed("fetched objects can't be changed", provider=self.provider, key=key)

    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """Refuse: the next sync deletes."""
        error = NotSupported("fetched objects can't be changed", provider=self.provider)
        return [DeleteOutcome(key, error) for key in keys]

    def has_content(self, found: RemoteObject) -> bool:
        """Tell whether the content of an object was fetched."""
        change = self._changes.get(found.key)
        return change is not None and change.remote is not None and change.remote.fingerprint == found.fingerprint

    @cached_property
    def _rows(self) -> Mapping[str, BaselineEntry]:
        # Not before the first listing, when the run holds its lock.
        return self._read_baseline()

    @cached_property
    def _keys(self) -> list[str]:
        return sorted(self._rows.keys() | self._changes.keys())

    def _object(self, key: str) -> RemoteObject | None:
        change, row = self._changes.get(key), self._rows.get(key)
        if change is not None and change.base == (row.fingerprint if row is not None else ""):
            return change.remote
        if row is None:
            return None
        return RemoteObject(row.key, row.size, row.fingerprint, digests=row.digests, metadata={})

    def _expected(self, key: str, expect: RemoteObject | None) -> RemoteObject:
        change = self._changes.get(key)
        if change is None or change.remote is None:
            raise NotFound("it is not among the fetched objects", provider=self.provider, key=key)
        if expect is not None and expect.fingerprint != change.remote.fingerprint:
            raise PreconditionFailed("another version was fetched", provider=self.provider, key=key)
        return change.remote


@contextmanager
def _open(path: Path, start: int, end: int) -> Iterator[BinaryIO]:
    with open(path, "rb") as file:
        file.seek(start)
        yield cast("BinaryIO", io.BufferedReader(LimitedReader(file, end - start)))
