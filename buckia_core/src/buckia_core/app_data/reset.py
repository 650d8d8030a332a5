"""Reset of an app's data on this machine: everything goes to the trash, and the database becomes that of the demo."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from buckia_core.app_data.reset_record import begin_reset
from buckia_core.config import BucketConfig
from buckia_core.errors import CorruptDatabase, Transient
from buckia_core.localfs.directory import Tree
from buckia_core.localfs.durability import fsync_directory
from buckia_core.localfs.sqlite_files import content_mark, side_files
from buckia_core.localfs.sqlite_snapshot import (
    has_same_content,
    is_open_elsewhere,
    replace_content,
    require_replaceable,
    snapshot,
    take_snapshot,
)
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import PathMapping, accept_all
from buckia_core.planning.scope import Scope
from buckia_core.syncing.disk.database import move_side_files, remove_database
from buckia_core.syncing.disk.file_locator import FileLocation, FileLocator
from buckia_core.syncing.disk.trash import Trash
from buckia_core.syncing.events import SyncResult
from buckia_core.syncing.scan.local import LocalScan
from buckia_core.syncing.scan.mappings import RunOverrides, build_mappings
from buckia_core.syncing.state.locations import StateFiles, prepare_state_dir
from buckia_core.syncing.state.lock import RunLock
from buckia_core.syncing.state.migration import open_state

REASON = "reset of the app's data"

_MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class ResetResult:
    """Result of a reset.

    Attributes:
        files: Keys of the files that were moved to the trash.
        database: Path of the database, which has the content of the demo's.
        sync: The run that deleted the user's objects; `None` if the bucket was left as it is.
    """

    files: tuple[str, ...]
    database: Path
    sync: SyncResult | None = None

    def with_sync(self, sync: SyncResult) -> ResetResult:
        """Return the result with a run."""
        return replace(self, sync=sync)


def reset_locally(
    config: BucketConfig,
    files: StateFiles,
    trash: Trash,
    database: Path,
    demo: Path,
    database_key: str,
    *,
    forget: bool,
) -> ResetResult:
    """Replace the database by that of the demo, then move the user's files to the trash.

    `forget` removes the files from the baseline, so that the next sync does not delete their objects.

    Raises:
        FileNotFoundError: The demo has no database.
        CorruptDatabase, Transient: The database can't be replaced. The files are where they were.
        LockHeld: A sync is running.
    """
    if not demo.is_file():
        raise FileNotFoundError(2, "the demo has no database here; run `buckia app update-demo` first", str(demo))
    prepare_state_dir(files.directory)
    with RunLock(files.lock):
        begin_reset(files.reset, config.app.user if config.app and config.app.user else "")
        with snapshot(str(demo)) as new:
            install_database(new, database, trash, database_key, REASON)
        moved = _move_files(config, trash)
        if forget and moved:
            state = open_state(files)
            try:
                state.commit(deletes=moved)
            finally:
                state.close()
    return ResetResult(tuple(moved), database)


def add_snapshot_to_trash(trash: Trash, database: Path, key: str, reason: str) -> None:
    """Add a snapshot of a database to the trash; raises as `snapshot`."""
    with snapshot(str(database), database.name) as path:
        _add_to_trash(trash, path, database, key, reason)


def _add_to_trash(trash: Trash, path: Path, database: Path, key: str, reason: str) -> None:
    with Tree(str(path.parent)) as copies, Tree(str(database.parent)) as tree:
        original = FileLocation(tree.root, database.name)
        trash.add(FileLocation(copies.root, path.name), key, reason, keep_source=True, original=original)


def install_database(new: Path, database: Path, trash: Trash, key: str, reason: str) -> None:
    """Give a database the content of a snapshot; its former content goes to the trash, unless it is the same.

    Programs may have the database open. A process that is killed leaves the old or the new content.

    Raises:
        CorruptDatabase, Transient: It can't be replaced, and is as it was.
    """
    if database.exists():
        try:
            _replace_unchanged(new, database, trash, key, reason)
        except CorruptDatabase:
            _move_damaged(database, trash, key, reason)
        else:
            return
    else:
        with Tree(str(database.parent)) as tree:
            move_side_files(
                FileLocation(tree.root, database.name),
                lambda file: trash.add(file, key, reason, keep_source=False),
            )
    # Under a temporary name first, so that a process that is killed leaves no half of it.
    staged = database.with_name(f"{TEMP_PREFIX}{os.getpid()}-{database.name}"[:200])
    try:
        take_snapshot(str(new), staged)
        with open(staged, "r+b") as file:
            os.fsync(file.fileno())
        os.replace(staged, database)
        fsync_directory(str(database.parent))
    finally:
        staged.unlink(missing_ok=True)


def _replace_unchanged(new: Path, database: Path, trash: Trash, key: str, reason: str) -> None:
    """Add a snapshot to the trash and replace the database; again, if something was committed in between."""
    require_replaceable(str(new), str(database))
    with Tree(str(database.parent)) as tree:
        for _ in range(_MAX_ATTEMPTS):
            mark = content_mark(tree.root, database.name)
            with snapshot(str(database), database.name) as former:
                if has_same_content(former, new):
                    return
                _add_to_trash(trash, former, database, key, reason)
            if replace_content(str(new), str(database), lambda: content_mark(tree.root, database.name) == mark):  # noqa: B023
                return
    raise Transient(f"another program keeps writing to the database: {database}")


def _move_damaged(database: Path, trash: Trash, key: str, reason: str) -> None:
    if is_open_elsewhere(str(database)):
        raise Transient(f"the database is damaged, and open in another program; close that first: {database}")
    with Tree(str(database.parent)) as tree:
        for name in (*side_files(tree.root, database.name), database.name):
            trash.add(FileLocation(tree.root, name), key, reason, keep_source=False)


def user_mapping(config: BucketConfig) -> PathMapping:
    """Return the mapping of the user's folder, with all files in it."""
    app = config.app
    assert app is not None and app.user_rule is not None
    mappings = build_mappings(config, RunOverrides())
    mapping = next(each for each in mappings if not each.is_file and each.remote == app.user_rule.remote)
    return mapping._replace(path_filter=accept_all)


def _move_files(config: BucketConfig, trash: Trash) -> list[str]:
    """Move all files of the user's folder to the trash, and return their keys."""
    mapping = user_mapping(config)
    moved = []
    with FileLocator({}) as locator:
        for entry in list(LocalScan([mapping], Scope(), False, None).entries()):
            location = locator.locate(entry.key, mapping)
            if location is not None:
                _move_file(location, entry, trash)
                locator.prune_parents(entry.key, mapping)
                moved.append(entry.key)
    return moved


def _move_file(location: FileLocation, entry: LocalEntry, trash: Trash) -> None:
    if not entry.snapshot:
        trash.add(location, entry.key, REASON, keep_source=False)
        return

    def preserve(file: FileLocation) -> None:
        trash.add(file, entry.key, REASON, keep_source=True, original=location)

    if not remove_database(location, entry, preserve):
        raise Transient(f"another program writes to the database: {location.path}")
