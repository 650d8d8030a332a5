"""What provider `file` does on a real disk: links, permissions, temporaries, missing roots, edits meanwhile."""

from __future__ import annotations

import errno
import io
import logging
import os
import socket
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.adapters.directory import walk
from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    IntegrityError,
    InvalidKey,
    InvalidSetting,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
)
from buckia_core.localfs.directory import Directory
from buckia_core.planning.digest import Digest

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
unprivileged = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="permissions do not hold for this user: root, or one of Windows"
)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "bucket").mkdir()
    return tmp_path / "bucket"


@pytest.fixture
def adapter(root):
    return DirectorySync(DirectorySettings(root=root))


def keys(adapter, *args, **options):
    return [found.key for found in adapter.list_files(*args, **options)]


# --- roots -----------------------------------------------------------------------------------------------


def test_missing_root_is_named(tmp_path):
    adapter = DirectorySync(DirectorySettings(root=tmp_path / "none" / "bucket", bucket_name="photos"))
    for call in (
        lambda: list(adapter.list_files()),
        lambda: adapter.stat_file("a"),
        lambda: adapter.download_file("a", tmp_path / "file"),
        lambda: adapter.delete_files(["a"]),
        lambda: adapter.upload_file(b"1", "a"),
    ):
        with pytest.raises(NotFound, match=r"root of bucket 'photos' is missing.*none.bucket"):
            call()
    assert not (tmp_path / "none").exists()


def test_upload_makes_the_root_where_its_parent_exists(tmp_path):
    adapter = DirectorySync(DirectorySettings(root=tmp_path / "bucket"))
    adapter.upload_file(b"1", "d/e/a")
    assert (tmp_path / "bucket" / "d" / "e" / "a").read_bytes() == b"1"


def test_root_that_is_a_file_is_missing(tmp_path):
    (tmp_path / "bucket").write_bytes(b"")
    with pytest.raises(NotFound, match="is not a directory"):
        list(DirectorySync(DirectorySettings(root=tmp_path / "bucket")).list_files())


def test_root_may_be_a_link(tmp_path, root):
    (tmp_path / "link").symlink_to(root, target_is_directory=True)
    adapter = DirectorySync(DirectorySettings(root=tmp_path / "link"))
    adapter.upload_file(b"1", "a")
    assert keys(adapter) == ["a"]


def test_root_that_is_swapped_during_a_listing_ends_it_with_an_error(root, tmp_path, adapter):
    for key in ("a/1", "b/1", "c/1"):
        adapter.upload_file(b"", key)
    listing = adapter.list_files()
    assert next(listing).key == "a/1"
    root.rename(tmp_path / "elsewhere")
    with pytest.raises(NotFound, match="is missing"):
        list(listing)


def test_prefix_that_leaves_the_root_is_a_wrong_setting(root):
    with pytest.raises(InvalidSetting, match="climbs out"):
        DirectorySync(DirectorySettings(root=root, prefix="../other"))


# --- hostile keys, links, special files --------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    ["", "/etc/x", "../x", "a/../../x", "..", ".", "a/./b", "a//b", "a/", "a\0b", "\udc80", "n" * 256,
     ".buckia-tmp-1", "a/.buckia-tmp-1/b"],
)  # fmt: skip
def test_hostile_keys_are_refused_by_name(adapter, root, key):
    for call in (
        lambda: adapter.upload_file(b"1", key),
        lambda: adapter.stat_file(key),
        lambda: adapter.download_file(key, root.parent / "file"),
        lambda: adapter.copy_file(adapter.upload_file(b"1", "source"), key),
    ):
        with pytest.raises(InvalidKey, match="refused: ") as caught:
            call()
        assert caught.value.key == key
        assert repr(key) in str(caught.value)
    [outcome] = adapter.delete_files([key])
    assert isinstance(outcome.error, InvalidKey)
    assert sorted(path.name for path in root.parent.rglob("*")) == ["bucket", "source"]


@pytest.fixture
def outside(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    return tmp_path / "outside"


def test_no_way_goes_through_a_linked_directory(adapter, root, outside):
    (root / "link").symlink_to(outside, target_is_directory=True)
    for call in (
        lambda: adapter.upload_file(b"1", "link/new"),
        lambda: adapter.upload_file(b"1", "link/secret"),
        lambda: adapter.upload_file(b"1", "link/deep/er"),
        lambda: adapter.stat_file("link/secret"),
        lambda: adapter.download_file("link/secret", root.parent / "file"),
        lambda: adapter.open_file("link/secret").__enter__(),
    ):
        with pytest.raises(InvalidKey, match="'link' in its path is a symbolic link"):
            call()
    assert isinstance(adapter.delete_files(["link/secret"])[0].error, InvalidKey)
    assert keys(adapter) == []
    assert keys(adapter, "link/") == []
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_linked_files_are_left_alone(adapter, root, outside):
    (root / "link").symlink_to(outside / "secret")
    (root / "dangling").symlink_to(outside / "none")
    for key in ("link", "dangling"):
        for call in (
            lambda key=key: adapter.upload_file(b"1", key),
            lambda key=key: adapter.upload_file(b"1", key, expect=IfAbsent()),
            lambda key=key: adapter.stat_file(key),
            lambda key=key: adapter.download_file(key, root.parent / "file"),
        ):
            with pytest.raises(InvalidKey, match="it is a symbolic link"):
                call()
        assert isinstance(adapter.delete_files([key])[0].error, InvalidKey)
        assert (root / key).is_symlink()
    assert keys(adapter) == []
    assert (outside / "secret").read_bytes() == b"secret"


def test_link_that_appears_during_an_upload_is_not_written_through(adapter, root, outside):
    (root / "d").mkdir()

    class Swapping(io.BytesIO):
        def read(self, size=-1):
            if not (root / "d").is_symlink():
                (root / "d").rename(root / "old")
                (root / "d").symlink_to(outside, target_is_directory=True)
            return super().read(size)

    with pytest.raises(InvalidKey, match="symbolic link"):
        adapter.upload_file(Swapping(b"1"), "d/secret")
    assert (outside / "secret").read_bytes() == b"secret"


def swap(root, outside):
    (root / "d").rename(root / "old")
    (root / "d").symlink_to(outside, target_is_directory=True)


@posix
@pytest.mark.parametrize("call", ["read", "delete", "list"])
def test_link_that_appears_between_two_steps_is_not_followed(adapter, root, outside, monkeypatch, call):
    """It takes the place of a directory that was just found to be one."""
    adapter.upload_file(b"mine", "d/secret")
    adapter = DirectorySync(DirectorySettings(root=root))
    status = Directory.stat

    def swapping(directory, name, **more):
        found = status(directory, name, **more)
        if name == "d" and not (root / "d").is_symlink():
            swap(root, outside)
        return found

    entries = Directory.scandir

    @contextmanager
    def swapping_entries(directory):
        with entries(directory) as found:
            yield iter(list(found))
        if directory.relative == "" and not (root / "d").is_symlink():
            swap(root, outside)

    monkeypatch.setattr(
        Directory, "scandir" if call == "list" else "stat", swapping_entries if call == "list" else swapping
    )
    match call:
        case "read":
            with pytest.raises(InvalidKey, match="symbolic link"):
                adapter.read_file("d/secret")
        case "delete":
            assert isinstance(adapter.delete_files(["d/secret"])[0].error, InvalidKey)
        case _:
            assert keys(adapter) == []
    assert (outside / "secret").read_bytes() == b"secret"


def test_prefix_through_a_link_is_an_error_and_no_empty_bucket(root, outside):
    (root / "link").symlink_to(outside, target_is_directory=True)
    with pytest.raises(InvalidKey, match="symbolic link"):
        list(DirectorySync(DirectorySettings(root=root, prefix="link")).list_files())


@posix
def test_special_files_are_left_alone(adapter, root, monkeypatch):
    os.mkfifo(root / "pipe")
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        for key in ("pipe", "socket"):
            with pytest.raises(InvalidKey, match="not a regular file"):
                adapter.stat_file(key)
            with pytest.raises(InvalidKey, match="not a regular file"):
                adapter.upload_file(b"1", key)
        assert keys(adapter) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a name")
def test_names_that_are_not_utf8_are_passed_over_and_logged(adapter, root, caplog):
    with open(os.fsencode(root) + b"/caf\xe9", "wb"):
        pass
    adapter.upload_file(b"1", "café")
    with caplog.at_level(logging.WARNING):
        assert keys(adapter) == ["café"]
    assert "is not valid UTF-8" in caplog.text


# --- what stands in the way --------------------------------------------------------------------------------


def test_file_where_a_directory_must_be(adapter):
    adapter.upload_file(b"1", "a")
    with pytest.raises(AlreadyExists, match="'a' is a file, and would have to be a directory"):
        adapter.upload_file(b"2", "a/b/c")


def test_directory_where_a_file_must_be(adapter):
    adapter.upload_file(b"1", "a/b")
    for expect in (None, IfAbsent()):
        with pytest.raises(AlreadyExists, match="a directory of that name exists"):
            adapter.upload_file(b"2", "a", expect=expect)
    assert keys(adapter) == ["a/b"]


@unprivileged
def test_unreadable_directory_ends_the_listing(adapter, root):
    adapter.upload_file(b"1", "a/1")
    adapter.upload_file(b"1", "b/1")
    (root / "b").chmod(0)
    try:
        with pytest.raises(PermissionDenied, match="'b/'"):
            keys(adapter)
        assert keys(adapter, "a/") == ["a/1"]
    finally:
        (root / "b").chmod(0o700)


def test_directory_that_can_not_be_read_ends_the_listing(adapter, monkeypatch):
    adapter.upload_file(b"1", "a/1")
    adapter.upload_file(b"1", "b/1")
    entries = Directory.scandir

    def refusing(directory):
        if directory.path.endswith("b"):
            raise PermissionError(13, "Permission denied", directory.path)
        return entries(directory)

    monkeypatch.setattr(Directory, "scandir", refusing)
    listing = adapter.list_files()
    assert next(listing).key == "a/1"
    with pytest.raises(PermissionDenied, match="'b/': the disk refuses access") as caught:
        list(listing)
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (28, "AdapterError", "the disk is full"),
        (30, "PermissionDenied", "the disk is read-only"),
        (36, "InvalidKey", "can't store"),
        (5, "Transient", "the disk failed"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="the numbers are those of Linux")
def test_errors_of_the_disk_are_translated(adapter, root, monkeypatch, number, kind, words):
    adapter.upload_file(b"old", "k")

    def failing(descriptor, data):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", failing)
    with pytest.raises(AdapterError, match=words) as caught:
        adapter.upload_file(b"new", "k")
    monkeypatch.undo()
    assert type(caught.value).__name__ == kind
    assert (caught.value.key, caught.value.provider) == ("k", "file")
    assert [path.name for path in root.iterdir()] == ["k"]
    assert (root / "k").read_bytes() == b"old"


# --- writing -----------------------------------------------------------------------------------------------


def test_files_get_the_time_of_their_source(adapter, root):
    adapter.upload_file(b"1", "k", info=UploadInfo(mtime_ns=1_500_000_000_123_456_789))
    assert abs((root / "k").stat().st_mtime_ns - 1_500_000_000_123_456_789) < 1000
    assert adapter.stat_file("k").mtime_ns == (root / "k").stat().st_mtime_ns


def test_time_that_no_disk_holds_does_not_keep_the_bytes_away(adapter, root):
    adapter.upload_file(b"1", "k", info=UploadInfo(mtime_ns=10**30))
    assert (root / "k").read_bytes() == b"1"


@posix
def test_overwriting_keeps_permissions(adapter, root):
    adapter.upload_file(b"1", "k")
    (root / "k").chmod(0o600)
    adapter.upload_file(b"2", "k")
    assert (root / "k").stat().st_mode & 0o777 == 0o600


@posix
@pytest.mark.parametrize(
    ("source", "mode"), [(None, 0o644), (0o600, 0o600), (0o640, 0o640), (0o4755, 0o644), (0, 0o600)]
)
def test_a_new_object_is_for_nobody_for_whom_its_source_is_not(adapter, root, source, mode):
    seen: set[int] = set()

    class Watching(io.BytesIO):
        def read(self, size=-1):
            seen.update(stat.S_IMODE(path.stat().st_mode) for path in root.iterdir())
            return super().read(size)

    before = os.umask(0o022)
    try:
        adapter.upload_file(Watching(b"1"), "k", info=UploadInfo(mode=source))
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "k").stat().st_mode) == mode and seen == {mode}


@posix
def test_what_replaces_a_private_object_is_private_from_the_start(adapter, root):
    seen: set[int] = set()

    class Watching(io.BytesIO):
        def read(self, size=-1):
            seen.update(stat.S_IMODE(path.stat().st_mode) for path in root.iterdir())
            return super().read(size)

    adapter.upload_file(b"1", "k")
    (root / "k").chmod(0o4600)
    adapter.upload_file(Watching(b"2"), "k", info=UploadInfo(mode=0o644))
    assert seen == {0o4600, 0o600}
    assert stat.S_IMODE((root / "k").stat().st_mode) == 0o600


@posix
def test_a_copy_of_a_private_object_is_private(adapter, root):
    source = adapter.upload_file(b"1", "k")
    (root / "k").chmod(0o600)
    adapter.copy_file(adapter.stat_file("k"), "d/copy")
    assert source.key == "k" and stat.S_IMODE((root / "d" / "copy").stat().st_mode) == 0o600


def test_nothing_is_left_of_an_upload_that_failed(adapter, root):
    seen = adapter.upload_file(b"1", "k")
    adapter.upload_file(b"2", "k")
    with pytest.raises(PreconditionFailed):
        adapter.upload_file(b"3", "k", expect=IfUnchanged(seen))
    with pytest.raises(PreconditionFailed):
        adapter.upload_file(b"3", "new/dir/k", expect=IfUnchanged(seen))
    assert [path.name for path in root.rglob("*")] == ["k"]


def test_temporary_has_a_short_name_beside_its_target(adapter, root):
    seen: list[str] = []

    class Watching(io.BytesIO):
        def read(self, size=-1):
            seen.extend(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
            return super().read(size)

    name = "n" * 255
    adapter.upload_file(Watching(b"1"), f"d/{name}")
    assert all(path.startswith("d/.buckia-tmp-") and len(path) < 40 for path in seen)
    assert seen
    assert keys(adapter) == [f"d/{name}"]


@posix
def test_disk_without_hard_links(adapter, root, monkeypatch):
    def refusing(source, target, **more):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", refusing)
    adapter.upload_file(b"1", "k", expect=IfAbsent())
    with pytest.raises(PreconditionFailed):
        adapter.upload_file(b"2", "k", expect=IfAbsent())
    assert [path.name for path in root.iterdir()] == ["k"]
    assert (root / "k").read_bytes() == b"1"


def test_disk_that_copies_only_by_hand(adapter, monkeypatch):
    def refusing(*args):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refusing, raising=False)
    source = adapter.upload_file(bytes(range(256)) * 10_000, "source")
    assert adapter.copy_file(source, "target").size == 2_560_000
    with adapter.open_file("target") as reader:
        assert reader.read() == bytes(range(256)) * 10_000


def test_uploads_and_deletes_in_one_directory_do_not_trip_each_other(adapter, root):
    def come_and_go(number):
        for _ in range(40):
            adapter.upload_file(b"1", f"d/e/{number}")
            [outcome] = adapter.delete_files([f"d/e/{number}"])
            assert outcome.error is None

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("exists", [False, True], ids=["absent", "unchanged"])
def test_one_thread_wins(adapter, exists):
    expect = IfUnchanged(adapter.upload_file(b"old", "k")) if exists else IfAbsent()

    def write(number):
        try:
            adapter.upload_file(b"%d" % number, "k", expect=expect)
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(24))) == 1


def test_empty_directory_of_somebody_else_outlives_an_upload_that_failed(adapter, root):
    (root / "empty").mkdir()
    with pytest.raises(IntegrityError):
        adapter.upload_file(b"1", "empty/k", info=UploadInfo(digests=(Digest("md5", "0" * 32),)))
    assert [path.name for path in root.rglob("*")] == ["empty"]


# --- temporaries -------------------------------------------------------------------------------------------


def test_temporaries_are_hidden_and_stale_ones_swept_by_the_next_write(adapter, root, monkeypatch):
    (root / "d").mkdir()
    stale, fresh = root / "d" / ".buckia-tmp-1", root / ".buckia-tmp-2"
    stale.write_bytes(b"1")
    monkeypatch.setattr(walk, "STALE_SECONDS", -1)
    assert keys(adapter) == []
    assert stale.exists(), "a listing changes nothing"
    monkeypatch.setattr(walk, "STALE_SECONDS", 1000)
    fresh.write_bytes(b"2")
    assert keys(adapter) == []
    adapter.upload_file(b"1", "k")
    assert not stale.exists()
    assert fresh.exists()


@posix
def test_old_time_alone_does_not_make_a_temporary_stale(adapter, root):
    upload = root / ".buckia-tmp-1"
    upload.write_bytes(b"1")
    os.utime(upload, ns=(0, 0))
    assert keys(adapter) == []
    adapter.upload_file(b"1", "k")
    assert upload.exists()


# --- reading -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edit", ["grow", "shrink", "same_size"])
def test_file_that_changes_while_it_is_read(adapter, root, tmp_path, edit):
    size = 3 << 20
    adapter.upload_file(bytes(size), "k")
    with adapter.open_file("k") as reader:
        reader.read(1)
        # The clock that the file system writes down ticks a few hundred times a second.
        time.sleep(0.02)
        with open(root / "k", "r+b") as file:
            if edit == "shrink":
                file.truncate(1 << 20)
            else:
                file.seek(0 if edit == "same_size" else size)
                file.write(b"edited")
        with pytest.raises(PreconditionFailed, match="while it was read"):
            reader.read()


def test_file_that_is_replaced_while_it_is_read_is_read_to_its_end(adapter):
    adapter.upload_file(bytes(3 << 20), "k")
    with adapter.open_file("k") as reader:
        reader.read(1)
        adapter.upload_file(b"new", "k")
        assert len(reader.read()) == (3 << 20) - 1


# --- listing -----------------------------------------------------------------------------------------------


def test_directories_outside_of_the_range_are_not_read(adapter, monkeypatch):
    for key in ("a/1", "b/1", "b/x/2", "c/1", "d/1"):
        adapter.upload_file(b"", key)
    read = []
    entries = Directory.scandir

    def noting(directory):
        read.append(os.path.basename(directory.path))
        return entries(directory)

    monkeypatch.setattr(Directory, "scandir", noting)
    assert keys(adapter, start_after="b/1", end_at="c/0") == ["b/x/2"]
    assert read == ["bucket", "b", "x", "c"]
    read.clear()
    assert keys(adapter, "b/x") == ["b/x/2"]
    assert read == ["b", "x"]
    read.clear()
    assert next(adapter.list_files()).key == "a/1"
    assert read == ["bucket", "a"]


def test_deleting_removes_directories_that_it_empties(adapter, root):
    for key in ("a/b/c/1", "a/2"):
        adapter.upload_file(b"", key)
    (root / "empty").mkdir()
    adapter.delete_files(["a/b/c/1"])
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*")) == ["a", "a/2", "empty"]
    adapter.delete_files(["a/2"])
    assert [path.name for path in root.iterdir()] == ["empty"]


def test_last_object_leaves_the_root(adapter, root):
    adapter.upload_file(b"", "a")
    adapter.delete_files(["a"])
    assert root.is_dir()
    assert keys(adapter) == []


def test_twins_on_a_disk_that_folds(adapter, root, monkeypatch):
    """The disk of this machine may not fold case; what it would answer is put into its mouth."""
    adapter.upload_file(b"1", "a.txt")
    status = Directory.stat

    def folding(directory, name, **more):
        return status(directory, name.lower() if directory.path == str(root) else name, **more)

    monkeypatch.setattr(Directory, "stat", folding)
    with pytest.raises(InvalidKey, match=r"'A\.TXT' exists in another spelling"):
        adapter.upload_file(b"2", "A.TXT")
    with pytest.raises(NotFound):
        adapter.stat_file("A.TXT")
    assert adapter.delete_files(["A.TXT"])[0].error is None
    assert adapter.stat_file("a.txt").size == 1


# --- what is held open -------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_a_bucket_holds_few_descriptors_and_none_of_threads_that_are_over(adapter, root):
    before = len(os.listdir("/proc/self/fd"))
    for turn in range(5):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda key: adapter.upload_file(b"1", key), [f"{number}/{turn}/f" for number in range(40)]))
    assert len(os.listdir("/proc/self/fd")) - before <= 3
    assert len(keys(adapter)) == 200


@posix
def test_a_replaced_directory_is_opened_anew(adapter, root, tmp_path):
    adapter.upload_file(b"old", "d/k")
    (root / "d").rename(tmp_path / "aside")
    (root / "d").mkdir()
    adapter.upload_file(b"new", "d/k", expect=IfAbsent())
    assert (root / "d" / "k").read_bytes() == b"new" and (tmp_path / "aside" / "k").read_bytes() == b"old"
    root.rename(tmp_path / "elsewhere")
    with pytest.raises(NotFound, match="is missing"):
        adapter.stat_file("d/k")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_nothing_is_held_once_it_is_closed(adapter):
    before = len(os.listdir("/proc/self/fd"))
    adapter.upload_file(b"1", "a/b/c")
    adapter.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert adapter.stat_file("a/b/c").size == 1


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_errors_that_are_kept_hold_no_descriptors(adapter, root):
    adapter.upload_file(b"1", "k")
    for number in range(50):
        (root / f"link{number}").symlink_to(root.parent)
    before = len(os.listdir("/proc/self/fd"))
    outcomes = adapter.delete_files([f"link{number}/x" for number in range(50)])
    assert all(isinstance(outcome.error, InvalidKey) for outcome in outcomes)
    assert len(os.listdir("/proc/self/fd")) - before <= 3


def test_a_source_that_reads_from_the_same_bucket_meanwhile(adapter):
    adapter.upload_file(b"1", "a/b/one")
    adapter.upload_file(b"2", "c/d/two")

    class Reading(io.BytesIO):
        def read(self, size=-1):
            assert adapter.read_file("c/d/two")[1] == b"2"
            return super().read(size)

    adapter.upload_file(Reading(b"new"), "a/b/three")
    assert adapter.read_file("a/b/three")[1] == b"new"
