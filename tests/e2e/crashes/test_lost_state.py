"""A state that is broken, gone, or from the future: nothing is ever deleted for it."""

from __future__ import annotations

import sqlite3

import pytest

from tests.e2e.table import copies


def garbage(path):
    path.write_bytes(b"this is no database" * 100)


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero_bytes(path):
    path.write_bytes(b"")


def scribbled(path):
    content = bytearray(path.read_bytes())
    for offset in range(4096, len(content), 512):
        content[offset : offset + 64] = b"\xff" * 64
    path.write_bytes(content)


def other_tables(path):
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE entries (something TEXT)")
        database.execute("PRAGMA user_version = 1")
    database.close()


def removed(path):
    path.unlink()


@pytest.mark.parametrize("break_it", [garbage, truncated, zero_bytes, scribbled, other_tables, removed])
def test_a_state_that_can_not_be_read(on_folder, break_it):
    for name in ("same", "edited", "deleted-here", "deleted-there"):
        on_folder.write(name, "old")
    assert on_folder.sync().code == 0
    break_it(on_folder.state_file)
    on_folder.write("edited", "mine")
    on_folder.bucket.put("edited", "theirs")
    on_folder.delete("deleted-here")
    on_folder.bucket.delete("deleted-there")
    ran = on_folder.sync()
    assert ran.code == 0, ran
    assert ran.actions() == {
        "same": "adopt",
        "edited": "conflict",
        "deleted-here": "download",
        "deleted-there": "upload",
    }
    assert on_folder.tree() == on_folder.bucket.tree()
    assert copies(on_folder.tree()) == {"edited": ["mine"]}
    assert on_folder.tree()["edited"] == "theirs"
    # What was put aside can be looked at, and is said.
    aside = [path.name for path in on_folder.state_dir.glob("*.broken")]
    assert len(aside) == (0 if break_it is removed else 1)
    assert all(name in ran.stderr for name in aside)
    on_folder.nothing_to_do(5)


def test_a_dry_run_leaves_a_broken_state_as_it_is(on_folder):
    on_folder.write("one", "one")
    assert on_folder.sync().code == 0
    garbage(on_folder.state_file)
    before = sorted(path.name for path in on_folder.state_dir.iterdir())
    ran = on_folder.sync("--dry-run")
    assert (ran.code, ran.actions("planned")) == (0, {"one": "adopt"})
    assert sorted(path.name for path in on_folder.state_dir.iterdir()) == before


def test_a_state_of_a_newer_version_is_left_alone(on_folder):
    on_folder.write("one", "one")
    assert on_folder.sync().code == 0
    with sqlite3.connect(on_folder.state_file) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = on_folder.state_file.read_bytes()
    on_folder.write("two", "two")
    ran = on_folder.sync()
    assert ran.code == 2
    assert "newer version of Buckia" in ran.error["message"]
    assert "update Buckia" in ran.error["message"]
    assert on_folder.state_file.read_bytes() == before
    assert on_folder.bucket.tree() == {"one": "one"}


def test_a_configuration_that_is_pointed_at_another_bucket(on_folder, tmp_path):
    for number in range(12):
        on_folder.write(f"{number}", "x")
    assert on_folder.sync().code == 0
    (tmp_path / "another").mkdir()
    on_folder.configure(root=str(tmp_path / "another"))
    ran = on_folder.sync()
    assert (ran.code, ran.counts) == (0, {"uploaded": 12}), "nothing of it is taken for deleted there"
    assert len(list((tmp_path / "another").iterdir())) == 12
