"""Object lock: until when a version cannot be deleted, and who may say so (docs, "Object Lock"; b2sdk `file_lock`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from .errors import Refused, bad_request

DAY: Final = 86_400_000
_MODE_HEADER: Final = "X-Bz-File-Retention-Mode"
_UNTIL_HEADER: Final = "X-Bz-File-Retention-Retain-Until-Timestamp"
_HOLD_HEADER: Final = "X-Bz-File-Legal-Hold"

LegalHold = Literal["on", "off"]


@dataclass(frozen=True, slots=True)
class Retention:
    """A version's retention; times in milliseconds since 1970."""

    mode: Literal["governance", "compliance"]
    until: int

    def as_json(self) -> dict[str, Any]:
        """Return the value that files show."""
        return {"mode": self.mode, "retainUntilTimestamp": self.until}


@dataclass(frozen=True, slots=True)
class DefaultRetention:
    """What a bucket gives to each new file that says nothing itself."""

    mode: Literal["governance", "compliance"]
    duration: int
    unit: Literal["days", "years"]

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> DefaultRetention | None:
        """Read `defaultRetention`; None where it says that there is none."""
        mode, period = fields.get("mode"), fields.get("period") or {}
        if mode in {None, "none"}:
            return None
        duration, unit = period.get("duration"), period.get("unit")
        if mode not in {"governance", "compliance"} or unit not in {"days", "years"} or not isinstance(duration, int):
            raise bad_request("invalid default retention")
        return cls(mode, duration, unit)

    def as_json(self) -> dict[str, Any]:
        """Return the value that buckets show."""
        return {"mode": self.mode, "period": {"duration": self.duration, "unit": self.unit}}

    def from_now(self, now: int) -> Retention:
        """Return the retention of a file uploaded at `now`."""
        return Retention(self.mode, now + self.duration * (DAY if self.unit == "days" else 365 * DAY))


def retention_from_json(fields: Mapping[str, Any] | None, now: int) -> Retention | None:
    """Read `fileRetention` of a request; None where there is none."""
    if not fields or fields.get("mode") in {None, "none"}:
        return None
    mode, until = fields["mode"], fields.get("retainUntilTimestamp")
    if mode not in {"governance", "compliance"} or not isinstance(until, int):
        raise bad_request("invalid file retention")
    if until <= now:
        raise Refused(400, "retain_until_timestamp_must_be_in_future", "The retainUntilTimestamp must be in future")
    return Retention(mode, until)


def retention_from_headers(headers: Mapping[str, str], now: int) -> Retention | None:
    """Read the retention of an upload; None where there is none."""
    if _MODE_HEADER not in headers:
        return None
    until = headers.get(_UNTIL_HEADER, "")
    fields = {"mode": headers[_MODE_HEADER], "retainUntilTimestamp": int(until) if until.isdigit() else None}
    return retention_from_json(fields, now)


def legal_hold_from(value: object) -> LegalHold | None:
    """Read a legal hold; None where there is none."""
    match value:
        case None | "on" | "off":
            return value
        case _:
            raise bad_request(f"invalid legal hold: {value}")


def legal_hold_from_headers(headers: Mapping[str, str]) -> LegalHold | None:
    """Read the legal hold of an upload; None where there is none."""
    return legal_hold_from(headers.get(_HOLD_HEADER))


def lock_headers(retention: Retention | None, hold: LegalHold | None) -> dict[str, str]:
    """Return what downloads show of a lock."""
    shown: dict[str, str] = {_HOLD_HEADER: hold} if hold is not None else {}
    if retention is not None:
        shown |= {_MODE_HEADER: retention.mode, _UNTIL_HEADER: str(retention.until)}
    return shown
