"""How a new version comes to be, whichever call makes it: by an upload, a copy, or the start of a large file."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from .accounts import Account
from .buckets import Bucket
from .encryption import Encryption
from .errors import Refused, no_file_lock
from .keys import Key
from .names import check_file_name, checked_file_info
from .params import Params
from .retention import (
    LegalHold,
    Retention,
    legal_hold_from,
    legal_hold_from_headers,
    retention_from_headers,
    retention_from_json,
)
from .versions import FileVersion

_AUTOMATIC: Final = "b2/x-auto"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client says about a file that it makes, beside its bytes."""

    name: str
    content_type: str
    info: Mapping[str, Any] = field(default_factory=dict)
    encryption: Encryption | None = None
    retention: Retention | None = None
    legal_hold: LegalHold | None = None
    timestamp: int | None = None
    """A custom upload timestamp, in milliseconds since 1970."""

    @classmethod
    def from_params(cls, params: Params, now: int, *, encryption_field: str = "serverSideEncryption") -> Wanted:
        """Read the JSON of a call."""
        timestamp = params.number_or_none("customUploadTimestamp")
        if timestamp is None:
            timestamp = params.number_or_none("custom_upload_timestamp")  # as b2sdk writes it (PROVIDERS 2.3)
        return cls(
            name=params.text("fileName"),
            content_type=params.text_or_none("contentType") or _AUTOMATIC,
            info=params.mapping("fileInfo") or {},
            encryption=Encryption.from_json(params.mapping(encryption_field)),
            retention=retention_from_json(params.mapping("fileRetention"), now),
            legal_hold=legal_hold_from(params.text_or_none("legalHold")),
            timestamp=timestamp,
        )

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], name: str, info: Mapping[str, str], now: int) -> Wanted:
        """Read the headers of an upload."""
        custom = headers.get("X-Bz-Custom-Upload-Timestamp")
        if custom is not None and not custom.isdigit():
            raise Refused(400, "custom_timestamp_invalid", f"not a timestamp: {custom}")
        return cls(
            name=name,
            content_type=headers.get("Content-Type") or _AUTOMATIC,
            info=info,
            encryption=Encryption.from_headers(headers),
            retention=retention_from_headers(headers, now),
            legal_hold=legal_hold_from_headers(headers),
            timestamp=int(custom) if custom is not None else None,
        )


def new_version(
    account: Account, bucket: Bucket, key: Key, wanted: Wanted, action: Literal["upload", "start"]
) -> FileVersion:
    """Return a version without bytes that is not in the bucket yet. Refused where something about it is wrong."""
    check_file_name(wanted.name)
    encryption = wanted.encryption or bucket.encryption
    if wanted.retention is not None or wanted.legal_hold is not None:
        # In this order: the `b2` tool's tests get 401 of a key without the capability also where there is no lock.
        for given, capability in (
            (wanted.retention, "writeFileRetentions"),
            (wanted.legal_hold, "writeFileLegalHolds"),
        ):
            if given is not None:
                key.demand(capability)
        if not bucket.file_lock:
            raise no_file_lock()
    info = checked_file_info(wanted.info, locked_or_encrypted=bucket.file_lock or encryption.mode != "none")
    timestamp = account.next_timestamp()
    if wanted.timestamp is not None and wanted.timestamp > timestamp:
        raise Refused(400, "custom_timestamp_invalid", "the custom upload timestamp is in the future")
    timestamp = timestamp if wanted.timestamp is None else wanted.timestamp
    file_id, sequence = account.next_id(bucket.bucket_id, timestamp)
    retention = wanted.retention
    if retention is None and bucket.retention is not None:
        retention = bucket.retention.from_now(account.now())
    return FileVersion(
        bucket.bucket_id,
        file_id,
        wanted.name,
        action,
        timestamp,
        sequence,
        content_type=content_type(wanted.content_type, wanted.name),
        info=info,
        encryption=encryption,
        retention=retention,
        legal_hold=wanted.legal_hold,
    )


def keep(account: Account, bucket: Bucket, version: FileVersion) -> None:
    """Put a version into its bucket. Refused where it is more than may be stored."""
    account.check_storage(len(version.data))
    account.bytes_stored += len(version.data)
    account.files[version.file_id] = version
    bucket.versions.add(version)


def content_type(given: str, name: str) -> str:
    """Return the type that a file gets; `b2/x-auto` means by its name (docs, "Content types")."""
    if given != _AUTOMATIC:
        return given
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
