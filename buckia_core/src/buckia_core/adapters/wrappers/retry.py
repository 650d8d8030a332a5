"""`Retry`: retries calls that fail with a temporary error."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.protocols import ResumableDownload, ResumableUpload, Versioned
from buckia_core.adapters.contract.types import DeleteOutcome, IfUnchanged, Precondition, UploadInfo
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.adapters.wrappers.wrapper import Call, T, Wrapper
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import AdapterError, NotFound, PreconditionFailed, Throttled, Transient
from buckia_core.planning.digest import Comparison, compare, merge
from buckia_core.planning.manifest import RemoteObject

if TYPE_CHECKING:
    from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload

log = redacted_logger(__name__)


@dataclass(slots=True)
class _Attempts:
    """Counts the attempts of one call."""

    policy: RetryPolicy
    count: int = 0
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.policy.clock()

    def wait_after(self, error: AdapterError, operation: str, key: str | None) -> bool:
        """Wait before the next attempt and return true; false if there is none left."""
        self.count += 1
        if not error.retryable or self.count >= self.policy.max_attempts:
            return False
        wait = self.policy.next_wait(self.count, error)
        if self.policy.clock() - self.started + wait > self.policy.time_limit:
            return False
        target = "" if key is None else f" {key!r}"
        log.info("%s%s: attempt %d failed, next in %.1f s: %s", operation, target, self.count, wait, error)
        self.policy.sleep(wait)
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

    def intercept(self, call: Call[T]) -> T:
        """Call until it succeeds or must not be retried."""
        return self._retry(call, _Attempts(self._policy))

    def _retry(self, call: Call[T], attempts: _Attempts) -> T:
        while True:
            try:
                return call()
            except AdapterError as error:
                if not attempts.wait_after(error, call.operation, call.key):
                    raise

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        attempts = _Attempts(self._policy)
        last = start_after
        while True:
            progress = False
            try:
                for entry in self.inner.list_files(prefix, start_after=last, end_at=end_at):
                    last, progress = entry.key, True
                    yield entry
            except AdapterError as error:
                if progress:
                    attempts = _Attempts(self._policy)
                # Other errors may mean that entries are invalid.
                can_resume = self.capabilities.start_after and isinstance(error, Transient | Throttled)
                if last != start_after and not can_resume:
                    raise
                if not attempts.wait_after(error, "list_files", prefix):
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

        def send() -> RemoteObject:
            if start is not None and not isinstance(source, (Path, bytes)):
                source.seek(start, io.SEEK_SET)
            return self.inner.upload_file(source, key, expect=expect, info=info)

        return self.intercept(Call("upload_file", key, self._write_attempt(send, key, expect, info)))

    def _upload_parts(
        self,
        inner: ResumableUpload,
        source: MultipartSource,
        key: str,
        *,
        expect: Precondition | None = None,
        info: UploadInfo | None = None,
    ) -> RemoteObject:
        """See `Wrapper`."""
        attempts = _Attempts(self._policy)

        def on_bytes_sent(count: int) -> None:
            attempts.started = self._policy.clock()
            source.on_bytes_sent(count)

        counted = replace(source, on_bytes_sent=on_bytes_sent)
        send = self._write_attempt(
            lambda: inner.upload_parts(counted, key, expect=expect, info=info), key, expect, info
        )
        return self._retry(Call("upload_parts", key, send), attempts)

    def _resume_download(
        self, inner: ResumableDownload, key: str, download: PartialDownload, *, expect: RemoteObject
    ) -> RemoteObject:
        """See `Wrapper`."""
        from buckia_core.adapters.contract.resume import PartialDownload  # noqa: PLC0415  # most runs resume nothing

        attempts = _Attempts(self._policy)
        size = download.start

        def on_progress(new_size: int) -> None:
            nonlocal size
            if new_size > size:
                size, attempts.count, attempts.started = new_size, 0, self._policy.clock()
            download.on_progress(new_size)

        def receive() -> RemoteObject:
            return inner.resume_download(key, PartialDownload(download.target, size, on_progress), expect=expect)

        return self._retry(Call("resume_download", key, receive), attempts)

    def _restore_version(
        self, inner: Versioned, key: str, version: str, *, expect: Precondition | None = None
    ) -> RemoteObject:
        """See `Wrapper`."""
        tries = 0

        def attempt() -> RemoteObject:
            nonlocal tries
            tries += 1
            try:
                return inner.restore_version(key, version, expect=expect)
            except PreconditionFailed:
                completed = self._completed_restore(inner, key, version, expect) if tries > 1 else None
                if completed is None:
                    raise
                return completed

        return self.intercept(Call("restore_version", key, attempt))

    def _write_attempt(
        self,
        send: Callable[[], RemoteObject],
        key: str,
        expect: Precondition | None,
        info: UploadInfo | None,
    ) -> Callable[[], RemoteObject]:
        """Return a function that sends the object, unless an earlier attempt has written it already."""
        tries, response_lost = 0, False

        def attempt() -> RemoteObject:
            nonlocal tries, response_lost
            tries += 1
            if response_lost and expect is not None:
                completed = self._completed_upload(key, expect, info)
                if completed is not None:
                    return completed
            try:
                return send()
            except PreconditionFailed:
                completed = self._completed_upload(key, expect, info) if tries > 1 else None
                if completed is None:
                    raise
                return completed
            except Transient as error:
                response_lost = error.status is None
                raise

        return attempt

    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync`."""
        attempts = _Attempts(self._policy)
        outcomes = super().delete_files(keys)
        while True:
            failed = [index for index, outcome in enumerate(outcomes) if outcome.error and outcome.error.retryable]
            if not failed:
                return outcomes
            error = outcomes[failed[0]].error
            assert error is not None
            if not attempts.wait_after(error, "delete_files", outcomes[failed[0]].key):
                return outcomes
            retried = super().delete_files([keys[index] for index in failed])
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

    def _completed_upload(self, key: str, expect: Precondition | None, info: UploadInfo | None) -> RemoteObject | None:
        """Return the object if an earlier attempt has written it."""
        if info is None or not info.digests:
            return None
        try:
            found = self.stat_file(key)
        except NotFound:
            return None
        if compare(found.digests, info.digests) is Comparison.SAME:
            return found
        # Digests in the metadata identify the upload, unless the object had them before.
        existed = isinstance(expect, IfUnchanged) and found.fingerprint == expect.seen.fingerprint
        same = compare(merge(found.digests, found.claimed), info.digests) is Comparison.SAME
        return found if same and not existed and found.mtime_ns == info.mtime_ns else None
