"""`RecordStore`: the records of shares in the private bucket, changed under conditions."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import BucketNotFound, NotFound, PreconditionFailed, StateError
from buckia_core.planning.manifest import RemoteObject
from buckia_core.sharing.record import InvalidRecord, ShareRecord, decode, encode, generation, is_share_id

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

    def read(self, share_id: str) -> Stored | None:
        """Return a record; `None` if there is none.

        Raises:
            StateError: Its content is not valid.
        """
        for _ in range(_READS):
            try:
                found, data = self.adapter.read_file(_key(share_id))
            except BucketNotFound:
                raise
            except NotFound:
                return None
            except PreconditionFailed:
                continue  # it was replaced while it was read
            try:
                record = decode(data)
            except InvalidRecord as error:
                raise StateError(f"{_key(share_id)}: {error}") from None
            if record.id != share_id:
                raise StateError(f"{_key(share_id)}: it is the record of another share")
            return Stored(record, found)
        raise PreconditionFailed(f"the record of share {share_id} changes all the time", provider=self.adapter.provider)

    def latest(self, hash_part: str) -> Stored | None:
        """Return the record of the highest generation; `None` if there is none.

        Raises:
            StateError: Its content is not valid.
        """
        ids = sorted(self._ids(f"{hash_part}-"), key=generation)
        return self.read(ids[-1]) if ids else None

    def all(self) -> list[Stored]:
        """Return all records. One with invalid content is left out, with a warning."""
        ids = list(self._ids(""))
        workers = max(1, min(self.adapter.capabilities.workers, _MAX_READERS, len(ids)))
        with ThreadPoolExecutor(workers, thread_name_prefix="buckia-shares") as pool:
            return [found for found in pool.map(self._read_valid, ids) if found is not None]

    def _read_valid(self, share_id: str) -> Stored | None:
        try:
            return self.read(share_id)
        except StateError as error:
            _log.warning("left out: %s", error)
            return None

    def _ids(self, start: str) -> Iterator[str]:
        for found in self.adapter.list_files(f"{FOLDER}{start}"):
            share_id = found.key.removeprefix(FOLDER).removesuffix(_SUFFIX)
            if found.key == _key(share_id) and is_share_id(share_id):
                yield share_id

    def _write(self, record: ShareRecord, expect: IfAbsent | IfUnchanged) -> Stored:
        info = UploadInfo(content_type="application/json")
        return Stored(record, self.adapter.upload_file(encode(record), _key(record.id), expect=expect, info=info))


def _key(share_id: str) -> str:
    return f"{FOLDER}{share_id}{_SUFFIX}"
