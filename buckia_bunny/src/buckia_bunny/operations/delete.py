"""Deletes: two requests per key, several keys in parallel."""

from __future__ import annotations

from collections.abc import Sequence

from buckia_bunny.operations.directories import DirectoryPruner
from buckia_bunny.operations.head import ObjectHead
from buckia_bunny.storage.api import StorageApi
from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.errors import AdapterError
from buckia_core.http.blocking import gather, run_blocking

DELETE_BATCH_SIZE = 100
"""Keys per call."""

_THREADS, _TASKS = 8, 32
"""Keys of one call that are deleted at once, without an event loop and on one."""


class Deleter:
    """Deletes objects. Never deletes a directory for a key, since the service removes its content too."""

    def __init__(self, storage: StorageApi, objects: ObjectHead, directories: DirectoryPruner) -> None:
        self._storage = storage
        self._objects = objects
        self._directories = directories

    def delete(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync.delete_files`."""
        return run_blocking(self.delete_async(keys))

    async def delete_async(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `Coroutines.delete_files_async`."""
        return await gather(self._delete, keys, tasks=_TASKS, threads=_THREADS)

    async def _delete(self, key: str) -> DeleteOutcome:
        try:
            path = self._objects.path(key)
            if await self._storage.describe(path, key) is None:
                return DeleteOutcome(key)
            await self._storage.delete(path, key)
            self._directories.prune(path)
        except AdapterError as error:
            return DeleteOutcome(key, error)
        return DeleteOutcome(key)
