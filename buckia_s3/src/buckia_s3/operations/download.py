"""Downloads: one request for most objects, concurrent range requests for large ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from buckia_core.adapters.contract.protocols import AsyncReader
from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.adapters.transfers.body_reader import BodyReader, EmptyReader
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.adapters.transfers.ranged_download import RangedDownload, RangeStream, ReadInto, exact_reader
from buckia_core.errors import AdapterError, IntegrityError, NotSupported
from buckia_core.http.blocking import as_coroutine, entered, run_blocking
from buckia_core.http.errors import ProtocolError
from buckia_core.http.http11 import Headers
from buckia_core.http.response import Response
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.http.body import FileRangeBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.checksums import ChecksumAlgorithm, ChecksumCheck, verify_chunks
from buckia_s3.objects.etags import etag_from_fingerprint
from buckia_s3.objects.metadata import full_size, object_from_headers, with_listed_time
from buckia_s3.operations.head import ObjectHead

_UNSATISFIABLE = 416


@dataclass(frozen=True, slots=True)
class _OpenedRange:
    """A response with bytes of an object; `None` for no bytes. `whole` if they are all."""

    object: RemoteObject
    response: Response | None = None
    length: int = 0
    whole: bool = False


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
            found = await self._object_from_headers(key, headers, expect)
            content = await self.client.read_exact_body(response, key, found.size)
        if self.checksum is not None:
            for _ in verify_chunks((content,), headers, self.checksum, provider=self.client.provider, key=key):
                pass
        return found, content

    def resume(self, key: str, download: PartialDownload, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload.resume_download`."""
        came = self._ranged_download.resume(key, download, expect)
        found = came.object if came is not None else run_blocking(self._empty(key, expect)).object
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
        with entered(self._open(key, expect, start, end)) as opened:
            response, length = opened.response, opened.length
            if response is None:
                yield RangeStream(opened.object, iter(()))
                return
            chunks = self.client.iter_body(response, key, length)
            if self.checksum is not None and opened.whole:
                chunks = verify_chunks(chunks, response.headers, self.checksum, provider=self.client.provider, key=key)
                yield RangeStream(opened.object, chunks)
            else:
                yield RangeStream(opened.object, chunks, self._reader(response, key, length))

    @asynccontextmanager
    async def open_async(
        self, key: str, expect: RemoteObject | None, start: int, end: int | None
    ) -> AsyncIterator[AsyncReader]:
        """See `Coroutines.open_file_async`."""
        async with self._open(key, expect, start, end) as opened:
            response = opened.response
            if response is None:
                yield EmptyReader()
                return
            receive = partial(self.client.read_chunk, response, key)
            wrong_length = partial(self.client.wrong_length, key, length=opened.length)
            check = None
            if self.checksum is not None and opened.whole:
                check = ChecksumCheck.of_response(
                    response.headers, self.checksum, provider=self.client.provider, key=key
                )
            if check is None:
                yield BodyReader(receive, opened.length, wrong_length)
            else:
                verify = as_coroutine(check.verify)
                yield BodyReader(receive, opened.length, wrong_length, update=check.update, verify=verify)

    @asynccontextmanager
    async def _open(
        self, key: str, expect: RemoteObject | None, start: int, end: int | None
    ) -> AsyncIterator[_OpenedRange]:
        full_key = self.object_head.full_key(key)
        if end is not None and end <= start:
            yield await self._empty(key, expect)
            return
        headers = self._if_match_header(expect)
        ranged = end is not None or start > 0
        if ranged:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        async with AsyncExitStack() as stack:
            try:
                request = Request("GET", full_key, (), headers, key=key)
                response = await stack.enter_async_context(self.client.open(request))
            except AdapterError as error:
                if error.status != _UNSATISFIABLE:
                    raise
                yield await self._empty(key, expect)
                return
            found = await self._object_from_headers(key, response.headers, expect)
            stop = found.size if end is None else min(end, found.size)
            # Content-Range is more reliable than the status: some servers send a range with status 200.
            in_part = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            whole = (start, stop) == (0, found.size)
            if ranged and not in_part and not whole:
                message = "the server ignores ranges and sends whole objects only"
                raise NotSupported(f"{key!r}: {message}", provider=self.client.provider, key=key)
            yield _OpenedRange(found, response, stop - start, whole)

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

    async def _object_from_headers(self, key: str, headers: Headers, expect: RemoteObject | None) -> RemoteObject:
        size = full_size(headers)
        if size is None:
            expect = expect or await self.object_head.head_async(key)
            size = expect.size
        found = object_from_headers(
            key, headers, etag_is_md5=self.etag_is_md5, provider=self.client.provider, size=size
        )
        self._check_unchanged(found, expect)
        return found if expect is None else with_listed_time(found, expect)

    async def _empty(self, key: str, expect: RemoteObject | None) -> _OpenedRange:
        """Return an empty range; the HEAD is for the object that callers get with it."""
        found = await self.object_head.head_async(key)
        self._check_unchanged(found, expect)
        return _OpenedRange(found)

    def _check_unchanged(self, found: RemoteObject, expect: RemoteObject | None) -> None:
        # Some servers ignore `If-Match`.
        if expect is not None and found.fingerprint != expect.fingerprint:
            raise self.object_head.precondition_failed(found.key)
        if expect is not None and found.size != expect.size:
            message = f"{found.key!r}: the server says that it has {found.size} bytes, and before, {expect.size}"
            raise IntegrityError(message, provider=self.client.provider, key=found.key)
