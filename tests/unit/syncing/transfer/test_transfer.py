"""Uploads and downloads of one file, while other programs write to it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.wrappers.wrapper import Call, T, Wrapper
from buckia_core.errors import IntegrityError, PreconditionFailed, Transient
from buckia_core.localfs import atomic_rename
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.syncing.state.locations import StateFiles
from buckia_core.syncing.state.resume_store import ResumeStore
from buckia_core.syncing.transfer import download, download_staging
from buckia_core.syncing.transfer import upload as upload_module
from buckia_core.syncing.transfer.download import Download, DownloadResult
from buckia_core.syncing.transfer.errors import FileChangedDuringUpload, StateChanged
from buckia_core.syncing.transfer.upload import UploadResult, upload
from buckia_core.testing import Fault, Faulty
from buckia_core.testing.miniatures import files_in, objects_in
from tests.unit.syncing.locations import open_location, stat_path
from tests.unit.syncing.sides import Sides


class During(Wrapper):
    """Lets something happen just before a call of one kind, or just after it; the first time only, or each time."""

    def __init__(
        self, inner: BaseSync, operation: str, happens: Callable[[], object], *, after: bool = False, times: int = 1
    ) -> None:
        super().__init__(inner)
        self._operation, self._happens, self._after, self._times = operation, happens, after, times

    async def intercept(self, call: Call[T]) -> T:
        """Make the call."""
        now = call.operation == self._operation and self._times > 0
        self._times -= now
        if now and not self._after:
            self._happens()
        result = await call()
        if now and self._after:
            self._happens()
        return result


class Corrupting(Wrapper):
    """Hands out other bytes than it has, a number of times."""

    def __init__(self, inner: BaseSync, times: int, damage: Callable[[bytes], bytes]) -> None:
        super().__init__(inner)
        self.left = times
        self._damage = damage

    def download_file(
        self, key: str, target: Path, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        found = super().download_file(key, target, expect=expect, start=start, end=end)
        if self.left:
            self.left -= 1
            target.write_bytes(self._damage(target.read_bytes()))
        return found

    def read_file(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync`."""
        found, data = super().read_file(key, expect=expect)
        if self.left:
            self.left -= 1
            data = self._damage(data)
        return found, data


@pytest.fixture
def bucket() -> MemorySync:
    return MemorySync(MemorySettings())


@pytest.fixture(params=["in memory", "in blocks"])
def any_size(request, monkeypatch):
    """Take the path of small files, and that of large ones."""
    if request.param == "in blocks":
        monkeypatch.setattr(upload_module, "BUFFERED_UPLOAD_MAX", 0)
        monkeypatch.setattr(download, "RESUMABLE_DOWNLOAD_MIN", 0)
        monkeypatch.setattr(download_staging, "BUFFERED_DOWNLOAD_MAX", -1)
    return request.param


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "a"


def seen(path: Path) -> LocalEntry:
    entry = stat_path(str(path), "a", "root")
    assert entry is not None
    return entry


def send(bucket: BaseSync, path: Path, planned: LocalEntry, replaces: RemoteObject | None = None) -> UploadResult:
    with open_location(path) as place:
        return upload(bucket, place, planned, replaces, algorithm="sha256", key="a")


def fetch(bucket: BaseSync, path: Path, planned: LocalEntry | None = None, **more) -> DownloadResult:
    expected = more.pop("expected", None) or bucket.stat_file("a")
    with (
        open_location(path) as place,
        Download(
            bucket,
            expected,
            place,
            mapping_id="root",
            temp_prefix=".buckia-tmp-x-",
            planned=planned,
            algorithm="sha256",
            preserve=more.get("keep", lambda _: None),
        ) as file,
    ):
        file.fetch()
        return file.commit()


# --- up ----------------------------------------------------------------------------------------------------


class Undeclared(MemorySync):
    """Has the methods of a resumable upload, and does not declare it."""

    def part_layout(self, size: int) -> None:
        raise AssertionError

    def upload_parts(self, source, key, *, expect=None, info=None) -> RemoteObject:
        raise AssertionError

    def abort_upload(self, key: str, text: str) -> None:
        raise AssertionError


def test_an_upload_resumes_only_if_the_adapter_declares_it(path, tmp_path, monkeypatch):
    monkeypatch.setattr(upload_module, "BUFFERED_UPLOAD_MAX", 3)
    bucket = Undeclared(MemorySettings())
    path.write_text("longer")
    with open_location(path) as place:
        store = ResumeStore(StateFiles(tmp_path, "assets", "memory:x"))
        upload(bucket, place, seen(path), None, algorithm="sha256", key="a", resume_store=store)
    assert objects_in(bucket) == {"a": b"longer"}


@pytest.mark.parametrize("content", ["", "x", "longer" * 1000])
def test_up(bucket, path, content, any_size):
    path.write_text(content)
    os.utime(path, ns=(10**18, 10**18 + 7))
    sent = send(bucket, path, seen(path))
    assert sent.local == seen(path)
    assert sent.remote == bucket.stat_file("a")
    assert sent.remote.mtime_ns == 10**18 + 7
    assert objects_in(bucket) == {"a": content.encode()}
    assert Digest("sha256", sent.remote.digests[0].value) in sent.digests


def test_up_never_over_an_object_that_was_not_planned(bucket, path, any_size):
    path.write_text("mine")
    bucket.upload_file(b"somebody else's", "a")
    with pytest.raises(PreconditionFailed):
        send(bucket, path, seen(path))
    replaced = bucket.stat_file("a")
    bucket.upload_file(b"a newer one", "a")
    with pytest.raises(PreconditionFailed):
        send(bucket, path, seen(path), replaced)
    assert objects_in(bucket) == {"a": b"a newer one"}


@pytest.mark.parametrize(
    "change",
    [lambda path: path.write_text("grown..."), lambda path: path.write_text("s"), lambda path: os.utime(path, (5, 5))],
    ids=["grew", "shrank", "touched"],
)
def test_n40_a_file_that_is_not_as_planned_is_not_sent(bucket, path, change, any_size):
    path.write_text("mine")
    planned = seen(path)
    change(path)
    with pytest.raises(StateChanged):
        send(bucket, path, planned)
    assert objects_in(bucket) == {}


def test_n40_a_file_that_is_gone_is_not_sent(bucket, path, any_size):
    path.write_text("mine")
    planned = seen(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        send(bucket, path, planned)


def test_n40_a_file_that_grows_while_it_is_read_is_not_sent(bucket, path, monkeypatch):
    path.write_text("mine")
    planned = seen(path)
    real = os.fstat
    looks = []

    def fstat(descriptor):
        looks.append(descriptor)
        if len(looks) == 2:
            path.write_text("mine and more")
        return real(descriptor)

    monkeypatch.setattr("buckia_core.syncing.transfer.upload.os.fstat", fstat)
    with pytest.raises(StateChanged):
        send(bucket, path, planned)
    assert objects_in(bucket) == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("else, and longer"),
        lambda path: path.write_text("MINE"),
        Path.unlink,
        lambda path: (path.unlink(), path.write_text("mine")),
    ],
    ids=["grew", "other bytes", "vanished", "replaced"],
)
def test_n40_a_large_file_that_changes_while_it_is_sent_is_noticed(bucket, path, change, monkeypatch):
    monkeypatch.setattr(upload_module, "BUFFERED_UPLOAD_MAX", 0)
    monkeypatch.setattr(download, "RESUMABLE_DOWNLOAD_MIN", 0)
    path.write_text("mine")
    with pytest.raises((FileChangedDuringUpload, StateChanged)):
        send(During(bucket, "upload_file", lambda: change(path)), path, seen(path))


def test_n44_what_arrives_otherwise_than_it_was_sent_is_an_error(bucket, path):
    class Lying(Wrapper):
        def upload_file(self, source, key, *, expect=None, info=None):
            found = super().upload_file(source, key, expect=expect, info=info)
            return found._replace(digests=(Digest("sha256", "0" * 64),))

    path.write_text("mine")
    with pytest.raises(IntegrityError, match="not what was sent"):
        send(Lying(bucket), path, seen(path))


# --- down --------------------------------------------------------------------------------------------------


def test_down_into_a_new_directory(bucket, path):
    bucket.upload_file(b"yours", "a")
    target = path.parent / "d" / "e" / "a"
    came = fetch(bucket, target)
    assert files_in(path.parent) == {"d/e/a": b"yours"}
    assert came.local == stat_path(str(target), "a", "root")
    assert came.remote == bucket.stat_file("a")


def test_down_over_a_file_keeps_that_and_its_permissions(bucket, path):
    bucket.upload_file(b"yours", "a")
    path.write_text("mine")
    path.chmod(0o640)
    kept = []
    fetch(bucket, path, seen(path), keep=lambda place: kept.append(Path(place.path).read_text()))
    assert kept == ["mine"] and path.read_text() == "yours"
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("mtime_ns", [0, 1, 10**18 + 7, -(10**9), 4_102_444_800 * 10**9], ids=str)
def test_n35_a_file_has_the_time_of_the_one_that_was_uploaded(bucket, path, mtime_ns):
    from buckia_core.adapters.contract.types import UploadInfo

    bucket.upload_file(b"x", "a", info=UploadInfo(mtime_ns=mtime_ns))
    fetch(bucket, path)
    assert path.stat().st_mtime_ns == mtime_ns


def test_a_file_without_a_reported_time_is_not_of_1970(bucket, path):
    class Timeless(Wrapper):
        def read_file(self, key, *, expect=None):
            found, data = super().read_file(key, expect=expect)
            return found._replace(modified_ns=0, mtime_ns=None), data

    bucket.upload_file(b"x", "a")
    fetch(Timeless(bucket), path)
    assert path.stat().st_mtime_ns > 10**18


def test_n35_a_time_that_the_disk_can_not_hold_is_no_reason_to_fail(bucket, path):
    from buckia_core.adapters.contract.types import UploadInfo

    bucket.upload_file(b"x", "a", info=UploadInfo(mtime_ns=10**28))
    fetch(bucket, path)
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("seconds", [400_000_000_000, -400_000_000_000])
def test_a_time_that_the_disk_would_cut_is_not_set(bucket, path, seconds):
    from buckia_core.adapters.contract.types import UploadInfo

    bucket.upload_file(b"x", "a", info=UploadInfo(mtime_ns=seconds * 10**9))
    fetch(bucket, path)
    assert abs(path.stat().st_mtime - time.time()) < 3600 or path.stat().st_mtime == seconds


@pytest.mark.parametrize("mtime_ns", [10_413_792_000 * 10**9 + 5, 2**63 - 1], ids=str)
def test_a_time_that_manifests_cut_is_uploaded_as_it_is(bucket, path, any_size, mtime_ns):
    path.write_text("x")
    os.utime(path, ns=(mtime_ns, mtime_ns))
    if path.stat().st_mtime_ns != mtime_ns:
        pytest.skip("this disk can't hold the time")
    assert send(bucket, path, seen(path)).remote.mtime_ns == mtime_ns
    path.unlink()
    fetch(bucket, path)
    assert path.stat().st_mtime_ns == mtime_ns


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("mine", lambda path: path.write_text("edited")),
        ("mine", Path.unlink),
        (None, lambda path: path.write_text("new")),
    ],
    ids=["edited", "deleted", "made"],
)
def test_p16_a_target_that_changes_during_a_download_is_not_overwritten(bucket, path, before, change):
    bucket.upload_file(b"yours", "a")
    planned = None
    if before is not None:
        path.write_text(before)
        planned = seen(path)
    with pytest.raises(StateChanged):
        fetch(During(bucket, "download_file", lambda: change(path)), path, planned)
    assert files_in(path.parent) in ({"a": b"edited"}, {}, {"a": b"new"})


def test_p16_also_while_the_old_one_is_put_into_the_trash(bucket, path):
    bucket.upload_file(b"yours", "a")
    path.write_text("mine")
    with pytest.raises(StateChanged):
        fetch(bucket, path, seen(path), keep=lambda _: path.write_text("edited at the last moment"))
    assert files_in(path.parent) == {"a": b"edited at the last moment"}


def test_p16_a_file_that_appears_at_the_last_moment_is_not_overwritten(bucket, path, monkeypatch):
    bucket.upload_file(b"yours", "a")
    link = os.link

    def late(source, target, **more):
        path.write_text("mine")
        return link(source, target, **more)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(StateChanged):
        fetch(bucket, path)
    assert files_in(path.parent) == {"a": b"mine"}


def test_n41_an_object_that_was_overwritten_is_not_taken_for_the_planned_one(bucket, path):
    bucket.upload_file(b"one", "a")
    expected = bucket.stat_file("a")
    bucket.upload_file(b"two", "a")
    with pytest.raises(PreconditionFailed):
        fetch(bucket, path, expected=expected)
    assert files_in(path.parent) == {}


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b"X" + data[1:]])
def test_n44_damage_on_the_way_is_found_and_the_download_repeated(bucket, path, damage):
    bucket.upload_file(b"yours", "a")
    fetch(Corrupting(bucket, 2, damage), path)
    assert files_in(path.parent) == {"a": b"yours"}


def test_n44_damage_that_stays_is_an_error_and_the_old_file_too(bucket, path):
    bucket.upload_file(b"yours", "a")
    path.write_text("mine")
    with pytest.raises(IntegrityError, match="content did not match"):
        fetch(Corrupting(bucket, 99, lambda data: b"X" + data[1:]), path, seen(path))
    assert files_in(path.parent) == {"a": b"mine"}


def test_p5_an_error_leaves_nothing_behind(bucket, path):
    bucket.upload_file(b"yours", "a")
    for fault in (Fault("download_file"), Fault("download_file", after=True)):
        with pytest.raises(Transient):
            fetch(Faulty(bucket, [fault]), path)
        assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_n46_n47_a_disk_that_refuses_leaves_the_old_file(sides: Sides, error, monkeypatch):
    sides.in_step("a=1 b=1").there("a=2 b=2")
    real, call = os.replace, atomic_rename._rename

    def refuse(source, target, **more):
        if str(target).endswith("a"):
            raise error
        return real(source, target, **more)

    def refuse_call(source, target, *more):
        if target.endswith("a"):
            raise error
        return call(source, target, *more)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(atomic_rename, "_rename", refuse_call)
    result = sides.sync()
    advice = " (give yourself permission, or exclude it)" if error.errno == 13 else ""
    assert [str(each) for each in result.errors] == [f"a: {error.strerror}: {sides.folder / 'a'}{advice}"]
    assert sides.files() == {"a": "1", "b": "2"}
    monkeypatch.undo()
    assert sides.sync().downloaded == 1 and sides.files() == sides.objects()


def test_directories_that_a_failed_download_left_are_in_nobodys_way(sides: Sides):
    sides.there("a/b/c=1")
    sides.adapter = Faulty(sides.bucket, [Fault("download_file")])
    assert sides.sync().failed == 1
    sides.adapter = None
    sides.delete_there("a/b/c").there("a=2")
    assert sides.sync().success
    assert sides.files() == {"a": "2"}


def test_a_directory_that_holds_what_takes_no_part_is_in_the_way_and_stays(sides: Sides):
    sides.here("a/excluded.log=1").there("a=2")
    result = sides.sync(exclude=["*.log"])
    assert "a directory stands in its way" in result.errors[0].message
    assert sides.files() == {"a/excluded.log": "1"}


def test_where_there_are_no_hard_links_a_new_file_is_renamed(bucket, path, monkeypatch):
    def refuse(*args, **more):
        raise OSError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    bucket.upload_file(b"yours", "a")
    fetch(bucket, path)
    assert files_in(path.parent) == {"a": b"yours"}


def test_bytes_in_flight_are_reported(bucket, path, monkeypatch):
    monkeypatch.setattr(upload_module, "BUFFERED_UPLOAD_MAX", 0)
    monkeypatch.setattr(download, "RESUMABLE_DOWNLOAD_MIN", 0)
    monkeypatch.setattr(download_staging, "BUFFERED_DOWNLOAD_MAX", -1)
    counts = []

    @contextmanager
    def under_way(so_far):
        yield
        counts.append(so_far())

    path.write_text("12345")
    with open_location(path) as place:
        upload(bucket, place, seen(path), None, algorithm="sha256", key="a", track_progress=under_way)
    with open_location(path) as place, Download(
        bucket, bucket.stat_file("a"), place, mapping_id="", temp_prefix=".t-",
        planned=seen(path), algorithm="sha256", preserve=lambda _: None, track_progress=under_way,
    ) as file:  # fmt: skip
        file.fetch()
        file.commit()
    assert counts == [5, 5]
