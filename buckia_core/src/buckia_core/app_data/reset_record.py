"""Record of the last reset of an app's data, by which `undo_reset` finds what the reset moved to the trash."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from buckia_core.localfs.replace import replace_file
from buckia_core.syncing.disk.trash_records import Trashed


@dataclass(frozen=True, slots=True)
class ResetRecord:
    """The last reset.

    Attributes:
        user: The user whose data were reset.
        started: Time of its start, in UTC. Of a reset that is repeated because it did not end, that of the first one.
        ended: Time of its end, in UTC; `None` if it did not end.
        chosen: Ids of the items of the trash that an undo brings back, once that has begun; else `None`.
    """

    user: str
    started: datetime
    ended: datetime | None = None
    chosen: tuple[str, ...] | None = None

    def covers(self, item: Trashed) -> bool:
        """Tell whether the reset moved an item to the trash."""
        is_before_end = self.ended is None or item.when <= self.ended
        return item.key.startswith(f"{self.user}/") and self.started <= item.when and is_before_end


def read_record(path: Path) -> ResetRecord | None:
    """Return the record of the last reset; `None` if there is none that can be read."""
    try:
        given: Any = json.loads(path.read_text("utf-8"))
        chosen = given["chosen"]
        if not isinstance(chosen, list | None):
            return None
        return ResetRecord(
            str(given["user"]),
            datetime.fromisoformat(given["started"]).astimezone(UTC),
            None if given["ended"] is None else datetime.fromisoformat(given["ended"]).astimezone(UTC),
            None if chosen is None else tuple(map(str, chosen)),
        )
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def write_record(path: Path, record: ResetRecord) -> None:
    """Write the record of the last reset, atomically."""
    fields = asdict(record) | {
        "started": record.started.isoformat(),
        "ended": None if record.ended is None else record.ended.isoformat(),
    }
    replace_file(path, json.dumps(fields).encode())


def begin_reset(path: Path, user: str) -> None:
    """Record the start of a reset. One of the same user that did not end goes on."""
    former = read_record(path)
    if former is None or former.user != user or former.ended is not None or former.chosen is not None:
        write_record(path, ResetRecord(user, datetime.now(UTC)))


def end_reset(path: Path) -> None:
    """Record the end of a reset."""
    if (record := read_record(path)) is not None:
        write_record(path, replace(record, ended=datetime.now(UTC)))
