"""States of Buckia 0.6, which named them as the `.buckia` file calls the bucket: found, read and taken over."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from buckia_core.localfs.durability import sync_directory
from buckia_core.syncing.state import database_file
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.errors import is_damage, raise_translated, state_error
from buckia_core.syncing.state.locations import StateFiles, check_state_dir, filter_names
from buckia_core.syncing.state.lock import RunLock
from buckia_core.syncing.state.resume_store import ResumeStore

_log = logging.getLogger(__name__)

_SCHEMA = 1
_RUNS = 1000


class Former(NamedTuple):
    """A database of Buckia 0.6 that is the state of a bucket.

    Attributes:
        started: When its last run began, in ISO 8601; empty if it has none.
        changed: When the file was last written, for two of which neither has a run.
        path: The file.
    """

    started: str
    changed: float
    path: Path

    @property
    def stem(self) -> str:
        """What its name begins with."""
        return self.path.name.partition(".sqlite3")[0]


def open_state(files: StateFiles) -> StateDatabase:
    """Open the state of a bucket for a run, under its lock; make it, or take over that of Buckia 0.6.

    Raises:
        StateTooNew, StateError: As `StateDatabase.open`.
        LockHeld: Buckia 0.6 is syncing the bucket.
    """
    formers = _formers(files, put_aside=True)
    if formers:
        with ExitStack() as locks:
            for stem in sorted({former.stem for former in formers}):
                locks.enter_context(RunLock(files.directory / f"{stem}.lock"))
            _take_over(files, formers)
    ResumeStore(files).take_over(files.former_stem)
    state = StateDatabase.open(files.database, files.identity)
    try:
        state.use(files.bucket)
    except BaseException:
        state.close()
        raise
    return state


def peek_state(files: StateFiles) -> StateDatabase:
    """Open what `open_state` would, for reading only. Nothing is changed.

    Raises:
        StateTooNew, StateError: As `StateDatabase.peek`, or the directory may not be believed.
        ConfigError: As `check_state_dir`.
    """
    check_state_dir(files.directory)
    formers = _formers(files)
    if not formers:
        return StateDatabase.peek(files.database, files.identity)
    with closing(StateDatabase.peek(files.database, files.identity)) as now:
        state = StateDatabase.in_memory(files.database, files.identity)
        try:
            now.copy_to(state)
            _import(state, formers)
        except BaseException:
            state.close()
            raise
    return state


def stems_under_name(directory: Path, name: str) -> list[str]:
    """Return what files of buckets are called that were last synced under a name, for who can't tell the identity.

    Raises:
        StateError: A state can't be read, so it may be one of them, or the directory may not be believed.
        ConfigError: As `check_state_dir`.
    """
    check_state_dir(directory)
    found = []
    for path in sorted(directory.glob("*.sqlite3")):
        if database_file.leads_elsewhere(path) or not filter_names([path.name.removesuffix(".sqlite3")]):
            continue
        try:
            with closing(database_file.connect_to_read(path)) as database:
                if database.execute("SELECT 1 FROM meta WHERE (name, value) = ('name', ?)", (name,)).fetchone():
                    found.append(path.name.removesuffix(".sqlite3"))
        except sqlite3.Error as error:
            if not is_damage(error) and "no such table" not in str(error):
                raise_translated(error, path)
    return found


def _formers(files: StateFiles, *, put_aside: bool = False) -> list[Former]:
    """Return the states of Buckia 0.6 to take over, the oldest first.

    These are the one that has the bucket's name and, if there is no state yet, the newest one under any name. One that
    has the bucket's name and is damaged can be put aside.
    """
    named = files.directory / f"{files.former_stem}.sqlite3"
    try:
        of_name = _former(named, files)
    except database_file.Damaged as damage:
        _log.warning("the state %s can't be used: %s", named, damage)
        if put_aside:
            _log.warning("it was put aside as %s", database_file.put_aside(named, "broken"))
        of_name = None
    if files.database.exists():
        return [of_name] if of_name else []
    paths = {*files.directory.glob("*.sqlite3"), *files.directory.glob("*.sqlite3.*.other")} - {named}
    found = [of_name] if of_name else []
    for path in sorted(paths):
        # One that is damaged under another name is the affair of the bucket that has it.
        with suppress(database_file.Damaged):
            found += filter(None, [_former(path, files)])
    found.sort()
    same_name = [former for former in found if former.stem == files.former_stem]
    return sorted({*found[-1:], *same_name[-1:]})


def _former(path: Path, files: StateFiles) -> Former | None:
    """Return a database of Buckia 0.6 if it is of the bucket; `None` if it is of another one.

    Raises:
        Damaged: It is no sound database.
        StateError: It can't be read, so it might be the one.
    """
    return database_file.confirmed(path, partial(_read_former, path, files))


def _read_former(path: Path, files: StateFiles) -> Former | None:
    try:
        stem = path.name.partition(".sqlite3")[0]
        if not path.exists() or database_file.leads_elsewhere(path) or not filter_names([stem]):
            return None
        with closing(database_file.connect_to_read(path, alone=True)) as database:
            if database.execute("PRAGMA user_version").fetchone()[0] != _SCHEMA:
                return None
            identity = database.execute("SELECT value FROM meta WHERE name = 'identity'").fetchone()
            if identity is None or not files.is_of(identity[0]):
                return None
            database_file.check(database, path, schema=_SCHEMA)
            last = database.execute("SELECT record FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    except OSError as error:
        raise state_error(error, path) from error
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return None
        raise database_file.as_damage(error, path) from error
    started = json.loads(last[0]).get("started", "") if last else ""
    return Former(started, path.stat().st_mtime, path)


def _take_over(files: StateFiles, formers: Sequence[Former]) -> None:
    """Write former states into the bucket's own, then remove them. What a kill leaves, the next run does again."""
    unfinished = ResumeStore(files)
    for former in formers:
        unfinished.take_over(former.stem)
    path = files.database
    try:
        if path.exists():
            with closing(StateDatabase.open(path, files.identity)) as state:
                _import(state, formers)
        else:
            with _new_database(path) as aside, closing(StateDatabase.open(aside, files.identity)) as state:
                _import(state, formers)
        for former in formers:
            _log.info("the state %s was taken over as %s", former.path, path)
            for each in (former.path, *database_file.beside(former.path)):
                each.unlink(missing_ok=True)
            if not former.path.with_name(f"{former.stem}.sqlite3").exists():
                former.path.with_name(f"{former.stem}.lock").unlink(missing_ok=True)
    except OSError as error:
        raise state_error(error, path) from error
    except sqlite3.Error as error:
        raise_translated(error, path)


@contextmanager
def _new_database(path: Path) -> Iterator[Path]:
    """Give a path for a database that gets its name when it is complete and on the disk."""
    aside = path.with_name(f"{path.name}.new")
    for each in (aside, *database_file.beside(aside), *database_file.beside(path)):
        each.unlink(missing_ok=True)
    try:
        yield aside
        with open(aside, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        for each in (aside, *database_file.beside(aside)):
            with suppress(OSError):
                each.unlink(missing_ok=True)
        raise
    sync_directory(str(path.parent))


def _import(state: StateDatabase, formers: Sequence[Former]) -> None:
    for former in formers:
        with closing(database_file.connect_to_read(former.path, alone=True)) as database:
            state.import_former(database, former.stem, newer=former.started >= state.last_run())
