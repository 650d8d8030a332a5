"""What listings and DESCRIBE show of a file or a directory, read into something small."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_NO_METADATA: dict[str, str] = {}
_LARGEST = (1 << 63) - 1


class Entry(NamedTuple):
    """One file or directory.

    Attributes:
        name: Its name in its directory.
        is_directory: It is a directory.
        size: Bytes.
        sha256: Of the content, in lower-case hexadecimal; empty where the service does not tell it.
        changed_ns: When it was written last; nanoseconds since 1970.
        guid: The service's own id of it.
    """

    name: str
    is_directory: bool
    size: int
    sha256: str
    changed_ns: int
    guid: str

    def as_object(self, key: str) -> RemoteObject:
        """Return the file as an object.

        The fingerprint has the content's digest and the time of the last write, in milliseconds. So it is equal for
        as long as nobody writes the file; a write of the same content changes it, and is seen by the digest to be one.
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


def read_listing(body: bytes) -> list[Entry]:
    """Return the entries of a directory's listing, in no order.

    Raises:
        ValueError: It is none.
    """
    # Each object becomes an entry as soon as it is read: mappings of a large directory would take much more room.
    found = _parsed(body)
    if not isinstance(found, list) or not all(isinstance(each, Entry) for each in found):
        raise ValueError("it is no list of entries")
    return found


def read_entry(body: bytes) -> Entry:
    """Return the entry that DESCRIBE answers.

    Raises:
        ValueError: It is none.
    """
    found = _parsed(body)
    if isinstance(found, Entry):
        return found
    raise ValueError("it is no entry")


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body, object_hook=_entry)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def time_ns(text: str) -> int:
    """Return a time as the service writes it, which is UTC and does not say so, in nanoseconds since 1970.

    Raises:
        ValueError: It is none.
    """
    at = datetime.fromisoformat(text)
    since = (at.replace(tzinfo=at.tzinfo or UTC) - _EPOCH) // _MICROSECOND * 1000
    if not 0 <= since <= _LARGEST:
        raise ValueError(f"{text!r} is before 1970, or too far away")
    return since


def _entry(shown: dict[str, Any]) -> Entry:
    try:
        return _read(shown)
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"an entry is not as expected: {error!r}") from error


def _read(shown: dict[str, Any]) -> Entry:
    name, is_directory, size = shown["ObjectName"], shown["IsDirectory"], shown["Length"]
    if type(name) is not str or type(is_directory) is not bool or type(size) is not int:
        raise TypeError(name)
    if not name.isascii():
        # Raises UnicodeEncodeError, a ValueError, of what is no text.
        name.encode()
    if not name or "/" in name or not 0 <= size <= _LARGEST:
        raise ValueError(f"{name!r} is the name of no entry, or its length {size} is none")
    if is_directory:
        return Entry(name, is_directory, 0, "", 0, "")
    checksum, guid = shown.get("Checksum") or "", shown.get("Guid") or ""
    if type(checksum) is not str or type(guid) is not str:
        raise TypeError(name)
    sha256 = checksum.lower() if _SHA256.fullmatch(checksum) else ""
    if not sha256 and not guid:
        raise ValueError(f"nothing tells one version of {name!r} from another")
    return Entry(name, is_directory, size, sha256, time_ns(shown["LastChanged"]), guid)
