"""`FetchCache`: the directory that keeps fetched changes of a bucket until they are applied."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buckia_core.adapters.transfers.hashing import FileChanged, hash_file
from buckia_core.config.trust.bounded_read import read_bytes
from buckia_core.config.trust.consent import is_trusted
from buckia_core.config.trust.ownership import untrusted_reason
from buckia_core.errors import ConfigError
from buckia_core.localfs.create_directories import make_directories
from buckia_core.planning.digest import Comparison, compare, format_digests, parse_digests
from buckia_core.planning.manifest import RemoteObject

ALGORITHM = "sha256"
"""Algorithm of the digest that each content has."""

_RECORD, _PART = ".json", ".part"
_LIMIT = 1 << 63
"""SQLite keeps smaller numbers only."""


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

    Args:
        directory: The directory, which is created if it is missing.
        check_owner: Refuse a directory that other users may write, because what is in it is applied. Not needed in a
            directory that is checked already, such as that of the state.
    """

    def __init__(self, directory: Path, *, check_owner: bool = False) -> None:
        self.directory = directory
        self._check_owner = check_owner

    def add(self, change: FetchedChange, write: Callable[[Path], RemoteObject]) -> None:
        """Add a change, and replace an earlier one of the key.

        `write` downloads the content to the given path, and returns the object to record, with the SHA-256 of it.

        Raises:
            ConfigError: As `changes`.
        """
        make_directories(self.directory, 0o700)
        self._refuse_untrusted()
        self.remove(change.key)
        content, remote = self.content(change.key), change.remote
        if remote is not None:
            part = Path(f"{content}{_PART}")
            part.touch(0o600)
            try:
                remote = write(part)
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
        """Return all changes, in order of their keys. A record that can't be read is left out, and fetched again.

        The directory may come with a checkout, so links in it are not followed, and pipes are not opened.

        Raises:
            ConfigError: Other users may write the directory.
        """
        self._refuse_untrusted()
        found = []
        for path in self.directory.glob(f"*{_RECORD}"):
            with suppress(OSError, ConfigError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
                if not stat.S_ISREG(path.lstat().st_mode):
                    continue
                change = _parse(json.loads(read_bytes(path).decode("ascii")))
                content = self.content(change.key)
                if f"{content}{_RECORD}" != str(path):
                    continue
                if change.remote is None or _is_regular(content, change.remote.size):
                    found.append(change)
        return sorted(found, key=lambda each: each.key)

    def is_intact(self, change: FetchedChange) -> bool:
        """Tell whether the content of a change is what was fetched. Reads all of it."""
        if change.remote is None:
            return True
        try:
            digests, _ = hash_file(str(self.content(change.key)), (ALGORITHM,))
        except (FileChanged, OSError):
            return False
        return compare(digests, change.remote.digests) is Comparison.SAME

    def content(self, key: str) -> Path:
        """Return the path of the content of a key."""
        return self.directory / hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:40]

    def remove(self, key: str) -> None:
        """Remove a change, if there is one."""
        content = self.content(key)
        Path(f"{content}{_RECORD}").unlink(missing_ok=True)
        content.unlink(missing_ok=True)

    def _refuse_untrusted(self) -> None:
        if not self._check_owner:
            return
        try:
            problem = untrusted_reason(str(self.directory), check_directory=True)
        except FileNotFoundError:
            return
        if problem is not None and not is_trusted(self.directory):
            raise ConfigError(
                f"{self.directory}: it {problem}, so Buckia does not use it: what is in it replaces your files. Set "
                "`cache` to a directory that only you can write, or remove this one"
            )


def _is_regular(path: Path, size: int) -> bool:
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_size == size


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
    # Raises an error for half a surrogate pair.
    f"{key}{base}{record.get('fingerprint', '')}".encode()
    if record["deleted"] is True:
        return FetchedChange(key, base, None)
    mtime_ns, digests = record["mtime_ns"], parse_digests(str(record["digests"]))
    if all(each.algorithm != ALGORITHM for each in digests):
        raise ValueError("the content could not be verified")
    if not all(abs(int(each or 0)) < _LIMIT for each in (record["modified_ns"], mtime_ns)):
        raise ValueError("a time that no state can keep")
    remote = RemoteObject(
        key,
        int(record["size"]),
        str(record["fingerprint"]),
        int(record["modified_ns"]),
        None if mtime_ns is None else int(mtime_ns),
        digests,
        metadata={},
    )
    return FetchedChange(key, base, remote)
