"""Downloads: one request for most objects, parallel byte ranges for large ones.

Complete downloads are verified against the SHA-1 that B2 computed. The SHA-1 in the file info of a large file is only
claimed by the uploader, so it is not used.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from buckia_b2.api.bucket import Bucket
from buckia_b2.api.session import Authorization
from buckia_b2.errors import PROVIDER, parsing_response, precondition_failed, translate_error, unexpected_response
from buckia_b2.files.file_info import computed_sha1, from_headers
from buckia_b2.files.file_names import is_rewritten_by_proxies
from buckia_core.adapters.contract.protocols import AsyncReader
from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.adapters.transfers.body_reader import BodyReader, EmptyReader
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.adapters.transfers.ranged_download import RangedDownload, RangeStream, ReadInto, exact_reader
from buckia_core.errors import AdapterError, IntegrityError
from buckia_core.http.blocking import entered, run_blocking
from buckia_core.http.errors import ProtocolError
from buckia_core.http.response import Response
from buckia_core.planning.manifest import RemoteObject

_CHUNK_SIZE = 1 << 18
_ACTION = "reading"
_UNSATISFIABLE = 416
_PAST_ANY_END = 1 << 60


@dataclass(frozen=True, slots=True)
class Downloader:
    """Reads objects of one bucket."""

    bucket: Bucket
    part_pool: PartPool

    def download(
        self, key: str, target: Path, expect: RemoteObject | None, start: int, end: int | None
    ) -> RemoteObject:
        """See `BaseSync.download_file`."""
        result = self._ranged.download(key, target, expect, start, end)
        # A download by one request is verified while it is read.
        if result.complete and result.request_count > 1:
            _verify(result.object, target)
        return result.object

    async def read(self, key: str, expect: RemoteObject | None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync.read_file`."""
        async with AsyncExitStack() as stack:
            response = await self._get_or_none(stack, key, 0, None)
            if response is None:
                return await self._head(key, expect), b""
            found = self._object_from_response(key, response, expect)
            try:
                data = await response.read_body(found.size)
            except (ProtocolError, OSError) as error:
                self._raise_interrupted(found.key, error)
        computed = computed_sha1(found)
        if computed is not None and hashlib.sha1(data, usedforsecurity=False).hexdigest() != computed:
            raise _sha1_mismatch(found.key)
        return found, data

    def resume(self, key: str, download: PartialDownload, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload.resume_download`."""
        result = self._ranged.resume(key, download, expect)
        found = result.object if result is not None else run_blocking(self._head(key, expect))
        # A download by one request is verified while it is read.
        if result is None or result.ranged:
            _verify(found, download.target)
        return found

    @contextmanager
    def open(self, key: str, expect: RemoteObject | None, start: int, end: int | None) -> Iterator[RangeStream]:
        """Open the bytes from `start` up to, not including, `end` of the expected version.

        Raises:
            AdapterError: As `BaseSync.open_file`.
        """
        with entered(self._open(key, expect, start, end)) as (found, response, stop):
            if response is None:
                yield RangeStream(found, iter(()))
            else:
                yield self._stream(response, found, start, stop)

    @asynccontextmanager
    async def open_async(
        self, key: str, expect: RemoteObject | None, start: int, end: int | None
    ) -> AsyncIterator[AsyncReader]:
        """See `Coroutines.open_file_async`."""
        async with self._open(key, expect, start, end) as (found, response, stop):
            if response is None:
                yield EmptyReader()
            else:
                yield self._body_reader(response, found, start, stop)

    @asynccontextmanager
    async def _open(
        self, key: str, expect: RemoteObject | None, start: int, end: int | None
    ) -> AsyncIterator[tuple[RemoteObject, Response | None, int]]:
        """Open a range; yield the object, the response, if there are any bytes, and where they stop."""
        async with AsyncExitStack() as stack:
            if end is not None and end <= start:
                self.bucket.full_key(key)
                response = None
            else:
                response = await self._get_or_none(stack, key, start, end)
            if response is None:
                yield await self._head(key, expect), None, start
                return
            found = self._object_from_response(key, response, expect)
            yield found, response, found.size if end is None else min(end, found.size)

    @contextmanager
    def open_version(self, key: str, file_id: str) -> Iterator[Iterator[bytes]]:
        """Open one version, which the caller knows to belong to the key."""
        stack = AsyncExitStack()
        try:
            response = run_blocking(self._get(stack, key, self.bucket.full_key(key), file_id, 0, None))
            found = self._object_from_response(key, response, None)
            yield self._stream(response, found, 0, found.size).chunks
        finally:
            run_blocking(stack.aclose())

    def _object_from_response(self, key: str, response: Response, expect: RemoteObject | None) -> RemoteObject:
        """Parse the headers of a download.

        Raises:
            PreconditionFailed: It is another version than the expected one.
            AdapterError: The headers are malformed.
        """
        with parsing_response(_ACTION, key):
            found = from_headers(key, response.headers)
        if expect is not None and (found.fingerprint, found.size) != (expect.fingerprint, expect.size):
            raise precondition_failed(key)
        return found

    async def _get_or_none(self, stack: AsyncExitStack, key: str, start: int, end: int | None) -> Response | None:
        """Request a byte range; the response is open as long as `stack`. `None` if the object ends before `start`."""
        full_key = self.bucket.full_key(key)
        # A 404 may mean the bucket, so it is checked first.
        _ = await self.bucket.id_async()
        file_id = None
        if is_rewritten_by_proxies(full_key):
            file_id = (await self.bucket.head_by_listing(key, full_key))["fileId"]
        try:
            return await self._get(stack, key, full_key, file_id, start, end)
        except AdapterError as error:
            if error.status != _UNSATISFIABLE:
                raise
            return None

    async def _get(
        self, stack: AsyncExitStack, key: str, full_key: str, file_id: str | None, start: int, end: int | None
    ) -> Response:
        headers = self.bucket.download_headers()
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{(_PAST_ANY_END if end is None else end) - 1}"

        async def send(authorization: Authorization) -> Response:
            bucket = self.bucket
            url = bucket.file_url(authorization, full_key) if file_id is None else bucket.id_url(authorization, file_id)
            sent_headers = {**headers, "Authorization": authorization.token}
            return await stack.enter_async_context(bucket.session.transport.open("GET", url, sent_headers))

        response = await self.bucket.session.with_authorization(send, needs="readFiles", action=_ACTION, key=key)
        requested_start = headers.get("Range", "bytes=").removeprefix("bytes=").partition("-")[0]
        if response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0] != requested_start:
            raise unexpected_response(_ACTION, key)
        return response

    def _reader(self, response: Response, found: RemoteObject, start: int, stop: int) -> ReadInto:
        """Return a reader of a response that verifies size and SHA-1 at the end."""
        length = max(0, stop - start)

        def receive(view: memoryview) -> int:
            try:
                return run_blocking(response.read_into(view))
            except (ProtocolError, OSError) as error:
                self._raise_interrupted(found.key, error)

        read_exactly = exact_reader(receive, length, partial(_wrong_length, found.key, length))
        computed = computed_sha1(found) if (start, stop) == (0, found.size) else None
        if computed is None:
            return read_exactly
        sha1 = hashlib.sha1(usedforsecurity=False)

        def read_into(view: memoryview) -> int:
            count = read_exactly(view)
            sha1.update(view[:count])
            if count < len(view) and sha1.hexdigest() != computed:
                raise _sha1_mismatch(found.key)
            return count

        return read_into

    def _body_reader(self, response: Response, found: RemoteObject, start: int, stop: int) -> BodyReader:
        length = max(0, stop - start)

        async def receive(size: int) -> bytes:
            try:
                return await response.read(size)
            except (ProtocolError, OSError) as error:
                self._raise_interrupted(found.key, error)

        wrong_length = partial(_wrong_length, found.key, length)
        computed = computed_sha1(found) if (start, stop) == (0, found.size) else None
        if computed is None:
            return BodyReader(receive, length, wrong_length)
        sha1 = hashlib.sha1(usedforsecurity=False)

        async def verify() -> None:
            if sha1.hexdigest() != computed:
                raise _sha1_mismatch(found.key)

        return BodyReader(receive, length, wrong_length, update=sha1.update, verify=verify)

    def _stream(self, response: Response, found: RemoteObject, start: int, stop: int) -> RangeStream:
        read_into = self._reader(response, found, start, stop)
        return RangeStream(found, _iter_chunks(read_into, max(0, stop - start)), read_into)

    def _raise_interrupted(self, key: str, error: Exception) -> NoReturn:
        """Raise the error for a body that was cut short."""
        host = urlsplit(self.bucket.session.authorization().download_url).netloc
        raise translate_error(error, action=_ACTION, key=key, host=host) from error

    @property
    def _ranged(self) -> RangedDownload:
        return RangedDownload(self.part_pool, self.open)

    async def _head(self, key: str, expect: RemoteObject | None) -> RemoteObject:
        """Return an object whose content is not needed."""
        found = await self.bucket.head(key)
        if expect is not None and found.fingerprint != expect.fingerprint:
            raise precondition_failed(key)
        return found


def _iter_chunks(read_into: ReadInto, left: int) -> Iterator[bytes]:
    """Yield chunks. Reads at most one byte too many, and the last chunk when it is verified."""
    while True:
        chunk = bytearray(min(_CHUNK_SIZE, left + 1))
        with memoryview(chunk) as view:
            size = read_into(view)
        if size < len(chunk):
            if size:
                yield bytes(chunk[:size])
            return
        left -= size
        yield bytes(chunk)


def _verify(found: RemoteObject, target: Path) -> None:
    """Verify a file that was downloaded in ranges against the SHA-1 that B2 computed.

    Raises:
        IntegrityError: The SHA-1 differs.
        OSError: The file can't be read.
    """
    computed = computed_sha1(found)
    if computed is None:
        return
    with target.open("rb") as file:
        actual = hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
    if actual != computed:
        raise _sha1_mismatch(found.key)


def _wrong_length(key: str, length: int, count: int) -> IntegrityError:
    difference = "fewer" if count < length else "more"
    return IntegrityError(f"{key!r}: received {difference} bytes than the object has", provider=PROVIDER, key=key)


def _sha1_mismatch(key: str) -> IntegrityError:
    return IntegrityError(
        f"{key!r}: the SHA-1 of the downloaded bytes is not the one that B2 computed", provider=PROVIDER, key=key
    )
