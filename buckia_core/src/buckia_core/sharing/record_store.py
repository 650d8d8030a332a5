"""`RecordStore`: the records of shares in the private bucket, changed under conditions."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import (
    BucketNotFound,
    IntegrityError,
    InvalidSetting,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StateError,
)
from buckia_core.planning.manifest import RemoteObject
from buckia_core.sharing.record import (
    MAX_BYTES,
    MAX_GENERATION,
    InvalidRecord,
    ShareRecord,
    decode,
    encode,
    generation,
    is_share_id,
)

FOLDER = ".buckia-shares/"
"""Folder of the records. Keys that begin with `.buckia-` never take part in a sync."""

_SUFFIX = ".json"
_MAX_READERS = 16
_READS = 3

_log = redacted_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it was read or written.

    Attributes:
        record: The record.
        seen: Its object, for the condition of the next write.
    """

    record: ShareRecord
    seen: RemoteObject


@dataclass(frozen=True, slots=True)
class RecordStore:
    """The records of a bucket. Each write has a condition: that the record is new, or still as it was read.

    The condition and the write are one step on the server where the provider has conditional writes. Elsewhere the
    adapter checks just before it writes, so that one of two writers at the same moment may not notice the other.

    Attributes:
        adapter: The private bucket.
    """

    adapter: BaseSync

    def create(self, record: ShareRecord) -> Stored:
        """Write a new record.

        Raises:
            PreconditionFailed: There is a record of that id.
            InvalidSetting: It is too large. Nothing was written.
        """
        return self._write(record, IfAbsent())

    def replace(self, stored: Stored, record: ShareRecord) -> Stored:
        """Replace a record.

        Raises:
            PreconditionFailed: Another process has changed or deleted it.
        """
        return self._write(record, IfUnchanged(stored.seen))

    def delete(self, share_id: str) -> None:
        """Delete a record. An absent one is no error."""
        for outcome in self.adapter.delete_files([_key(share_id)]):
            if outcome.error is not None:
                raise outcome.error

    def read(self, share_id: str, listed: RemoteObject | None = None) -> Stored | None:
        """Return a record; `None` if there is none.

        Args:
            share_id: Its id.
            listed: Its object, if a listing has just found it, which saves a request.

        Raises:
            StateError: Its content is not valid, or too large.
        """
        key = _key(share_id)
        for attempt in range(_READS):
            try:
                found = listed if listed is not None and attempt == 0 else self.adapter.stat_file(key)
                if found.size > MAX_BYTES:
                    raise _invalid(key, f"it has {found.size:,} bytes, and records of shares are small")
                # Without the condition, an object of any size could have taken its place.
                found, data = self.adapter.read_file(key, expect=found)
            except BucketNotFound:
                raise
            except NotFound:
                return None
            except PreconditionFailed:
                continue  # it was replaced while it was read
            try:
                record = decode(data)
            except InvalidRecord as error:
                raise _invalid(key, str(error)) from None
            if record.id != share_id:
                raise _invalid(key, "it is the record of another share")
            return Stored(record, found)
        raise PreconditionFailed(f"the record of share {share_id} changes all the time", provider=self.adapter.provider)

    def latest(self, hash_part: str) -> Stored | None:
        """Return the record of the highest generation; `None` if there is none.

        Raises:
            StateError: Its content is not valid, or no generation is left.
        """
        found = dict(self._listed(f"{hash_part}-"))
        if not found:
            return None
        last = max(found, key=generation)
        if generation(last) == MAX_GENERATION:
            raise _invalid(_key(last), "no share was made anew that often")
        return self.read(last, found[last])

    def all(self) -> list[Stored]:
        """Return all records. One that is invalid or can't be read is left out, with a warning."""
        listed = list(self._listed(""))
        workers = max(1, min(self.adapter.capabilities.workers, _MAX_READERS, len(listed)))
        with ThreadPoolExecutor(workers, thread_name_prefix="buckia-shares") as pool:
            return [found for found in pool.map(self._read_valid, listed) if found is not None]

    def _read_valid(self, listed: tuple[str, RemoteObject]) -> Stored | None:
        try:
            return self.read(*listed)
        except (StateError, IntegrityError, NotSupported, PreconditionFailed) as error:
            _log.warning("left out: %s", error)
            return None

    def _listed(self, start: str) -> Iterator[tuple[str, RemoteObject]]:
        """Yield the ids that begin with `start`, and the objects of their records."""
        for found in self.adapter.list_files(f"{FOLDER}{start}"):
            share_id = found.key.removeprefix(FOLDER).removesuffix(_SUFFIX)
            if found.key == _key(share_id) and is_share_id(share_id):
                yield share_id, found

    def _write(self, record: ShareRecord, expect: IfAbsent | IfUnchanged) -> Stored:
        info = UploadInfo(content_type="application/json")
        try:
            data = encode(record)
        except InvalidRecord as error:
            raise InvalidSetting(f"{error}: use a shorter name and shorter headers") from None
        return Stored(record, self.adapter.upload_file(data, _key(record.id), expect=expect, info=info))


def _invalid(key: str, reason: str) -> StateError:
    return StateError(f"{key}: {reason}; if no newer Buckia wrote it, delete this object")


def _key(share_id: str) -> str:
    return f"{FOLDER}{share_id}{_SUFFIX}"
