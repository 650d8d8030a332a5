"""`Retry`: retries calls that fail with a temporary error."""

from __future__ import annotations

import io
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.protocols import Coroutines, ResumableDownload, ResumableUpload, Versioned
from buckia_core.adapters.contract.types import DeleteOutcome, IfUnchanged, Precondition, UploadInfo
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.adapters.wrappers.forwarding import Call, T
from buckia_core.adapters.wrappers.wrapper import Wrapper
from buckia_core.adapters.wrappers.write_attempt import WriteAttempt
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import AdapterError, NotFound, PreconditionFailed, Throttled, Transient
from buckia_core.http.blocking import as_coroutine, pause, run_blocking
from buckia_core.planning.digest import Comparison, compare
from buckia_core.planning.manifest import RemoteObject

if TYPE_CHECKING:
    from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload

log = redacted_logger(__name__)


@dataclass(slots=True)
class _Attempts:
    """Counts the attempts of one call, which started at `started`."""

    policy: RetryPolicy
    started: float
    count: int = 0

    async def wait_after(self, error: AdapterError, operation: str, key: str | None) -> bool:
        """Wait before the next attempt and return true; false if there is none left."""
        self.count += 1
        if not error.retryable or self.count >= self.policy.max_attempts:
            return False
        wait = self.policy.next_wait(self.count, error)
        if self.policy.clock() - self.started + wait > self.policy.time_limit:
            return False
        target = "" if key is None else f" {key!r}"
        log.info("%s%s: attempt %d failed, next in %.1f s: %s", operation, target, self.count, wait, error)
        await pause(wait, self.policy.sleep)
        return True


class Retry(Wrapper):
    """Retries calls that fail with an error whose `retryable` is set; raises all other errors.

    - Listing: after a connection error, resumes after the last key yielded, if the adapter has `start_after`. Otherwise
      retries only before the first entry. Each entry resets the attempts.
    - Upload of a reader: seeks back to the start position; a reader that can't seek has one attempt.
    - Upload or restore whose response was lost: checks whether the object exists with the digests of the source,
      instead of sending it again or failing because of its own object.
    - Resumable transfer: resumes. Progress resets the time limit; in a download, the attempts too.
    - Delete: retries only keys whose own outcome is retryable.
    - Open: retries the opening, not a later `read`.
    """

    def __init__(
        self, inner: BaseSync, *, attempts: int = 5, seconds: float = 120.0, policy: RetryPolicy | None = None
    ) -> None:
        super().__init__(inner)
        self._policy = policy or RetryPolicy(attempts, seconds)

    async def intercept(self, call: Call[T], attempts: _Attempts | None = None) -> T:
        """Call until it succeeds or must not be retried."""
        started = self._policy.clock()
        while True:
            try:
                return await call()
            except AdapterError as error:
                attempts = attempts or _Attempts(self._policy, started)
                if not await attempts.wait_after(error, call.operation, call.key):
                    raise

    async def _stat(self, key: str) -> RemoteObject:
        return self.stat_file(key)

    def _attempts(self) -> _Attempts:
        return _Attempts(self._policy, self._policy.clock())

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        attempts = self._attempts()
        last = start_after
        while True:
            progress = False
            try:
                for entry in self.inner.list_files(prefix, start_after=last, end_at=end_at):
                    last, progress = entry.key, True
                    yield entry
            except AdapterError as error:
                if progress:
                    attempts = self._attempts()
                # Other errors may mean that entries are invalid.
                can_resume = self.capabilities.start_after and isinstance(error, Transient | Throttled)
                if last != start_after and not can_resume:
                    raise
                if not run_blocking(attempts.wait_after(error, "list_files", prefix)):
                    raise
            else:
                return

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        if isinstance(source, (Path, bytes)):
            start = None
        elif source.seekable():
            start = source.tell()
        else:
            return self.inner.upload_file(source, key, expect=expect, info=info)

        async def send() -> RemoteObject:
            if start is not None and not isinstance(source, (Path, bytes)):
                source.seek(start, io.SEEK_SET)
            return self.inner.upload_file(source, key, expect=expect, info=info)

        write = WriteAttempt(send, self._stat, key, expect, info)
        return run_blocking(self.intercept(Call("upload_file", key, write)))

    async def upload_file_async(
        self, source: bytes, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `Coroutines`."""
        inner = cast("Coroutines", self.inner)
        send = partial(inner.upload_file_async, source, key, expect=expect, info=info)
        write = WriteAttempt(send, self.stat_file_async, key, expect, info)
        return await self.intercept(Call("upload_file", key, write))

    def upload_parts(
        self, source: MultipartSource, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `ResumableUpload`."""
        inner, attempts = cast("ResumableUpload", self.inner), self._attempts()

        def on_bytes_sent(count: int) -> None:
            attempts.started = self._policy.clock()
            source.on_bytes_sent(count)

        counted = replace(source, on_bytes_sent=on_bytes_sent)
        send = partial(as_coroutine(inner.upload_parts), counted, key, expect=expect, info=info)
        write = WriteAttempt(send, self._stat, key, expect, info)
        return run_blocking(self.intercept(Call("upload_parts", key, write), attempts))

    def resume_download(self, key: str, download: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload`."""
        inner, attempts, size = cast("ResumableDownload", self.inner), self._attempts(), download.start

        def reach(new_size: int) -> None:
            nonlocal size
            if new_size > size:
                size, attempts.count, attempts.started = new_size, 0, self._policy.clock()

        def on_progress(new_size: int) -> None:
            reach(new_size)
            download.on_progress(new_size)

        def on_content(data: bytes | memoryview) -> None:
            reach(size + len(data))
            download.on_content(data)

        async def receive() -> RemoteObject:
            rest = replace(download, start=size, on_progress=on_progress, on_content=on_content)
            return inner.resume_download(key, rest, expect=expect)

        return run_blocking(self.intercept(Call("resume_download", key, receive), attempts))

    def restore_version(self, key: str, version: str, *, expect: Precondition | None = None) -> RemoteObject:
        """See `Versioned`."""
        inner, tries = cast("Versioned", self.inner), 0

        async def attempt() -> RemoteObject:
            nonlocal tries
            tries += 1
            try:
                return inner.restore_version(key, version, expect=expect)
            except PreconditionFailed:
                completed = self._completed_restore(inner, key, version, expect) if tries > 1 else None
                if completed is None:
                    raise
                return completed

        return run_blocking(self.intercept(Call("restore_version", key, attempt)))

    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync`."""
        return run_blocking(self._delete(as_coroutine(self.inner.delete_files), keys))

    async def delete_files_async(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `Coroutines`."""
        return await self._delete(cast("Coroutines", self.inner).delete_files_async, keys)

    async def _delete(
        self, delete: Callable[[Sequence[str]], Coroutine[Any, Any, list[DeleteOutcome]]], keys: Sequence[str]
    ) -> list[DeleteOutcome]:
        attempts = self._attempts()
        outcomes = await self.intercept(Call("delete_files", None, partial(delete, keys)))
        while True:
            failed = [index for index, outcome in enumerate(outcomes) if outcome.error and outcome.error.retryable]
            if not failed:
                return outcomes
            error = outcomes[failed[0]].error
            assert error is not None
            if not await attempts.wait_after(error, "delete_files", outcomes[failed[0]].key):
                return outcomes
            again = partial(delete, [keys[index] for index in failed])
            retried = await self.intercept(Call("delete_files", None, again))
            for index, outcome in zip(failed, retried, strict=True):
                outcomes[index] = outcome

    def _completed_restore(
        self, inner: Versioned, key: str, version: str, expect: Precondition | None
    ) -> RemoteObject | None:
        """Return the object if an earlier attempt restored the version, and the key had other content before that."""
        try:
            found, wanted = self.stat_file(key), inner.stat_version(key, version)
        except NotFound:
            return None
        if isinstance(expect, IfUnchanged) and found.fingerprint == expect.seen.fingerprint:
            return None
        # A multipart copy has an ETag of its own; a single copy mostly has that of its source.
        same = compare(found.digests, wanted.digests) is Comparison.SAME or found.fingerprint == wanted.fingerprint
        return found if same and found.size == wanted.size else None
