"""Records that were read from a file or a bucket: odd fields give the reader's own error, and no other one.

`tests/unit/sharing/test_hostile_records.py` has those of shares.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from buckia_core.adapters.transfers.upload_session import UploadSession
from buckia_core.errors import BuckiaError, IntegrityError, StateError
from buckia_core.objects.manifest import Asset, Manifest
from buckia_core.provisioning.request import Action, Request
from buckia_core.syncing.events import FileError, SyncResult
from buckia_core.syncing.planner.resolve import Conflict

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ODD: tuple[Any, ...] = (
    None, True, -1, 1.5, 10**30, float("nan"), float("inf"), "", "x", "2026-01-01", "9999-12-31T23:59:59-14:00",
    [], [None], ["x"], {}, {"x": None}, {"x": "y"}, [{"key": 1, "message": 2}],
)  # fmt: skip
"""Values for each field. Some of them are right for some fields."""

RESULT = SyncResult(bucket="b", started=NOW, errors=[FileError("k", "m")], unresolved=["k"], left_out={"a pipe": 1})
CONFLICT = {
    "key": "k", "root": "r", "reason": "both changed", "local_size": 1, "local_mtime_ns": 1, "remote_size": None,
    "remote_mtime_ns": None, "since": "2026-01-01T00:00:00+00:00",
}  # fmt: skip
REQUEST = Request(action=Action.BUCKET, name="b", settings={"a": "b"})
MANIFEST = Manifest("k", "run", NOW, (Asset("n", "k", "0" * 64, 1, "text/plain"),), {"a": "b"})


def read_session(record: dict[str, Any]) -> UploadSession:
    if (found := UploadSession.from_json(json.dumps(record))) is None:
        raise StateError("none")
    return found


class Reader(NamedTuple):
    """A reader of records, a record that it accepts, and the error for others."""

    read: Callable[[dict[str, Any]], Any]
    record: dict[str, Any]
    error: type[BuckiaError]


READERS = {
    "run": Reader(SyncResult.from_record, RESULT.as_record(), StateError),
    "conflict": Reader(lambda record: Conflict.from_record(record, {}, Path("/p")), CONFLICT, StateError),
    "request": Reader(Request.from_json, REQUEST.to_json(), StateError),
    "manifest": Reader(
        lambda record: Manifest.from_json("k", json.dumps(record).encode()),
        json.loads(MANIFEST.to_json()),
        IntegrityError,
    ),
    "upload": Reader(read_session, json.loads(UploadSession("u", 5, "d", 1).to_json()), StateError),
}


@pytest.mark.parametrize("name", READERS)
def test_odd_fields_give_one_error(name):
    read, record, error = READERS[name]
    accepted = read(record)
    for field in record:
        for odd in ODD:
            try:
                found = read(record | {field: odd})
            except error:
                continue
            assert type(found) is type(accepted) and repr(found)
    for field in ("bucket", "key", "name", "run_id", "part_size"):
        if field in record:
            with pytest.raises(error):
                read({each: value for each, value in record.items() if each != field})
    others: tuple[Any, ...] = (None, [], "x", 1)
    for other in others:
        with pytest.raises(error):
            read(other)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("run", {"uploaded": "5"}),
        ("run", {"uploaded": True}),
        ("run", {"bytes_up": 10**30}),
        ("run", {"seconds": float("nan")}),
        ("run", {"bucket": None}),
        ("run", {"unresolved": [1]}),
        ("run", {"left_out": {"a pipe": "many"}}),
        ("run", {"errors": [{"key": "k"}]}),
        ("run", {"started": "2026-01-01T00:00:00"}),
        ("run", {"started": "9999-12-31T23:59:59-14:00"}),
        ("run", {"of_a_later_version": 1}),
        ("conflict", {"local_size": "1"}),
        ("conflict", {"remote_mtime_ns": 10**30}),
        ("conflict", {"reason": None}),
        ("conflict", {"since": 5}),
        ("conflict", {"of_a_later_version": 1}),
        ("request", {"name": 5}),
        ("request", {"action": ["bucket"]}),
        ("request", {"settings": {"a": 1}}),
        ("request", {"of_a_later_version": 1}),
        ("manifest", {"assets": [{"name": "n"}]}),
        ("upload", {"part_size": float("nan")}),
    ],
)
def test_fields_that_nobody_could_use_are_refused(name, fields):
    read, record, error = READERS[name]
    with pytest.raises(error):
        read(record | fields)


def test_damaged_records_of_runs_and_conflicts_hide_no_others(sides):
    sides.in_step("a=1 b=1").here("a=here b=here").there("a=there b=there")
    sides.sync(conflict="ask")
    client = sides.client()
    runs, conflicts = client.history(), client.conflicts()
    assert (len(runs), [each.key for each in conflicts]) == (2, ["a", "b"])
    with closing(sqlite3.connect(sides.state_file)) as state, state:
        record = json.loads(state.execute("SELECT record FROM conflicts WHERE key = 'a'").fetchone()[0])
        text = json.dumps(record | {"local_size": "x"})
        state.execute("UPDATE conflicts SET record = ? WHERE key = 'a'", (text,))
        state.execute("INSERT INTO runs (record) VALUES ('{}'), (?)", (json.dumps({"bucket": "b", "started": 7}),))
    assert client.history() == runs and client.conflicts() == conflicts[1:]
