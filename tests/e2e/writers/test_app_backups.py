"""Backups of a database that another process writes to: each has every row that was committed before it began."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from buckia import BucketConfig, BuckiaClient
from tests.e2e.conftest import KINDS

USER = "4f1d0c6e9a5b4e43a1a2f7d8c0b95e11"
KEY = f"{USER}/App.sqlite"

WRITER = """
import sqlite3, sys, time
app = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
app.execute("pragma journal_mode = " + sys.argv[2])
app.execute("pragma synchronous = off")
app.execute("create table item (id integer primary key, name text)")
start, number = time.monotonic(), 0
while True:
    number += 1
    app.execute("insert into item values (?, ?)", [number, "x" * 200])
    # Its row is committed before its number is said.
    sys.stdout.write(f"{number:10}")
    sys.stdout.flush()
    time.sleep(max(0, start + number / 200 - time.monotonic()))
"""

_LINE = 10
"""Bytes of a number of the writer."""


@contextmanager
def writer(path: Path, mode: str, log: Path) -> Iterator[None]:
    """Have a process commit 200 rows a second, and say each into a log."""
    with open(log, "wb") as file:
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path), mode], stdout=file)
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def committed(log: Path, at_least: int) -> int:
    """Return how many rows are committed, once there are so many."""
    while (rows := log.stat().st_size // _LINE) < at_least:
        time.sleep(0.005)
    return rows


KINDS_AND_BACKUPS = [
    pytest.param("file", "wal", 50, marks=pytest.mark.long),
    pytest.param("file", "delete", 50, marks=pytest.mark.long),
    ("file", "wal", 3),
    ("file", "delete", 3),
    ("ceph", "wal", 3),
    ("b2", "wal", 3),
    ("bunny", "wal", 3),
    pytest.param("ceph", "wal", 20, marks=pytest.mark.long),
    pytest.param("b2", "wal", 20, marks=pytest.mark.long),
    pytest.param("bunny", "wal", 20, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("kind", "mode", "backups"), KINDS_AND_BACKUPS)
def test_each_backup_has_all_rows_that_were_committed_before(
    kind: str, mode: str, backups: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bucket = request.getfixturevalue(KINDS[kind])
    path, log, found = tmp_path / "here" / "App.sqlite", tmp_path / "log", tmp_path / "found.sqlite"
    path.parent.mkdir()
    profile = {"user": USER, "database": "App.sqlite"}
    config = BucketConfig(name="app", base_dir=path.parent, app=profile, **bucket.settings())
    with BuckiaClient(config) as client, writer(path, mode, log):
        before = 0
        for number in range(backups):
            before = committed(log, before + 1)
            result = client.app.backup()
            assert result.uploaded == 1 and not result.errors, (number, result)
            client.get(KEY, found, overwrite=True)
            with closing(sqlite3.connect(found)) as copy:
                assert copy.execute("pragma integrity_check").fetchall() == [("ok",)]
                rows = [each for (each,) in copy.execute("select id from item order by id")]
            assert rows == list(range(1, len(rows) + 1)) and len(rows) >= before, number
