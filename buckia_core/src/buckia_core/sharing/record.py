"""`ShareRecord`: what is known about a share. One small JSON object in the private bucket for each share.

Whoever can write to the private bucket can write records, so `decode` takes only those that Buckia could have written:
the id follows from what is shared, the key of the copy from the id and a nonce (see `names.share_key`), and sizes and
times can be shown and compared.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from buckia_core.config.share_settings import ShareAccess
from buckia_core.sharing.names import is_nonce, share_key

FORMAT = 1
"""Format of the JSON. Records of a later format are left alone."""

COPY_LIMIT = timedelta(days=1)
"""Time after which the process that copies an object is taken for dead."""

CLAIM_LIMIT = timedelta(minutes=15)
"""Time after which the process that removes a share is taken for dead."""

MAX_BYTES = 1 << 16
"""Largest record, in bytes."""

MAX_GENERATION = 999_999_999

_ID = re.compile(r"[0-9a-f]{24}-[1-9][0-9]{0,8}")
_MAX_SIZE = 1 << 63
_YEARS = range(1971, 3000)
"""Years that every system can show in local time."""

_INVALID = "it is not a record of a share, or one of a later version of Buckia"


class ShareState(Enum):
    """State of a share.

    Attributes:
        MAKING: Its object is being copied, or the copy was interrupted.
        LIVE: Its object is in the share bucket.
        REMOVING: Its object is being deleted, or could not be deleted.
    """

    MAKING = "making"
    LIVE = "live"
    REMOVING = "removing"


class InvalidRecord(ValueError):
    """The record of a share has content that this version of Buckia does not write."""


@dataclass(frozen=True, slots=True)
class ShareRecord:
    """Record of a share. Times are in UTC.

    Attributes:
        id: `<hash>-<generation>`: the hash is of what is shared, and the generation grows when it is shared anew while
            an earlier share of it is being removed.
        state: State.
        key: Key of the object in the private bucket.
        content: Digest of its content, or else the fingerprint of its version.
        size: Its size in bytes.
        name: Name of the share.
        share_key: Key of the copy in the share bucket. Never used again. Follows from `id` and `nonce`.
        nonce: Random text, which only the record has.
        share_bucket: Identity of the share bucket.
        access: Who can open it.
        headers: Headers that were given for the copy.
        content_type: MIME type of the copy.
        created: When it was shared first.
        renewed: When it was shared last.
        expires: When it expires; `None` for never.
        copying: Processes that copy the object, each with the time at which it started.
        claimed: When a process started to remove the share; `None` if none does.
        revision: Random text that differs in each version of the record.
    """

    id: str
    state: ShareState
    key: str
    content: str
    size: int
    name: str
    share_key: str
    nonce: str
    share_bucket: str
    access: ShareAccess
    created: datetime
    renewed: datetime
    expires: datetime | None
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    copying: Mapping[str, datetime] = field(default_factory=dict)
    claimed: datetime | None = None
    revision: str = ""

    def is_expired(self, now: datetime) -> bool:
        """Tell whether the share has expired."""
        return self.expires is not None and self.expires <= now

    def is_abandoned(self, now: datetime) -> bool:
        """Tell whether all processes that copied the object are taken for dead before it was complete."""
        return self.state is ShareState.MAKING and not self.active_copies(now)

    def active_copies(self, now: datetime) -> Mapping[str, datetime]:
        """Return the processes that may still copy the object."""
        # A time far ahead is none of a process, and would keep the share for good.
        return {name: began for name, began in self.copying.items() if abs(now - began) < COPY_LIMIT}

    def is_claimed(self, now: datetime) -> bool:
        """Tell whether another process may be removing the share."""
        return self.claimed is not None and abs(now - self.claimed) < CLAIM_LIMIT

    def changed(self, **changes: Any) -> ShareRecord:
        """Return a record with changes and a new revision."""
        return replace(self, **changes, revision=secrets.token_hex(8))


def share_hash(record_bucket: str, key: str, content: str, name: str, access: ShareAccess, headers: object) -> str:
    """Return the first part of an id: equal for the same object, content, name, access and headers."""
    parts = json.dumps([record_bucket, key, content, name, access.value, headers], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()[:24]


def is_share_id(text: str) -> bool:
    """Tell whether a text has the form of an id."""
    return _ID.fullmatch(text) is not None


def generation(share_id: str) -> int:
    """Return the generation in an id."""
    return int(share_id.rpartition("-")[2])


def encode(record: ShareRecord) -> bytes:
    """Return a record as JSON.

    Raises:
        InvalidRecord: It is larger than `MAX_BYTES`.
    """
    data = json.dumps({"format": FORMAT, **asdict(record)}, default=_plain, sort_keys=True, indent=1).encode()
    if len(data) > MAX_BYTES:
        raise InvalidRecord(f"the record of a share has {len(data)} bytes, and more than {MAX_BYTES}")
    return data


def decode(data: bytes) -> ShareRecord:
    """Read a record.

    Raises:
        InvalidRecord: It has another format, or is none that Buckia writes. The message does not show the content.
    """
    try:
        given = json.loads(data)
        version = given.pop("format")
        record = ShareRecord(
            **{
                **given,
                "state": ShareState(given["state"]),
                "access": ShareAccess(given["access"]),
                "created": _time(given["created"]),
                "renewed": _time(given["renewed"]),
                "expires": None if given["expires"] is None else _time(given["expires"]),
                "claimed": None if given["claimed"] is None else _time(given["claimed"]),
                "copying": {str(name): _time(began) for name, began in given["copying"].items()},
                "headers": {str(name): str(value) for name, value in given["headers"].items()},
            }
        )
        valid = version == FORMAT and _has_types(record) and _is_possible(record)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise InvalidRecord(_INVALID) from None
    if not valid:
        raise InvalidRecord(_INVALID)
    return record


def _has_types(record: ShareRecord) -> bool:
    texts = (record.id, record.key, record.content, record.name, record.nonce, record.share_bucket, record.revision)
    return (
        all(isinstance(each, str) and each for each in texts)
        and isinstance(record.content_type, str | None)
        and isinstance(record.size, int)
        and not isinstance(record.size, bool)
    )


def _is_possible(record: ShareRecord) -> bool:
    """Tell whether Buckia could have written a record."""
    # The hash covers the content type that was given, and the record has the one of the copy.
    hashes = {
        share_hash(
            record.share_bucket,
            record.key,
            record.content,
            record.name,
            record.access,
            {**record.headers, "content_type": given},
        )
        for given in (None, record.content_type)
    }
    for text in (record.key, record.name, record.share_bucket):
        # Raises an error for half a surrogate pair, which has no URL.
        text.encode()
    return (
        is_share_id(record.id)
        and record.id.partition("-")[0] in hashes
        and is_nonce(record.nonce)
        and record.share_key == share_key(record.id, record.nonce, record.key, record.name)
        and 0 <= record.size < _MAX_SIZE
        and (record.access is ShareAccess.PUBLIC or record.expires is not None)
    )


def _plain(value: object) -> str:
    match value:
        case Enum():
            return str(value.value)
        case datetime():
            return value.astimezone(UTC).isoformat()
    raise TypeError(value)


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None or time.year not in _YEARS:
        raise ValueError("a time without its zone, or of another age")
    return time.astimezone(UTC)
