"""Object lock headers of uploads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

LOCK_MODE = "x-amz-object-lock-mode"
RETAIN_UNTIL = "x-amz-object-lock-retain-until-date"
LEGAL_HOLD = "x-amz-object-lock-legal-hold"


class LockMode(StrEnum):
    """Retention mode. GOVERNANCE can be ended early with a special permission, COMPLIANCE can't."""

    GOVERNANCE = "GOVERNANCE"
    COMPLIANCE = "COMPLIANCE"


def check_object_lock(mode: LockMode | None, days: int | datetime | None) -> None:
    """Check that the settings of object lock are consistent. `days` may be the end instead.

    Raises:
        ValueError: They are not.
    """
    if (mode is None) != (days is None):
        raise ValueError("object_lock_mode and object_lock_retain go together: give both, or neither")


def object_lock_headers(
    mode: LockMode | None, days: int | None, now: datetime, *, hold: bool, until: datetime | None = None
) -> dict[str, str]:
    """Return the headers that lock an upload for `days` days from now, or to `until`.

    Rounds up to the end of a day in UTC, so that an upload resumed on the same day has the same headers.
    """
    headers = {}
    if mode is not None and until is not None:
        headers = {LOCK_MODE: mode.value, RETAIN_UNTIL: format_utc(until)}
    elif mode is not None and days is not None:
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        headers = {LOCK_MODE: mode.value, RETAIN_UNTIL: format_utc(day + timedelta(days=days + 1))}
    if hold:
        headers[LEGAL_HOLD] = "ON"
    return headers


def format_utc(time: datetime) -> str:
    """Format a time for S3 requests, in UTC, with seconds."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
