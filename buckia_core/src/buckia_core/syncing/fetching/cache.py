"""`FetchCache`: the directory that keeps fetched changes of a bucket until they are applied."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buckia_core.planning.digest import format_digests, parse_digests
from buckia_core.planning.manifest import RemoteObject

_RECORD, _PART = ".json", ".part"


@dataclass(frozen=True, slots=True)
class FetchedChange:
    """A change of one object.

    Attributes:
        key: Its key.
        base: The fingerprint of the object in the baseline when it was fetched; empty if it was new.
        remote: The object; `None` if it was deleted.
    """

    key: str
    base: str
    remote: RemoteObject | None


class FetchCache:
    """A private directory with a record for each fetched change, and the content of the object.

    Names in it do not follow the key. A process that is killed leaves whole records only. Not for concurrent writers:
    hold the lock of the run.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def add(self, change: FetchedChange, write: Callable[[Path], RemoteObject]) -> None:
        """Add a change; `write` downloads the content to the given path. Replaces an earlier change of the key."""
        os.makedirs(self.directory, 0o700, exist_ok=True)
        self.remove(change.key)
        content, remote = self.content(change.key), change.remote
        if remote is not None:
            part = Path(f"{content}{_PART}")
            part.touch(0o600)
            try:
                write(part)
                os.replace(part, content)
            finally:
                part.unlink(missing_ok=True)
        record = {
            "key": change.key,
            "base": change.base,
            "deleted": remote is None,
            **({} if remote is None else _fields(remote)),
        }
        # The record comes last: content without a record is not found.
        part = Path(f"{content}{_RECORD}{_PART}")
        part.write_text(json.dumps(record), "ascii")
        os.replace(part, f"{content}{_RECORD}")

    def changes(self) -> list[FetchedChange]:
        """Return all changes, in order of their keys. A record that can't be read is left out, and fetched again."""
        found = []
        for path in self.directory.glob(f"*{_RECORD}"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                change = _parse(json.loads(path.read_text("ascii")))
                content = self.content(change.key)
                if f"{content}{_RECORD}" != str(path):
                    continue
                if change.remote is None or content.stat().st_size == change.remote.size:
                    found.append(change)
        return sorted(found, key=lambda each: each.key)

    def content(self, key: str) -> Path:
        """Return the path of the content of a key."""
        return self.directory / hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:40]

    def remove(self, key: str) -> None:
        """Remove a change, if there is one."""
        content = self.content(key)
        Path(f"{content}{_RECORD}").unlink(missing_ok=True)
        content.unlink(missing_ok=True)


def _fields(remote: RemoteObject) -> dict[str, object]:
    return {
        "size": remote.size,
        "fingerprint": remote.fingerprint,
        "modified_ns": remote.modified_ns,
        "mtime_ns": remote.mtime_ns,
        "digests": format_digests(remote.digests),
    }


def _parse(record: dict[str, Any]) -> FetchedChange:
    key, base = str(record["key"]), str(record["base"])
    if record["deleted"] is True:
        return FetchedChange(key, base, None)
    mtime_ns = record["mtime_ns"]
    remote = RemoteObject(
        key,
        int(record["size"]),
        str(record["fingerprint"]),
        int(record["modified_ns"]),
        None if mtime_ns is None else int(mtime_ns),
        parse_digests(str(record["digests"])),
        metadata={},
    )
    return FetchedChange(key, base, remote)
