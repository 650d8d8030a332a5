"""Accounts that the command `b2` has stored, as it writes them and as somebody else may."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from buckia_b2.account_sources import ACCOUNT_VARIABLE, find_b2_accounts
from buckia_core.errors import ConfigError

ENDLESS = "CREATE VIEW account AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
TABLE = "CREATE TABLE account (account_id, application_key, realm, allowed)"
ROW = "INSERT INTO account VALUES (?, ?, ?, ?)"


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Returns a function that writes an account file."""
    path = tmp_path / "account_info"
    monkeypatch.setenv(ACCOUNT_VARIABLE, str(path))

    def write(statement, row=None):
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(statement)
            if row is not None:
                database.execute(ROW, row)

    return write


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        (ENDLESS, None),
        ("CREATE TABLE other (account_id)", None),
        (TABLE, ("id", None, "production", "{}")),
        (TABLE, ("id", b"key", "production", "{}")),
        (TABLE, ("", "key", "production", "{}")),
    ],
    ids=["endless", "no table", "no key", "bytes", "no id"],
)
def test_a_file_that_the_command_did_not_write_is_refused(stored, statement, row):
    stored(statement, row)
    with pytest.raises(ConfigError, match="b2 account authorize"):
        list(find_b2_accounts())


@pytest.mark.parametrize("allowed", ["", "[", "[" * 200_000, "5", '{"bucketName": 5}', '{"buckets": [{"name": 5}]}'])
def test_limits_that_can_not_be_read_are_none(stored, allowed):
    stored(TABLE, ("id", "key", "production", allowed))
    (found,) = find_b2_accounts()
    assert found.settings == {"application_key_id": "id"} and found.secrets["application_key"].reveal() == "key"
