"""Object lock: how long a version is retained, and whether a legal hold keeps it.

A lock is one of a version, and keeps that version from being deleted. It keeps nobody from writing a newer one, or from
hiding it behind the mark of a deletion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from buckia_core.errors import AdapterError, NotSupported, PermissionDenied
from buckia_s3.http.body import BytesBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.object_lock import (
    CONTENT_MD5,
    LEGAL_HOLD,
    LOCK_MODE,
    RETAIN_UNTIL,
    LockMode,
    content_md5,
    format_time,
)
from buckia_s3.operations.head import ObjectHead
from buckia_s3.xml.reader import parse_time_ns

BYPASS_GOVERNANCE = {"x-amz-bypass-governance-retention": "true"}
"""What a request is sent with that shortens, or ignores, a retention in mode GOVERNANCE."""

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NO_LOCKS = ("(InvalidRequest)", "(InvalidBucketState)", "(ObjectLockConfigurationNotFoundError)")


@dataclass(frozen=True, slots=True)
class ObjectLock:
    """What keeps one version from being deleted.

    Attributes:
        mode: Of the retention; `None` if there is none.
        until: When it ends, in UTC; `None` if there is none.
        hold: A legal hold is on it.
    """

    mode: LockMode | None = None
    retain_until: datetime | None = None
    legal_hold: bool = False

    def in_force(self, now: datetime) -> bool:
        """Tell whether it holds at a time."""
        return self.legal_hold or (self.retain_until is not None and self.retain_until > now)


@dataclass(frozen=True, slots=True)
class ObjectLocks:
    """The locks of the objects of one bucket. Without a version, that of the latest one is meant."""

    client: S3Client
    object_head: ObjectHead

    def get(self, key: str, version: str | None = None) -> ObjectLock:
        """Return what keeps a version from being deleted.

        Raises:
            NotFound: There is no such version.
            PermissionDenied: The credentials do not allow to know.
        """
        lock = self._head_lock(key, version)
        if lock == ObjectLock():
            # A server shows nothing either to whoever may not know; that is told apart by asking.
            for subject in ("retention", "legal-hold"):
                self._raise_if_denied(key, version, subject)
        return lock

    def retain(
        self, key: str, mode: LockMode, until: datetime, version: str | None = None, *, bypass_governance: bool = False
    ) -> None:
        """Retain a version until a time, or longer than it is by now.

        Args:
            key: The object.
            mode: Who may end it.
            until: When it ends by itself.
            version: Id of the version.
            bypass_governance: Allow to shorten a retention in mode GOVERNANCE.

        Raises:
            PermissionDenied: It is retained for longer, or more strictly; or the credentials do not allow it.
            NotSupported: The bucket has no object lock.
        """
        text = f"<Mode>{mode.value}</Mode><RetainUntilDate>{format_time(until)}</RetainUntilDate>"
        self._put(key, version, "retention", f"<Retention xmlns='{_NAMESPACE}'>{text}</Retention>", bypass_governance)

    def hold(self, key: str, version: str | None = None, *, on: bool) -> None:
        """Put a legal hold on a version, or lift it.

        Raises:
            PermissionDenied: The credentials do not allow it.
            NotSupported: The bucket has no object lock.
        """
        text = f"<LegalHold xmlns='{_NAMESPACE}'><Status>{'ON' if on else 'OFF'}</Status></LegalHold>"
        self._put(key, version, "legal-hold", text, bypass_governance=False)

    def apply(self, key: str, version: str | None, wanted: Mapping[str, str]) -> None:
        """Lock what was just written as its headers asked, where the server has not: some do so for small uploads only.

        Raises:
            AdapterError: It can't be locked. It was written all the same.
        """
        lock = self._head_lock(key, version)
        try:
            if LOCK_MODE in wanted and lock.mode is None:
                self.retain(key, LockMode(wanted[LOCK_MODE]), _parse_time(wanted[RETAIN_UNTIL]), version)
            if LEGAL_HOLD in wanted and not lock.legal_hold:
                self.hold(key, version, on=True)
        except AdapterError as error:
            words = f"{error.message}; it was written, and is not locked as the settings say"
            raise type(error)(words, provider=error.provider, key=key, status=error.status) from error

    def add_lock_reason(self, error: PermissionDenied, key: str, version: str | None) -> PermissionDenied:
        """Return the error with the lock that is the reason for it, if one is."""
        try:
            lock = self.get(key, version)
        except AdapterError:
            return error
        if not lock.in_force(datetime.now(UTC)):
            return error
        reasons = ["a legal hold is on it: lift it with `buckia s3 lock hold KEY off`"] if lock.legal_hold else []
        if lock.mode is not None and lock.retain_until is not None:
            way = "; --bypass-governance passes it" if lock.mode is LockMode.GOVERNANCE else ", and nobody can end that"
            reasons.append(f"it is retained until {format_time(lock.retain_until)} in mode {lock.mode.value}{way}")
        words = f"{key!r}: the version is locked: {'; '.join(reasons)}"
        return PermissionDenied(
            words, provider=error.provider, key=key, status=error.status, request_id=error.request_id
        )

    def _head_lock(self, key: str, version: str | None) -> ObjectLock:
        answer = self.client.send(self._request("HEAD", key, version, action="looking at its lock"))
        told = answer.headers
        mode, until = told.get(LOCK_MODE), told.get(RETAIN_UNTIL)
        hold = told.get(LEGAL_HOLD, "OFF").upper() == "ON"
        if not mode and not until:
            return ObjectLock(legal_hold=hold)
        try:
            return ObjectLock(LockMode((mode or "").upper()), _parse_time(until or ""), hold)
        except (ValueError, OverflowError) as error:
            # Half a lock is not none.
            words = f"{key!r}: looking at its lock: the server's answer can't be used: {mode!r} until {until!r}"
            raise AdapterError(words, provider=self.client.provider, key=key) from error

    def _put(self, key: str, version: str | None, subject: str, text: str, bypass_governance: bool) -> None:
        body = text.encode()
        headers = {CONTENT_MD5: content_md5([body]), "Content-Type": "application/xml"}
        headers |= BYPASS_GOVERNANCE if bypass_governance else {}
        request = self._request("PUT", key, version, subject, headers, body, action="locking")
        try:
            self.client.send(request)
        except PermissionDenied as error:
            raise self.add_lock_reason(error, key, version) from error
        except AdapterError as error:
            raise self._translate_error(error, key) from error

    def _translate_error(self, error: AdapterError, key: str) -> AdapterError:
        if error.status in (405, 501) or any(code in error.message for code in _NO_LOCKS):
            words = f"{error.message}; object lock is switched on when a bucket is made"
            return NotSupported(words, provider=error.provider, key=key, status=error.status)
        return error

    def _raise_if_denied(self, key: str, version: str | None, subject: str) -> None:
        """Ask for a lock that does not show, for the sake of the error."""
        try:
            self.client.send(self._request("GET", key, version, subject, action="looking at its lock"))
        except PermissionDenied:
            raise
        except AdapterError as error:
            if error.retryable:
                raise

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


def _parse_time(text: str) -> datetime:
    return _EPOCH + timedelta(microseconds=parse_time_ns(text) // 1000)
