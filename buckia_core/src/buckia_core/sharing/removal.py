"""`Remover`: removes a share: first its object, then its record.

A process claims a share before it removes it, by a change of the record under a condition. So one process at a time
removes a share, and no record is deleted twice: a second delete could hit the record of a share that was made since.
The claim of a process that died ends after 15 minutes. Where another process still copies the object, that process
deletes the record, or a sweep does a day later.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from buckia_core.errors import AdapterError, PreconditionFailed
from buckia_core.sharing.place import SharePlace
from buckia_core.sharing.record import ShareState
from buckia_core.sharing.record_store import RecordStore, Stored

_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Remover:
    """Removes shares.

    Attributes:
        place: The share bucket.
        records: The records.
        now: The time.
    """

    place: SharePlace
    records: RecordStore
    now: Callable[[], datetime]

    def remove(self, stored: Stored, still: Callable[[Stored], bool] = lambda _: True) -> bool:
        """Remove a share; return false if it is gone, or is not to be removed any more.

        Args:
            stored: The share.
            still: Tells of the record, as it is then, whether to remove the share. It may have been renewed.

        Raises:
            AdapterError: The object or the record could not be deleted. The record is kept.
        """
        current: Stored | None = stored
        for _ in range(_ATTEMPTS):
            if current is None or not still(current):
                return False
            record, now = current.record, self.now()
            if record.state is ShareState.REMOVING and record.is_claimed(now):
                # Deleting the object twice does no harm, since its key is never used again.
                self.place.store.delete(record.share_key)
                return True
            claim = record.changed(state=ShareState.REMOVING, claimed=now, copying=record.active_copies(now))
            try:
                claimed = self.records.replace(current, claim)
            except PreconditionFailed:
                current = self.records.read(record.id)
                continue
            self._delete(claimed)
            return True
        raise PreconditionFailed(f"the record of share {stored.record.id} changes all the time")

    def _delete(self, claimed: Stored) -> None:
        record = claimed.record
        try:
            self.place.store.delete(record.share_key)
            if not record.copying:
                self.records.delete(record.id)
                return
        except BaseException:
            with suppress(AdapterError):
                self.records.replace(claimed, record.changed(claimed=None))
            raise
        self._leave(claimed)

    def _leave(self, claimed: Stored) -> None:
        """End the claim, and leave the record to the processes that still copy the object; delete it if none does."""
        current: Stored | None = claimed
        for _ in range(_ATTEMPTS):
            if current is None or current.record.claimed != claimed.record.claimed:
                return
            if not current.record.copying:
                self.place.store.delete(current.record.share_key)
                self.records.delete(current.record.id)
                return
            with suppress(PreconditionFailed):
                self.records.replace(current, current.record.changed(claimed=None))
                return
            current = self.records.read(claimed.record.id)
