"""Downloads: one request for most objects, concurrent range requests for large ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.adapters.transfers.ranged_download import RangedDownload, RangeStream, ReadInto, exact_reader
from buckia_core.errors import AdapterError, IntegrityError, NotSupported
from buckia_core.http.blocking import run_blocking
from buckia_core.http.errors import ProtocolError
from buckia_core.http.http11 import Headers
from buckia_core.http.response import Response
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.http.body import FileRangeBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.checksums import ChecksumAlgorithm, verify_chunks
from buckia_s3.objects.etags import etag_from_fingerprint
from buckia_s3.objects.metadata import full_size, object_from_headers, with_listed_time
from buckia_s3.operations.head import ObjectHead

_UNSATISFIABLE = 416


@dataclass(frozen=True, slots=True)
class Downloader:
    """Downloader: downloads objects of one bucket."""

    client: S3Client
    object_head: ObjectHead
    part_pool: PartPool
    etag_is_md5: bool
    checksum: ChecksumAlgorithm | None = None

    def download(
        self, key: str, target: Path, expect: RemoteObject | None, start: int, end: int | None
    ) -> RemoteObject:
        """See `BaseSync.download_file`."""
        came = self._ranged_download.download(key, target, expect, start, end)
        if self.checksum is not None and came.complete and came.ranged:
            self._verify_checksum(came.object, target, self.checksum)
        return came.object

    async def read(self, key: str, expect: RemoteObject | None) -> tuple[RemoteObject, bytes]:
        """See `Coroutines.read_file_async`."""
        request = Request("GET", self.object_head.full_key(key), (), self._if_match_header(expect), key=key)
        async with self.client.open(request) as response:
            headers = response.headers
            if expect is None and full_size(headers) is None:
                expect = await self.object_head.head_async(key)
            found = self._object_from_headers(key, headers, expect)
            content = await self.client.read_exact_body(response, key, found.size)
        if self.checksum is not None:
            for _ in verify_chunks((content,), headers, self.checksum, provider=self.client.provider, key=key):
                pass
        return found, content

    def resume(self, key: str, download: PartialDownload, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload.resume_download`."""
        came = self._ranged_download.resume(key, download, expect)
        found = came.object if came is not None else self._empty(key, expect).object
        # A download by one request is verified while it is read.
        if self.checksum is not None and (came is None or came.ranged):
            self._verify_checksum(found, download.target, self.checksum)
        return found

    def _verify_checksum(self, found: RemoteObject, target: Path, algorithm: ChecksumAlgorithm) -> None:
        """Verify a file downloaded in ranges: responses with a range do not contain the checksum of the full object."""
        now, headers = self.object_head.head_with_headers(found.key)
        self._check_unchanged(now, found)
        body = FileRangeBody(target, 0, found.size)
        for _ in verify_chunks(body.iter_chunks(), headers, algorithm, provider=self.client.provider, key=found.key):
            pass

    @contextmanager
    def open_range(self, key: str, expect: RemoteObject | None, start: int, end: int | None) -> Iterator[RangeStream]:
        """Open the bytes from `start` up to, not including, `end`.

        Raises:
            AdapterError: As `BaseSync.open_file`.
        """
        full_key = self.object_head.full_key(key)
        if end is not None and end <= start:
            yield self._empty(key, expect)
            return
        headers = self._if_match_header(expect)
        ranged = end is not None or start > 0
        if ranged:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        with ExitStack() as stack:
            try:
                response = stack.enter_context(self.client.open(Request("GET", full_key, (), headers, key=key)))
            except AdapterError as error:
                if error.status != _UNSATISFIABLE:
                    raise
                yield self._empty(key, expect)
                return
            found = self._object_from_headers(key, response.headers, expect)
            stop = found.size if end is None else min(end, found.size)
            # Content-Range is more reliable than the status: some servers send a range with status 200.
            in_part = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            if ranged and not in_part and (start, stop) != (0, found.size):
                message = "the server ignores ranges and sends whole objects only"
                raise NotSupported(f"{key!r}: {message}", provider=self.client.provider, key=key)
            chunks = self.client.iter_body(response, key, stop - start)
            if self.checksum is not None and (start, stop) == (0, found.size):
                chunks = verify_chunks(chunks, response.headers, self.checksum, provider=self.client.provider, key=key)
                yield RangeStream(found, chunks)
            else:
                yield RangeStream(found, chunks, self._reader(response, key, stop - start))

    def _reader(self, response: Response, key: str, length: int) -> ReadInto:
        def receive(view: memoryview) -> int:
            try:
                return run_blocking(response.read_into(view))
            except (OSError, ProtocolError) as error:
                raise self.client.read_error(error, key) from error

        return exact_reader(receive, length, partial(self.client.wrong_length, key, length=length))

    @property
    def _ranged_download(self) -> RangedDownload:
        return RangedDownload(self.part_pool, self.open_range)

    def _if_match_header(self, expect: RemoteObject | None) -> dict[str, str]:
        etag = etag_from_fingerprint(expect.fingerprint) if expect is not None else None
        return {} if etag is None else {"If-Match": etag}

    def _object_from_headers(self, key: str, headers: Headers, expect: RemoteObject | None) -> RemoteObject:
        size = full_size(headers)
        if size is None:
            expect = expect or self.object_head.head(key)
            size = expect.size
        found = object_from_headers(
            key, headers, etag_is_md5=self.etag_is_md5, provider=self.client.provider, size=size
        )
        self._check_unchanged(found, expect)
        return found if expect is None else with_listed_time(found, expect)

    def _empty(self, key: str, expect: RemoteObject | None) -> RangeStream:
        """Return an empty range; the HEAD is for the object that callers get with it."""
        found = self.object_head.head(key)
        self._check_unchanged(found, expect)
        return RangeStream(found, iter(()))

    def _check_unchanged(self, found: RemoteObject, expect: RemoteObject | None) -> None:
        # Some servers ignore `If-Match`.
        if expect is not None and found.fingerprint != expect.fingerprint:
            raise self.object_head.precondition_failed(found.key)
        if expect is not None and found.size != expect.size:
            message = f"{found.key!r}: the server says that it has {found.size} bytes, and before, {expect.size}"
            raise IntegrityError(message, provider=self.client.provider, key=found.key)
