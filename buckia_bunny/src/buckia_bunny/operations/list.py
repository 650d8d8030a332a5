"""Recursive listings in key order: prefetches directories, five at a time, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice, pairwise
from operator import itemgetter

from buckia_bunny.errors import unexpected_response
from buckia_bunny.http import retry_request
from buckia_bunny.storage.api import LISTINGS, StorageApi
from buckia_bunny.storage.entries import Entry
from buckia_bunny.storage.key_encoding import MAX_PATH_BYTES, KeyCodec
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import InvalidKey
from buckia_core.http.blocking import run_blocking
from buckia_core.planning.manifest import RemoteObject

log = redacted_logger(__name__)

_PREFETCH = 2 * LISTINGS
"""Directories whose listings are requested ahead."""


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Key range: keys with a prefix, greater than `start_after`, up to and including `end_at`."""

    prefix: str
    start_after: str | None = None
    end_at: str | None = None

    def contains(self, key: str) -> bool:
        """Tell whether the range contains a key."""
        return (
            key.startswith(self.prefix)
            and (self.start_after is None or key > self.start_after)
            and (self.end_at is None or key <= self.end_at)
        )

    def may_contain(self, directory: str) -> bool:
        """Tell whether the range may contain keys of a directory, whose own key ends in a slash."""
        if not (directory.startswith(self.prefix) or self.prefix.startswith(directory)):
            return False
        after, end = self.start_after, self.end_at
        if after is not None and directory < after and not after.startswith(directory):
            return False
        return end is None or directory <= end


@dataclass(slots=True, eq=False)
class _Directory:
    """Directory of a listing. `pending` has its entries in the range until they are yielded.

    `pending` and `subdirectories`, which are the directories in `pending`, are in descending order of keys.
    """

    key: str
    path: str
    listed: Future[None] | None = None
    pending: list[tuple[str, Entry]] = field(default_factory=list)
    subdirectories: list[_Directory] = field(default_factory=list)

    @property
    def is_listed(self) -> bool:
        """Whether the listing succeeded."""
        return self.listed is not None and self.listed.done() and self.listed.exception() is None


class ZoneListing:
    """Listing of a zone. Keys include the configured prefix."""

    def __init__(self, storage: StorageApi, codec: KeyCodec, key_range: KeyRange) -> None:
        self._storage = storage
        self._codec = codec
        self._key_range = key_range
        self._top = self._find_root()

    def objects(self) -> Iterator[RemoteObject]:
        """Yield the objects, in ascending order of their keys.

        Raises:
            AdapterError: A directory could not be listed.
        """
        if self._top is None:
            return
        pool = ThreadPoolExecutor(LISTINGS, thread_name_prefix="buckia-bunny-list")
        try:
            yield from self._walk(pool, self._top)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _find_root(self) -> _Directory | None:
        """Return the deepest directory that contains the range; `None` if its name is invalid."""
        key = self._key_range.prefix[: self._key_range.prefix.rfind("/") + 1]
        try:
            return _Directory(key, f"{self._codec.path(key[:-1])}/" if key else "")
        except InvalidKey:
            return None

    def _walk(self, pool: ThreadPoolExecutor, top: _Directory) -> Iterator[RemoteObject]:
        stack = [top]
        while stack:
            current = stack[-1]
            if not current.is_listed:
                self._prefetch(pool, stack)
                assert current.listed is not None
                current.listed.result()
            self._prefetch(pool, stack)
            while current.pending:
                key, entry = current.pending.pop()
                if entry.is_directory:
                    stack.append(current.subdirectories.pop())
                    break
                yield entry.as_object(key)
            else:
                stack.pop()

    def _prefetch(self, pool: ThreadPoolExecutor, stack: list[_Directory]) -> None:
        """Request the listings of the next directories."""
        upcoming = (each for level in reversed(stack) for each in _upcoming(level))
        for directory in islice(upcoming, _PREFETCH):
            if directory.listed is None:
                directory.listed = pool.submit(self._list, directory)

    def _list(self, directory: _Directory) -> None:
        """List a directory and keep the entries in the range."""
        for entry in self._entries(directory):
            if entry.name in (".", ".."):
                # Clients resolve such names, so requests would go to another directory.
                raise unexpected_response(f"listing {directory.path!r}: it has an entry {entry.name!r}")
            name = self._codec.from_name(entry.name)
            if name is None:
                log.warning("%r is skipped: with escape_names no key encodes to it", directory.path + entry.name)
                continue
            key = f"{directory.key}{name}/" if entry.is_directory else f"{directory.key}{name}"
            if self._key_range.may_contain(key) if entry.is_directory else self._key_range.contains(key):
                directory.pending.append((key, entry))
        # Directories sort with their slash: `a-b` < `a/b` < `a0`.
        directory.pending.sort(key=itemgetter(0), reverse=True)
        if any(one[0] == other[0] for one, other in pairwise(directory.pending)):
            raise unexpected_response(f"listing {directory.path!r}: two entries have one name")
        if len(directory.path) > MAX_PATH_BYTES:
            raise unexpected_response(f"listing {directory.path[:50]!r}…: the path is too long")
        directory.subdirectories = [
            _Directory(key, f"{directory.path}{entry.name}/") for key, entry in directory.pending if entry.is_directory
        ]

    def _entries(self, directory: _Directory) -> list[Entry]:
        # The wrapper `Retry` retries listings that fail at the start, so this must not retry them too.
        if directory is self._top:
            return run_blocking(self._storage.list(directory.path))
        return retry_request(lambda: run_blocking(self._storage.list(directory.path)))


def _upcoming(directory: _Directory) -> Iterator[_Directory]:
    """Yield a directory and its known subdirectories, in the order of the listing."""
    yield directory
    if directory.is_listed:
        for subdirectories in reversed(directory.subdirectories):
            yield from _upcoming(subdirectories)
