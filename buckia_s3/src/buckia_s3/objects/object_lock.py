"""What an upload is locked with, by the settings."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

LOCK_MODE = "x-amz-object-lock-mode"
RETAIN_UNTIL = "x-amz-object-lock-retain-until-date"
LEGAL_HOLD = "x-amz-object-lock-legal-hold"

CONTENT_MD5 = "Content-MD5"
"""AWS wants it with what is written to be locked."""


class LockMode(StrEnum):
    """Who may end a retention before its time: whoever has a special permission, or nobody at all."""

    GOVERNANCE = "GOVERNANCE"
    COMPLIANCE = "COMPLIANCE"


def check_locks(mode: LockMode | None, days: int | None) -> None:
    """See whether settings of object lock go together.

    Raises:
        ValueError: They don't.
    """
    if (mode is None) != (days is None):
        raise ValueError("object_lock_mode and object_lock_retain go together: give both, or neither")


def object_lock_headers(mode: LockMode | None, days: int | None, now: datetime, *, hold: bool) -> dict[str, str]:
    """Return the headers that lock what is uploaded, for so many days from now.

    The last day is a whole one, in UTC, so that an upload that is taken up again the same day is locked alike.
    """
    headers = {}
    if mode is not None and days is not None:
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        headers = {LOCK_MODE: mode.value, RETAIN_UNTIL: format_time(day + timedelta(days=days + 1))}
    if hold:
        headers[LEGAL_HOLD] = "ON"
    return headers


def content_md5(chunks: Iterable[bytes | memoryview]) -> str:
    """Return the value of `CONTENT_MD5` for what blocks hold."""
    digest = hashlib.md5(usedforsecurity=False)
    for block in chunks:
        digest.update(block)
    return b64encode(digest.digest()).decode()


def format_time(time: datetime) -> str:
    """Return a time as S3's requests have it, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
