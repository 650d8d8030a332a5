"""`Retry`: what failed for a reason that may pass is tried again."""

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
    """The attempts of one call."""

    backoff: RetryPolicy
    made: int = 0
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.backoff.clock()

    def wait_after(self, error: AdapterError, operation: str, key: str | None) -> bool:
        """Wait before the next attempt and return true; false if there is to be none."""
        self.made += 1
        if not error.retryable or self.made >= self.backoff.attempts:
            return False
        wait = self.backoff.next_wait(self.made, error)
        if self.backoff.clock() - self.began + wait > self.backoff.seconds:
            return False
        about = "" if key is None else f" {key!r}"
        log.info("%s%s: attempt %d failed, next in %.1f s: %s", operation, about, self.made, wait, error)
        self.backoff.sleep(wait)
        return True


def _is_about_the_way(error: AdapterError) -> bool:
    """Tell whether an error says nothing against the entries before it, such as that they are out of order."""
    return isinstance(error, (Transient, Throttled))


class Retry(Wrapper):
    """Repeats calls that fail with an error whose `retryable` is set, and passes on all others.

    - A listing that fails goes on after the last key that it yielded, if the adapter can start there and the error
      is about the network or the server's load; if not, it is repeated only as long as it yielded nothing. Each entry
      gives it all its attempts back.
    - Uploads of readers are repeated from where the reader stood; one that can't seek back has one attempt.
    - An upload whose reply was lost is not sent again if the object has the digests of the source by then; nor
      does it fail for finding its own object in the way of its precondition. Nor does a version that is brought back.
    - What can be taken up again goes on where it ended. Bytes that went over give it all its time back; of a download,
      all its attempts too.
    - Of deletes, only keys whose own outcome may pass are repeated.
    - The opening of an object is repeated; a `read` that fails later is not.
    """

    def __init__(
        self, inner: BaseSync, *, attempts: int = 5, seconds: float = 120.0, backoff: RetryPolicy | None = None
    ) -> None:
        super().__init__(inner)
        self._backoff = backoff or RetryPolicy(attempts, seconds)

    def intercept(self, call: Call[T]) -> T:
        """Make the call until it succeeds, or must not be repeated."""
        return self._repeated(call, _Attempts(self._backoff))

    def _repeated(self, call: Call[T], attempts: _Attempts) -> T:
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
        attempts = _Attempts(self._backoff)
        last = start_after
        while True:
            moved = False
            try:
                for entry in self.inner.list_files(prefix, start_after=last, end_at=end_at):
                    last, moved = entry.key, True
                    yield entry
            except AdapterError as error:
                if moved:
                    attempts = _Attempts(self._backoff)
                if last != start_after and not (self.capabilities.start_after and _is_about_the_way(error)):
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
            begin = None
        elif source.seekable():
            begin = source.tell()
        else:
            return self.inner.upload_file(source, key, expect=expect, info=info)

        def send() -> RemoteObject:
            if begin is not None and not isinstance(source, (Path, bytes)):
                source.seek(begin, io.SEEK_SET)
            return self.inner.upload_file(source, key, expect=expect, info=info)

        return self.intercept(Call("upload_file", key, self._writing(send, key, expect, info)))

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
        attempts = _Attempts(self._backoff)

        def on_bytes_sent(count: int) -> None:
            attempts.began = self._backoff.clock()
            source.on_bytes_sent(count)

        counted = replace(source, on_bytes_sent=on_bytes_sent)
        send = self._writing(lambda: inner.upload_parts(counted, key, expect=expect, info=info), key, expect, info)
        return self._repeated(Call("upload_parts", key, send), attempts)

    def _resume_download(
        self, inner: ResumableDownload, key: str, landing: PartialDownload, *, expect: RemoteObject
    ) -> RemoteObject:
        """See `Wrapper`."""
        from buckia_core.adapters.contract.resume import PartialDownload  # noqa: PLC0415  # most runs have nothing to go on with

        attempts = _Attempts(self._backoff)
        at = landing.start

        def on_progress(size: int) -> None:
            nonlocal at
            if size > at:
                at, attempts.made, attempts.began = size, 0, self._backoff.clock()
            landing.on_progress(size)

        def receive() -> RemoteObject:
            return inner.resume_download(key, PartialDownload(landing.target, at, on_progress), expect=expect)

        return self._repeated(Call("resume_download", key, receive), attempts)

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
                mine = self._own_copy(inner, key, version, expect) if tries > 1 else None
                if mine is None:
                    raise
                return mine

        return self.intercept(Call("restore_version", key, attempt))

    def _writing(
        self,
        send: Callable[[], RemoteObject],
        key: str,
        expect: Precondition | None,
        info: UploadInfo | None,
    ) -> Callable[[], RemoteObject]:
        """Return an attempt to write, which knows what earlier ones may have done."""
        tries, unanswered = 0, False

        def attempt() -> RemoteObject:
            nonlocal tries, unanswered
            tries += 1
            if unanswered and expect is not None and (mine := self._own_upload(key, expect, info)) is not None:
                return mine
            try:
                return send()
            except PreconditionFailed:
                mine = self._own_upload(key, expect, info) if tries > 1 else None
                if mine is None:
                    raise
                return mine
            except Transient as error:
                unanswered = error.status is None
                raise

        return attempt

    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync`."""
        attempts = _Attempts(self._backoff)
        outcomes = super().delete_files(keys)
        while True:
            again = [index for index, outcome in enumerate(outcomes) if outcome.error and outcome.error.retryable]
            if not again:
                return outcomes
            error = outcomes[again[0]].error
            assert error is not None
            if not attempts.wait_after(error, "delete_files", outcomes[again[0]].key):
                return outcomes
            retried = super().delete_files([keys[index] for index in again])
            for index, outcome in zip(again, retried, strict=True):
                outcomes[index] = outcome

    def _own_copy(self, inner: Versioned, key: str, version: str, expect: Precondition | None) -> RemoteObject | None:
        """Return the object if it is, other than before, what the version is."""
        try:
            found, wanted = self.stat_file(key), inner.stat_version(key, version)
        except NotFound:
            return None
        if isinstance(expect, IfUnchanged) and found.fingerprint == expect.seen.fingerprint:
            return None
        # A copy in parts has an ETag of its own; one in a single piece mostly has that of its source.
        same = compare(found.digests, wanted.digests) is Comparison.SAME or found.fingerprint == wanted.fingerprint
        return found if same and found.size == wanted.size else None

    def _own_upload(self, key: str, expect: Precondition | None, info: UploadInfo | None) -> RemoteObject | None:
        """Return the object if it is what an earlier attempt wrote."""
        if info is None or not info.digests:
            return None
        try:
            found = self.stat_file(key)
        except NotFound:
            return None
        if compare(found.digests, info.digests) is Comparison.SAME:
            return found
        # The digests that went along with the upload tell it from others, unless they stood there before.
        stood_there = isinstance(expect, IfUnchanged) and found.fingerprint == expect.seen.fingerprint
        same = compare(merge(found.digests, found.claimed), info.digests) is Comparison.SAME
        return found if same and not stood_there and found.mtime_ns == info.mtime_ns else None
