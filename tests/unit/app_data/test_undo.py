"""The undo of a reset: what comes back from the trash, and what stays there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from buckia import NotRestored
from buckia_core.app_data import undo
from buckia_core.app_data.reset_record import begin_reset, read_record
from tests.unit.app_data.test_app_data import DEMO, USER, Instance, publish_demo
from tests.unit.syncing.databases.database import connect, make_database, rows


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    path = tmp_path / "bucket"
    (path / DEMO).mkdir(parents=True)
    return path


@pytest.fixture
def phone(tmp_path: Path, bucket: Path) -> Iterator[Instance]:
    """An app with a database of the row 8, which is backed up, and of the row 9, which is not."""
    publish_demo(bucket, 1, 2)
    phone = Instance(tmp_path / "phone")
    phone.app.update_demo()
    phone.write(f"{USER}/note.txt", "mine")
    with closing(make_database(phone.database, "wal", 8)) as app:
        phone.app.backup()
        app.execute("insert into item values (9, 'x')")
        yield phone


def rows_in_bucket(bucket: Path) -> list[int]:
    with closing(connect(bucket / USER / "App.sqlite")) as copy:
        return rows(copy)


@pytest.mark.parametrize("everywhere", [False, True])
def test_all_is_as_before_the_reset(phone: Instance, bucket: Path, everywhere: bool) -> None:
    (bucket / USER / "tablet.txt").write_text("from the tablet")
    phone.app.reset(everywhere=everywhere)
    assert phone.rows() == [1, 2] and phone.files(USER) == {}
    planned = phone.app.undo_reset(dry_run=True)
    assert phone.rows() == [1, 2] and phone.files(USER) == {}
    result = phone.app.undo_reset()
    assert result == planned and not result.failures
    assert phone.rows() == [8, 9]
    there = {"tablet.txt": "from the tablet"}
    assert phone.files(USER) == {"note.txt": "mine"} | (there if everywhere else {})
    phone.client.sync().raise_for_failures()
    assert rows_in_bucket(bucket) == [8, 9]
    assert phone.files(USER) == {"note.txt": "mine"} | there
    with pytest.raises(NotRestored, match="no reset to undo"):
        phone.app.undo_reset()


def test_database_that_only_the_bucket_had_comes_back(phone: Instance, bucket: Path) -> None:
    phone.app.backup()
    phone.app.reset()
    phone.app.reset(everywhere=True)
    assert rows_in_bucket(bucket) == [1, 2] and not (bucket / USER / "note.txt").exists()
    phone.app.undo_reset().raise_for_failures()
    assert phone.rows() == [8, 9] and phone.files(USER) == {"note.txt": "mine"}


def test_what_was_written_after_the_reset_goes_to_the_trash(phone: Instance) -> None:
    phone.app.reset()
    phone.write(f"{USER}/note.txt", "newer")
    with closing(connect(phone.database)) as app:
        app.execute("insert into item values (77, 'x')")
    phone.app.undo_reset().raise_for_failures()
    assert phone.rows() == [8, 9] and phone.files(USER) == {"note.txt": "mine"}
    trash = phone.client.trash()
    former = {each.key: trash.content(each.id) for each in trash.list() if each.why == undo.REASON}
    assert former[f"{USER}/note.txt"].read_text() == "newer"
    with closing(connect(former[f"{USER}/App.sqlite"])) as copy:
        assert rows(copy) == [1, 2, 77]


def test_repeat_goes_on_after_a_failure(phone: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    phone.write(f"{USER}/other.txt", "other")
    phone.app.reset(everywhere=True)
    restore = undo._restore_file

    def fail_once(item, *arguments):
        if item.key.endswith("note.txt"):
            raise PermissionError(13, "Permission denied", item.path)
        restore(item, *arguments)

    monkeypatch.setattr(undo, "_restore_file", fail_once)
    result = phone.app.undo_reset()
    assert [Path(each).name for each in result.failures] == ["note.txt"]
    with pytest.raises(NotRestored, match="Permission denied"):
        result.raise_for_failures()
    assert phone.files(USER) == {"other.txt": "other"}
    monkeypatch.setattr(undo, "_restore_file", restore)
    phone.app.undo_reset().raise_for_failures()
    assert phone.files(USER) == {"other.txt": "other", "note.txt": "mine"} and phone.rows() == [8, 9]


def test_files_that_a_filter_leaves_out_come_back(phone: Instance) -> None:
    phone.client.config = phone.client.config.with_changes(exclude=["*.txt"])
    phone.app.reset()
    assert phone.files(USER) == {}
    phone.app.undo_reset().raise_for_failures()
    assert phone.files(USER) == {"note.txt": "mine"}


@pytest.mark.parametrize("record", ["{}", "[", '{"user": "x", "started": "x", "ended": null, "chosen": null}'])
def test_record_that_cannot_be_read_is_none(phone: Instance, record: str) -> None:
    phone.app.reset()
    phone.client.state_files.reset.write_text(record)
    with pytest.raises(NotRestored, match="no reset"):
        phone.app.undo_reset()
    assert phone.rows() == [1, 2]


def test_reset_of_another_user_is_not_undone(phone: Instance) -> None:
    phone.app.reset()
    phone.client.config = phone.client.config.with_changes(app={"user": "A" * 30, "database": "App.sqlite"})
    with pytest.raises(NotRestored, match=USER):
        phone.app.undo_reset()


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[]",
        '{"user": "u"}',
        '{"user": "u", "started": "0001-01-01T00:00:00+14:00", "ended": null, "chosen": null}',
        '{"user": "u", "started": 5, "ended": null, "chosen": null}',
        '{"user": "u", "started": "2026-01-01T00:00:00+00:00", "ended": null, "chosen": "abc"}',
    ],
    ids=["deep", "list", "fields", "time", "number", "text"],
)
def test_a_record_that_a_reset_did_not_write_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    assert read_record(path) is None
    begin_reset(path, "u")
    assert read_record(path) is not None
