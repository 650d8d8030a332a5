"""Broken variants of the memory adapter: similar keys, large objects, later pages, arguments, resources."""

from __future__ import annotations

import itertools
import threading
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import AdapterError, NotFound

LARGE = 1 << 20
PAGE = 1000


# --- keys that resemble each other -------------------------------------------------------------------------


class SimilarKeys(MemorySync):
    """Base of variants that take a similar key where the key itself has no object."""

    def similar(self, key):
        return key

    def _found(self, key):
        if key and self.bucket.get(self._prefix + key) is None:
            wanted = self.similar(key)
            return next((each for each in self._keys() if self.similar(each) == wanted), key)
        return key

    def _keys(self):
        return [found.key for found in MemorySync.list_files(self)]


class ReadsIgnoreCase(SimilarKeys):
    def similar(self, key):
        return key.lower()

    def _stored(self, key, expect):
        return super()._stored(self._found(key), expect)


class DeletesIgnoreCase(SimilarKeys):
    def similar(self, key):
        return key.lower()

    def _delete(self, key):
        return super()._delete(self._found(key))


class DeletesIgnoreTheUnicodeForm(DeletesIgnoreCase):
    def similar(self, key):
        return unicodedata.normalize("NFC", key)


class DeletesIgnoreASlashAtTheEnd(DeletesIgnoreCase):
    def similar(self, key):
        return key.rstrip("/")


class DeletesIgnoreASpaceAtTheEnd(DeletesIgnoreCase):
    def similar(self, key):
        return key.rstrip(" ")


class DeletesDecodeEscapes(DeletesIgnoreCase):
    def similar(self, key):
        from urllib.parse import unquote

        return unquote(key)


class MarkersStay(MemorySync):
    """The delete of a directory marker does nothing."""

    def _delete(self, key):
        return None if key.endswith("/") else super()._delete(key)


# --- listings ----------------------------------------------------------------------------------------------


class DirectoriesFromTheBeginning(MemorySync):
    def list_prefixes(self, prefix="", *, start_after=None):
        return super().list_prefixes(prefix)


class DirectoriesOfAllLevels(MemorySync):
    def list_prefixes(self, prefix="", *, start_after=None):
        keys = [found.key for found in MemorySync.list_files(self, prefix, start_after=start_after)]
        return sorted({key[: key.rindex("/") + 1] for key in keys if "/" in key[len(prefix) :]})


class LaterPages(MemorySync):
    """Base of variants whose requests of the second page and later ones differ from the first."""

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        first = list(itertools.islice(super().list_files(prefix, start_after=start_after, end_at=end_at), PAGE))
        yield from first
        if len(first) == PAGE:
            yield from self.later_pages(prefix, first[-1].key, end_at)

    def later_pages(self, prefix, start_after, end_at):
        return MemorySync.list_files(self, prefix, start_after=start_after, end_at=end_at)


class LaterPagesHaveNoPrefix(LaterPages):
    def later_pages(self, prefix, start_after, end_at):
        return super().later_pages("", start_after, end_at)


class LaterPagesHaveNoEnd(LaterPages):
    def later_pages(self, prefix, start_after, end_at):
        return super().later_pages(prefix, start_after, None)


class LaterPagesLeaveTheAdapterPrefix(LaterPages):
    """The second page has objects outside of the prefix in the settings."""

    def later_pages(self, prefix, start_after, end_at):
        end = None if end_at is None else self._prefix + end_at
        for stored in self.bucket.page(self._prefix + start_after, inclusive=False, end=end, size=10**6):
            key = stored.key.removeprefix(self._prefix)
            if key.startswith(prefix):
                yield stored._replace(key=key)


class PagesOfAWalk(LaterPages):
    """A page ends where a walk of directories is, which sees `d/` before `d-beside`."""

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        found = list(MemorySync.list_files(self, prefix, start_after=start_after, end_at=end_at))
        first = sorted(found, key=lambda each: each.key.split("/"))[:PAGE]
        yield from sorted(first, key=lambda each: each.key)
        if len(first) == PAGE:
            yield from self.later_pages(prefix, max(each.key for each in first), end_at)


class PagesByNumber(MemorySync):
    """The second page begins with the thousandth object of those that are there by then."""

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        for number in itertools.count():
            found = list(MemorySync.list_files(self, prefix, start_after=start_after, end_at=end_at))
            page = found[number * PAGE :][:PAGE]
            yield from page
            if len(page) < PAGE:
                return


class EndIsOfTheOrderOfUtf16(MemorySync):
    def list_files(self, prefix="", *, start_after=None, end_at=None):
        for found in super().list_files(prefix, start_after=start_after):
            if end_at is None or _utf16(found.key) <= _utf16(end_at):
                yield found


class StartIsOfTheOrderOfUtf16(MemorySync):
    def list_files(self, prefix="", *, start_after=None, end_at=None):
        for found in super().list_files(prefix, end_at=end_at):
            if start_after is None or _utf16(found.key) > _utf16(start_after):
                yield found


def _utf16(key):
    return key.encode("utf-16-be", "surrogatepass")


# --- large objects -----------------------------------------------------------------------------------------


def _is_large_reader(source) -> bool:
    if isinstance(source, (bytes, Path)) or not source.seekable():
        return False
    position = source.tell()
    size = source.seek(0, 2) - position
    source.seek(position)
    return bool(size > LARGE)


class LargeSeeksToTheStart(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        if _is_large_reader(source):
            source.seek(0)
        return super().upload_file(source, key, expect=expect, info=info)


class LargeClosesTheReader(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        is_large = _is_large_reader(source)
        found = super().upload_file(source, key, expect=expect, info=info)
        if is_large:
            source.close()
        return found


class ErrorClosesTheReader(MemorySync):
    """A retry can't rewind the reader of a failed upload."""

    def upload_file(self, source, key, *, expect=None, info=None):
        try:
            return super().upload_file(source, key, expect=expect, info=info)
        except AdapterError:
            if not isinstance(source, (bytes, Path)):
                source.close()
            raise


class LargeReadIsCut(MemorySync):
    def read_file(self, key, *, expect=None):
        found, data = super().read_file(key, expect=expect)
        return found, data[:LARGE]


class LargeReadFileIgnoresExpect(MemorySync):
    def read_file(self, key, *, expect=None):
        is_large = expect is not None and expect.size > LARGE
        return super().read_file(key, expect=None if is_large else expect)


class PartsInOrderOfText(MemorySync):
    """Ten parts and more are put together as 1, 10, 2."""

    def upload_file(self, source, key, *, expect=None, info=None):
        data = _content(source)
        if len(data) > LARGE:
            size = 200_000
            parts = {str(number): data[number * size :][:size] for number in range(-(-len(data) // size))}
            data = b"".join(parts[name] for name in sorted(parts))
            info = info and replace(info, digests=())
        return super().upload_file(data, key, expect=expect, info=info)


# --- copies ------------------------------------------------------------------------------------------------


class LargeCopyIsCut(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        stored = self._stored(source.key, source)
        return self._put_copy(replace(stored, data=stored.data[:LARGE]), key, expect)


class LargeCopyIgnoresTheVersion(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        return self._put_copy(self._stored(source.key, source if source.size < LARGE else None), key, expect)


class LargeCopyLosesMetadata(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        stored = self._stored(source.key, source)
        if source.size > LARGE:
            stored = replace(stored, object=stored.object._replace(metadata={}, mtime_ns=None))
        return self._put_copy(stored, key, expect)


class CopyKeepsTheAttributesOfTheTarget(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        stored, target = self._stored(source.key, source), self.bucket.get(self._full_key(key))
        if target is not None:
            attributes = {name: getattr(target.object, name) for name in ("metadata", "mtime_ns", "content_type")}
            stored = replace(stored, object=stored.object._replace(**attributes))
        return self._put_copy(stored, key, expect)


class CopyMergesMetadata(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        stored, target = self._stored(source.key, source), self.bucket.get(self._full_key(key))
        if target is not None:
            metadata = {**(target.object.metadata or {}), **(stored.object.metadata or {})}
            stored = replace(stored, object=stored.object._replace(metadata=metadata))
        return self._put_copy(stored, key, expect)


class CopyOfAnEmptyObjectFails(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        if not source.size:
            raise AdapterError(f"{key!r}: 400", provider="memory", key=key)
        return super().copy_file(source, key, expect=expect)


class CopyOntoItselfIsLost(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        copied = super().copy_file(source, key, expect=expect)
        if source.key == key:
            self.bucket.delete(self._full_key(key))
        return copied


class FailedCopyLeavesAnEmptyObject(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        try:
            return super().copy_file(source, key, expect=expect)
        except NotFound:
            self.bucket.put(self._full_key(key), b"", UploadInfo(), "text/plain", lambda _: None)
            raise


# --- versions (reads module has versions) ------------------------------------------------------------------


class UnknownVersionDeletesTheLatest(MemorySync):
    def delete_version(self, key, version):
        if self.bucket.get_version(self._full_key(key), version) is None:
            self.bucket.delete(self._full_key(key))
        super().delete_version(key, version)


class VersionOfAnyKey(MemorySync):
    """The id of a version leads to the content of another key."""

    def _version(self, key, version):
        for each in self.bucket.list_versions(self._prefix):
            if each.version == version and not each.deleted:
                stored = super()._version(each.key.removeprefix(self._prefix), version)
                return replace(stored, object=stored.object._replace(key=self._full_key(key)))
        return super()._version(key, version)


class DeletesVersionsOfAnyKey(MemorySync):
    def delete_version(self, key, version):
        for each in list(self.bucket.list_versions(self._prefix)):
            if each.version == version:
                self.bucket.delete_version(each.key, version)


# --- arguments ---------------------------------------------------------------------------------------------


class SortsTheKeysItGets(MemorySync):
    def delete_files(self, keys):
        if isinstance(keys, list):
            keys.sort()
        return super().delete_files(keys)


class EmptiesTheKeysItGets(MemorySync):
    def delete_files(self, keys):
        outcomes = super().delete_files(keys)
        if isinstance(keys, list):
            keys.clear()
        return outcomes


class AddsToTheMetadataItGets(MemorySync):
    """Stores its own entries in the caller's metadata, from where they come back, and into the next object."""

    def upload_file(self, source, key, *, expect=None, info=None):
        if info is not None and isinstance(info.metadata, dict) and info.mtime_ns is not None:
            info.metadata["x-mtime"] = str(info.mtime_ns)
        return super().upload_file(source, key, expect=expect, info=info)


class TypeLosesItsParameters(MemorySync):
    def upload_file(self, source, key, *, expect=None, info=None):
        if info is not None and info.content_type:
            info = replace(info, content_type=info.content_type.partition(";")[0])
        return super().upload_file(source, key, expect=expect, info=info)


# --- resources ---------------------------------------------------------------------------------------------


class SourcesStayOpen(MemorySync):
    opened: ClassVar[list[Any]] = []

    def upload_file(self, source, key, *, expect=None, info=None):
        if isinstance(source, Path):
            self.opened.append(source.open("rb"))
        return super().upload_file(source, key, expect=expect, info=info)


class TargetsStayOpen(MemorySync):
    opened: ClassVar[list[Any]] = []

    def download_file(self, key, target, *, expect=None, start=0, end=None):
        found = super().download_file(key, target, expect=expect, start=start, end=end)
        self.opened.append(target.open("rb"))
        return found


class TargetsOfErrorsStayOpen(MemorySync):
    opened: ClassVar[list[Any]] = []

    def download_file(self, key, target, *, expect=None, start=0, end=None):
        self.opened.append(target.open("ab"))
        found = super().download_file(key, target, expect=expect, start=start, end=end)
        self.opened.pop().close()
        return found


class ThreadsGoOn(MemorySync):
    """`close` leaves a thread that the adapter has begun."""

    def upload_file(self, source, key, *, expect=None, info=None):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        return super().upload_file(source, key, expect=expect, info=info)


def _content(source) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, Path):
        return source.read_bytes()
    return b"".join(iter(lambda: source.read(1 << 16), b""))
