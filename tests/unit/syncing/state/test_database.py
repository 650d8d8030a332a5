"""The state database, and damaged or unreadable database files."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buckia_core.planning.manifest import BaselineEntry
from buckia_core.planning.scope import Scope
from buckia_core.syncing.state import database_file
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.database_file import SCHEMA, StateTooNew
from buckia_core.syncing.state.locations import state_file_name
from buckia_core.testing import m
from buckia_core.testing.strategies import keys


@pytest.fixture
def path(tmp_path):
    (tmp_path / "state").mkdir()
    return tmp_path / "state" / "bucket.sqlite3"


def rows(text: str) -> list[BaselineEntry]:
    return m(text).base("root")


def remembered(path, *, identity: str = "here") -> list[str]:
    state = StateDatabase.open_readonly(path, identity)
    try:
        return [entry.key for entry in state.baseline(Scope())]
    finally:
        state.close()


def filled(path, text: str = "a=1 b=2", identity: str = "here") -> None:
    state = StateDatabase.open(path, identity)
    state.commit(upserts=rows(text))
    state.close()


# --- the baseline ------------------------------------------------------------------------------------------


def test_rows_are_read_back_as_they_were_written(path):
    state = StateDatabase.open(path, "here")
    written = rows("a=1 b=2! d/c=3?")
    state.commit(upserts=written)
    assert list(state.baseline(Scope())) == written
    assert state.has_mapping("root") and not state.has_mapping("other")
    state.close()


def test_a_commit_replaces_and_removes(path):
    filled(path, "a=1 b=2 c=3")
    state = StateDatabase.open(path, "here")
    state.commit(upserts=rows("a=9 d=4"), deletes=["b", "none"])
    assert [(entry.key, entry.digests_text) for entry in state.baseline(Scope())] == [
        (entry.key, entry.digests_text) for entry in rows("a=9 c=3 d=4")
    ]
    state.close()


def test_a_commit_that_fails_changes_nothing(path):
    filled(path)
    state = StateDatabase.open(path, "here")
    broken = rows("c=3")[0]._replace(size=None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        state.commit(upserts=[*rows("a=9"), broken], deletes=["b"])
    assert list(state.baseline(Scope())) == rows("a=1 b=2")
    state.close()


def test_the_baseline_can_be_read_while_it_is_written(path):
    filled(path, " ".join(f"k{index}=1" for index in range(20)))
    state = StateDatabase.open(path, "here")
    seen = []
    for entry in state.baseline(Scope()):
        seen.append(entry.key)
        if len(seen) == 1:
            state.commit(deletes=["k5"], upserts=rows("z=1"))
    assert seen == sorted(f"k{index}" for index in range(20))
    state.close()


def test_every(path):
    filled(path, " ".join(f"{letter}=1" for letter in "abcdefg") + " b/x=1")
    state = StateDatabase.open(path, "here")
    assert state.sample_keys(3) == ["b/x", "e"]
    assert state.sample_keys(1, "b") == ["b", "b/x"]
    assert state.sample_keys(100) == []
    state.close()


# --- mappings ----------------------------------------------------------------------------------------------


def of(root: str, text: str) -> list[BaselineEntry]:
    return m(text).base(root)


def test_rows_of_two_mappings_do_not_mix(path):
    state = StateDatabase.open(path, "here")
    state.commit(upserts=of("one", "a=1 b=1"), mapping_ids=["one"])
    state.commit(upserts=of("two", "a=2 c=2"), mapping_ids=["two"])
    assert list(state.baseline(Scope(), ["one"])) == of("one", "a=1 b=1")
    assert list(state.baseline(Scope(), ["two"])) == of("two", "a=2 c=2")
    assert list(state.baseline(Scope(), ["three"])) == []
    state.commit(deletes=["a"], mapping_ids=["two"])
    assert list(state.baseline(Scope(), ["one"])) == of("one", "a=1 b=1")
    assert list(state.baseline(Scope(), ["two"])) == of("two", "c=2")
    state.close()


def test_a_key_has_one_owner_in_a_run(path):
    """A file that moved from one root of a run to another one under the same key."""
    state = StateDatabase.open(path, "here")
    state.commit(upserts=of("one", "a=1"), mapping_ids=["one", "two"])
    state.commit(upserts=of("two", "a=2"), mapping_ids=["one", "two"])
    assert list(state.baseline(Scope())) == of("two", "a=2")
    state.close()


def test_a_key_of_two_mappings_comes_once_in_a_run_of_both(path, monkeypatch):
    state = StateDatabase.open(path, "here")
    names = " ".join(f"k{index:04}=1" for index in range(2500))
    for root in ("one", "two"):
        state.commit(upserts=of(root, names), mapping_ids=[root])
    state.commit(upserts=of("three", "a=3 k0000=3 z=3"), mapping_ids=["three"])
    for first, second in (("one", "two"), ("two", "one")):
        assert list(state.baseline(Scope(), [first, second])) == of(first, names)
    seen = list(state.baseline(Scope.from_names(["a", "k0000", "z"]), ["three", "one"]))
    assert seen == of("three", "a=3 k0000=3 z=3")
    state.close()


@pytest.mark.parametrize("roots", [None, ["one"], ["one", "two", "three"]])
def test_rows_come_in_order_without_a_sort(path, roots):
    state = StateDatabase.open(path, "here")
    statements: list[str] = []
    state._db.set_trace_callback(statements.append)
    list(state.baseline(Scope.from_names(["d"]), roots))
    (statement,) = statements
    plan = " ".join(str(row) for row in state._db.execute(f"EXPLAIN QUERY PLAN {statement}"))
    assert "PRIMARY KEY (key>? AND key<?)" in plan and "TEMP B-TREE" not in plan
    state.close()


def test_mappings_are_known_by_the_entry_that_had_them_last(path):
    state = StateDatabase.open(path, "here")
    state.commit(upserts=[*of("one", "a=1 b=1"), *of("old", "c=1")])
    assert state.mapping_labels() == {"one": None, "old": None}
    state.record_mappings({"one": "site", "chosen": ""})
    assert state.mapping_labels() == {"one": "site", "old": None, "chosen": ""}
    state.record_mappings({"one": "other"})
    assert state.mapping_labels()["one"] == "other"
    state.close()


def test_unchanged_values_are_not_written(path):
    state = StateDatabase.open(path, "here")
    changes = []
    for _ in range(3):
        state.record_mappings({"one": "site"})
        state.set_meta("folders", "a")
        changes.append(state._db.total_changes)
    assert changes[0] == changes[1] == changes[2]
    assert state.get_meta("folders") == "a"
    state.close()


def test_rows_that_are_out_of_scope_stay_so_until_they_are_written_anew(path):
    state = StateDatabase.open(path, "here")
    one, two = of("one", "a=1 b/c=1")
    state.commit(upserts=[one, two, *of("two", "b=1")])
    state.commit(upserts=[two._replace(out_of_scope=True)], mapping_ids=())
    assert [each.out_of_scope for each in state.baseline(Scope(), ["one"])] == [0, 1]
    assert (state.count_rows("one"), state.count_rows("two"), state.count_rows("three")) == (1, 1, 0)
    assert state.rows_outside(Scope.from_names(["b"]), ["one"]) == [one]
    assert state.rows_outside(Scope.from_names(["a"]), ["one"]) == [], "a row is put out of scope once"
    state.commit(upserts=[two])
    assert [each.out_of_scope for each in state.baseline(Scope(), ["one"])] == [0, 0]
    state.close()


ODD = st.sampled_from(["\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff", "a", "/", "\x01"])
ODD_KEYS = st.lists(ODD, min_size=1, max_size=3).map("".join).filter(lambda key: key.strip("/") == key) | keys(
    most_bytes=6
).filter(lambda key: key.strip("/") == key)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.sets(ODD_KEYS, max_size=8), st.lists(ODD_KEYS, max_size=3))
def test_ranges_of_a_scope_begin_and_end_at_any_character(names, wanted):
    """The last character before the surrogates, the last one there is: what comes next is found, or there is none."""
    scope = Scope.from_names(wanted)
    template = rows("a=1")[0]
    state = StateDatabase(None, sqlite3.connect(":memory:", isolation_level=None))  # type: ignore[arg-type]
    state._db.executescript("CREATE TABLE entries (key TEXT PRIMARY KEY, root, c, d, e, f, g, h, i, j) WITHOUT ROWID")
    state._db.executemany(
        "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [template._replace(key=name) for name in names]
    )
    assert [entry.key for entry in state.baseline(scope)] == sorted(name for name in names if scope.covers(name))
    prefix = wanted[0] if wanted else ""
    assert state.sample_keys(1, prefix) == sorted(name for name in names if name.startswith(prefix))
    state.close()


# --- files that can't be used ------------------------------------------------------------------------------


def broken_header(path):
    path.write_bytes(b"this is no database, but it is long enough to look at" * 50)


def broken_pages(path):
    data = bytearray(path.read_bytes())
    data[4096:] = b"\x55" * len(data[4096:])
    path.write_bytes(bytes(data))


def cut_off(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def empty(path):
    path.write_bytes(b"")


def another_database(path):
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    connection.close()


def a_table_is_missing(path):
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE entries")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("breaks", "stays"),
    [
        (broken_header, True),
        (broken_pages, True),
        (cut_off, True),
        (a_table_is_missing, True),
        (empty, False),  # there was nothing to keep, and SQLite gives it a header
        (another_database, False),
    ],
)
def test_n50_a_broken_file_is_put_aside_and_a_new_one_begins(path, breaks, stays, caplog):
    filled(path, " ".join(f"key-number-{index}=1" for index in range(200)))
    breaks(path)
    before = path.read_bytes()
    assert remembered(path) == []
    assert path.read_bytes() == before, "to look is not to repair"
    state = StateDatabase.open(path, "here")
    assert list(state.baseline(Scope())) == []
    state.commit(upserts=rows("a=1"))
    state.close()
    (aside,) = path.parent.glob("*.broken")
    assert not stays or aside.read_bytes() == before
    assert str(aside) in caplog.text
    assert remembered(path) == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "1",
        "[" * 100_000,
        "{}",
        b"\xff",
        None,
        '{"key": 1, "root": "r", "since": "x"}',
        '{"key": "\\ud800"}',
    ],
    ids=lambda text: repr(text)[:30],
)
def test_a_damaged_record_stops_no_run(path, text):
    good = {"key": "a", "root": "r", "since": "now"}
    state = StateDatabase.open(path, "here")
    state.update_conflicts([good])
    state.add_run({"bucket": "b", "started": "1"})
    connection = sqlite3.connect(path)
    text = "null" if text is None else text
    connection.execute("INSERT INTO conflicts VALUES ('0', 'r', ?)", (text,))
    connection.execute("INSERT INTO runs (record) VALUES (?)", (text,))
    connection.commit()
    connection.close()
    assert state.conflicts() == [good]
    assert [each for each in state.runs(5) if each.get("bucket")] == [{"bucket": "b", "started": "1"}]
    assert state.last_run_started() == "1"
    state.update_conflicts([good | {"key": "b"}])
    assert [each["key"] for each in state.conflicts()] == ["a", "b"]
    state.close()


def test_a_new_file_has_its_name_when_it_is_complete(path, monkeypatch):
    # Else a process that is killed leaves a file that looks broken.
    create_tables, named = database_file.create_tables, []
    path.with_name(f"{path.name}.new").write_bytes(b"what a killed process left")

    def watch(connection, identity):
        named.append(path.exists())
        create_tables(connection, identity)

    monkeypatch.setattr(database_file, "create_tables", watch)
    StateDatabase.open(path, "here").close()
    assert named == [False]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_new_file_is_refused_if_its_journal_could_not_be_applied(path):
    # SQLite reports no error of the disk when it closes a database: what was committed is in the journal alone.
    def commit_without_closing():
        with database_file.staged_database(path) as staged:
            connection = database_file.connect(staged)
            connection.execute("CREATE TABLE t (x)")
            open_connections.append(connection)

    open_connections: list[sqlite3.Connection] = []
    with pytest.raises(OSError, match="-wal"):
        commit_without_closing()
    open_connections.pop().close()
    assert list(path.parent.iterdir()) == []


def test_n50_a_newer_file_is_left_alone(path):
    filled(path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()
    for opening in (StateDatabase.open, StateDatabase.open_readonly):
        with pytest.raises(StateTooNew, match="newer version") as caught:
            opening(path, "here")
        assert str(path) in str(caught.value)
    assert [each.name for each in path.parent.iterdir() if "aside" in each.name or "broken" in each.name] == []


def test_the_state_of_another_bucket_is_put_aside(path):
    filled(path, identity="there")
    assert remembered(path) == []
    state = StateDatabase.open(path, "here")
    assert list(state.baseline(Scope())) == []
    state.close()
    (aside,) = path.parent.glob("*.other")
    assert remembered(aside, identity="there") == ["a", "b"]


def test_journals_of_a_removed_database_are_not_believed(path):
    """Somebody removes the file and leaves what SQLite keeps beside it."""
    filled(path)
    state = StateDatabase.open(path, "here")
    state.commit(upserts=rows("c=3"))
    journal = path.with_name(path.name + "-wal")
    left = journal.read_bytes()
    state.close()
    path.unlink()
    journal.write_bytes(left)
    assert left
    state = StateDatabase.open(path, "here")
    assert list(state.baseline(Scope())) == []
    state.commit(upserts=rows("d=1"))
    state.close()
    assert remembered(path) == ["d"]


def test_journals_go_along_with_a_file_that_is_put_aside(path):
    filled(path)
    state = StateDatabase.open(path, "there")
    state.close()
    assert not [each.name for each in path.parent.iterdir() if each.name.startswith(path.name + "-")]
    assert remembered(path, identity="there") == []


def test_a_commit_that_was_killed_before_it_reached_the_file_is_read_from_the_journal(path):
    filled(path)
    state = StateDatabase.open(path, "here")
    state.commit(upserts=rows("c=3"))
    saved = {each: each.read_bytes() for each in path.parent.iterdir()}
    state.close()
    for each, data in saved.items():
        each.write_bytes(data)
    assert remembered(path) == ["a", "b", "c"]


def test_to_peek_makes_no_file(path):
    assert remembered(path) == []
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("bucket", ["a/b", "..", "", "ü", "a:b", "con", "A", "a", ".", "%2F", "x" * 60])
def test_any_bucket_name_is_a_file_name_of_its_own(bucket, tmp_path):
    name = state_file_name(bucket)
    assert "/" not in name and "\\" not in name and ":" not in name and name not in ("", ".", "..")
    others = {state_file_name(other) for other in ["a-b", "a_b", "a%2Fb", "%252F"]}
    assert name not in others


# --- conflicts and runs ------------------------------------------------------------------------------------


def record(key: str, since: str = "now", root: str = "root") -> dict[str, str]:
    return {"key": key, "root": root, "since": since}


def test_a_conflict_that_stays_keeps_its_age(path):
    state = StateDatabase.open(path, "here")
    state.update_conflicts([record("a", "monday")])
    state.update_conflicts([record("a", "tuesday"), record("b", "tuesday")])
    assert state.conflicts() == [record("a", "monday"), record("b", "tuesday")]
    state.update_conflicts([], resolved=[("a", "root"), ("none", "root")])
    assert state.conflicts() == [record("b", "tuesday")]
    state.close()


def test_two_mappings_may_have_a_conflict_on_one_key(path):
    state = StateDatabase.open(path, "here")
    state.update_conflicts([record("a"), record("a", root="other")])
    state.update_conflicts([], resolved=[("a", "root")])
    assert state.conflicts() == [record("a", root="other")]
    state.close()


def test_the_last_runs_are_kept_newest_first(path):
    state = StateDatabase.open(path, "here")
    for number in range(7):
        state.add_run({"number": number}, keep=5)
    assert [each["number"] for each in state.runs(3)] == [6, 5, 4]
    assert [each["number"] for each in state.runs(10)] == [6, 5, 4, 3, 2]
    state.close()
