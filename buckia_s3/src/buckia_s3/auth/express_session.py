"""Sessions of directory buckets (S3 Express One Zone): temporary credentials from CreateSession."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from buckia_core.errors import Transient
from buckia_s3.auth.sigv4 import Credentials
from buckia_s3.xml.reader import element_text

CREATE_SESSION = (("session", ""),)
"""Query of CreateSession."""

SERVICE = "s3express"
"""Service name in signatures for directory buckets."""

_FIELDS = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")

_MAX_LIFETIME = timedelta(minutes=5)
_MARGIN = timedelta(minutes=1)


class ExpressSessions:
    """ExpressSessions: caches a session, and creates a new one before it expires."""

    def __init__(self, create_session: Callable[[], bytes], provider: str) -> None:
        """Create a cache. `create_session` sends the request and returns the response body."""
        self._create_session = create_session
        self._provider = provider
        self._lock = threading.Lock()
        self._current: Credentials | None = None

    def get(self) -> Credentials:
        """Return the credentials of the session.

        Raises:
            AdapterError: A session can't be created.
        """
        with self._lock:
            now = datetime.now(UTC)
            if self._current is None or (self._current.expires_at or now) - _MARGIN <= now:
                self._current = self._parse(self._create_session(), now)
            return self._current

    def _parse(self, body: bytes, now: datetime) -> Credentials:
        fields = {name: element_text(body, name).strip() for name in _FIELDS}
        if not fields["AccessKeyId"] or not fields["SecretAccessKey"] or not fields["SessionToken"]:
            raise Transient("creating a session: the response has no credentials", provider=self._provider)
        try:
            expires = datetime.fromisoformat(fields["Expiration"])
            expires = expires.astimezone(UTC) if expires.tzinfo else expires.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            expires = now + _MAX_LIFETIME
        # Clamp an implausible expiration.
        expires = min(max(expires, now), now + _MAX_LIFETIME)
        return Credentials(
            fields["AccessKeyId"], fields["SecretAccessKey"], fields["SessionToken"], expires, is_session=True
        )
