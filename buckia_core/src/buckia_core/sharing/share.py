"""`Share` and `SweepResult`: what the methods of `Shares` return."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from buckia_core.config.share_settings import ShareAccess
from buckia_core.errors import BuckiaError
from buckia_core.objects.urls import ObjectUrl
from buckia_core.sharing.record import ShareRecord, ShareState


@dataclass(frozen=True, slots=True)
class Share:
    """A shared object. Times are in UTC.

    Attributes:
        id: Id of the share.
        key: Key of the object.
        name: Name of the share.
        share_key: Key of the copy in the share bucket.
        access: Public or protected.
        size: Size in bytes.
        content_type: MIME type of the copy.
        created: When the object was shared first.
        renewed: When it was shared last.
        expires: When the share expires; `None` for never.
        state: `LIVE`, unless its copy or its removal was interrupted.
        expired: Whether it had expired when this value was made.
        url: Its URL; `None` if it is not live, has expired, or URLs were not asked for. A signed one does not show.
    """

    id: str
    key: str
    name: str
    share_key: str
    access: ShareAccess
    size: int
    content_type: str | None
    created: datetime
    renewed: datetime
    expires: datetime | None
    state: ShareState
    expired: bool
    url: ObjectUrl | None = None

    @classmethod
    def from_record(cls, record: ShareRecord, now: datetime, url: ObjectUrl | None = None) -> Share:
        """Return the share of a record."""
        return cls(
            id=record.id,
            key=record.key,
            name=record.name,
            share_key=record.share_key,
            access=record.access,
            size=record.size,
            content_type=record.content_type,
            created=record.created,
            renewed=record.renewed,
            expires=record.expires,
            state=record.state,
            expired=record.is_expired(now),
            url=url,
        )


@dataclass(frozen=True, slots=True)
class ShareFailure:
    """A share that could not be removed. Its record is kept.

    Attributes:
        share: The share.
        error: Why.
    """

    share: Share
    error: BuckiaError


@dataclass(frozen=True, slots=True)
class SweepResult:
    """Result of `Shares.sweep`.

    Attributes:
        removed: Shares that were removed.
        failed: Shares that could not be removed.
    """

    removed: tuple[Share, ...] = ()
    failed: tuple[ShareFailure, ...] = ()
