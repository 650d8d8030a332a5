"""The data of an app: backup, restore, demo data and reset, with two app instances and an admin."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from buckia import BucketConfig, BuckiaClient, ConfigError
from buckia_core.app_data.demo_database import NotApplied, TableChange, apply_database
from buckia_core.errors import Transient
from tests.unit.syncing.databases.database import connect, make_database, rows

USER, DEMO = "4f1d0c6e9a5b4e43a1a2f7d8c0b95e11", "0c3b7a52e1d94f7fa6d25b90f4c8e613"


class Instance:
    """An app on one device, or the machine of an admin."""

    def __init__(self, root: Path, **app: object) -> None:
        self.documents = root / "Documents"
        self.documents.mkdir(parents=True)
        profile = {"documents": "Documents/", "user": USER, "demo": DEMO, "database": "App.sqlite"} | app
        config = BucketConfig(provider="file", root="../bucket", base_dir=root, name="app", app=profile)
        self.client = BuckiaClient(config)
        self.app = self.client.app

    @property
    def database(self) -> Path:
        return self.documents / "App.sqlite"

    def rows(self) -> list[int]:
        with closing(connect(self.database)) as app:
            return rows(app)

    def write(self, name: str, text: str) -> None:
        path = self.documents / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def files(self, folder: str) -> dict[str, str]:
        root = self.documents / folder
        return {path.name: path.read_text() for path in root.glob("*") if path.suffix == ".txt"}


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    path = tmp_path / "bucket"
    (path / DEMO).mkdir(parents=True)
    return path


@pytest.fixture
def phone(tmp_path: Path, bucket: Path) -> Instance:
    return Instance(tmp_path / "phone")


@pytest.fixture
def tablet(tmp_path: Path, bucket: Path) -> Instance:
    return Instance(tmp_path / "tablet")


def publish_demo(bucket: Path, *ids: int) -> None:
    """Replace the demo in the bucket, as an admin does."""
    path = bucket / DEMO / "App.sqlite"
    path.unlink(missing_ok=True)
    make_database(path, "delete", *ids).close()
    (bucket / DEMO / "welcome.txt").write_text(f"demo {ids}")


def test_backup_of_a_live_database_is_restored_on_another_device(
    phone: Instance, tablet: Instance, bucket: Path
) -> None:
    phone.write(f"{USER}/note.txt", "mine")
    with closing(make_database(phone.database, "wal", 1, 2)) as app:
        assert phone.app.backup().uploaded == 2
        assert phone.app.backup().uploaded == 0
        app.execute("insert into item values (3, 'x')")
        assert phone.app.backup().uploaded == 1
    make_database(tablet.database, "wal", 9).close()
    tablet.write(f"{USER}/only-here.txt", "stays")
    assert tablet.app.restore().downloaded == 2
    assert tablet.rows() == [1, 2, 3]
    assert tablet.files(USER) == {"note.txt": "mine", "only-here.txt": "stays"}
    (item,) = [each for each in tablet.client.trash().list() if each.key.endswith(".sqlite")]
    restored = tablet.client.trash().restore(item.id, tablet.documents / "former.sqlite")
    with closing(connect(restored)) as former:
        assert rows(former) == [9]


def test_demo_only_comes_down_and_follows_the_bucket(phone: Instance, bucket: Path) -> None:
    publish_demo(bucket, 1, 2)
    (bucket / DEMO / "old.txt").write_text("old")
    assert phone.app.update_demo().downloaded == 3
    phone.write(f"{DEMO}/mine.txt", "not for all")
    (bucket / DEMO / "old.txt").unlink()
    publish_demo(bucket, 1, 2, 3)
    phone.app.update_demo(force=True)
    assert not (bucket / DEMO / "mine.txt").exists() and "old.txt" not in phone.files(DEMO)
    assert phone.files(DEMO)["welcome.txt"] == "demo (1, 2, 3)"


def test_demo_is_applied_by_primary_key_and_keeps_what_is_only_here(phone: Instance, bucket: Path) -> None:
    publish_demo(bucket, 1, 2, 3)
    phone.app.update_demo()
    with closing(make_database(phone.database, "wal", 2, 7)) as app:
        app.execute("alter table item add column stars integer")
        app.execute("update item set name = 'edited', stars = 5")
        expected = [TableChange("item", added=2, replaced=1)]
        assert phone.app.apply_demo(dry_run=True) == expected
        assert rows(app) == [2, 7]
        assert phone.app.apply_demo() == expected
        assert app.execute("select * from item order by id").fetchall() == [
            (1, "x", None), (2, "x", 5), (3, "x", None), (7, "edited", 5),
        ]  # fmt: skip
        assert phone.app.apply_demo() == [TableChange("item", unchanged=3)]
        assert phone.app.apply_demo(leave_out=["ITEM"])[0].left_out
    assert len(phone.client.trash().list()) == 3


def test_rows_that_break_a_constraint_change_nothing(tmp_path: Path) -> None:
    demo, mine = tmp_path / "demo.sqlite", tmp_path / "mine.sqlite"
    schema = "create table team (id integer primary key, name text unique);"
    schema += "create table member (id integer primary key, team integer references team);"
    for path in (demo, mine):
        with closing(connect(path)) as app:
            app.executescript(schema + "create table log (line text);")
    with closing(connect(demo)) as app:
        app.executescript("insert into team values (1, 'a'); insert into member values (1, 1);")
    with closing(connect(mine)) as app:
        app.executescript("insert into team values (2, 'a')")
    before = mine.read_bytes()
    with pytest.raises(NotApplied, match=r"team.*UNIQUE"):
        apply_database(demo, mine)
    with pytest.raises(NotApplied, match="'member' to 'team'"):
        apply_database(demo, mine, leave_out=["team"])
    assert mine.read_bytes() == before
    with closing(connect(mine)) as app:
        app.execute("delete from team")
    changes = apply_database(demo, mine)
    assert [each.table for each in changes if each.added] == ["member", "team"]
    assert [each.left_out for each in changes if each.table == "log"] == ["has no primary key"]


def test_demo_is_applied_without_a_user_and_the_former_database_is_in_the_trash(tmp_path: Path, bucket: Path) -> None:
    publish_demo(bucket, 1)
    phone = Instance(tmp_path / "phone", user=None)
    phone.app.update_demo()
    make_database(phone.database, "wal", 7).close()
    phone.app.apply_demo()
    (kept,) = phone.client.trash().list()
    with closing(connect(phone.client.trash().restore(kept.id, phone.documents / "old"))) as old:
        assert rows(old) == [7] and phone.rows() == [1, 7]


@pytest.mark.parametrize("is_open", [True, False])
def test_reset_moves_all_to_the_trash_and_takes_the_database_of_the_demo(
    phone: Instance, bucket: Path, is_open: bool
) -> None:
    publish_demo(bucket, 1, 2)
    phone.app.update_demo()
    phone.write(f"{USER}/note.txt", "mine")
    app = make_database(phone.database, "wal", 8, 9)
    phone.app.backup()
    if not is_open:
        app.close()
    result = phone.app.reset()
    assert result.files == (f"{USER}/note.txt",) and phone.rows() == [1, 2]
    app.close()
    assert phone.files(USER) == {} and (bucket / USER / "note.txt").exists()
    trashed = {each.key: each.id for each in phone.client.trash().list()}
    assert set(trashed) == {f"{USER}/note.txt", f"{USER}/App.sqlite"}
    phone.client.trash().restore(trashed[f"{USER}/note.txt"])
    assert phone.files(USER) == {"note.txt": "mine"}
    with closing(connect(phone.client.trash().restore(trashed[f"{USER}/App.sqlite"], phone.documents / "old"))) as old:
        assert rows(old) == [8, 9]


def test_reset_here_deletes_nothing_in_the_bucket_at_the_next_sync(phone: Instance, bucket: Path) -> None:
    publish_demo(bucket, 1)
    phone.app.update_demo()
    phone.write(f"{USER}/note.txt", "mine")
    phone.app.backup()
    phone.app.reset()
    assert phone.client.sync().deleted_remote == 0
    assert phone.files(USER) == {"note.txt": "mine"}


def test_database_that_a_reset_replaced_comes_back_until_the_next_backup(phone: Instance, bucket: Path) -> None:
    publish_demo(bucket, 1)
    phone.app.update_demo()
    make_database(phone.database, "wal", 8).close()
    phone.app.backup()
    phone.app.reset()
    phone.app.restore()
    assert phone.rows() == [8]
    phone.app.reset()
    phone.app.backup()
    phone.app.restore()
    assert phone.rows() == [1] and f"{USER}/App.sqlite" in {each.key for each in phone.client.trash().list()}


def test_reset_everywhere_keeps_objects_that_were_never_here_in_the_trash(phone: Instance, bucket: Path) -> None:
    publish_demo(bucket, 1)
    phone.app.update_demo()
    phone.write(f"{USER}/note.txt", "mine")
    phone.app.backup()
    (bucket / USER / "tablet.txt").write_text("from the tablet")
    result = phone.app.reset(everywhere=True)
    assert result.sync is not None and result.sync.deleted_remote == 2
    assert {path.name for path in (bucket / USER).glob("*") if path.suffix == ".txt"} == set()
    assert f"{USER}/tablet.txt" in {each.key for each in phone.client.trash().list()}
    assert (bucket / DEMO / "welcome.txt").exists()


def test_reset_does_not_apply_the_wal_of_a_database_that_is_gone(phone: Instance, bucket: Path) -> None:
    publish_demo(bucket, *range(500))
    phone.app.update_demo()
    app = make_database(phone.database, "wal", *range(300))
    app.execute("pragma wal_checkpoint(truncate)")
    app.execute("insert into item values (7000, 'x')")
    wal = phone.database.with_name("App.sqlite-wal")
    kept = wal.read_bytes()
    app.close()
    phone.database.unlink()
    wal.write_bytes(kept)
    phone.app.reset()
    assert phone.rows() == list(range(500))
    assert len(phone.client.trash().list()) == 1


def test_reset_to_another_page_size_adds_no_copies_while_the_app_is_open(phone: Instance, bucket: Path) -> None:
    with closing(connect(bucket / DEMO / "App.sqlite")) as demo:
        demo.execute("pragma page_size = 8192")
        demo.execute("create table item (id integer primary key, name text)")
    phone.app.update_demo()
    with closing(make_database(phone.database, "wal", 8)):
        with pytest.raises(Transient, match="page size"):
            phone.app.reset()
        assert phone.rows() == [8] and phone.client.trash().list() == []
    phone.app.reset()
    assert phone.rows() == [] and len(phone.client.trash().list()) == 1


def test_reset_without_a_demo_changes_nothing(phone: Instance, bucket: Path) -> None:
    phone.write(f"{USER}/note.txt", "mine")
    make_database(phone.database, "wal", 8).close()
    with pytest.raises(FileNotFoundError, match="update-demo"):
        phone.app.reset()
    assert phone.files(USER) == {"note.txt": "mine"} and phone.rows() == [8]


def test_plain_sync_backs_up_and_never_uploads_the_demo(phone: Instance, bucket: Path) -> None:
    publish_demo(bucket, 1)
    phone.write(f"{USER}/note.txt", "mine")
    phone.write(f"{DEMO}/mine.txt", "not for all")
    make_database(phone.database, "wal", 8).close()
    phone.client.sync(delete_orphaned=False)
    assert sorted(path.name for path in (bucket / USER).iterdir()) == ["App.sqlite", "note.txt"]
    assert not (bucket / DEMO / "mine.txt").exists() and phone.files(DEMO)["mine.txt"]


def test_folders_of_the_app_are_synced_beside_those_of_the_setting_folders(tmp_path: Path, bucket: Path) -> None:
    publish_demo(bucket, 1)
    app = Instance(tmp_path / "phone")
    app.client.config = app.client.config.with_changes(folders=["other"])
    assert app.app.update_demo().downloaded == 2


def test_status_tells_what_there_is_to_do_and_warns_of_an_id_that_can_be_guessed(tmp_path: Path, bucket: Path) -> None:
    publish_demo(bucket, 1)
    bob = Instance(tmp_path / "bob", user="bob")
    bob.write("bob/note.txt", "mine")
    status = bob.app.status()
    assert status.user_plan is not None and len(status.user_plan.operations) == 1
    assert status.demo_plan is not None and len(status.demo_plan.operations) == 2
    assert "could be guessed" in status.warnings[0] and not status.has_database
    assert Instance(tmp_path / "other").app.status().warnings == ()


@pytest.mark.parametrize(
    ("settings", "call", "message"),
    [
        ({"backup": False}, "backup", "backup is off"),
        ({"user": None}, "restore", "no user"),
        ({"demo": None}, "update_demo", "no demo"),
        ({"database": None}, "apply_demo", "no demo|no database"),
    ],
)
def test_what_the_profile_lacks_is_named(
    tmp_path: Path, bucket: Path, settings: dict[str, object], call: str, message: str
) -> None:
    app = Instance(tmp_path / "device", **settings).app
    with pytest.raises(ConfigError, match=message):
        getattr(app, call)()


@pytest.mark.parametrize(
    "app",
    [
        {"user": "a/b"}, {"user": "same", "demo": "same"}, {"database": "/App.sqlite"}, {"users": "typo"},
        {"backup": "perhaps"}, "text",
    ],
)  # fmt: skip
def test_invalid_profiles_are_refused(app: object) -> None:
    with pytest.raises(ConfigError, match="app"):
        BucketConfig(provider="file", root="bucket", app=app)


def test_writer_may_have_the_database_open_while_demo_data_is_applied(phone: Instance, bucket: Path) -> None:
    publish_demo(bucket, 1, 2)
    phone.app.update_demo()
    with closing(make_database(phone.database, "delete", 7)) as app:
        app.execute("begin immediate")
        app.execute("commit")
        phone.app.apply_demo()
        assert rows(app) == [1, 2, 7]
        with pytest.raises(sqlite3.OperationalError):
            app.execute("select * from nothing")


def test_second_device_is_behind_until_it_restores_and_in_conflict_once_it_wrote_too(
    phone: Instance, tablet: Instance
) -> None:
    make_database(phone.database, "wal", 1).close()
    phone.app.backup()
    tablet.app.restore()

    def write(device: Instance, id_: int) -> None:
        with closing(connect(device.database)) as app:
            app.execute("insert into item values (?, 'x')", (id_,))

    write(phone, 2)
    phone.app.backup()
    for run in (tablet.client.sync, tablet.app.backup):
        result = run()
        assert (result.skipped, result.uploaded, result.unresolved, result.errors) == (1, 0, [], [])
    assert tablet.rows() == [1]
    tablet.app.restore()
    assert tablet.rows() == [1, 2]
    assert (tablet.client.sync().skipped, phone.client.sync().uploaded) == (0, 0)
    write(phone, 3)
    write(tablet, 4)
    assert phone.app.backup().uploaded == 1
    for run in (tablet.client.sync, tablet.app.backup):
        assert run().unresolved == [f"{USER}/App.sqlite"]
    assert tablet.client.sync(sync_paths=[str(tablet.database)], conflict="local_wins").uploaded == 1
    with closing(connect(tablet.client.trash().content(tablet.client.trash().list()[-1].id))) as database:
        assert rows(database) == [1, 2, 3]
    assert phone.client.sync().skipped == 1
    phone.app.restore()
    assert phone.rows() == [1, 2, 4]
