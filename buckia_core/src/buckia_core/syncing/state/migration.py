"""Opens the state of a bucket, and migrates states of Buckia 0.6, which were named by the bucket's configured name."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.syncing.state import database_file
from buckia_core.syncing.state.database import StateDatabase, last_start
from buckia_core.syncing.state.errors import is_damage, raise_translated, state_error
from buckia_core.syncing.state.locations import StateFiles, check_state_dir, safe_file_names
from buckia_core.syncing.state.lock import RunLock
from buckia_core.syncing.state.resume_store import ResumeStore

_log = redacted_logger(__name__)

_SCHEMA = 1


class LegacyState(NamedTuple):
    """State database of Buckia 0.6. Sorts by age.

    Attributes:
        started: Start of its last run in ISO 8601; empty if it has none.
        mtime: When the file was last written, to sort databases without runs.
        path: The file.
    """

    started: str
    mtime: float
    path: Path

    @property
    def stem(self) -> str:
        """Stem of its file name."""
        return self.path.name.partition(".sqlite3")[0]


def open_state(files: StateFiles) -> StateDatabase:
    """Open the state of a bucket for a run that holds its lock; create it, or migrate that of Buckia 0.6.

    Raises:
        StateTooNew, StateError: As `StateDatabase.open`.
        LockHeld: Buckia 0.6 is syncing the bucket.
    """
    legacy_states = _find_legacy_states(files, put_aside=True)
    if legacy_states:
        with ExitStack() as locks:
            for stem in sorted({legacy.stem for legacy in legacy_states}):
                locks.enter_context(RunLock(files.directory / f"{stem}.lock"))
            _migrate(files, legacy_states)
    ResumeStore(files).import_legacy(files.legacy_stem)
    state = StateDatabase.open(files.database, files.identity)
    try:
        state.set_name(files.bucket)
    except BaseException:
        state.close()
        raise
    return state


def open_state_readonly(files: StateFiles) -> StateDatabase:
    """Open the state that `open_state` would, for reading. Changes nothing; migrates in memory.

    Raises:
        StateTooNew, StateError: As `StateDatabase.open_readonly`, or the directory can't be trusted.
        ConfigError: As `check_state_dir`.
    """
    check_state_dir(files.directory)
    legacy_states = _find_legacy_states(files)
    if not legacy_states:
        return StateDatabase.open_readonly(files.database, files.identity)
    with closing(StateDatabase.open_readonly(files.database, files.identity)) as now:
        state = StateDatabase.create_in_memory(files.database, files.identity)
        try:
            now.copy_to(state)
            _import_legacy_states(state, legacy_states)
        except BaseException:
            state.close()
            raise
    return state


def find_stems_by_name(directory: Path, name: str) -> list[str]:
    """Return the stems of the states of all buckets that were last synced under a name, when no identity is known.

    Raises:
        StateError: A state can't be read, so it may be one of them, or the directory can't be trusted.
        ConfigError: As `check_state_dir`.
    """
    check_state_dir(directory)
    found = []
    for path in sorted(directory.glob("*.sqlite3")):
        if database_file.find_symlink(path) or not safe_file_names([path.name.removesuffix(".sqlite3")]):
            continue
        try:
            with closing(database_file.connect_readonly(path)) as database:
                if database.execute("SELECT 1 FROM meta WHERE (name, value) = ('name', ?)", (name,)).fetchone():
                    found.append(path.name.removesuffix(".sqlite3"))
        except sqlite3.Error as error:
            if not is_damage(error) and "no such table" not in str(error):
                raise_translated(error, path)
    return found


def _find_legacy_states(files: StateFiles, *, put_aside: bool = False) -> list[LegacyState]:
    """Return the states of Buckia 0.6 to migrate, oldest first.

    These are the state with the bucket's name and, if there is no current state, the newest one under any name.
    `put_aside` renames a damaged state with the bucket's name.
    """
    named_path = files.directory / f"{files.legacy_stem}.sqlite3"
    try:
        named_state = _confirm_legacy_state(named_path, files)
    except database_file.DamagedDatabase as damage:
        _log.warning("the state %s can't be used: %s", named_path, damage)
        if put_aside:
            _log.warning("it was put aside as %s", database_file.put_aside(named_path, "broken"))
        named_state = None
    if files.database.exists():
        return [named_state] if named_state else []
    paths = {*files.directory.glob("*.sqlite3"), *files.directory.glob("*.sqlite3.*.other")} - {named_path}
    found = [named_state] if named_state else []
    for path in sorted(paths):
        # The bucket with that name deals with the damage.
        with suppress(database_file.DamagedDatabase):
            found += filter(None, [_confirm_legacy_state(path, files)])
    found.sort()
    same_name = [legacy for legacy in found if legacy.stem == files.legacy_stem]
    return sorted({*found[-1:], *same_name[-1:]})


def _confirm_legacy_state(path: Path, files: StateFiles) -> LegacyState | None:
    """Return a database of Buckia 0.6 if it belongs to the bucket, else `None`.

    Raises:
        DamagedDatabase: It is damaged.
        StateError: It can't be read, so it may belong to the bucket.
    """
    return database_file.confirm_damage(path, partial(_read_legacy_state, path, files))


def _read_legacy_state(path: Path, files: StateFiles) -> LegacyState | None:
    try:
        stem = path.name.partition(".sqlite3")[0]
        if not path.exists() or database_file.find_symlink(path) or not safe_file_names([stem]):
            return None
        with closing(database_file.connect_readonly(path, immutable=True)) as database:
            if database.execute("PRAGMA user_version").fetchone()[0] != _SCHEMA:
                return None
            identity = database.execute("SELECT value FROM meta WHERE name = 'identity'").fetchone()
            if identity is None or not files.matches(identity[0]):
                return None
            database_file.check_database(database, path, schema=_SCHEMA)
            started = last_start(database)
    except OSError as error:
        raise state_error(error, path) from error
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return None
        raise database_file.damage_from_error(error, path) from error
    return LegacyState(started, path.stat().st_mtime, path)


def _migrate(files: StateFiles, legacy_states: Sequence[LegacyState]) -> None:
    """Import legacy states into the current one, then remove them. After a kill, the next run repeats it."""
    store = ResumeStore(files)
    for legacy in legacy_states:
        store.import_legacy(legacy.stem)
    path = files.database
    try:
        if path.exists():
            with closing(StateDatabase.open(path, files.identity)) as state:
                _import_legacy_states(state, legacy_states)
        else:
            staging = database_file.staged_database(path)
            with staging as staged, closing(StateDatabase.open(staged, files.identity)) as state:
                _import_legacy_states(state, legacy_states)
        for legacy in legacy_states:
            _log.info("the state %s was taken over as %s", legacy.path, path)
            for each in (legacy.path, *database_file.journal_files(legacy.path)):
                each.unlink(missing_ok=True)
            if not legacy.path.with_name(f"{legacy.stem}.sqlite3").exists():
                legacy.path.with_name(f"{legacy.stem}.lock").unlink(missing_ok=True)
    except OSError as error:
        raise state_error(error, path) from error
    except sqlite3.Error as error:
        raise_translated(error, path)


def _import_legacy_states(state: StateDatabase, legacy_states: Sequence[LegacyState]) -> None:
    for legacy in legacy_states:
        with closing(database_file.connect_readonly(legacy.path, immutable=True)) as database:
            state.import_legacy(database, legacy.stem, newer=legacy.started >= state.last_run_started())
