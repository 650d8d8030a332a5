"""Deletes: hide an object with a marker, or remove all of its versions.

Versions are removed oldest first. An interrupted delete thus leaves the newest version current, instead of bringing
back an older one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from buckia_b2.api.bucket import Bucket
from buckia_b2.api.transport import retry_request_async
from buckia_b2.errors import ABSENT
from buckia_b2.settings import Deletion
from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.errors import AdapterError
from buckia_core.http.blocking import gather, run_blocking

DELETE_BATCH_SIZE = 100
"""Keys per call: B2 deletes one key per request, and several requests run in parallel."""

_THREADS, _TASKS = 8, 32
"""Keys of one call that are deleted at once, without an event loop and on one."""

_ALREADY_DELETED = ("no_such_file", "already_hidden")


@dataclass(frozen=True, slots=True)
class Deleter:
    """Deletes objects of one bucket."""

    bucket: Bucket
    deletion: Deletion

    def delete(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync.delete_files`."""
        return run_blocking(self.delete_async(keys))

    async def delete_async(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `Coroutines.delete_files_async`."""
        if keys:
            # An error of the bucket is one of the call, not of each key.
            await self.bucket.id_async()
        return await gather(self._delete, keys, tasks=_TASKS, threads=_THREADS)

    async def _delete(self, key: str) -> DeleteOutcome:
        try:
            if self.deletion is Deletion.HIDE:
                await self._hide(key)
            else:
                await self._remove(key)
        except AdapterError as error:
            return DeleteOutcome(key, error)
        return DeleteOutcome(key, None)

    async def _hide(self, key: str) -> None:
        full_key, bucket_id = self.bucket.full_key(key), await self.bucket.id_async()
        try:
            await self.bucket.session.call_async("hide_file", bucket_id, full_key, action="deleting", key=key)
        except AdapterError as error:
            if error.code not in _ALREADY_DELETED:
                raise

    async def _remove(self, key: str) -> None:
        for version in reversed(await self.bucket.history(key).read()):
            await self.remove_version(key, version["fileId"])

    async def remove_version(self, key: str, file_id: str) -> None:
        """Remove one version permanently. A missing version is not an error."""
        full_key = self.bucket.full_key(key)
        delete = partial(
            self.bucket.session.call_async, "delete_file_version", file_id, full_key, action="deleting", key=key
        )
        try:
            await retry_request_async(delete)
        except AdapterError as error:
            if error.code not in ABSENT:
                raise
