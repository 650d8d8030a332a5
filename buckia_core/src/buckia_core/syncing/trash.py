"""The local trash: what a sync replaces or deletes is kept here until a person empties it.

Each thing is two files in one directory: `<id>` holds the bytes, `<id>.json` says what they were. The names
do not follow the key, which may be longer or stranger than the disk allows.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from buckia_core.errors import BuckiaError
from buckia_core.planning.keys import TEMPORARY

_PART = ".part"
"""How the name of a thing ends while it is fetched."""

_STALE = timedelta(days=1)
"""A part that nobody wrote to for so long was left by a run that died."""


@dataclass(frozen=True, slots=True)
class Trashed:
    """One thing in the trash.

    Attributes:
        id: Its name in the trash.
        key: The key it had.
        path: The local path it had, or would have had.
        size: Bytes.
        when: When it was put here, in UTC.
        why: What replaced or deleted it.
    """

    id: str
    key: str
    path: str
    size: int
    when: datetime
    why: str


class NotInTrash(BuckiaError):
    """The trash has nothing of that id."""


class Trash:
    """The trash of one bucket. May be used from many threads and processes at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, path: str, key: str, why: str, *, leave: bool) -> str:
        """Put a file into the trash, and return its id.

        Args:
            path: The file.
            key: Its key.
            why: What replaces or deletes it.
            leave: The file also stays where it is (it is about to be replaced); else it is moved.
        """
        target = self._new(key, path, os.path.getsize(path), why)
        try:
            if leave:
                link_or_copy(path, target)
            else:
                _move(path, target)
        except BaseException:
            self._record(target.name).unlink(missing_ok=True)
            raise
        return target.name

    def fetch(self, key: str, path: str, size: int, why: str, write: Callable[[Path], object]) -> str:
        """Put something into the trash that is not a local file: `write` is given the path to write it to."""
        target = self._new(key, path, size, why)
        part = target.with_name(target.name + _PART)
        try:
            write(part)
            with open(part, "rb+") as file:
                os.fsync(file.fileno())
            # A killed run must not leave a part of it under the name that `list` shows and `restore` takes.
            os.replace(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            self._record(target.name).unlink(missing_ok=True)
            raise
        return target.name

    def list(self) -> list[Trashed]:
        """Return what is in the trash, oldest first."""
        if not self._directory.is_dir():
            return []
        found = (self._read(path) for path in sorted(self._directory.glob("*.json")))
        return [trashed for trashed in found if trashed]

    def restore(self, id: str, to: Path | None = None) -> Path:
        """Move a thing back to where it was, or to another path, and return that path. Nothing is overwritten.

        Raises:
            NotInTrash: There is nothing of that id.
            FileExistsError: Something is at the path.
        """
        trashed = self._read(self._record(id))
        if trashed is None:
            raise NotInTrash(f"nothing with the id {id!r} is in the trash; `buckia trash list` shows what is")
        target = to or Path(trashed.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(str(self._directory / id), target)
        self._forget(id)
        return target

    def empty(self, older_than: timedelta | None = None) -> tuple[int, int]:
        """Delete what is in the trash for good, or only what is older; return how many things and bytes that were."""
        now = datetime.now(UTC)
        doomed = [each for each in self.list() if older_than is None or now - each.when > older_than]
        for each in doomed:
            self._forget(each.id)
        self._sweep(now - _STALE)
        return len(doomed), sum(each.size for each in doomed)

    def _new(self, key: str, path: str, size: int, why: str) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        trashed = Trashed(name, key, path, size, now, why)
        # The record comes first: bytes without a record could not be found again, a record without bytes is ignored.
        record = json.dumps(asdict(trashed) | {"when": now.isoformat()}, ensure_ascii=True)
        self._record(name).write_text(record, encoding="ascii")
        return self._directory / name

    def _record(self, id: str) -> Path:
        return self._directory / f"{os.path.basename(id)}.json"

    def _read(self, record: Path) -> Trashed | None:
        try:
            fields = json.loads(record.read_text(encoding="ascii"))
            if not (self._directory / fields["id"]).exists():
                return None
            return Trashed(**fields | {"when": datetime.fromisoformat(fields["when"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _sweep(self, before: datetime) -> None:
        """Remove what runs that died were fetching."""
        for part in self._directory.glob(f"*{_PART}"):
            with suppress(OSError):
                if part.stat().st_mtime < before.timestamp():
                    part.unlink()
                    self._record(part.name.removesuffix(_PART)).unlink(missing_ok=True)

    def _forget(self, id: str) -> None:
        (self._directory / id).unlink(missing_ok=True)
        self._record(id).unlink(missing_ok=True)


def link_or_copy(path: str, target: Path) -> None:
    """Give a file a second name, or a copy where the disk can't do that. `target` must not exist.

    Raises:
        FileExistsError: It does.
    """
    try:
        os.link(path, target)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        if target.exists():
            raise FileExistsError(f"{target} exists") from None
        aside = target.with_name(f"{TEMPORARY}{uuid.uuid4().hex[:12]}")
        try:
            with open(path, "rb") as source, open(aside, "xb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
                copy.flush()
                os.fsync(copy.fileno())
            shutil.copystat(path, aside)
            os.replace(aside, target)
        finally:
            aside.unlink(missing_ok=True)


def _move(path: str, target: Path) -> None:
    try:
        os.rename(path, target)
    except OSError:
        link_or_copy(path, target)
        os.unlink(path)
