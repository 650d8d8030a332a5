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


def test_search_index_with_triggers_finds_the_new_rows(demo: Path, mine: Path) -> None:
    schema = """
        create table note (id integer primary key, body text);
        create virtual table note_fts using fts5(body, content='note', content_rowid='id');
        create trigger note_added after insert on note begin
            insert into note_fts(rowid, body) values (new.id, new.body);
        end;
    """
    run(demo, schema + "insert into note values (1, 'theirs')")
    run(mine, schema + "insert into note values (2, 'own')")
    apply_database(demo, mine)
    with closing(connect(mine)) as database:
        assert database.execute("select rowid from note_fts where note_fts match 'theirs'").fetchall() == [(1,)]


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
