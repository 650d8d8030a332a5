"""Bulk deletes: in batches, with an outcome for each key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import DeleteOutcome, delete_one
from buckia_core.errors import AdapterError, InvalidSetting
from buckia_core.http.blocking import run_blocking
from buckia_core.objects import calls
from buckia_core.objects.cancellation import CURRENT
from buckia_core.objects.listing import directory_prefix

MAX_KEYS_SHOWN = 1000
"""Keys in the result of `delete_prefix`, so that its memory is bounded."""

MAX_FAILURES = 1000
"""Failed keys after which a bulk delete stops."""


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """Result of a bulk delete, or what a dry run would delete.

    Attributes:
        count: Number of deleted keys. A key without an object counts: none is there any more.
        total_bytes: Their size, where a listing told it; 0 for `delete_many`.
        keys: The deleted keys in their order; of `delete_prefix`, only the first 1,000.
        failed: The keys that were not deleted, each with its error.
        dry_run: Whether nothing was deleted.
    """

    count: int = 0
    total_bytes: int = 0
    keys: tuple[str, ...] = ()
    failed: tuple[DeleteOutcome, ...] = ()
    dry_run: bool = False


class DeleteIncomplete(AdapterError):
    """A bulk delete stopped before its end; `result` says what was deleted until then.

    Status, code and `retryable` are those of the error that stopped it, its `__cause__`.
    """

    result: DeleteResult = DeleteResult()

    def __reduce__(self) -> tuple[Any, ...]:
        return (*super().__reduce__(), {"result": self.result})


DeleteListener = Callable[[DeleteResult], object]
"""Called after each batch with the result so far."""


@dataclass(slots=True)
class BulkDelete:
    """A running bulk delete.

    Attributes:
        adapter: The bucket.
        dry_run: Delete nothing.
        keep: Number of keys in the result; `None` for all.
        progress: Listener; may be `None`.
    """

    adapter: BaseSync
    dry_run: bool
    keep: int | None = None
    progress: DeleteListener | None = None
    _count: int = 0
    _bytes: int = 0
    _keys: list[str] = field(default_factory=list)
    _failed: list[DeleteOutcome] = field(default_factory=list)

    @property
    def result(self) -> DeleteResult:
        """The result so far."""
        return DeleteResult(self._count, self._bytes, tuple(self._keys), tuple(self._failed), self.dry_run)

    def run(self, found: Iterable[tuple[str, int]]) -> DeleteResult:
        """Delete keys, given with their sizes.

        Raises:
            DeleteIncomplete: An error stopped it after some keys were deleted, or too many keys failed.
            AdapterError: An error stopped it before any key was deleted.
        """
        return run_blocking(self.run_async(found))

    async def run_async(self, found: Iterable[tuple[str, int]]) -> DeleteResult:
        """See `run`. On an event loop, the adapter has coroutines, and the keys are in memory."""
        cancellation = CURRENT.get()
        size = min(max(1, self.adapter.capabilities.delete_batch_size), 1000)
        try:
            for batch in _batches(found, size):
                await self._delete(batch)
                if len(self._failed) >= MAX_FAILURES:
                    error = self._failed[-1].error
                    assert error is not None
                    raise self._incomplete(error) from error
                if self.progress is not None:
                    self.progress(self.result)
                if cancellation is not None:
                    cancellation.check()
        except DeleteIncomplete:
            raise
        except AdapterError as error:
            if not self._count or self.dry_run:
                raise
            raise self._incomplete(error) from error
        return self.result

    async def _delete(self, batch: list[tuple[str, int]]) -> None:
        sizes = dict(batch)
        keys = list(sizes)
        if self.dry_run:
            outcomes = [DeleteOutcome(key) for key in keys]
        else:
            outcomes = await calls.delete_files(self.adapter, keys)
        for outcome in outcomes:
            if outcome.error is not None:
                self._failed.append(outcome)
                continue
            self._count += 1
            self._bytes += sizes[outcome.key]
            if self.keep is None or len(self._keys) < self.keep:
                self._keys.append(outcome.key)

    def _incomplete(self, error: AdapterError) -> DeleteIncomplete:
        found = DeleteIncomplete(
            f"{self._count} objects were deleted, {len(self._failed)} were not, and then: {error}",
            provider=error.provider,
            status=error.status,
            request_id=error.request_id,
            retryable=error.retryable,
            retry_after=error.retry_after,
            code=error.code,
        )
        found.result = self.result
        return found


def unique_keys(keys: Iterable[str]) -> list[tuple[str, int]]:
    """Return the keys for `BulkDelete.run`, each once.

    Raises:
        InvalidSetting: They are no list of strings.
    """
    if isinstance(keys, str | bytes):
        raise InvalidSetting(f"keys must be a list of strings, not {keys!r}; write [{keys!r}]")
    unique = dict.fromkeys(keys)
    if wrong := [key for key in unique if not isinstance(key, str)]:
        raise InvalidSetting(f"keys must be a list of strings, and {wrong[0]!r} is not")
    return [(key, 0) for key in unique]


def _batches(found: Iterable[tuple[str, int]], size: int) -> Iterator[list[tuple[str, int]]]:
    pairs = iter(found)
    while batch := list(islice(pairs, size)):
        yield batch


class DeleteMethods(ABC):
    """The methods of `ObjectStore` that delete."""

    @property
    @abstractmethod
    def adapter(self) -> BaseSync:
        """The adapter of the bucket."""

    def delete(self, key: str) -> None:
        """Delete an object. One that does not exist is no error."""
        delete_one(self.adapter.delete_files, key)

    def delete_many(self, keys: Sequence[str] | Iterable[str], *, dry_run: bool = False) -> DeleteResult:
        """Delete objects, in batches. The result has each key once: deleted, or failed with its error.

        Args:
            keys: The keys. One without an object is no error.
            dry_run: Send nothing; the result has what would be deleted.

        Raises:
            DeleteIncomplete: A whole batch failed. `result` has what was deleted before.
        """
        return BulkDelete(self.adapter, dry_run).run(unique_keys(keys))

    def delete_prefix(
        self,
        prefix: str,
        *,
        dry_run: bool = True,
        partial_names: bool = False,
        progress: DeleteListener | None = None,
    ) -> DeleteResult:
        """Delete all objects below a prefix, page by page: memory does not grow with their number.

        Nothing is deleted unless `dry_run` is false.

        Args:
            prefix: A folder: `tmp` means `tmp/`, and never `tmp-2/a`. A blank one is refused.
            dry_run: Only count what would be deleted.
            partial_names: The prefix may end within a name, as in `list`.
            progress: Receives the result so far after each batch.

        Raises:
            DeleteIncomplete: An error, or 1,000 keys that failed, stopped it. `result` has what was deleted before.
        """
        start = directory_prefix(prefix, partial_names=partial_names)
        if not start.strip("/ \t\r\n"):
            raise InvalidSetting("a blank prefix would delete the whole bucket: name a folder")
        found = ((each.key, each.size) for each in self.adapter.list_files(start))
        return BulkDelete(self.adapter, dry_run, keep=MAX_KEYS_SHOWN, progress=progress).run(found)
