"""Attacks by a user who may write to the project: links that appear during a run lead neither out of it nor into it."""

from __future__ import annotations

import os
import stat
import threading
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from buckia_core.adapters.contract.resume import PartialDownload, resume_by_open
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import Transient
from buckia_core.localfs.opening import HAS_DIR_FD
from buckia_core.planning.manifest import RemoteObject
from buckia_core.syncing.execution import executor
from buckia_core.syncing.transfer import download, download_staging, upload
from buckia_core.testing import m
from buckia_core.testing.miniatures import files_in
from tests.unit.syncing.sides import Sides
from tests.unit.syncing.transfer.test_transfer import During

pytestmark = pytest.mark.skipif(not HAS_DIR_FD, reason="this system reaches files by path only")


_swapping = threading.Lock()


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    m("a=secret b=secret").write_to(tmp_path / "outside")
    return tmp_path / "outside"


def swap(sides: Sides, outside: Path, name: str = "d") -> None:
    """Put a link to a directory outside in the place of one inside, once."""
    with _swapping:
        while not (sides.folder / name).is_symlink():
            os.rename(sides.folder / name, sides.folder.with_name(f"aside-{uuid.uuid4().hex}"))
            # Another worker may have made the directory again.
            with suppress(FileExistsError):
                (sides.folder / name).symlink_to(outside)


def untouched(outside: Path) -> bool:
    return files_in(outside) == {"a": b"secret", "b": b"secret"}


@pytest.mark.parametrize("workers", [1, 4])
def test_downloads_do_not_follow(sides, outside, workers):
    (sides.folder / "d").mkdir()
    sides.there(" ".join(f"d/f{number:02}=x" for number in range(60)))
    sides.adapter = During(sides.bucket, "download_file", lambda: swap(sides, outside))
    result = sides.sync(max_workers=workers)
    assert untouched(outside)
    assert result.failed and "a symbolic link stands in its way" in result.errors[0].message
    sides.adapter = None
    sides.sync()
    assert len(sides.objects()) == 60 and untouched(outside)


def test_a_replacement_does_not_follow_and_keeps_no_secret(sides, outside):
    sides.in_step("d/a=1 d/b=1").there("d/a=2 d/b=2")
    sides.adapter = During(sides.bucket, "download_file", lambda: swap(sides, outside))
    sides.sync(max_workers=1)
    assert untouched(outside)
    assert "secret" not in str(sides.trashed())


@pytest.mark.parametrize("policy", ["keep_both", "newest_wins", "local_wins"])
def test_an_upload_does_not_follow_whatever_the_policy(sides, outside, policy):
    sides.in_step("c=1 d/a=1 d/b=1").here("c=2 d/a=2 d/b=2")
    sides.adapter = During(sides.bucket, "upload_file", lambda: swap(sides, outside))
    sides.sync(max_workers=1, conflict=policy)
    assert "secret" not in sides.objects().values()
    assert sides.objects()["d/a"] == "1"


def test_a_delete_does_not_follow(sides, outside):
    sides.in_step("c=1 d/a=1 d/b=1").there("c=2").delete_there("d/a", "d/b")
    sides.adapter = During(sides.bucket, "download_file", lambda: swap(sides, outside))
    result = sides.sync(max_workers=1)
    assert untouched(outside) and result.failed == 2
    assert "secret" not in str(sides.trashed())


def test_a_conflict_copy_does_not_follow(sides, outside):
    sides.here("c=mine d/a=mine").there("c=theirs d/a=theirs")
    sides.adapter = During(sides.bucket, "download_file", lambda: swap(sides, outside))
    sides.sync(max_workers=1)
    assert untouched(outside)
    assert "secret" not in sides.objects().values()


def test_a_file_that_becomes_a_pipe_is_not_waited_for(sides):
    sides.here("c=1 x=1")

    def swap_file() -> None:
        (sides.folder / "x").unlink()
        os.mkfifo(sides.folder / "x")

    sides.adapter = During(sides.bucket, "upload_file", swap_file)
    result = sides.sync(max_workers=1)
    assert [error.key for error in result.errors] == ["x"] and "a named pipe" in result.errors[0].message


def test_a_file_that_becomes_a_link_is_not_sent(sides, outside):
    sides.here("c=1 x=secret")

    def swap_file() -> None:
        (sides.folder / "x").unlink()
        (sides.folder / "x").symlink_to(outside / "a")

    sides.adapter = During(sides.bucket, "upload_file", swap_file)
    assert sides.sync(max_workers=1).failed == 1
    assert sides.objects() == {"c": "1"}


# --- files that are written aside --------------------------------------------------------------------------


class Slow(MemorySync):
    """Brings large objects in two halves, between which something happens."""

    def __init__(self) -> None:
        super().__init__(MemorySettings())
        self._capabilities = replace(self._capabilities, resumable_download=True)
        self.happens = lambda: None

    def resume_download(self, key: str, landing: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        half = expect.size // 2
        if landing.start < half:
            with self.open_file(key, expect=expect, start=landing.start, end=half) as reader:
                data = reader.read()
            with landing.target.open("r+b") as file:
                file.seek(landing.start)
                file.write(data)
            landing.on_progress(half)
            landing = PartialDownload(landing.target, half, landing.on_progress)
        self.happens()
        return resume_by_open(self, key, landing, expect)

    def download_file(
        self, key: str, target: Path, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> RemoteObject:
        self.happens()
        return super().download_file(key, target, expect=expect, start=start, end=end)


@pytest.fixture(params=["resumable", "in one go"])
def large(request, sides, monkeypatch):
    """A bucket whose objects are all taken for large."""
    monkeypatch.setattr(upload, "BUFFERED_UPLOAD_MAX", 0 if request.param == "resumable" else 1 << 40)
    monkeypatch.setattr(download, "RESUMABLE_DOWNLOAD_MIN", 0 if request.param == "resumable" else 1 << 40)
    for module in (download_staging, executor):
        monkeypatch.setattr(module, "BUFFERED_DOWNLOAD_MAX", -1)
    sides.bucket = Slow()
    return sides.bucket


def aside(sides: Sides) -> list[Path]:
    return [path for path in sides.folder.iterdir() if path.name.startswith(".buckia-tmp-")]


def test_a_link_that_replaces_a_temporary_file_is_not_written_through(sides, large, outside):
    def plant() -> None:
        for path in aside(sides):
            path.unlink()
            path.symlink_to(outside / "a")

    large.happens = plant
    sides.there("x=0123456789").sync()
    assert untouched(outside)


def test_their_names_do_not_follow_one_another(sides, large):
    names: list[str] = []
    large.happens = lambda: names.extend(path.name for path in aside(sides))
    sides.there("x=1 y=2 z=3").sync(max_workers=1)
    ends = [name.rpartition("-")[2] for name in names]
    assert len(set(ends)) == 3 and all(len(end) == 16 for end in ends)
    assert len({end[:6] for end in ends}) == 3


@pytest.mark.parametrize("plant", ["symlink", "hard link", "another file"])
def test_what_was_planted_for_a_resumed_download_is_not_written_to(sides, large, outside, plant):
    def stop() -> None:
        raise Transient("later")

    large.happens = stop
    sides.there("x=0123456789").sync()
    left = aside(sides)
    for path in left:
        path.unlink()
        match plant:
            case "symlink":
                path.symlink_to(outside / "a")
            case "hard link":
                os.link(outside / "a", path)
            case _:
                path.write_text("01234 other bytes")
    large.happens = lambda: None
    assert sides.sync().success
    assert untouched(outside) and sides.files() == {"x": "0123456789"}


# --- private stays private ---------------------------------------------------------------------------------


def test_what_replaces_a_private_file_is_private_from_the_start(sides, large):
    modes: list[int] = []
    sides.in_step("x=1")
    (sides.folder / "x").chmod(0o600)
    sides.sync()
    large.happens = lambda: modes.extend(stat.S_IMODE(path.stat().st_mode) for path in aside(sides))
    sides.there("x=0123456789").sync()
    assert modes == [0o600]
    assert sides.files() == {"x": "0123456789"}
    assert stat.S_IMODE((sides.folder / "x").stat().st_mode) == 0o600


def test_only_permission_bits_are_taken_over(sides, large):
    sides.in_step("x=1")
    (sides.folder / "x").chmod(0o6755)
    sides.there("x=2").sync()
    assert sides.files() == {"x": "2"}
    assert stat.S_IMODE((sides.folder / "x").stat().st_mode) == 0o755


def test_a_new_file_has_the_permissions_of_any_new_file(sides, large):
    sides.there("x=2").sync()
    (sides.folder / "any").touch()
    assert (sides.folder / "x").stat().st_mode == (sides.folder / "any").stat().st_mode
