"""Provider `file` while another process writes to the folder, between the look at an object and its replacement."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged
from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.errors import PreconditionFailed, Transient
from buckia_core.localfs import atomic_rename
from buckia_core.localfs.directory import Directory, Tree

needs_exchange = pytest.mark.skipif(atomic_rename._load_rename_call() is None, reason="no exchange of files here")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def adapter(root: Path) -> DirectorySync:
    return DirectorySync(DirectorySettings(root=root))


def before_each_rename(monkeypatch, *happens):
    """Let things happen just before the first renames in one step."""
    rename, left = atomic_rename._rename, list(happens)

    def renamed(*arguments):
        if left:
            left.pop(0)()
        rename(*arguments)

    monkeypatch.setattr(atomic_rename, "_rename", renamed)


def other_process(root, content):
    """Write as another process does: what it wrote aside takes the place of what is there."""

    def write() -> None:
        aside = root.with_name("aside")
        aside.write_bytes(content)
        aside.replace(root / "k")

    return write


@needs_exchange
def test_a_writer_between_stat_and_rename_is_detected(adapter, root, monkeypatch):
    seen = adapter.upload_file(b"1", "k")
    before_each_rename(monkeypatch, other_process(root, b"theirs"))
    with pytest.raises(PreconditionFailed, match="another writer"):
        adapter.upload_file(b"mine", "k", expect=IfUnchanged(seen))
    assert {path.name: path.read_bytes() for path in root.iterdir()} == {"k": b"theirs"}


@needs_exchange
def test_an_object_deleted_between_stat_and_rename_is_not_recreated(adapter, root, monkeypatch):
    seen = adapter.upload_file(b"1", "k")
    before_each_rename(monkeypatch, (root / "k").unlink)
    with pytest.raises(PreconditionFailed):
        adapter.upload_file(b"mine", "k", expect=IfUnchanged(seen))
    assert list(root.iterdir()) == []


@needs_exchange
def test_what_was_put_back_is_there_though_somebody_deleted_in_between(adapter, root, monkeypatch):
    seen = adapter.upload_file(b"1", "k")
    before_each_rename(monkeypatch, other_process(root, b"theirs"), (root / "k").unlink)
    with pytest.raises(PreconditionFailed):
        adapter.upload_file(b"mine", "k", expect=IfUnchanged(seen))
    assert {path.name: path.read_bytes() for path in root.iterdir()} == {"k": b"theirs"}


@needs_exchange
@pytest.mark.parametrize("times", [2, 3, 4])
def test_of_many_writers_in_between_the_last_one_has_the_name(adapter, root, monkeypatch, times):
    seen = adapter.upload_file(b"1", "k")
    before_each_rename(monkeypatch, *(other_process(root, b"theirs %d" % number) for number in range(times)))
    with pytest.raises(PreconditionFailed, match="another writer"):
        adapter.upload_file(b"mine", "k", expect=IfUnchanged(seen))
    assert {path.name: path.read_bytes() for path in root.iterdir()} == {"k": b"theirs %d" % (times - 1)}


@needs_exchange
def test_what_is_made_anew_after_a_delete_in_between_has_the_name(adapter, root, monkeypatch):
    seen = adapter.upload_file(b"1", "k")
    writers = (other_process(root, b"theirs"), (root / "k").unlink, other_process(root, b"last"))
    before_each_rename(monkeypatch, *writers)
    with pytest.raises(PreconditionFailed, match="another writer"):
        adapter.upload_file(b"mine", "k", expect=IfUnchanged(seen))
    assert {path.name: path.read_bytes() for path in root.iterdir()} == {"k": b"last"}


@needs_exchange
def test_what_can_not_be_put_back_stays_aside(adapter, root, monkeypatch):
    seen = adapter.upload_file(b"1", "k")

    def fail() -> None:
        raise OSError(errno.EIO, "Input/output error")

    before_each_rename(monkeypatch, other_process(root, b"theirs"), fail)
    with pytest.raises(Transient):
        adapter.upload_file(b"mine", "k", expect=IfUnchanged(seen))
    assert sorted(path.read_bytes() for path in root.iterdir()) == [b"mine", b"theirs"]


def test_where_files_can_not_be_exchanged_they_are_replaced(adapter, root, monkeypatch):
    monkeypatch.setattr(atomic_rename, "_load_rename_call", lambda: None)
    seen = adapter.upload_file(b"1", "k")
    found = adapter.upload_file(b"2", "k", expect=IfUnchanged(seen))
    assert adapter.stat_file("k").fingerprint == found.fingerprint
    with pytest.raises(PreconditionFailed):
        adapter.upload_file(b"3", "k", expect=IfUnchanged(seen))
    assert {path.name: path.read_bytes() for path in root.iterdir()} == {"k": b"2"}


@pytest.mark.parametrize("can", [pytest.param(True, marks=needs_exchange), False])
def test_a_new_object_where_there_are_no_hard_links(adapter, root, monkeypatch, can):
    def refuse(self, name, target, new):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Directory, "link", refuse)
    if not can:
        monkeypatch.setattr(atomic_rename, "_load_rename_call", lambda: None)
    adapter.upload_file(b"1", "new", expect=IfAbsent())
    adapter.upload_file(b"theirs", "k")
    with pytest.raises(PreconditionFailed, match="exists"):
        adapter.upload_file(b"mine", "k", expect=IfAbsent())
    assert {path.name: path.read_bytes() for path in root.iterdir()} == {"k": b"theirs", "new": b"1"}


def test_a_replaced_object_has_the_fingerprint_of_a_listing(adapter, root):
    seen = adapter.upload_file(b"1", "k")
    found = adapter.upload_file(b"2", "k", expect=IfUnchanged(seen))
    assert [each.fingerprint for each in adapter.list_files()] == [found.fingerprint]


def test_a_directory_that_is_deleted_as_its_listing_begins_is_empty(adapter, root, monkeypatch):
    adapter.upload_file(b"1", "d/k")
    plain = Tree.open_directory

    def deleted(tree, relative, **options):
        if relative == "d":
            (root / "d" / "k").unlink()
            (root / "d").rmdir()
        return plain(tree, relative, **options)

    monkeypatch.setattr(Tree, "open_directory", deleted)
    assert list(adapter.list_files("d/")) == []
