"""Deletes: hide an object with a marker, or remove all of its versions.

Versions are removed oldest first. An interrupted delete thus leaves the newest version current, instead of bringing
back an older one.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from buckia_b2.api.bucket import Bucket
from buckia_b2.api.transport import retry_request
from buckia_b2.errors import ABSENT
from buckia_b2.settings import Deletion
from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.errors import AdapterError

DELETE_BATCH_SIZE = 100
"""Keys per call: B2 deletes one key per request, and several requests run in parallel."""

_WORKERS = 8
_ALREADY_DELETED = ("no_such_file", "already_hidden")


@dataclass(frozen=True, slots=True)
class Deleter:
    """Deletes objects of one bucket."""

    bucket: Bucket
    deletion: Deletion

    def delete(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync.delete_files`."""
        if not keys:
            return []
        _ = self.bucket.id
        if len(keys) == 1:
            return [DeleteOutcome(keys[0], self._delete(keys[0]))]
        with ThreadPoolExecutor(min(_WORKERS, len(keys)), thread_name_prefix="buckia-b2-delete") as pool:
            return [DeleteOutcome(key, error) for key, error in zip(keys, pool.map(self._delete, keys), strict=True)]

    def _delete(self, key: str) -> AdapterError | None:
        try:
            if self.deletion is Deletion.HIDE:
                self._hide(key)
            else:
                self._remove(key)
        except AdapterError as error:
            return error
        return None

    def _hide(self, key: str) -> None:
        full_key = self.bucket.full_key(key)
        try:
            self.bucket.session.call("hide_file", self.bucket.id, full_key, action="deleting", key=key)
        except AdapterError as error:
            if error.code not in _ALREADY_DELETED:
                raise

    def _remove(self, key: str) -> None:
        for version in reversed(list(self.bucket.history(key))):
            self.remove_version(key, version["fileId"])

    def remove_version(self, key: str, file_id: str) -> None:
        """Remove one version permanently. A missing version is not an error."""
        full_key = self.bucket.full_key(key)
        try:
            retry_request(lambda: self.bucket.session.call(
                "delete_file_version", file_id, full_key, action="deleting", key=key
            ))  # fmt: skip
        except AdapterError as error:
            if error.code not in ABSENT:
                raise
