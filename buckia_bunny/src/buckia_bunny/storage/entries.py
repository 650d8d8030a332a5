"""Entries: files and directories in the responses to listings and DESCRIBE."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject, time_to_ns

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_NO_METADATA: dict[str, str] = {}
_MAX_INT64 = (1 << 63) - 1


class Entry(NamedTuple):
    """File or directory.

    Attributes:
        name: Name within the directory.
        is_directory: Whether it is a directory.
        size: Bytes.
        sha256: SHA-256 of the content in lower-case hexadecimal; empty if the service does not report it.
        changed_ns: Last write in nanoseconds since 1970.
        guid: Id given by the service.
    """

    name: str
    is_directory: bool
    size: int
    sha256: str
    changed_ns: int
    guid: str

    def as_object(self, key: str) -> RemoteObject:
        """Convert a file into an object.

        The fingerprint contains the digest and the time of the last write in milliseconds. So every write changes it,
        and the digest shows whether the content changed.
        """
        stamp = self.changed_ns // 1_000_000
        return RemoteObject(
            key,
            self.size,
            f"{self.sha256}-{stamp}" if self.sha256 else f"{self.guid}-{self.size}-{stamp}",
            self.changed_ns,
            None,
            (Digest("sha256", self.sha256),) if self.sha256 else (),
            None,
            None,
            _NO_METADATA,
        )


def parse_listing(body: bytes) -> list[Entry]:
    """Parse the listing of a directory into unordered entries.

    Raises:
        ValueError: The listing is malformed.
    """
    # Converts each JSON object while parsing, since dicts of a large directory need much more memory.
    found = _parse_json(body)
    if not isinstance(found, list) or not all(isinstance(each, Entry) for each in found):
        raise ValueError("it is not a list of entries")
    return found


def parse_entry(body: bytes) -> Entry:
    """Parse the response to DESCRIBE.

    Raises:
        ValueError: The response is malformed.
    """
    found = _parse_json(body)
    if isinstance(found, Entry):
        return found
    raise ValueError("it is not an entry")


def _parse_json(body: bytes) -> object:
    try:
        return json.loads(body, object_hook=_parse_entry)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def parse_time_ns(text: str) -> int:
    """Parse a time of the service, which is UTC without saying so, into nanoseconds since 1970.

    Raises:
        ValueError: The time is malformed or out of range.
    """
    at = datetime.fromisoformat(text)
    since = time_to_ns(at.replace(tzinfo=at.tzinfo or UTC))
    if not 0 <= since <= _MAX_INT64:
        raise ValueError(f"{text!r} is out of range")
    return since


def _parse_entry(fields: dict[str, Any]) -> Entry:
    try:
        return _parse(fields)
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"an entry is malformed: {error!r}") from error


def _parse(fields: dict[str, Any]) -> Entry:
    name, is_directory, size = fields["ObjectName"], fields["IsDirectory"], fields["Length"]
    if type(name) is not str or type(is_directory) is not bool or type(size) is not int:
        raise TypeError(name)
    if not name.isascii():
        # Raises UnicodeEncodeError, a ValueError, for invalid Unicode.
        name.encode()
    if not name or "/" in name or not 0 <= size <= _MAX_INT64:
        raise ValueError(f"{name!r} is not a valid name, or {size} not a valid length")
    if is_directory:
        return Entry(name, is_directory, 0, "", 0, "")
    checksum, guid = fields.get("Checksum") or "", fields.get("Guid") or ""
    if type(checksum) is not str or type(guid) is not str:
        raise TypeError(name)
    sha256 = checksum.lower() if _SHA256.fullmatch(checksum) else ""
    if not sha256 and not guid:
        raise ValueError(f"{name!r} has neither a checksum nor a GUID")
    return Entry(name, is_directory, size, sha256, parse_time_ns(fields["LastChanged"]), guid)
