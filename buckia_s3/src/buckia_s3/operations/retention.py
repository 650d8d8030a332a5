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
from buckia_s3.objects.object_lock import CONTENT_MD5, HOLD, MODE, UNTIL, LockMode, content_md5, time_text
from buckia_s3.operations.head import ObjectHead
from buckia_s3.xml.reader import nanoseconds_of

BYPASS = {"x-amz-bypass-governance-retention": "true"}
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
    until: datetime | None = None
    hold: bool = False

    def in_force(self, now: datetime) -> bool:
        """Tell whether it holds at a time."""
        return self.hold or (self.until is not None and self.until > now)


@dataclass(frozen=True, slots=True)
class ObjectLocks:
    """The locks of the objects of one bucket. Without a version, that of the latest one is meant."""

    client: S3Client
    looker: ObjectHead

    def get(self, key: str, version: str | None = None) -> ObjectLock:
        """Return what keeps a version from being deleted.

        Raises:
            NotFound: There is no such version.
            PermissionDenied: The credentials do not allow to know.
        """
        lock = self._shown(key, version)
        if lock == ObjectLock():
            # A server shows nothing either to whoever may not know; that is told apart by asking.
            for subject in ("retention", "legal-hold"):
                self._ask(key, version, subject)
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
        text = f"<Mode>{mode.value}</Mode><RetainUntilDate>{time_text(until)}</RetainUntilDate>"
        self._put(key, version, "retention", f"<Retention xmlns='{_NAMESPACE}'>{text}</Retention>", bypass_governance)

    def hold(self, key: str, version: str | None = None, *, on: bool) -> None:
        """Put a legal hold on a version, or lift it.

        Raises:
            PermissionDenied: The credentials do not allow it.
            NotSupported: The bucket has no object lock.
        """
        text = f"<LegalHold xmlns='{_NAMESPACE}'><Status>{'ON' if on else 'OFF'}</Status></LegalHold>"
        self._put(key, version, "legal-hold", text, bypass_governance=False)

    def settle(self, key: str, version: str | None, wanted: Mapping[str, str]) -> None:
        """Lock what was just written as its headers asked, where the server has not: some do so for small uploads only.

        Raises:
            AdapterError: It can't be locked. It was written all the same.
        """
        lock = self._shown(key, version)
        try:
            if MODE in wanted and lock.mode is None:
                self.retain(key, LockMode(wanted[MODE]), _time(wanted[UNTIL]), version)
            if HOLD in wanted and not lock.hold:
                self.hold(key, version, on=True)
        except AdapterError as error:
            words = f"{error.message}; it was written, and is not locked as the settings say"
            raise type(error)(words, provider=error.provider, key=key, status=error.status) from error

    def explained(self, error: PermissionDenied, key: str, version: str | None) -> PermissionDenied:
        """Return the error with the lock that is the reason for it, if one is."""
        try:
            lock = self.get(key, version)
        except AdapterError:
            return error
        if not lock.in_force(datetime.now(UTC)):
            return error
        reasons = ["a legal hold is on it: lift it with `buckia s3 lock hold KEY off`"] if lock.hold else []
        if lock.mode is not None and lock.until is not None:
            way = "; --bypass-governance passes it" if lock.mode is LockMode.GOVERNANCE else ", and nobody can end that"
            reasons.append(f"it is retained until {time_text(lock.until)} in mode {lock.mode.value}{way}")
        words = f"{key!r}: the version is locked: {'; '.join(reasons)}"
        return PermissionDenied(
            words, provider=error.provider, key=key, status=error.status, request_id=error.request_id
        )

    def _shown(self, key: str, version: str | None) -> ObjectLock:
        answer = self.client.send(self._request("HEAD", key, version, doing="looking at its lock"))
        told = answer.headers
        mode, until = told.get(MODE), told.get(UNTIL)
        hold = told.get(HOLD, "OFF").upper() == "ON"
        if not mode and not until:
            return ObjectLock(hold=hold)
        try:
            return ObjectLock(LockMode((mode or "").upper()), _time(until or ""), hold)
        except (ValueError, OverflowError) as error:
            # Half a lock is not none.
            words = f"{key!r}: looking at its lock: the server's answer can't be used: {mode!r} until {until!r}"
            raise AdapterError(words, provider=self.client.provider, key=key) from error

    def _put(self, key: str, version: str | None, subject: str, text: str, bypass_governance: bool) -> None:
        body = text.encode()
        headers = {CONTENT_MD5: content_md5([body]), "Content-Type": "application/xml"}
        headers |= BYPASS if bypass_governance else {}
        request = self._request("PUT", key, version, subject, headers, body, doing="locking")
        try:
            self.client.send(request)
        except PermissionDenied as error:
            raise self.explained(error, key, version) from error
        except AdapterError as error:
            raise self._translated(error, key) from error

    def _translated(self, error: AdapterError, key: str) -> AdapterError:
        if error.status in (405, 501) or any(code in error.message for code in _NO_LOCKS):
            words = f"{error.message}; object lock is switched on when a bucket is made"
            return NotSupported(words, provider=error.provider, key=key, status=error.status)
        return error

    def _ask(self, key: str, version: str | None, subject: str) -> None:
        """Ask for a lock that does not show, for the sake of the error."""
        try:
            self.client.send(self._request("GET", key, version, subject, doing="looking at its lock"))
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
        doing: str,
    ) -> Request:
        query: tuple[tuple[str, str], ...] = () if subject is None else ((subject, ""),)
        query += () if version is None else (("versionId", version),)
        return Request(method, self.looker.whole(key), query, headers or {}, BytesBody(body), about=key, doing=doing)


def _time(text: str) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds_of(text) // 1000)
