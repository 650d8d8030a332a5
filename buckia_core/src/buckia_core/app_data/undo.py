"""Undo of the last reset: the user's files and the database come back from the trash."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from buckia_core.app_data.reset import install_database, user_mapping
from buckia_core.app_data.reset_record import ResetRecord, read_record, write_record
from buckia_core.config import BucketConfig
from buckia_core.errors import BuckiaError
from buckia_core.localfs.files import exists
from buckia_core.localfs.sqlite_snapshot import find_damage, is_sqlite, snapshot
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.disk.trash import NotRestored, Trash
from buckia_core.syncing.disk.trash_records import Trashed
from buckia_core.syncing.state.locations import StateFiles, prepare_state_dir
from buckia_core.syncing.state.lock import RunLock

REASON = "a reset was undone"


@dataclass(frozen=True, slots=True)
class UndoResult:
    """Result of the undo of a reset.

    Attributes:
        restored: The items of the trash whose content is here again; in a dry run, those that would be.
        failures: Why others could not be restored, by their former path. They are in the trash.
    """

    restored: tuple[Trashed, ...]
    failures: Mapping[str, str]

    def raise_for_failures(self) -> None:
        """Raise if something could not be restored.

        Raises:
            NotRestored: With all reasons.
        """
        if self.failures:
            raise NotRestored("; ".join(self.failures.values()))


def undo_reset(
    config: BucketConfig, files: StateFiles, trash: Trash, database: Path | None, *, dry_run: bool = False
) -> UndoResult:
    """Bring back from the trash what the last reset moved there.

    Of each path, the first content that the reset moved to the trash comes back: that of this machine, or that of the
    bucket where this machine had none. What is there now goes to the trash. The content of the database stays in the
    trash, too. If something fails, a repeat brings back the rest.

    Raises:
        NotRestored: There was no reset, or it was that of another user.
        LockHeld: A sync is running.
    """
    user = config.app.user if config.app is not None else None
    record = read_record(files.reset)
    if record is None:
        raise NotRestored("there is no reset to undo here; it can be undone only where it was called")
    if record.user != user:
        raise NotRestored(f"the last reset was that of the user {record.user!r}; set `user` to it to undo that")
    if dry_run:
        return UndoResult(tuple(_choose(trash, record, database)), {})
    prepare_state_dir(files.directory)
    with RunLock(files.lock):
        chosen = _choose(trash, record, database)
        write_record(files.reset, replace(record, chosen=tuple(each.id for each in chosen)))
        restored, failures = [], {}
        for each in chosen:
            try:
                if database is not None and _is_at(each, database):
                    with snapshot(str(trash.content(each.id))) as former:
                        install_database(former, database, trash, each.key, REASON)
                else:
                    _restore_file(each, trash, user_mapping(config))
            except (OSError, BuckiaError) as error:
                failures[each.path] = str(error)
            else:
                restored.append(each)
        if not failures:
            files.reset.unlink(missing_ok=True)
    return UndoResult(tuple(restored), failures)


def _choose(trash: Trash, record: ResetRecord, database: Path | None) -> list[Trashed]:
    """Return the item of each path to bring back, oldest first."""
    items = trash.list()
    if record.chosen is not None:
        return [each for each in items if each.id in record.chosen]
    found: dict[str, Trashed] = {}
    for each in items:
        if not record.covers(each):
            continue
        if database is not None and _is_at(each, database) and not _is_sound(trash.content(each.id)):
            # A side file, or damaged.
            continue
        found.setdefault(os.path.normpath(each.path), each)
    return list(found.values())


def _is_at(item: Trashed, database: Path) -> bool:
    return os.path.normpath(item.path) == os.path.normpath(database)


def _is_sound(path: Path) -> bool:
    return is_sqlite(str(path), immutable=True) and find_damage(str(path)) is None


def _restore_file(item: Trashed, trash: Trash, mapping: PathMapping) -> None:
    with FileLocator({}) as locator:
        location = locator.locate(item.key, mapping)
        if location is not None and exists(location.directory, location.name) and not location.is_directory:
            content = trash.content(item.id)
            if filecmp.cmp(location.path, content, shallow=False):
                return
            if is_sqlite(location.path, immutable=True):
                if not is_sqlite(str(content), immutable=True):
                    raise NotRestored(f"{location.path} is a database now; move it away to restore the former file")
                with snapshot(str(content)) as former:
                    install_database(former, Path(location.path), trash, item.key, REASON)
                return
            trash.add(location, item.key, REASON, keep_source=False)
    trash.restore(item.id, excluded=True)
