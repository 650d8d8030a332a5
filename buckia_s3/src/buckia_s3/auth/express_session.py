"""Directory buckets (S3 Express One Zone): requests are signed with the keys of a session of a few minutes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from buckia_core.errors import Transient
from buckia_s3.auth.sigv4 import Credentials
from buckia_s3.errors import xml_text

CREATE_SESSION = (("session", ""),)
"""The query that asks for a session."""

SERVICE = "s3express"
"""The name that requests to directory buckets are signed for."""

_TOLD = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")

_LASTS = timedelta(minutes=5)
_MARGIN = timedelta(minutes=1)


class ExpressSessions:
    """The session to sign with now; a new one is asked for before it ends."""

    def __init__(self, ask: Callable[[], bytes], provider: str) -> None:
        """Take what asks for a session and returns the body of the answer."""
        self._ask = ask
        self._provider = provider
        self._lock = threading.Lock()
        self._known: Credentials | None = None

    def current(self) -> Credentials:
        """Return the credentials of the session.

        Raises:
            AdapterError: There is none to be had.
        """
        with self._lock:
            now = datetime.now(UTC)
            if self._known is None or (self._known.expires_at or now) - _MARGIN <= now:
                self._known = self._parsed(self._ask(), now)
            return self._known

    def _parsed(self, body: bytes, now: datetime) -> Credentials:
        told = {name: xml_text(body, name) for name in _TOLD}
        if not told["AccessKeyId"] or not told["SecretAccessKey"] or not told["SessionToken"]:
            raise Transient("asking for a session: the answer has no credentials", provider=self._provider)
        try:
            expires = datetime.fromisoformat(told["Expiration"])
            expires = expires.astimezone(UTC) if expires.tzinfo else expires.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            expires = now + _LASTS
        # No session lasts longer, nor does one end before it began.
        expires = min(max(expires, now), now + _LASTS)
        return Credentials(told["AccessKeyId"], told["SecretAccessKey"], told["SessionToken"], expires, of_session=True)
