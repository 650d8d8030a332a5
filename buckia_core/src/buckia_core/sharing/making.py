"""`Maker`: makes a share, or renews it, beside other machines that share, renew, remove and sweep the same object.

The record of a share changes only under the condition that it is as it was read. It is written before the object, and
names each process that copies the object until that process has finished:

    record that is found              what `make` does
    ----------------------------------------------------------------------------------------------
    none                              creates one, copies the object, and makes the record live
    being removed                     the same, with the next generation: a new record and a new key
    being made                        waits for the other process, then copies too: both write the same content
    live, and its object exists       renews the time at which it expires
    live, and its object is missing   copies the object again
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from buckia_core.errors import AdapterError, PreconditionFailed
from buckia_core.planning.manifest import RemoteObject
from buckia_core.sharing.names import new_nonce, share_key
from buckia_core.sharing.place import SharePlace
from buckia_core.sharing.record import ShareRecord, ShareState, generation, share_hash
from buckia_core.sharing.record_store import RecordStore, Stored
from buckia_core.sharing.removal import Remover

_ATTEMPTS = 30
_PAUSE = 0.05
_MAX_PAUSE = 1.0
_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be shared.

    Attributes:
        found: The version of the object.
        content: Digest of its content, or its fingerprint.
        name: Name of the share.
        lifetime: Time until it expires; `None` for never.
        content_type: MIME type of the copy; `None` for that of the object.
        headers: Headers of the copy, in place of those of the object.
    """

    found: RemoteObject
    content: str
    name: str
    lifetime: timedelta | None
    content_type: str | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes and renews shares.

    Attributes:
        place: The share bucket.
        records: The records.
        now: The time.
        sleep: Waits for some seconds.
    """

    place: SharePlace
    records: RecordStore
    now: Callable[[], datetime]
    sleep: Callable[[float], None]

    def make(self, wanted: Wanted) -> ShareRecord:
        """Share an object, or renew its share. Returns the record, which is live.

        Raises:
            AdapterError: A request failed. What is unfinished has a record, so that `sweep` removes it.
        """
        given = {**wanted.headers, "content_type": wanted.content_type}
        key, access = wanted.found.key, self.place.access
        hash_part = share_hash(self.place.identity, key, wanted.content, wanted.name, access, given)
        waited = 0.0
        for attempt in range(_ATTEMPTS):
            pause = min(_PAUSE * 2**attempt, _MAX_PAUSE)
            try:
                stored = self.records.latest(hash_part)
                if stored is None or stored.record.state is ShareState.REMOVING:
                    number = 1 if stored is None else generation(stored.record.id) + 1
                    return self._create(f"{hash_part}-{number}", wanted)
                record = stored.record
                if record.state is ShareState.MAKING and not record.is_abandoned(self.now()) and waited < _WAIT_SECONDS:
                    stored, seconds = self._wait(stored, _WAIT_SECONDS - waited)
                    waited += seconds
                    if stored is None:
                        continue
                return self._join(stored, wanted)
            except PreconditionFailed as error:
                # The object itself has changed, which is for the caller to know.
                if error.key == key or attempt == _ATTEMPTS - 1:
                    raise
                self.sleep(pause * (0.5 + secrets.randbelow(1000) / 1000))
        raise PreconditionFailed(f"{key!r}: other processes share and remove it all the time", key=key)

    def _create(self, share_id: str, wanted: Wanted) -> ShareRecord:
        now, me = self.now(), secrets.token_hex(8)
        nonce = new_nonce()
        copy_key = share_key(share_id, nonce, wanted.found.key, wanted.name)
        expires = self._expiry(wanted)
        # Makes sure of the URL before anything is written.
        self.place.url(copy_key, expires, now)
        record = ShareRecord(
            id=share_id,
            state=ShareState.MAKING,
            key=wanted.found.key,
            content=wanted.content,
            size=wanted.found.size,
            name=wanted.name,
            share_key=copy_key,
            nonce=nonce,
            share_bucket=self.place.identity,
            access=self.place.access,
            created=now,
            renewed=now,
            expires=expires,
            content_type=wanted.content_type or wanted.found.content_type,
            headers=wanted.headers,
        )
        return self._copy(self.records.create(record.changed(copying={me: now})), wanted, me)

    def _join(self, stored: Stored, wanted: Wanted) -> ShareRecord:
        """Renew a live share, or finish one whose object is missing."""
        record, now = stored.record, self.now()
        renewed = record.changed(renewed=now, expires=self._expiry(wanted), size=wanted.found.size)
        if record.state is ShareState.LIVE:
            found = self.place.store.head(record.share_key)
            if found is not None and found.size == wanted.found.size:
                result = self.records.replace(stored, renewed).record
                self.place.retag(found, result)
                return result
        me = secrets.token_hex(8)
        making = renewed.changed(
            state=ShareState.MAKING,
            copying={**record.active_copies(now), me: now},
            content_type=wanted.content_type or wanted.found.content_type,
        )
        return self._copy(self.records.replace(stored, making), wanted, me)

    def _copy(self, stored: Stored, wanted: Wanted, me: str) -> ShareRecord:
        """Copy the object and make its record live; `me` is this process among those that copy."""
        try:
            self.place.copy(wanted.found, stored.record, self.now())
        except BaseException:
            with suppress(AdapterError):
                self._give_up(stored.record.id, me)
            raise
        return self._finish(stored, me)

    def _finish(self, stored: Stored, me: str) -> ShareRecord:
        current: Stored | None = stored
        for attempt in range(_ATTEMPTS):
            if current is None or not _is_made_by(me, current.record, stored.record.share_key):
                self._give_up(stored.record.id, me, stored.record.share_key)
                raise PreconditionFailed(f"share {stored.record.id} was removed while it was made")
            others = {name: began for name, began in current.record.copying.items() if name != me}
            try:
                return self.records.replace(
                    current, current.record.changed(state=ShareState.LIVE, copying=others)
                ).record
            except PreconditionFailed:
                self.sleep(min(_PAUSE * 2**attempt, _MAX_PAUSE))
                current = self.records.read(stored.record.id)
        raise PreconditionFailed(f"the record of share {stored.record.id} changes all the time")

    def _give_up(self, share_id: str, me: str, share_key: str | None = None) -> None:
        """Leave a copy that failed, or whose share was removed meanwhile.

        The last process that leaves a share that nobody finished or that is being removed deletes its object and its
        record. `share_key` is that of an object to delete if the share is being removed.
        """
        for attempt in range(_ATTEMPTS):
            stored = self.records.read(share_id)
            # Without conditional writes, the record of another process may have taken the place of this one's.
            lost = stored is None or share_key not in (None, stored.record.share_key)
            if share_key is not None and (stored is None or lost or stored.record.state is ShareState.REMOVING):
                self.place.store.delete(share_key)
            if stored is None or lost:
                return
            others = {name: began for name, began in stored.record.copying.items() if name != me}
            left = stored.record.changed(copying=others)
            claimed = left.state is ShareState.REMOVING and left.is_claimed(self.now())
            with suppress(PreconditionFailed):
                if left.state is ShareState.LIVE or others or claimed:
                    self.records.replace(stored, left)
                    return
                if Remover(self.place, self.records, self.now).remove(Stored(left, stored.seen), _is_unfinished):
                    return
            self.sleep(min(_PAUSE * 2**attempt, _MAX_PAUSE))

    def _wait(self, stored: Stored, limit: float) -> tuple[Stored | None, float]:
        """Wait until another process has made a share; return its record as it is then, and the seconds waited."""
        waited, pause = 0.0, _PAUSE
        current: Stored | None = stored
        while waited < limit:
            self.sleep(pause)
            waited += pause
            pause = min(pause * 2, _MAX_PAUSE)
            current = self.records.read(stored.record.id)
            if current is None or current.record.state is not ShareState.MAKING:
                break
            if current.record.is_abandoned(self.now()):
                break
        if current is not None and current.record.state is ShareState.REMOVING:
            current = None
        return current, waited

    def _expiry(self, wanted: Wanted) -> datetime | None:
        return None if wanted.lifetime is None else self.now() + wanted.lifetime


def _is_made_by(me: str, record: ShareRecord, share_key: str) -> bool:
    """Tell whether a record still is of the share that a process makes."""
    return record.state is not ShareState.REMOVING and me in record.copying and record.share_key == share_key


def _is_unfinished(stored: Stored) -> bool:
    """Tell whether nobody made a share live, and nobody copies its object any more."""
    return stored.record.state is not ShareState.LIVE and not stored.record.copying
