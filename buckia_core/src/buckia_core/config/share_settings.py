"""Setting `share`: the bucket that shared objects are copied to, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import Enum
from typing import Any

from buckia_core.config.values import InvalidValue, as_bool, as_enum, as_str, check_names, invalid_value

DEFAULT_TTL_DAYS = 7

MAX_PROTECTED_DAYS = 7
"""Longest life of a protected share: that of a signed URL."""

MAX_TTL_DAYS = 36_500


class ShareAccess(Enum):
    """Who can open a share.

    Attributes:
        PUBLIC: Everybody who has its URL, until the share is removed or swept.
        PROTECTED: Everybody who has its signed URL, until that expires: seven days at most.
    """

    PUBLIC = "public"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class ShareSettings:
    """The setting `share`.

    Attributes:
        bucket: Name of the share bucket in the same configuration file.
        access: Who can open a share.
        ttl_days: Days until a share expires, unless the call says otherwise; 0 for never.
        lifecycle: Tag shares, and let the provider delete them after they expire.
    """

    bucket: str
    access: ShareAccess = ShareAccess.PROTECTED
    ttl_days: int = DEFAULT_TTL_DAYS
    lifecycle: bool = False


_FIELDS = tuple(each.name for each in fields(ShareSettings))

SHARE_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "bucket": {"type": "string", "minLength": 1, "description": "Name of the share bucket in this file."},
        "access": {
            "enum": [each.value for each in ShareAccess],
            "default": "protected",
            "description": "`public`: URLs for everybody; `protected`: signed URLs.",
        },
        "ttl_days": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_TTL_DAYS,
            "default": DEFAULT_TTL_DAYS,
            "description": "Days until a share expires; 0 for never.",
        },
        "lifecycle": {
            "type": "boolean",
            "default": False,
            "description": "Tag shares, and let the provider delete them after they expire.",
        },
    },
    "required": ["bucket"],
    "additionalProperties": False,
}


def parse_share(value: object) -> ShareSettings:
    """Parse `share`: a mapping with the fields of `ShareSettings`.

    Raises:
        InvalidValue: A field is unknown, missing or invalid.
    """
    if isinstance(value, ShareSettings):
        return value
    if not isinstance(value, Mapping):
        raise invalid_value(value, f"a mapping of {', '.join(_FIELDS)}")
    given = {str(name): each for name, each in value.items() if each is not None}
    check_names(given, _FIELDS)
    bucket = as_str(given.get("bucket", ""), at=".bucket")
    if not bucket:
        raise InvalidValue("has no 'bucket', which names the share bucket in this file")
    access = as_enum(given.get("access", ShareAccess.PROTECTED), ShareAccess, at=".access")
    lifecycle = as_bool(given.get("lifecycle", False))
    days = given.get("ttl_days", DEFAULT_TTL_DAYS)
    if isinstance(days, str) and days.isascii() and days.isdecimal():
        days = int(days)
    problem = ttl_problem(days, access)
    if problem:
        raise invalid_value(days, problem, at=".ttl_days")
    return ShareSettings(bucket, access, int(days), lifecycle)


def ttl_problem(days: object, access: ShareAccess) -> str | None:
    """Return what a number of days must be instead; `None` if it is valid."""
    if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= MAX_TTL_DAYS:
        return f"a whole number of days from 0 to {MAX_TTL_DAYS}"
    if access is ShareAccess.PROTECTED and not 1 <= days <= MAX_PROTECTED_DAYS:
        return f"from 1 to {MAX_PROTECTED_DAYS}, since access is protected and signed URLs can't last longer"
    return None


def lifetime(days: int) -> timedelta | None:
    """Return the time until a share expires; `None` for never."""
    return timedelta(days=days) if days else None
