"""Databases of an app, in the tests of this folder."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.unit.syncing.sides import Sides

KEY = "App.sqlite"


def connect(path: Path) -> sqlite3.Connection:
    """Open a database as an app does; each statement is a transaction."""
    app = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    # Flushes of a busy disk would take most of the time of a test.
    app.execute("pragma synchronous = off")
    return app


def make_database(path: Path, mode: str, *ids: int) -> sqlite3.Connection:
    """Create a database with rows of these ids, and return the app's open connection."""
    app = connect(path)
    app.execute(f"pragma journal_mode = {mode}")
    app.execute("create table item (id integer primary key, name text)")
    app.execute("begin")
    app.executemany("insert into item values (?, 'x')", [(each,) for each in ids])
    app.execute("commit")
    return app


def rows(connection: sqlite3.Connection) -> list[int]:
    """Return the ids of all rows, after a check of the whole database."""
    assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    return [each for (each,) in connection.execute("select id from item order by id")]


def rows_here(sides: Sides) -> list[int]:
    """Return the ids of all rows that an app finds now."""
    with closing(connect(sides.folder / KEY)) as app:
        return rows(app)


def rows_of(data: bytes, path: Path) -> list[int]:
    """Return the ids of all rows of a database, which is written to a new file."""
    path.write_bytes(data)
    with closing(connect(path)) as app:
        return rows(app)


def uploaded(sides: Sides, key: str = KEY) -> bytes:
    """Return the content of an object."""
    return sides.bucket.read_file(key, expect=sides.bucket.stat_file(key))[1]


def rows_there(sides: Sides, key: str = KEY) -> list[int]:
    """Return the ids of all rows of the object."""
    return rows_of(uploaded(sides, key), sides.folder.with_name("read.sqlite"))


def put_database(sides: Sides, *ids: int, mode: str = "delete") -> bytes:
    """Upload a database with rows of these ids, as somebody else would, and return its bytes."""
    path = sides.folder.with_name("other.sqlite")
    path.unlink(missing_ok=True)
    make_database(path, mode, *ids).close()
    sides.bucket.upload_file(path.read_bytes(), KEY)
    return path.read_bytes()
