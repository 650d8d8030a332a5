"""Damage of a state counts only if it is found twice, in a file that can be read to its end."""

from __future__ import annotations

import sqlite3

import pytest

from buckia_core.errors import StateError
from buckia_core.syncing.state import database_file
from buckia_core.syncing.state.database_file import DamagedDatabase, confirm_damage


def damaged() -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "state.sqlite3"
    path.write_bytes(b"a database")
    return path


@pytest.mark.parametrize("first", [damaged(), DamagedDatabase("Page 6: unable to get the page. error code=8458")])
def test_what_is_found_once_is_no_damage(file, first):
    errors = [first]

    def attempt():
        if errors:
            raise errors.pop()
        return "open"

    assert confirm_damage(file, attempt) == "open"


def test_what_is_found_twice_is(file):
    def attempt():
        raise damaged()

    with pytest.raises(DamagedDatabase, match="malformed"):
        confirm_damage(file, attempt)


def test_of_a_file_that_can_not_be_read_nothing_is_known(file, monkeypatch):
    def attempt():
        raise damaged()

    def refuse(path):
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(database_file, "_read_fully", refuse)
    with pytest.raises(StateError, match="input/output error"):
        confirm_damage(file, attempt)


def test_an_error_that_is_no_damage_is_not_retried(file):
    calls = []

    def attempt():
        calls.append(1)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    with pytest.raises(StateError):
        confirm_damage(file, attempt)
    assert calls == [1]
