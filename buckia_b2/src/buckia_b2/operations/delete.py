"""Deletes: a marker hides the object, or all versions go for good.

To remove the newest version alone would bring back the one before it. So all go, the oldest first: as long as one is
left, it is the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from buckia_b2.api.bucket import Bucket
from buckia_b2.api.retry import repeated
from buckia_b2.errors import ABSENT
from buckia_b2.settings import Deletion
from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.errors import AdapterError

BATCH = 100
"""Keys that one call is best given: B2 takes one in a request, and some requests go side by side."""

_AT_ONCE = 8
_NOTHING_THERE = ("no_such_file", "already_hidden")


@dataclass(frozen=True, slots=True)
class Deleter:
    """Deletes in one bucket."""

    bucket: Bucket
    deletion: Deletion

    def delete(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync.delete_files`."""
        if not keys:
            return []
        _ = self.bucket.id
        if len(keys) == 1:
            return [DeleteOutcome(keys[0], self._outcome(keys[0]))]
        with ThreadPoolExecutor(min(_AT_ONCE, len(keys)), thread_name_prefix="buckia-b2-delete") as pool:
            return [DeleteOutcome(key, error) for key, error in zip(keys, pool.map(self._outcome, keys), strict=True)]

    def _outcome(self, key: str) -> AdapterError | None:
        try:
            if self.deletion is Deletion.HIDE:
                self._hide(key)
            else:
                self._remove(key)
        except AdapterError as error:
            return error
        return None

    def _hide(self, key: str) -> None:
        whole = self.bucket.whole(key)
        try:
            self.bucket.account.call("hide_file", self.bucket.id, whole, doing="deleting", key=key)
        except AdapterError as error:
            if error.code not in _NOTHING_THERE:
                raise

    def _remove(self, key: str) -> None:
        for told in reversed(list(self.bucket.history(key))):
            self.remove_version(key, told["fileId"])

    def remove_version(self, key: str, file_id: str) -> None:
        """Remove one version for good. That there is none of that id is no error."""
        whole = self.bucket.whole(key)
        try:
            repeated(lambda: self.bucket.account.call(
                "delete_file_version", file_id, whole, doing="deleting", key=key
            ))  # fmt: skip
        except AdapterError as error:
            if error.code not in ABSENT:
                raise
