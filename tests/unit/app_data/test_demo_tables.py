"""Tables that need more than a comparison of rows when demo data is applied."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from buckia_core.app_data.demo_database import NotApplied, TableChange, apply_database
from tests.unit.syncing.databases.database import connect


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    return tmp_path / "demo.sqlite"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.sqlite"


def run(path: Path, script: str) -> None:
    with closing(connect(path)) as database:
        database.executescript(script)


def test_search_index_still_finds_what_is_only_here(demo: Path, mine: Path) -> None:
    schema = "create virtual table note_fts using fts5(body); create table note (id integer primary key, body text);"
    rows = "insert into note values ({0}, '{1}'); insert into note_fts(rowid, body) values ({0}, '{1}');"
    for path, first, word in ((demo, 100, "theirs"), (mine, 1, "own")):
        run(path, schema + "".join(rows.format(each, word) for each in range(first, first + 30)))
    changes = {each.table: each for each in apply_database(demo, mine)}
    assert changes["note"].added == 30
    assert changes["note_fts"].left_out == "is a virtual table"
    assert {each.left_out for name, each in changes.items() if name.startswith("note_fts_")} == {
        "belongs to the virtual table 'note_fts'"
    }
    with closing(connect(mine)) as database:
        database.execute("insert into note_fts(note_fts) values ('integrity-check')")
        (found,) = database.execute("select count(*) from note_fts where note_fts match 'own'").fetchone()
        assert found == 30


def test_search_index_with_triggers_finds_the_new_values(demo: Path, mine: Path) -> None:
    gone = "insert into note_fts(note_fts, rowid, body) values ('delete', old.id, old.body);"
    found = "insert into note_fts(rowid, body) values (new.id, new.body);"
    schema = f"""
        create table note (id integer primary key, body text);
        create virtual table note_fts using fts5(body, content='note', content_rowid='id');
        create trigger note_added after insert on note begin {found} end;
        create trigger note_changed after update on note begin {gone} {found} end;
    """
    run(demo, schema + "insert into note values (1, 'theirs'), (2, 'changed'), (3, 'same')")
    run(mine, schema + "insert into note values (2, 'own'), (3, 'same')")
    assert apply_database(demo, mine)[0] == TableChange("note", added=1, replaced=1, unchanged=1)
    with closing(connect(mine)) as database:
        database.execute("insert into note_fts(note_fts, rank) values ('integrity-check', 1)")
        for word, ids in {"theirs": [1], "changed": [2], "same": [3], "own": []}.items():
            rows = database.execute("select rowid from note_fts where note_fts match ?", (word,)).fetchall()
            assert [each for (each,) in rows] == ids


def test_triggers_run_for_rows_that_are_added_or_replaced_only(demo: Path, mine: Path) -> None:
    table = "create table note (id integer primary key, body text collate nocase);"
    triggers = "".join(
        f"create trigger on_{event} after {event} on note begin insert into log values ('{event} ' || {row}.id); end;"
        for event, row in (("insert", "new"), ("update", "new"), ("delete", "old"))
    )
    kept = "create trigger kept before update on note when old.body = 'mine' begin select raise(ignore); end;"
    run(demo, table + "insert into note values (1, 'theirs'), (2, 'same'), (3, 'new'), (4, 'CASE'), (5, 'theirs')")
    run(mine, table + "insert into note values (1, 'own'), (2, 'same'), (4, 'case'), (5, 'mine')")
    run(mine, "create table log (line text);" + triggers + kept)
    expected = [TableChange("note", added=1, replaced=2, unchanged=2)]
    assert apply_database(demo, mine, dry_run=True) == apply_database(demo, mine) == expected
    with closing(connect(mine)) as database:
        log = sorted(line for (line,) in database.execute("select line from log"))
        assert log == ["insert 3", "update 1", "update 4"]
        bodies = [body for (body,) in database.execute("select body from note order by id")]
        assert bodies == ["theirs", "same", "new", "CASE", "mine"]


@pytest.mark.parametrize(
    "body",
    [
        "select raise(abort, 'no')", "select raise(rollback, 'no')", "select only_of_the_app(new.id)",
        "insert into missing values (1)", "insert into note values (new.id + 100, 'copy')", "delete from note",
    ],
)  # fmt: skip
def test_failed_trigger_changes_nothing(demo: Path, mine: Path, body: str) -> None:
    table = "create table note (id integer primary key, body text); create table first (id integer primary key);"
    run(demo, table + "insert into first values (7); insert into note values (1, 'theirs')")
    run(mine, table + "insert into note values (2, 'own'); create table log (line text);")
    run(mine, f"create trigger guard after insert on note begin insert into log values ('x'); {body}; end;")
    with pytest.raises(NotApplied, match=r"'note'.*trigger"):
        apply_database(demo, mine)
    with closing(connect(mine)) as database:
        assert database.execute("select * from note").fetchall() == [(2, "own")]
        assert database.execute("select * from first").fetchall() == database.execute("select * from log").fetchall()
        assert apply_database(demo, mine, leave_out=["note"])[0].added == 1


@pytest.mark.parametrize("rule", ["replace", "ignore"])
def test_constraint_that_drops_rows_silently_changes_nothing(demo: Path, mine: Path, rule: str) -> None:
    schema = f"create table tag (id integer primary key, name text unique on conflict {rule}, note text);"
    run(demo, schema + "insert into tag values (100, 'x', 'demo')")
    run(mine, schema + "insert into tag values (1, 'x', 'own')")
    for dry_run in (True, False):
        with pytest.raises(NotApplied, match="tag"):
            apply_database(demo, mine, dry_run=dry_run)
    with closing(connect(mine)) as database:
        assert database.execute("select * from tag").fetchall() == [(1, "x", "own")]


def test_rows_with_null_in_their_key_are_added_once(demo: Path, mine: Path) -> None:
    schema = "create table text (lang text, name text, v text, primary key (lang, name));"
    run(demo, schema + "insert into text values (null, 'a', '1'), ('en', 'a', '1'), (null, null, null)")
    run(mine, schema + "insert into text values (null, 'a', 'own')")
    assert apply_database(demo, mine) == [TableChange("text", added=3)]
    assert apply_database(demo, mine) == [TableChange("text", unchanged=3)]
    with closing(connect(mine)) as database:
        assert len(database.execute("select * from text").fetchall()) == 4
