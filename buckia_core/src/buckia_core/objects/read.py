"""Reads of one object: whole and verified, in ranges, or as a stream that survives lost connections."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.transfers.content_check import ContentCheck
from buckia_core.adapters.transfers.hashing import hash_bytes, supported_algorithms
from buckia_core.adapters.transfers.retry import RetryPolicy, retry_async
from buckia_core.adapters.transfers.sources import DigestVerifier
from buckia_core.config.parsers import check_whole_number
from buckia_core.errors import AdapterError, IntegrityError, PreconditionFailed
from buckia_core.http.blocking import in_thread, iterate_blocking, pause, run_blocking
from buckia_core.objects import calls
from buckia_core.objects.progress import ProgressCounter, ProgressListener
from buckia_core.planning.digest import Digests, merge, without_tentative
from buckia_core.planning.manifest import RemoteObject

CHUNK_SIZE = 1 << 20
"""Bytes of a chunk, unless the caller says otherwise."""

INLINE_MAX = 1 << 20
"""Content up to this size, in bytes, is hashed on an event loop; larger content in a thread."""

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads objects of a bucket.

    Attributes:
        adapter: The bucket.
        algorithm: The digest to compute for an object whose digests are unknown.
        policy: Retries of a stream whose connection is lost.
    """

    adapter: BaseSync
    algorithm: str = "sha256"
    policy: RetryPolicy = RetryPolicy()  # noqa: RUF009  # immutable

    def read(self, key: str, progress: ProgressListener | None = None) -> bytes:
        """Return the content. Wrong content is read again, at most twice.

        Raises:
            NotFound: There is no such object.
            IntegrityError: The content does not match the digests of the object.
            AdapterError: The read failed.
        """
        return run_blocking(self.read_async(key, progress))

    async def read_async(self, key: str, progress: ProgressListener | None = None) -> bytes:
        """See `read`. On an event loop, the adapter has coroutines."""
        expected = None if progress is None else await calls.stat_file(self.adapter, key)
        reported: Digests = ()
        check: ContentCheck | None = None
        for _ in range(_ATTEMPTS):
            if expected is not None and progress is not None:
                counter = ProgressCounter(key, expected.size, progress)
                found, data = expected, b"".join([chunk async for chunk in self.iter_chunks_async(expected, counter)])
            else:
                found, data = await calls.read_file(self.adapter, key, expected)
            check = check or ContentCheck(found.size, self.algorithm)
            accepts = partial(check.accepts, partial(_digests, data), merge(found.digests, reported), found.claimed)
            if accepts() if len(data) <= INLINE_MAX else await in_thread(accepts):
                return data
            seen = await calls.stat_file(self.adapter, key)
            if seen.fingerprint != found.fingerprint:
                raise PreconditionFailed(
                    f"{key!r}: it changed while it was read", provider=self.adapter.provider, key=key
                )
            expected, reported = seen, seen.digests
        raise self.wrong_content(key)

    def read_range(self, key: str, offset: int, length: int | None, expect: RemoteObject | None = None) -> bytes:
        """Return `length` bytes from `offset`, or all up to the end; fewer where the object ends before.

        Raises:
            InvalidSetting: A number is negative, or none.
            PreconditionFailed: The object is not the version `expect`.
            AdapterError: The read failed.
        """
        return run_blocking(self.read_range_async(key, offset, length, expect))

    async def read_range_async(
        self, key: str, offset: int, length: int | None, expect: RemoteObject | None = None
    ) -> bytes:
        """See `read_range`. On an event loop, the adapter has coroutines."""
        for name, value in (("offset", offset), ("length", length)):
            if value is not None:
                check_whole_number(value, name, minimum=0)
        end = None if length is None else offset + length

        async def read() -> bytes:
            chunks = []
            async with calls.open_file(self.adapter, key, expect, offset, end) as reader:
                while chunk := await reader.read(CHUNK_SIZE):
                    chunks.append(chunk)
            return b"".join(chunks)

        return await retry_async(read, self.policy)

    def stream(
        self, found: RemoteObject, *, chunk_size: int = CHUNK_SIZE, progress: ProgressListener | None = None
    ) -> Iterator[bytes]:
        """Yield the content of one version, in chunks. A lost connection is opened again at the place it had reached.

        The last chunk is yielded only if the content matches the digest that the provider reports.

        Raises:
            PreconditionFailed: The object has another version now.
            IntegrityError: The content does not match the digest, or is too short or too long.
            AdapterError: The read failed.
        """
        return iterate_blocking(self.stream_async(found, chunk_size=chunk_size, progress=progress))

    async def stream_key(
        self, key: str, *, chunk_size: int = CHUNK_SIZE, progress: ProgressListener | None = None
    ) -> AsyncGenerator[bytes]:
        """Yield the content of the version that is there now; see `stream_async`.

        Raises:
            NotFound: There is no such object.
        """
        found = await calls.stat_file(self.adapter, key)
        async with aclosing(self.stream_async(found, chunk_size=chunk_size, progress=progress)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def stream_async(
        self, found: RemoteObject, *, chunk_size: int = CHUNK_SIZE, progress: ProgressListener | None = None
    ) -> AsyncGenerator[bytes]:
        """See `stream`. On an event loop, the adapter has coroutines."""
        counter = ProgressCounter(found.key, found.size, progress)
        certain = without_tentative(found.digests)
        names = supported_algorithms(digest.algorithm for digest in certain)[:1]
        verifier = DigestVerifier(tuple(digest for digest in certain if digest.algorithm in names))
        last = b""
        async with aclosing(self.iter_chunks_async(found, counter, chunk_size)) as chunks:
            async for chunk in chunks:
                if last:
                    yield last
                if len(chunk) <= INLINE_MAX:
                    verifier.update(chunk)
                else:
                    await in_thread(partial(verifier.update, chunk))
                last = chunk
        verifier.verify(provider=self.adapter.provider, key=found.key)
        yield last

    def iter_chunks(
        self, found: RemoteObject, counter: ProgressCounter, chunk_size: int = CHUNK_SIZE
    ) -> Iterator[bytes]:
        """Yield the content as `stream`, without a comparison of digests."""
        return iterate_blocking(self.iter_chunks_async(found, counter, chunk_size))

    async def iter_chunks_async(
        self, found: RemoteObject, counter: ProgressCounter, chunk_size: int = CHUNK_SIZE
    ) -> AsyncGenerator[bytes]:
        """See `iter_chunks`. On an event loop, the adapter has coroutines."""
        position, end = 0, found.size
        failures, began = 0, self.policy.clock()
        while True:
            try:
                async with calls.open_file(self.adapter, found.key, found, position) as reader:
                    while chunk := await reader.read(chunk_size):
                        position += len(chunk)
                        failures, began = 0, self.policy.clock()
                        if position > end:
                            break
                        counter.move_to(position)
                        yield chunk
                break
            except AdapterError as error:
                failures += 1
                wait = self.policy.next_wait(failures, error)
                late = self.policy.clock() - began + wait > self.policy.time_limit
                if not error.retryable or failures >= self.policy.max_attempts or late:
                    raise
                await pause(wait, self.policy.sleep)
        if position != end:
            problem = f"it ended after {position} bytes" if position < end else "more bytes came"
            message = f"{found.key!r}: {problem} where there should be {end}"
            raise IntegrityError(message, provider=self.adapter.provider, key=found.key)

    def wrong_content(self, key: str) -> IntegrityError:
        """Return the error for content that no attempt got right."""
        message = f"{key!r}: the content did not match what the provider reports, in {_ATTEMPTS} attempts"
        return IntegrityError(message, provider=self.adapter.provider, key=key)


def _digests(data: bytes, names: tuple[str, ...]) -> tuple[Digests, int]:
    return hash_bytes(data, names), len(data)
