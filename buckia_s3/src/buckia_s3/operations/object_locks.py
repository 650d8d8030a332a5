"""Object lock: retention and legal holds of object versions.

A lock prevents the deletion of one version. A newer version, or a delete marker, can still be written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from buckia_core.adapters.transfers.retry import RetryPolicy, retry_call
from buckia_core.errors import AdapterError, NotSupported, PermissionDenied
from buckia_core.http.response import BufferedResponse
from buckia_core.planning.manifest import time_from_ns
from buckia_s3.http.body import BytesBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.checksums import content_md5_header
from buckia_s3.objects.object_lock import LEGAL_HOLD, LOCK_MODE, RETAIN_UNTIL, LockMode, format_utc
from buckia_s3.operations.head import ObjectHead
from buckia_s3.xml.reader import parse_time_ns

BYPASS_GOVERNANCE = {"x-amz-bypass-governance-retention": "true"}
"""Headers of a request that shortens or ignores a retention in mode GOVERNANCE."""

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_NO_LOCKS = ("(InvalidRequest)", "(InvalidBucketState)", "(ObjectLockConfigurationNotFoundError)")


@dataclass(frozen=True, slots=True)
class ObjectLock:
    """ObjectLock: the lock of one version.

    Attributes:
        mode: Mode of the retention; `None` without one.
        retain_until: End of the retention, in UTC; `None` without one.
        legal_hold: Whether a legal hold is on.
    """

    mode: LockMode | None = None
    retain_until: datetime | None = None
    legal_hold: bool = False

    def in_force(self, now: datetime) -> bool:
        """Tell whether the lock prevents deletion at a time."""
        return self.legal_hold or (self.retain_until is not None and self.retain_until > now)


@dataclass(frozen=True, slots=True)
class ObjectLocks:
    """ObjectLocks: reads and sets the locks of one bucket. Without a version id, that of the latest version."""

    client: S3Client
    object_head: ObjectHead
    retry_policy: RetryPolicy

    def get(self, key: str, version: str | None = None) -> ObjectLock:
        """Return the lock of a version.

        Raises:
            NotFound: There is no such version.
            PermissionDenied: The credentials do not permit to read locks.
        """
        lock = self._head_lock(key, version)
        if lock == ObjectLock():
            # HEAD hides locks if the credentials do not permit to read them; these requests then fail.
            for subject in ("retention", "legal-hold"):
                self._raise_if_denied(key, version, subject)
        return lock

    def retain(
        self, key: str, mode: LockMode, until: datetime, version: str | None = None, *, bypass_governance: bool = False
    ) -> None:
        """Set or extend the retention of a version.

        Args:
            key: The object.
            mode: Who may end it early.
            until: End of the retention.
            version: Id of the version.
            bypass_governance: Allow to shorten a retention in mode GOVERNANCE.

        Raises:
            PermissionDenied: The version has a longer or stricter retention, or the credentials do not permit it.
            NotSupported: The bucket has no object lock.
        """
        text = f"<Mode>{mode.value}</Mode><RetainUntilDate>{format_utc(until)}</RetainUntilDate>"
        self._put(key, version, "retention", f"<Retention xmlns='{_NAMESPACE}'>{text}</Retention>", bypass_governance)

    def hold(self, key: str, version: str | None = None, *, on: bool) -> None:
        """Put a legal hold on a version, or lift it.

        Raises:
            PermissionDenied: The credentials do not permit it.
            NotSupported: The bucket has no object lock.
        """
        text = f"<LegalHold xmlns='{_NAMESPACE}'><Status>{'ON' if on else 'OFF'}</Status></LegalHold>"
        self._put(key, version, "legal-hold", text, bypass_governance=False)

    def apply(self, key: str, version: str | None, wanted: Mapping[str, str]) -> None:
        """Lock a new object if the server ignored the lock headers of its upload, as some do for multipart uploads.

        Raises:
            AdapterError: It can't be locked. The object exists.
        """
        lock = self._head_lock(key, version)
        try:
            if LOCK_MODE in wanted and lock.mode is None:
                until = time_from_ns(parse_time_ns(wanted[RETAIN_UNTIL]))
                self.retain(key, LockMode(wanted[LOCK_MODE]), until, version)
            if LEGAL_HOLD in wanted and not lock.legal_hold:
                self.hold(key, version, on=True)
        except AdapterError as error:
            message = f"{error.message}; it was written, and is not locked as the settings say"
            raise type(error)(message, provider=error.provider, key=key, status=error.status) from error

    def add_lock_reason(self, error: PermissionDenied, key: str, version: str | None) -> PermissionDenied:
        """Return the error with the lock as its reason, if a lock is the reason."""
        try:
            lock = self.get(key, version)
        except AdapterError:
            return error
        if not lock.in_force(datetime.now(UTC)):
            return error
        reasons = ["a legal hold is on it: lift it with `buckia s3 lock hold KEY off`"] if lock.legal_hold else []
        if lock.mode is not None and lock.retain_until is not None:
            way = (
                "; --bypass-governance passes it"
                if lock.mode is LockMode.GOVERNANCE
                else ", which can't be ended early"
            )
            reasons.append(f"it is retained until {format_utc(lock.retain_until)} in mode {lock.mode.value}{way}")
        message = f"{key!r}: the version is locked: {'; '.join(reasons)}"
        return PermissionDenied(
            message, provider=error.provider, key=key, status=error.status, request_id=error.request_id
        )

    def _head_lock(self, key: str, version: str | None) -> ObjectLock:
        response = self._send(self._request("HEAD", key, version, action="reading its lock"))
        headers = response.headers
        mode, until = headers.get(LOCK_MODE), headers.get(RETAIN_UNTIL)
        hold = headers.get(LEGAL_HOLD, "OFF").upper() == "ON"
        if not mode and not until:
            return ObjectLock(legal_hold=hold)
        try:
            return ObjectLock(LockMode((mode or "").upper()), time_from_ns(parse_time_ns(until or "")), hold)
        except (ValueError, OverflowError) as error:
            # A lock that can't be parsed must not count as missing.
            message = f"{key!r}: reading its lock: the server's response can't be used: {mode!r} until {until!r}"
            raise AdapterError(message, provider=self.client.provider, key=key) from error

    def _put(self, key: str, version: str | None, subject: str, text: str, bypass_governance: bool) -> None:
        body = text.encode()
        headers = {"Content-Type": "application/xml", **content_md5_header([body])}
        headers |= BYPASS_GOVERNANCE if bypass_governance else {}
        request = self._request("PUT", key, version, subject, headers, body, action="locking")
        try:
            self._send(request)
        except PermissionDenied as error:
            raise self.add_lock_reason(error, key, version) from error
        except AdapterError as error:
            raise self._translate_error(error, key) from error

    def _translate_error(self, error: AdapterError, key: str) -> AdapterError:
        if error.status in (405, 501) or any(code in error.message for code in _NO_LOCKS):
            message = f"{error.message}; object lock is switched on when a bucket is made"
            return NotSupported(message, provider=error.provider, key=key, status=error.status)
        return error

    def _raise_if_denied(self, key: str, version: str | None, subject: str) -> None:
        """Request a part of the lock only to raise `PermissionDenied` if the credentials do not permit to read it."""
        try:
            self._send(self._request("GET", key, version, subject, action="reading its lock"))
        except PermissionDenied:
            raise
        except AdapterError as error:
            if error.retryable:
                raise

    def _send(self, request: Request) -> BufferedResponse:
        return retry_call(partial(self.client.send, request), self.retry_policy)

    def _request(
        self,
        method: str,
        key: str,
        version: str | None,
        subject: str | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        *,
        action: str,
    ) -> Request:
        query: tuple[tuple[str, str], ...] = () if subject is None else ((subject, ""),)
        query += () if version is None else (("versionId", version),)
        return Request(
            method, self.object_head.full_key(key), query, headers or {}, BytesBody(body), key=key, action=action
        )
