"""`FetchedBucket`: the bucket as it was fetched, read from the cache instead of the provider."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.readers import LimitedReader
from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, UploadInfo
from buckia_core.errors import NotFound, NotSupported, PreconditionFailed
from buckia_core.planning.manifest import BaselineEntry, RemoteObject
from buckia_core.syncing.fetching.cache import FetchCache, FetchedChange


class FetchedBucket(BaseSync):
    """The fetched objects of a bucket. Sends no requests, and writes nothing.

    A change that was fetched before the baseline changed is outdated: its object is listed as the baseline has it.

    Args:
        bucket: The bucket, which lends its name and identity.
        cache: The fetched changes.
        read_baseline: Returns the rows of the baseline by key; called at each listing.
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
        rows = self._read_baseline()
        for key in sorted(self._changes):
            is_in_range = (start_after is None or key > start_after) and (end_at is None or key <= end_at)
            if is_in_range and key.startswith(prefix):
                found = _object(self._changes[key], rows.get(key))
                if found is not None:
                    yield found

    def stat_file(self, key: str) -> RemoteObject:
        """See `BaseSync`."""
        found = next((each for each in self.list_files(key) if each.key == key), None)
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

    def _expected(self, key: str, expect: RemoteObject | None) -> RemoteObject:
        change = self._changes.get(key)
        if change is None or change.remote is None:
            raise NotFound("it is not among the fetched objects", provider=self.provider, key=key)
        if expect is not None and expect.fingerprint != change.remote.fingerprint:
            raise PreconditionFailed("another version was fetched", provider=self.provider, key=key)
        return change.remote


def _object(change: FetchedChange, row: BaselineEntry | None) -> RemoteObject | None:
    if (row.fingerprint if row is not None else "") == change.base:
        return change.remote
    return None if row is None else RemoteObject(row.key, row.size, row.fingerprint, digests=row.digests, metadata={})


@contextmanager
def _open(path: Path, start: int, end: int) -> Iterator[BinaryIO]:
    with open(path, "rb") as file:
        file.seek(start)
        yield cast("BinaryIO", io.BufferedReader(LimitedReader(file, end - start)))
