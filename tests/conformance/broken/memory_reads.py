"""Broken variants of the memory adapter: listings, reads, keys, identity, capabilities, versions."""

from __future__ import annotations

import io
import itertools
import time
import unicodedata
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import AdapterError, InvalidKey, NotFound

LARGE = 1 << 20


# --- listings --------------------------------------------------------------------------------------------


class Listing(MemorySync):
    """Base of variants that change listings."""

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        return iter(self.change(list(super().list_files(prefix, start_after=start_after, end_at=end_at))))

    def change(self, found):
        return found


class OrderOfUtf16(Listing):
    def change(self, found):
        return sorted(found, key=lambda each: each.key.encode("utf-16-be", "surrogatepass"))


class OrderWithoutCase(Listing):
    def change(self, found):
        return sorted(found, key=lambda each: each.key.casefold())


class OrderOfPathParts(Listing):
    def change(self, found):
        return sorted(found, key=lambda each: each.key.split("/"))


class OrderOfUploads(Listing):
    def change(self, found):
        return sorted(found, key=lambda each: each.modified_ns)


class EndsAfterAPage(Listing):
    def change(self, found):
        return found[:1000]


class RepeatsAtPageEnds(Listing):
    def change(self, found):
        return [each for number, each in enumerate(found) for _ in range(2 if number == 999 else 1)]


class DropsMarkers(Listing):
    def change(self, found):
        return [each for each in found if not each.key.endswith("/")]


class DropsNewest(Listing):
    """Eventually consistent: an object of the last moment is not listed yet."""

    def change(self, found):
        return [each for each in found if time.time_ns() - each.modified_ns > 20_000_000]


class HidesDotFiles(Listing):
    def change(self, found):
        return [each for each in found if "/." not in f"/{each.key}"]


class PrefixIsADirectory(MemorySync):
    def list_files(self, prefix="", *, start_after=None, end_at=None):
        directory = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        return super().list_files(directory, start_after=start_after, end_at=end_at)


class RangeIsIgnoredWithPrefix(MemorySync):
    def list_files(self, prefix="", *, start_after=None, end_at=None):
        return super().list_files(prefix) if prefix else super().list_files(start_after=start_after, end_at=end_at)


class StartIsInclusive(MemorySync):
    def list_files(self, prefix="", *, start_after=None, end_at=None):
        for found in super().list_files(prefix, end_at=end_at):
            if start_after is None or found.key >= start_after:
                yield found


class EndIsExclusive(MemorySync):
    def list_files(self, prefix="", *, start_after=None, end_at=None):
        for found in super().list_files(prefix, start_after=start_after, end_at=end_at):
            if found.key != end_at:
                yield found


class ListingIsCached(MemorySync):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cache: dict[Any, Any] = {}

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        arguments = (prefix, start_after, end_at)
        if arguments not in self.cache:
            self.cache[arguments] = list(super().list_files(prefix, start_after=start_after, end_at=end_at))
        return iter(self.cache[arguments])


class ListingsShareACursor(MemorySync):
    """All listings of an adapter go on from where the last one is."""

    cursor = ""

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        self.cursor = start_after or ""
        while True:
            found = next(super().list_files(prefix, start_after=self.cursor or None, end_at=end_at), None)
            if found is None:
                return
            self.cursor = found.key
            yield found


class ErrorsEndTheListing(MemorySync):
    """A key that can't be parsed ends the listing as if it were complete."""

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        for found in super().list_files(prefix, start_after=start_after, end_at=end_at):
            if "\n" in found.key:
                return
            yield found


class ListingOfUploadTimes(Listing):
    """The listing reports the time of the upload as that of the file."""

    def change(self, found):
        return [each._replace(mtime_ns=each.modified_ns) for each in found]


# --- reads -----------------------------------------------------------------------------------------------


class EndIsInclusive(MemorySync):
    def download_file(self, key, target, *, expect=None, start=0, end=None):
        return super().download_file(key, target, expect=expect, start=start, end=None if end is None else end + 1)


class SizeOfTheRange(MemorySync):
    def download_file(self, key, target, *, expect=None, start=0, end=None):
        found = super().download_file(key, target, expect=expect, start=start, end=end)
        return found._replace(size=target.stat().st_size)


class EmptyObjectHasNoRange(MemorySync):
    def download_file(self, key, target, *, expect=None, start=0, end=None):
        if not self.stat_file(key).size:
            raise AdapterError(f"{key!r}: 416", provider="memory", key=key)
        return super().download_file(key, target, expect=expect, start=start, end=end)


class PastTheEndIsAnError(MemorySync):
    def download_file(self, key, target, *, expect=None, start=0, end=None):
        if end is not None and end > self.stat_file(key).size:
            raise AdapterError(f"{key!r}: 416", provider="memory", key=key)
        return super().download_file(key, target, expect=expect, start=start, end=end)


class DownloadIgnoresExpect(MemorySync):
    def download_file(self, key, target, *, expect=None, start=0, end=None):
        return super().download_file(key, target, start=start, end=end)


class ReadIgnoresExpect(MemorySync):
    def read_file(self, key, *, expect=None):
        return super().read_file(key)


class OpenIgnoresExpect(MemorySync):
    def open_file(self, key, *, expect=None, start=0, end=None):
        return super().open_file(key, start=start, end=end)


class OpenOfARangeIgnoresExpect(MemorySync):
    def open_file(self, key, *, expect=None, start=0, end=None):
        return super().open_file(key, expect=None if start or end else expect, start=start, end=end)


class LargeReadIgnoresExpect(MemorySync):
    def download_file(self, key, target, *, expect=None, start=0, end=None):
        is_large = expect is not None and expect.size > LARGE
        return super().download_file(key, target, expect=None if is_large else expect, start=start, end=end)


class OldTailStays(MemorySync):
    def download_file(self, key, target, *, expect=None, start=0, end=None):
        old = target.read_bytes() if target.exists() else b""
        found = super().download_file(key, target, expect=expect, start=start, end=end)
        data = target.read_bytes()
        target.write_bytes(data + old[len(data) :])
        return found


class TargetIsReplaced(MemorySync):
    def download_file(self, key, target, *, expect=None, start=0, end=None):
        beside = target.with_name("beside")
        found = super().download_file(key, beside, expect=expect, start=start, end=end)
        beside.replace(target)
        return found


class RangesOfSeveralVersions(MemorySync):
    """A large download asks for each half by itself."""

    def download_file(self, key, target, *, expect=None, start=0, end=None):
        found = self.stat_file(key)
        if found.size <= LARGE or start or end:
            return super().download_file(key, target, expect=expect, start=start, end=end)
        super().download_file(key, target, expect=expect, end=found.size // 2)
        half = target.read_bytes()
        time.sleep(0.005)
        super().download_file(key, target, expect=expect, start=found.size // 2)
        target.write_bytes(half + target.read_bytes())
        return found


class ReaderMixesVersions(MemorySync):
    """Each `read` asks for the next bytes of the version that is there."""

    @contextmanager
    def open_file(self, key, *, expect=None, start=0, end=None):
        self._stored(key, expect)
        yield _Following(self, key, start, end)


class _Following(io.RawIOBase):
    def __init__(self, adapter, key, start, end):
        super().__init__()
        self.adapter, self.key, self.position, self.end = adapter, key, start, end

    def read(self, size=-1):
        data = self.adapter._stored(self.key, None).data[: self.end]
        stop = len(data) if size < 0 else self.position + size
        chunk, self.position = data[self.position : stop], min(stop, len(data))
        return chunk


class ReadsAreShort(MemorySync):
    """A read loses its last byte."""

    @contextmanager
    def open_file(self, key, *, expect=None, start=0, end=None):
        yield io.BytesIO(self._stored(key, expect).data[start:end][:-1])


class ContentIsUnpacked(MemorySync):
    def download_file(self, key, target, *, expect=None, start=0, end=None):
        found = super().download_file(key, target, expect=expect, start=start, end=end)
        if key.endswith("gz"):
            import gzip

            target.write_bytes(gzip.decompress(target.read_bytes()))
        return found


class StatIsCached(MemorySync):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cache: dict[str, Any] = {}

    def stat_file(self, key):
        if key not in self.cache:
            self.cache[key] = super().stat_file(key)
        return self.cache[key]

    def upload_file(self, source, key, *, expect=None, info=None):
        self.cache.pop(key, None)
        return super().upload_file(source, key, expect=expect, info=info)

    def delete_files(self, keys):
        for key in keys:
            self.cache.pop(key, None)
        return super().delete_files(keys)


class AbsentGivesAnObject(MemorySync):
    def stat_file(self, key):
        try:
            return super().stat_file(key)
        except NotFound:
            return replace_key(next(iter(self.list_files()), None), key) or super().stat_file(key)


def replace_key(found, key):
    return found and found._replace(key=key, metadata={})


class StatHasNoMetadata(MemorySync):
    def stat_file(self, key):
        return super().stat_file(key)._replace(metadata=None)


class NotFoundIsRetryable(MemorySync):
    def _stored(self, key, expect):
        try:
            return super()._stored(key, expect)
        except NotFound as error:
            error.retryable = True
            raise


class NotFoundHasTheFullKey(MemorySync):
    def _stored(self, key, expect):
        try:
            return super()._stored(key, expect)
        except NotFound as error:
            error.key = self._full_key(key)
            raise


class DirectoryIsAnObject(MemorySync):
    """A prefix that has objects is found as an object."""

    def stat_file(self, key):
        try:
            return super().stat_file(key)
        except NotFound:
            if (below := next(self.list_files(f"{key}/"), None)) is not None:
                return below._replace(key=key, size=0, metadata={})
            raise


# --- keys ------------------------------------------------------------------------------------------------


class Keys(MemorySync):
    """Base of variants that change keys on their way to the bucket."""

    def _full_key(self, key):
        return super()._full_key(self.change(key))

    def change(self, key):
        return key


class KeysAreStripped(Keys):
    def change(self, key):
        return key.strip()


class SlashesCollapse(Keys):
    def change(self, key):
        while "//" in key:
            key = key.replace("//", "/")
        return key


class KeysAreComposed(Keys):
    def change(self, key):
        return unicodedata.normalize("NFC", key)


class KeysLoseCase(Keys):
    def change(self, key):
        return key.lower()


class BackslashIsASlash(Keys):
    def change(self, key):
        return key.replace("\\", "/")


class TrailingDotsAreLost(Keys):
    def change(self, key):
        return key.rstrip(".") or key


class PlusIsASpace(Keys):
    def change(self, key):
        return key.replace("+", " ")


class EscapesAreDecoded(Keys):
    def change(self, key):
        from urllib.parse import unquote

        return unquote(key)


class DotPartsAreResolved(Keys):
    def change(self, key):
        import posixpath

        return posixpath.normpath(key) if "./" in key else key


class RefusedWithAnotherError(MemorySync):
    def _full_key(self, key):
        try:
            return super()._full_key(key)
        except InvalidKey as error:
            raise AdapterError(str(error), provider="memory", key=key) from error


class LimitWithoutPrefix(MemorySync):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._capabilities = replace(self._capabilities, max_key_bytes=1024)

    def _full_key(self, key):
        full = super()._full_key(key)
        if len(full.encode()) > 1024:
            raise AdapterError("too long", provider="memory", key=key)
        return full


# --- isolation, identity, capabilities -------------------------------------------------------------------


class PrefixIsIgnored(MemorySync):
    def __init__(self, settings, **kwargs):
        super().__init__(replace(settings, prefix=""), **kwargs)


class PrefixWithoutSlash(MemorySync):
    def __init__(self, settings, **kwargs):
        super().__init__(settings, **kwargs)
        self._prefix = settings.prefix


class PrefixOfReadsIsIgnored(MemorySync):
    def stat_file(self, key):
        stored = self.bucket.get(key)
        return stored.object if stored is not None else super().stat_file(key)


class PrefixOfDeletesIsIgnored(MemorySync):
    def _delete(self, key):
        self.bucket.delete(key)
        return super()._delete(key)


class PrefixOfCopiesIsIgnored(MemorySync):
    def copy_file(self, source, key, *, expect=None):
        found = super().copy_file(source, key, expect=expect)
        self.bucket.put(key, self._stored(source.key, None).data, UploadInfo(), "text/plain", lambda _: None)
        return found


class IdentityWithoutPrefix(MemorySync):
    @property
    def identity(self):
        return f"memory:{self.bucket.name}"


class IdentityOfTheAdapter(MemorySync):
    """Each adapter has an identity of its own, so the state of the last run is never found."""

    numbers = itertools.count()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.number = next(self.numbers)

    @property
    def identity(self):
        return f"{super().identity}#{self.number}"


class ProviderInCapitals(MemorySync):
    @property
    def provider(self):
        return "Memory"


class CapabilitiesCostARequest(MemorySync):
    @property
    def capabilities(self):
        self._requests.add()
        return super().capabilities


class CapabilitiesChange(MemorySync):
    def probe(self):
        return replace(self.capabilities, workers=self.capabilities.workers + 1)


class ClaimsPublicUrls(MemorySync):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._capabilities = replace(self._capabilities, public_url=True)


class ClaimsResumableUploads(MemorySync):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._capabilities = replace(self._capabilities, resumable_upload=True)


class ClaimsDigestsOfListings(MemorySync):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._capabilities = replace(self._capabilities, listing_digests=("blake3",))


class ClaimsNoNestedKeys(MemorySync):
    """`a` and `a/b` can both be objects, but the adapter says that they can't."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._capabilities = replace(self._capabilities, nested_keys=False)


class ClaimsNothing(MemorySync):
    """Not broken: it declares the weakest capabilities, and must pass."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._capabilities = Capabilities(
            max_key_bytes=self._capabilities.max_key_bytes, mtime=True, metadata=True, server_copy=True
        )


class RequestsAreCountedTwiceLess(MemorySync):
    @property
    def request_count(self):
        return super().request_count // 4


# --- versions --------------------------------------------------------------------------------------------


class VersionsOldestFirst(MemorySync):
    def list_versions(self, prefix=""):
        return iter(list(super().list_versions(prefix))[::-1])


class NoDeleteMarkers(MemorySync):
    def list_versions(self, prefix=""):
        return (each for each in super().list_versions(prefix) if not each.deleted)


class VersionsIgnoreThePrefix(MemorySync):
    def list_versions(self, prefix=""):
        return iter(self.bucket.list_versions(prefix))


class OpensTheLatestVersion(MemorySync):
    def open_version(self, key, version):
        return self.open_file(key)


class RestoreIgnoresExpect(MemorySync):
    def restore_version(self, key, version, *, expect=None):
        return super().restore_version(key, version)


class RestoreRemovesTheVersion(MemorySync):
    def restore_version(self, key, version, *, expect=None):
        found = super().restore_version(key, version, expect=expect)
        self.bucket.delete_version(self._full_key(key), version)
        return found


class DeletesAllVersions(MemorySync):
    def delete_version(self, key, version):
        for each in list(self.list_versions(key)):
            super().delete_version(each.key, each.version)


class UnknownVersionIsTheLatest(MemorySync):
    def _version(self, key, version):
        try:
            return super()._version(key, version)
        except NotFound:
            return self._stored(key, None)
