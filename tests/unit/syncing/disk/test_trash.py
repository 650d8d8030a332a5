"""The trash: replaced and deleted files can be listed, restored and removed."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from buckia_core.errors import BuckiaError
from buckia_core.localfs.directory import Directory
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk import trash as module
from buckia_core.syncing.disk import trash_records
from buckia_core.syncing.disk.trash import NotInTrash, NotRestored, Trash
from buckia_core.syncing.scan.filters import PathFilter
from tests.unit.syncing.locations import open_location

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="other permissions, and no such links")


class PathTrash(Trash):
    """A trash that is given paths."""

    def put(self, path, key: str, why: str = "", *, keep_source: bool) -> str:
        with open_location(path) as place:
            return self.add(place, key, why, keep_source=keep_source)


@pytest.fixture
def trash(tmp_path):
    return PathTrash(tmp_path / "state" / "trash", [PathMapping("r", str(tmp_path))])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("content")
    return path


def test_a_deleted_file_is_moved_and_comes_back(trash, file):
    name = trash.put(file, "a.txt", "deleted in the bucket", keep_source=False)
    assert not file.exists()
    (kept,) = trash.list()
    assert (kept.id, kept.key, kept.path, kept.size) == (name, "a.txt", str(file), 7)
    assert kept.why == "deleted in the bucket"
    assert datetime.now(UTC) - kept.when < timedelta(minutes=1)
    assert trash.restore(name) == file
    assert file.read_text() == "content"
    assert trash.list() == []


def test_a_replaced_file_stays_where_it_is(trash, file):
    trash.put(file, "a.txt", keep_source=True)
    other = file.with_name("new")
    other.write_text("new")
    os.replace(other, file)
    (kept,) = trash.list()
    target = file.with_name("restored")
    assert trash.restore(kept.id, target) == target
    assert (target.read_text(), file.read_text()) == ("content", "new")


@pytest.mark.parametrize("keep_source", [True, False])
def test_who_writes_through_a_hard_link_of_a_file_does_not_change_what_is_kept(trash, file, keep_source):
    other = file.with_name("other")
    os.link(file, other)
    os.utime(file, ns=(10**18, 10**18))
    name = trash.put(file, "a.txt", keep_source=keep_source)
    assert file.exists() is keep_source
    other.write_text("edited")
    restored = trash.restore(name, file.with_name("restored"))
    assert (restored.read_text(), restored.stat().st_mtime_ns, other.read_text()) == ("content", 10**18, "edited")


def test_the_same_key_is_kept_as_often_as_it_loses(trash, file):
    for number in range(3):
        file.write_text(str(number))
        trash.put(file, "a.txt", keep_source=False)
    assert len({each.id for each in trash.list()}) == 3
    assert sorted(trash.restore(each.id, file.with_name(each.id)).read_text() for each in trash.list()) == list("012")


def test_something_that_is_no_local_file_is_fetched(trash):
    name = trash.add_from("a/b", "/folder/a/b", 3, "replaced", lambda target: target.write_bytes(b"abc"))
    (kept,) = trash.list()
    assert (kept.id, kept.key, kept.size) == (name, "a/b", 3)


def test_what_could_not_be_fetched_leaves_nothing(trash, tmp_path):
    def fails(target):
        target.write_bytes(b"half")
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        trash.add_from("a", "/a", 4, "", fails)
    assert list((tmp_path / "state" / "trash").iterdir()) == []


def test_what_could_not_be_kept_leaves_nothing(trash, tmp_path, monkeypatch, file):
    monkeypatch.setattr(module, "_move", lambda *args: (_ for _ in ()).throw(PermissionError("no")))
    with pytest.raises(PermissionError):
        trash.put(file, "a", keep_source=False)
    assert file.exists() and trash.list() == []
    assert list((tmp_path / "state" / "trash").iterdir()) == []


def test_nothing_is_overwritten(trash, file):
    name = trash.put(file, "a.txt", keep_source=True)
    with pytest.raises(FileExistsError):
        trash.restore(name)
    assert len(trash.list()) == 1


def test_directories_that_are_gone_are_made_again(trash, tmp_path):
    path = tmp_path / "d" / "e" / "x"
    path.parent.mkdir(parents=True)
    path.write_text("x")
    name = trash.put(path, "d/e/x", keep_source=False)
    path.parent.rmdir()
    path.parent.parent.rmdir()
    assert trash.restore(name) == path and path.read_text() == "x"


@pytest.mark.parametrize("name", ["none", "", "../a.txt", "/etc/passwd"])
def test_what_is_not_there_is_named(trash, name, file):
    trash.put(file, "a.txt", keep_source=True)
    with pytest.raises(NotInTrash, match="trash list"):
        trash.restore(name)


def test_names_do_not_follow_keys(trash, file):
    """A key may be longer or stranger than the disk of the trash allows."""
    key = "../" + "é" * 500 + "\n:*?"
    trash.put(file, key, keep_source=False)
    assert trash.list()[0].key == key


def test_it_is_emptied_by_age(trash, file, monkeypatch):
    trash.put(file, "old", keep_source=True)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=3)

    for each in (module, trash_records):
        monkeypatch.setattr(each, "datetime", Later)
    trash.put(file, "new", keep_source=True)
    assert trash.empty(timedelta(days=2)) == (1, 7)
    assert [each.key for each in trash.list()] == ["new"]
    assert trash.empty() == (1, 7)
    assert trash.empty() == (0, 0)


def test_records_without_bytes_and_broken_ones_are_passed_over(trash, file, tmp_path):
    name = trash.put(file, "a", keep_source=True)
    directory = tmp_path / "state" / "trash"
    (directory / "broken.json").write_text("{")
    (directory / "alone.json").write_text((directory / f"{name}.json").read_text().replace(name, "alone"))
    assert [each.id for each in trash.list()] == [name]


def test_where_a_move_is_not_possible_a_copy_is_made(trash, file, monkeypatch):
    def on_one_disk(call):
        def checked(directory, name, target, new):
            if directory.path != target.path:
                raise OSError(18, "another disk")
            call(directory, name, target, new)

        return checked

    monkeypatch.setattr(Directory, "replace", on_one_disk(Directory.replace))
    monkeypatch.setattr(Directory, "link", on_one_disk(Directory.link))
    name = trash.put(file, "a.txt", keep_source=False)
    assert not file.exists()
    monkeypatch.undo()
    assert trash.restore(name).read_text() == "content"


@posix_only
def test_a_restored_file_has_its_permissions(trash, file):
    file.chmod(0o640)
    name = trash.put(file, "a.txt", keep_source=False)
    assert trash.restore(name).stat().st_mode & 0o777 == 0o640


# --- records are not trusted -------------------------------------------------------------------------------


def plant(tmp_path, id: str = "x", **fields) -> None:
    """Put a record into the trash, and bytes under its own name."""
    directory = tmp_path / "state" / "trash"
    directory.mkdir(parents=True, exist_ok=True)
    record = {"id": id, "key": "k", "path": "p", "size": 1, "when": "2020-01-01T00:00:00+00:00", "why": "w"} | fields
    (directory / f"{id}.json").write_text(json.dumps(record))
    (directory / id).write_text("bytes")


@pytest.mark.parametrize("id", ["../../victim", "/{victim}", "x/../../../victim"])
def test_the_id_is_the_name_of_the_record_and_nothing_else(trash, tmp_path, id):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    plant(tmp_path)
    record = tmp_path / "state" / "trash" / "x.json"
    record.write_text(record.read_text().replace('"id": "x"', json.dumps({"id": id.format(victim=victim)})[1:-1]))
    assert [each.id for each in trash.list()] == ["x"]
    assert trash.empty() == (1, 5)
    assert victim.read_text() == "precious"


def test_nothing_is_put_back_outside_of_the_roots(tmp_path):
    trash = PathTrash(tmp_path / "p" / "state" / "trash", [PathMapping("r", str(tmp_path / "p"))])
    for path in ("/etc/cron.d/x", str(tmp_path / "q" / "x"), str(tmp_path / "p" / ".." / "x"), "x", ""):
        plant(tmp_path / "p", path=path)
        with pytest.raises(NotRestored, match=r"not where this project has its key.*--to"):
            trash.restore("x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p"]
    assert trash.restore("x", tmp_path / "q" / "chosen").read_text() == "bytes"


@pytest.mark.parametrize("name", [".buckia", "d/.BUCKIA-state/x.sqlite3", ".buckiaignore", "d/.buckia-staging"])
def test_nothing_is_put_back_over_what_configures_buckia(trash, tmp_path, name):
    plant(tmp_path, key=name, path=str(tmp_path / name))
    with pytest.raises(NotRestored, match=r"never written from a bucket.*--to"):
        trash.restore("x")
    assert not (tmp_path / name).exists()


@posix_only
def test_nothing_is_put_back_through_a_link(trash, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "link").symlink_to("outside")
    plant(tmp_path, key="link/x", path=str(tmp_path / "link" / "x"))
    with pytest.raises(NotRestored, match=r"a symbolic link stands in its way.*--to"):
        trash.restore("x")
    assert list((tmp_path / "outside").iterdir()) == []


@posix_only
def test_links_in_the_trash_are_nothing_of_ours(trash, tmp_path):
    (tmp_path / "secret").write_text("precious")
    plant(tmp_path)
    (tmp_path / "state" / "trash" / "x").unlink()
    (tmp_path / "state" / "trash" / "x").symlink_to(tmp_path / "secret")
    assert trash.list() == []
    with pytest.raises(NotInTrash):
        trash.restore("x", tmp_path / "copy")


@posix_only
def test_a_trash_that_is_a_link_is_not_used(tmp_path, file):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "trash").symlink_to(tmp_path / "elsewhere")
    trash = PathTrash(tmp_path / "state" / "trash")
    for act in (trash.list, trash.empty, lambda: trash.restore("x"), lambda: trash.put(file, "a", keep_source=True)):
        with pytest.raises(BuckiaError, match="the trash can't be used, a symbolic link"):
            act()
    assert list((tmp_path / "elsewhere").iterdir()) == [] and file.exists()


@pytest.mark.parametrize(
    "record",
    ["", "{", "[]", "3", "null", '"text"', "[" * 100_000, '{"key": 1}', "x" * (1 << 19), '{"when": 1e999}', "\xff"],
    ids=["empty", "cut", "list", "number", "null", "text", "deep", "types", "huge", "infinite", "bytes"],
)
def test_a_record_that_can_not_be_read_hides_no_bytes_and_no_other_record(trash, tmp_path, file, record):
    name = trash.put(file, "good", keep_source=True)
    plant(tmp_path)
    (tmp_path / "state" / "trash" / "x.json").write_text(record, encoding="latin-1")
    found = {each.id: each for each in trash.list()}
    assert found.keys() == {name, "x"} and found[name].key == "good"
    assert (found["x"].key, found["x"].size, found["x"].why) == ("", 5, "its record can't be read")
    with pytest.raises(NotRestored, match="--to"):
        trash.restore("x")
    assert trash.restore("x", tmp_path / "saved").read_text() == "bytes"


def test_a_time_without_a_zone_is_in_utc(trash, tmp_path):
    plant(tmp_path, when="2020-01-01T00:00:00")
    assert trash.list()[0].when == datetime(2020, 1, 1, tzinfo=UTC)
    assert trash.empty(timedelta(days=1)) == (1, 5)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("data/report.txt", ".git/hooks/post-checkout"),
        ("../x", "../x"),
        (".git/hooks/post-checkout", ".git/hooks/post-checkout"),
        ("d/.GIT./config", "d/.GIT./config"),
        (".hg/hgrc", ".hg/hgrc"),
    ],
)
def test_nothing_is_put_back_where_a_download_would_not_write(tmp_path, key, path):
    """What is listed under one name must not come back under another, such as a hook of git."""
    mapping = PathMapping("r", str(tmp_path / "p"), path_filter=PathFilter(defaults=True))
    trash = Trash(tmp_path / "p" / "state" / "trash", [mapping])
    plant(tmp_path / "p", key=key, path=os.path.normpath(tmp_path / "p" / path))
    with pytest.raises(NotRestored, match="--to"):
        trash.restore("x")
    assert not (tmp_path / "p" / path).exists()
    assert trash.restore("x", tmp_path / "chosen").read_text() == "bytes"


def test_a_single_file_and_a_directory_elsewhere_in_the_bucket_come_back(tmp_path):
    mappings = [
        PathMapping("f", str(tmp_path / "one"), "far/one.txt", is_file=True),
        PathMapping("d", str(tmp_path), "b/"),
    ]
    trash = Trash(tmp_path / "state" / "trash", mappings)
    plant(tmp_path, key="far/one.txt", path=str(tmp_path / "one"))
    assert trash.restore("x") == tmp_path / "one"
    plant(tmp_path, key="b/d/x", path=str(tmp_path / "d" / "x"))
    assert trash.restore("x") == tmp_path / "d" / "x"


def test_a_record_whose_content_never_came_is_removed_a_day_later(trash, tmp_path, file):
    trash.put(file, "a.txt", keep_source=True)
    records = tmp_path / "state" / "trash"
    for name, age in (("20200101T000000-0123abcd.json", 2 * 86400), ("20200101T000000-4567cdef.json", 0)):
        (records / name).write_text("{}")
        os.utime(records / name, (time.time() - age,) * 2)
    (kept,) = trash.list()
    trash.empty(timedelta(days=1))
    names = {path.name for path in records.iterdir()}
    assert names == {kept.id, f"{kept.id}.json", "20200101T000000-4567cdef.json"}


# --- private stays private ---------------------------------------------------------------------------------


@posix_only
def test_the_trash_is_private(trash, tmp_path, file):
    (tmp_path / "state").mkdir(mode=0o755)
    trash.add_from("a", "/a", 3, "", lambda target: target.write_bytes(b"abc"))
    trash.put(file, "b", keep_source=True)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").rglob("*")}
    assert modes.pop("trash") == 0o700
    (kept, _) = sorted(trash.list(), key=lambda each: each.key)
    assert modes[kept.id] == 0o600 and all(mode == 0o600 for name, mode in modes.items() if name.endswith(".json"))


@posix_only
def test_a_trash_that_others_could_read_is_made_private(trash, tmp_path, file):
    (tmp_path / "state" / "trash").mkdir(parents=True, mode=0o755)
    trash.put(file, "a", keep_source=True)
    assert stat.S_IMODE((tmp_path / "state" / "trash").stat().st_mode) == 0o700


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system has no paths of open files")
def test_what_is_fetched_does_not_go_through_a_link_that_appears(trash, tmp_path):
    def swap(target):
        (part,) = (tmp_path / "state" / "trash").glob("*.part")
        part.unlink()
        part.symlink_to(tmp_path / "victim")
        target.write_bytes(b"abc")

    trash.add_from("a", "/a", 3, "", swap)
    assert not (tmp_path / "victim").exists()


# --- what the system does not let be read is not gone, and not damaged -------------------------------------


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE])
@pytest.mark.parametrize("call", ["stat", "open"])
def test_an_error_of_the_system_is_raised(trash, file, monkeypatch, number, call):
    name = trash.put(file, "a.txt", keep_source=True)
    real = getattr(Directory, call)

    def refuse(directory, asked, *arguments, **more):
        if asked.startswith(name):
            raise OSError(number, os.strerror(number), directory.join(asked))
        return real(directory, asked, *arguments, **more)

    monkeypatch.setattr(Directory, call, refuse)
    for act in (trash.list, trash.empty, lambda: trash.restore(name)):
        with pytest.raises(OSError, match=name) as caught:
            act()
        assert caught.value.errno == number
    monkeypatch.undo()
    assert [each.key for each in trash.list()] == ["a.txt"]


def test_an_id_that_no_name_can_have_is_not_there(trash, file):
    trash.put(file, "a.txt", keep_source=True)
    with pytest.raises(NotInTrash):
        trash.restore("x" * 5000)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_failed_is_not_taken_for_another_disk(trash, file, monkeypatch, number):
    def refuse(directory, name, target, new):
        raise OSError(number, os.strerror(number), target.join(new))

    monkeypatch.setattr(Directory, "replace", refuse)
    with pytest.raises(OSError, match=os.strerror(number)):
        trash.put(file, "a.txt", keep_source=False)
    assert file.exists() and trash.list() == []
