"""Records of the trash: the origin of each item, in a JSON file beside its content.

Records are not trusted: they may come with a checkout, or from another user. An item's id is always its file name.
"""

from __future__ import annotations

import json
import os
import stat
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from buckia_core.localfs.directory import Directory
from buckia_core.localfs.files import NotAFile, open_file, write_all
from buckia_core.localfs.opening import CREATE_FLAGS

RECORD_SUFFIX = ".json"
"""Suffix of the record of an item, whose id comes before it."""

_MAX_RECORD_SIZE = 1 << 18
"""In bytes. A record has a key of 1,024 bytes and a path of 4,096, and JSON may need six characters per byte."""


@dataclass(frozen=True, slots=True)
class Trashed:
    """One item in the trash.

    Attributes:
        id: The name of the item.
        key: The key of the file or object; empty if the record is unreadable.
        path: Its local path, also of an object; empty if the record is unreadable.
        size: In bytes.
        when: Time of the replacement or deletion, in UTC.
        why: The reason for it.
    """

    id: str
    key: str
    path: str
    size: int
    when: datetime
    why: str


def write_record(trash: Directory, key: str, path: str, size: int, why: str) -> str:
    """Write the record of a new item, and return the id of the item."""
    now = datetime.now(UTC)
    name = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    trashed = Trashed(name, key, path, size, now, why)
    # The record comes first: content without a record could not be found, while a record without content is ignored.
    record = json.dumps(asdict(trashed) | {"when": now.isoformat()}, ensure_ascii=True)
    descriptor = trash.open(name + RECORD_SUFFIX, CREATE_FLAGS, 0o600)
    try:
        write_all(descriptor, record.encode("ascii"))
    finally:
        os.close(descriptor)
    return name


def read_item(trash: Directory, id: str) -> Trashed | None:
    """Return an item, with the fields of its record if that is valid; `None` if there is no such item.

    Raises:
        OSError: The content or the record can't be read now.
    """
    try:
        status = trash.stat(id)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    try:
        with open_file(trash, id + RECORD_SUFFIX) as file:
            fields = json.loads(file.read(_MAX_RECORD_SIZE + 1))
        key, path, why = (_require_str(fields[name]) for name in ("key", "path", "why"))
        when = datetime.fromisoformat(_require_str(fields["when"]))
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except FileNotFoundError:
        return None
    except (NotAFile, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        # The content exists, so the user must be able to restore it.
        when = datetime.fromtimestamp(max(0, min(status.st_ctime, 2**35)), UTC)
        return Trashed(id, "", "", status.st_size, when, "its record can't be read")
    return Trashed(id, key, path, status.st_size, when, why)


def _require_str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a string: {value!r}")
    return value
