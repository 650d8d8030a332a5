"""Databases on Windows, which refuses to rename and to delete files that SQLite has open; simulated."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from types import SimpleNamespace
from typing import Any

import pytest

from buckia_core.localfs import sqlite_files
from buckia_core.localfs.directory import Directory
from buckia_core.localfs.sqlite_uri import sqlite_uri
from buckia_core.syncing.transfer import download_database
from tests.unit.syncing.databases.database import KEY, make_database, put_database, rows, rows_here, rows_there
from tests.unit.syncing.sides import Sides

unlink = os.unlink

IN_USE = "The process cannot access the file because it is being used by another process"


def refuse(call: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a call that fails as on Windows if its last path has this name, unless it is to be deleted and gone."""

    def refusing(*arguments: Any, **options: Any) -> Any:
        last = [each for each in arguments if isinstance(each, str | os.PathLike)][-1]
        if os.path.basename(last) == name and (call is not unlink or is_there(last, options.get("dir_fd"))):
            error = PermissionError(errno.EACCES, IN_USE, str(last))
            vars(error)["winerror"] = 32
            raise error
        return call(*arguments, **options)

    return refusing


def is_there(path: str | os.PathLike[str], directory: int | None) -> bool:
    try:
        os.stat(path, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True


def no_exchange(*_: object) -> None:
    raise OSError(errno.ENOSYS, "no such call")


@pytest.mark.parametrize("seen", [True, False])
def test_idle_database_that_a_program_has_open(sides: Sides, monkeypatch: pytest.MonkeyPatch, seen: bool) -> None:
    with closing(make_database(sides.folder / KEY, "delete", 1, 2)) as app:
        sides.sync()
        put_database(sides, 7, 8, 9)
        monkeypatch.setattr(sqlite_files, "sys", SimpleNamespace(platform="win32"))
        monkeypatch.setattr(os, "rename", refuse(os.rename, KEY))
        monkeypatch.setattr(os, "replace", refuse(os.replace, KEY))
        monkeypatch.setattr(Directory, "exchange", no_exchange)
        if not seen:
            # It is opened after the look.
            monkeypatch.setattr(download_database, "is_closed", lambda *_: True)
            error = str(sides.sync().errors)
            assert IN_USE in error and "close it there" in error and "permission" not in error
            assert rows(app) == [1, 2]
            monkeypatch.undo()
        assert sides.sync().downloaded == 1
        assert rows(app) == [7, 8, 9]
        assert sorted(path.name for path in sides.folder.iterdir()) == [KEY]


def test_deletion_that_is_refused_leaves_the_wal(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    make_database(sides.folder / KEY, "wal", 1, 2).close()
    sides.here("a=1").sync()
    sides.delete_there(KEY)
    (sides.folder / KEY).unlink()
    # The files of a program that crashed.
    with closing(make_database(sides.folder.with_name("new"), "wal", 5)):
        for suffix in ("", "-wal"):
            shutil.copy(sides.folder.with_name(f"new{suffix}"), sides.folder / f"{KEY}{suffix}")
    sides.settings["conflict_resolution"] = "remote_wins"
    monkeypatch.setattr(os, "unlink", refuse(os.unlink, KEY))
    assert IN_USE in str(sides.sync().errors)
    assert rows_here(sides) == [5]
    monkeypatch.undo()
    sides.sync()
    assert not list(sides.folder.glob(f"{KEY}*"))


def test_snapshot_that_a_scanner_reads_is_still_uploaded(
    sides: Sides, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with closing(make_database(sides.folder / KEY, "wal", 1, 2)):
        monkeypatch.setattr(os, "unlink", refuse(os.unlink, KEY))
        result = sides.sync()
        assert (result.uploaded, result.errors) == (1, [])
        assert list((tmp_path / "temporary").rglob(KEY))
    assert rows_there(sides) == [1, 2]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (PurePosixPath("/a b/c?.db"), "file:///a%20b/c%3F.db?mode=ro"),
        (PureWindowsPath(r"C:\a b\c.db"), "file:///C:/a%20b/c.db?mode=ro"),
        (PureWindowsPath(r"\\server\share\c#.db"), "file:////server/share/c%23.db?mode=ro"),
    ],
)
def test_uri_of_a_path(path: PurePath, uri: str) -> None:
    assert sqlite_uri(path, "mode=ro") == uri


def test_sqlite_takes_no_host_in_a_uri_but_two_slashes(tmp_path: Path) -> None:
    make_database(tmp_path / KEY, "delete", 1).close()
    with pytest.raises(sqlite3.OperationalError, match="authority"):
        sqlite3.connect(f"file://server{tmp_path / KEY}", uri=True)
    with closing(sqlite3.connect(f"file:///{tmp_path / KEY}?mode=ro", uri=True)) as app:
        assert rows(app) == [1]
