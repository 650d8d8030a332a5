"""Broken variants of the memory adapter: uploads, deletes, copies, preconditions, attributes."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from buckia_core.adapters.contract.types import DeleteOutcome, IfAbsent, IfUnchanged, UploadInfo
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import AdapterError, IntegrityError, NotFound, PreconditionFailed
from buckia_core.planning.digest import Digest

LARGE = 1 << 20


def content(source) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, Path):
        return source.read_bytes()
    return b"".join(iter(lambda: source.read(1 << 16), b""))


class Rewriting(MemorySync):
    """Base of variants that change what is uploaded."""

    def upload_file(self, source, key, *, expect=None, info=None):
        data = content(source)
        return super().upload_file(
            self.rewrite(data), key, expect=self.expect(expect, data), info=self.info(info, data, key)
        )

    def rewrite(self, data):
        return data

    def expect(self, expect, data):
        return expect

    def info(self, info, data, key):
        return info


# --- content ---------------------------------------------------------------------------------------------


class OneReadOnly(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        data = (
            source
            if isinstance(source, bytes)
            else source.read_bytes()
            if isinstance(source, Path)
            else source.read(4096)
        )
        return super().upload_file(data or b"", key, expect=expect, info=_without_digests(info))


class ShortReadIsTheEnd(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        if not isinstance(source, (bytes, Path)):
            data = b""
            while chunk := source.read(1 << 16):
                data += chunk
                if len(chunk) < 1 << 16:
                    break
            source = data
        return super().upload_file(source, key, expect=expect, info=_without_digests(info))


class SeeksToTheStart(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        if not isinstance(source, (bytes, Path)) and source.seekable():
            source.seek(0)
        return super().upload_file(source, key, expect=expect, info=info)


class ClosesTheReader(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        found = super().upload_file(source, key, expect=expect, info=info)
        if not isinstance(source, (bytes, Path)):
            source.close()
        return found


class TextMode(Rewriting):
    def rewrite(self, data):
        return data.replace(b"\r\n", b"\n")

    def info(self, info, data, key):
        return _without_digests(info)


class EmptyIsSkipped(Rewriting):
    def upload_file(self, source, key, *, expect=None, info=None):
        data = content(source)
        if not data:
            self._full_key(key)
            return self.bucket.get(self._full_key("x")) or super().upload_file(b"x", "x")
        return super().upload_file(data, key, expect=expect, info=info)


class BreaksIntoAPart(MemorySync):
    """A source that breaks leaves what was read."""

    smallest = 0

    def upload_file(self, source, key, *, expect=None, info=None):
        if isinstance(source, (bytes, Path)):
            return super().upload_file(source, key, expect=expect, info=info)
        data = b""
        try:
            while chunk := source.read(1 << 16):
                data += chunk
        except OSError:
            if len(data) > self.smallest:
                super().upload_file(data, key, expect=expect)
            raise
        return super().upload_file(data, key, expect=expect, info=info)


class LargeBreaksIntoParts(BreaksIntoAPart):
    """A large source that breaks leaves the parts sent so far."""

    smallest = LARGE


class SharedBuffer(MemorySync):
    """All threads collect their sources in one buffer."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.buffer = bytearray()

    def upload_file(self, source, key, *, expect=None, info=None):
        if isinstance(source, (bytes, Path)):
            return super().upload_file(source, key, expect=expect, info=info)
        self.buffer.clear()
        while chunk := source.read(1 << 12):
            self.buffer += chunk
        return super().upload_file(bytes(self.buffer), key, expect=expect, info=_without_digests(info))


class SharedPartNames(MemorySync):
    """Writers of one key share the names of their parts."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.parts = self.bucket.__dict__.setdefault("parts", {})

    def upload_file(self, source, key, *, expect=None, info=None):
        if isinstance(source, Path):
            source = source.read_bytes()
        reader = io.BytesIO(source) if isinstance(source, bytes) else source
        number = 0
        while part := _read(reader, LARGE):
            self.parts[self._full_key(key), number] = part
            number += 1
        whole = b"".join(self.parts[self._full_key(key), each] for each in range(number))
        return super().upload_file(whole, key, expect=expect, info=_without_digests(info))


def _read(reader, size):
    data = b""
    while len(data) < size and (chunk := reader.read(size - len(data))):
        data += chunk
    return data


class DeletesFirst(MemorySync):
    """An overwrite deletes the old object, and writes the new one afterwards."""

    def upload_file(self, source, key, *, expect=None, info=None):
        data = content(source)
        current = self.bucket.get(self._full_key(key))
        if current is not None and expect is None:
            self.bucket.delete(self._full_key(key))
            time.sleep(0.002)
        return super().upload_file(data, key, expect=expect, info=info)


class WritesInPlace(MemorySync):
    """Readers see a half-written object."""

    def upload_file(self, source, key, *, expect=None, info=None):
        data = content(source)
        if len(data) > 1000 and expect is None:
            super().upload_file(data[: len(data) // 2], key, info=_without_digests(info))
            time.sleep(0.002)
        return super().upload_file(data, key, expect=expect, info=info)


class WrongDigestIsStored(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        data = content(source)
        try:
            return super().upload_file(data, key, expect=expect, info=info)
        except IntegrityError:
            super().upload_file(data, key, expect=expect)
            raise


# --- preconditions ---------------------------------------------------------------------------------------


class IgnoresIfAbsent(Rewriting):
    def expect(self, expect, data):
        return None if isinstance(expect, IfAbsent) else expect


class IgnoresIfUnchanged(Rewriting):
    def expect(self, expect, data):
        return None if isinstance(expect, IfUnchanged) else expect


class IgnoresIfAbsentOfLarge(Rewriting):
    def expect(self, expect, data):
        return None if isinstance(expect, IfAbsent) and len(data) > LARGE else expect


class IgnoresIfUnchangedOfLarge(Rewriting):
    def expect(self, expect, data):
        return None if isinstance(expect, IfUnchanged) and len(data) > LARGE else expect


class ComparesSizes(MemorySync):
    """`IfUnchanged` compares sizes only."""

    def upload_file(self, source, key, *, expect=None, info=None):
        if isinstance(expect, IfUnchanged):
            current = self.bucket.get(self._full_key(key))
            if current is not None and current.object.size == expect.seen.size:
                expect = None
        return super().upload_file(source, key, expect=expect, info=info)


class RecreatesDeleted(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        if isinstance(expect, IfUnchanged) and self.bucket.get(self._full_key(key)) is None:
            expect = None
        return super().upload_file(source, key, expect=expect, info=info)


class ChecksThenWrites(MemorySync):
    """Checks the precondition, writes a millisecond later, and claims `conditional_write`."""

    def upload_file(self, source, key, *, expect=None, info=None):
        data = content(source)
        if expect is not None:
            self._check(key, expect)
            time.sleep(0.001)
        return super().upload_file(data, key, info=info)

    def _check(self, key, expect):
        current = self.bucket.get(self._full_key(key))
        right = (
            current is None
            if isinstance(expect, IfAbsent)
            else current and current.object.fingerprint == expect.seen.fingerprint
        )
        if not right:
            raise PreconditionFailed(f"{key!r}: not as expected", provider="memory", key=key)


class ChecksBeforeReading(ChecksThenWrites):
    """Checks the precondition, then reads the source, and claims `conditional_write`."""

    def upload_file(self, source, key, *, expect=None, info=None):
        if expect is not None:
            self._check(key, expect)
        return MemorySync.upload_file(self, content(source), key, info=info)


class FailedPreconditionIsRetryable(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        try:
            return super().upload_file(source, key, expect=expect, info=info)
        except PreconditionFailed as error:
            error.retryable = True
            raise


# --- attributes ------------------------------------------------------------------------------------------


class Attributes(Rewriting):
    """Base of variants that change attributes."""

    def info(self, info, data, key):
        return replace(info or UploadInfo(), **self.change(info or UploadInfo(), data))

    def change(self, info, data):
        return {}


class MtimeInSeconds(Attributes):
    def change(self, info, data):
        return {"mtime_ns": info.mtime_ns and info.mtime_ns // 10**9}


class MtimeIsLost(Attributes):
    def change(self, info, data):
        return {"mtime_ns": None}


class MtimeIsInvented(Attributes):
    def change(self, info, data):
        return {"mtime_ns": time.time_ns() if info.mtime_ns is None else info.mtime_ns}


class TypeIsIgnored(Attributes):
    def change(self, info, data):
        return {"content_type": None}


class TypeIsOctets(Attributes):
    def change(self, info, data):
        return {"content_type": info.content_type or "application/octet-stream"}


class MetadataIsLost(Attributes):
    def change(self, info, data):
        return {"metadata": {}}


class MetadataLosesDashes(Attributes):
    def change(self, info, data):
        return {"metadata": {name.replace("-", ""): value for name, value in info.metadata.items()}}


class MetadataInLowerCase(Attributes):
    def change(self, info, data):
        return {"metadata": {name: value.lower() for name, value in info.metadata.items()}}


class MetadataInAscii(Attributes):
    def change(self, info, data):
        return {"metadata": {name: value.encode("ascii", "ignore").decode() for name, value in info.metadata.items()}}


class MetadataIsStripped(Attributes):
    def change(self, info, data):
        return {"metadata": {name: value.strip() for name, value in info.metadata.items()}}


class MetadataDropsEmpty(Attributes):
    def change(self, info, data):
        return {"metadata": {name: value for name, value in info.metadata.items() if value}}


class MetadataShowsOwnEntries(Attributes):
    def change(self, info, data):
        own = {} if info.mtime_ns is None else {"x-mtime": str(info.mtime_ns)}
        return {"metadata": {**info.metadata, **own}}


class LargeLosesMetadata(Attributes):
    def change(self, info, data):
        return {"metadata": {}} if len(data) > LARGE else {}


class LargeLosesMtime(Attributes):
    def change(self, info, data):
        return {"mtime_ns": None} if len(data) > LARGE else {}


class LargeLosesType(Attributes):
    def change(self, info, data):
        return {"content_type": None} if len(data) > LARGE else {}


class Reporting(MemorySync):
    """Base of variants that report other attributes than they store."""

    def _without_prefix(self, found):
        return self.report(super()._without_prefix(found))

    def report(self, found):
        return found


class ModifiedInSeconds(Reporting):
    def report(self, found):
        return found._replace(modified_ns=found.modified_ns // 10**9)


class ModifiedIsMtime(Reporting):
    def report(self, found):
        return found._replace(modified_ns=found.mtime_ns or found.modified_ns)


class DigestsInCapitals(Reporting):
    def report(self, found):
        return found._replace(digests=tuple(Digest(each.algorithm, each.value.upper()) for each in found.digests))


class NoDigests(Reporting):
    def report(self, found):
        return found._replace(digests=())


class DigestOfPartsOfLarge(Reporting):
    """The ETag of an upload in parts is taken for the MD5 of the content."""

    def report(self, found):
        return found._replace(digests=(*found.digests, Digest("md5", "0" * 32))) if found.size > LARGE else found


class StaleDigest(Reporting):
    """The digest stays that of the first content of a key."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.first: dict[str, Any] = {}

    def report(self, found):
        return found._replace(digests=self.first.setdefault(found.key, found.digests))


class StaleFingerprint(Reporting):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.first: dict[str, Any] = self.bucket.__dict__.setdefault("first", {})

    def report(self, found):
        return found._replace(fingerprint=self.first.setdefault(found.key, found.fingerprint))


class FingerprintOfSizeAndSecond(Reporting):
    def report(self, found):
        return found._replace(fingerprint=f"{found.size}-{found.modified_ns // 10**9}")


class StatQuotesFingerprint(MemorySync):
    def stat_file(self, key):
        found = super().stat_file(key)
        return found._replace(fingerprint=f'"{found.fingerprint}"')


class UploadReturnsNoFingerprintOfListing(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        found = super().upload_file(source, key, expect=expect, info=info)
        return found._replace(fingerprint=f"W/{found.fingerprint}")


class UploadReturnsFullKey(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        return super().upload_file(source, key, expect=expect, info=info)._replace(key=self._full_key(key))


# --- deletes ---------------------------------------------------------------------------------------------


class AbsentIsAnError(MemorySync):
    def _delete(self, key):
        full = self._full_key(key)
        if self.bucket.get(full) is None:
            return NotFound(f"{key!r}: absent", provider="memory", key=key)
        self.bucket.delete(full)
        return None


class AbsentRaises(MemorySync):
    def delete_files(self, keys: Sequence[str]):
        for key in keys:
            self.stat_file(key)
        return super().delete_files(keys)


class OutcomesAreSorted(MemorySync):
    def delete_files(self, keys):
        return super().delete_files(sorted(keys))


class FirstBatchOnly(MemorySync):
    def delete_files(self, keys):
        return super().delete_files(keys[:1000]) + [DeleteOutcome(key) for key in keys[1000:]]


class DeletesByPrefix(MemorySync):
    def _delete(self, key):
        for found in list(self.list_files(key)):
            super()._delete(found.key)
        return super()._delete(key)


class DeletesTheDirectoryToo(MemorySync):
    def _delete(self, key):
        for found in list(self.list_files(f"{key}/")):
            super()._delete(found.key)
        return super()._delete(key)


class InvalidKeyRaisesInABatch(MemorySync):
    def _delete(self, key):
        self.bucket.delete(self._full_key(key))


class InvalidKeyIsDeleted(MemorySync):
    def _delete(self, key):
        try:
            return super()._delete(key)
        except AdapterError:
            return None

    def delete_files(self, keys):
        return [replace(each, error=None) for each in super().delete_files(keys)]


class DoublesAreOne(MemorySync):
    def delete_files(self, keys):
        return super().delete_files(list(dict.fromkeys(keys)))


# --- copies and sharing ----------------------------------------------------------------------------------


class CopyIgnoresExpect(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        return super().copy_file(source, key)


class CopiesTheLatest(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        return super().copy_file(self.stat_file(source.key), key, expect=expect)


class CopyLosesType(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        stored = self._stored(source.key, source)
        info = UploadInfo(mtime_ns=stored.object.mtime_ns, metadata=stored.object.metadata or {})
        return self.upload_file(stored.data, key, expect=expect, info=info)


class CopyLosesMetadata(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        stored = self._stored(source.key, source)
        info = UploadInfo(mtime_ns=stored.object.mtime_ns, content_type=stored.object.content_type)
        return self.upload_file(stored.data, key, expect=expect, info=info)


class ClosesOthers(MemorySync):
    """`close` closes what all adapters of the bucket share."""

    def close(self):
        self.bucket.__dict__["closed"] = True

    def upload_file(self, source, key, *, expect=None, info=None):
        if self.bucket.__dict__.get("closed"):
            raise ValueError("closed")
        return super().upload_file(source, key, expect=expect, info=info)


class CloseTwiceRaises(MemorySync):
    closed = False

    def close(self):
        if self.closed:
            raise ValueError("closed")
        self.closed = True


class OneUploadAtATime(MemorySync):
    """Not broken, but not thread-safe: a second upload during another one fails."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.busy = threading.Lock()

    def upload_file(self, source, key, *, expect=None, info=None):
        if not self.busy.acquire(blocking=False):
            raise AdapterError("busy", provider="memory", key=key)
        try:
            return super().upload_file(source, key, expect=expect, info=info)
        finally:
            self.busy.release()


def _without_digests(info):
    return info and replace(info, digests=())
