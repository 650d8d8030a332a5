"""A disk that does not let us: files and folders without permission, and no room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.e2e.buckets import FolderBucket
from tests.e2e.project import Project

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions than these")

IS_ROOT = sys.platform != "win32" and os.geteuid() == 0

WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Runs a command of root's so that permissions hold it back as they do other users."""


class ProjectOfAPerson(Project):
    """A project in which permissions hold the command back, whoever runs the tests."""

    command = (*(WITHOUT_PRIVILEGES if IS_ROOT else ()), *Project.command)


@pytest.fixture
def person(tmp_path, folder):
    """A project of somebody whom permissions hold back."""
    if IS_ROOT:
        if shutil.which(WITHOUT_PRIVILEGES[0]) is None:
            pytest.skip("root is held back by no permission, and there is no setpriv command to change that")
        shut = tmp_path / "shut"
        shut.touch(mode=0)
        if subprocess.run([*WITHOUT_PRIVILEGES, "cat", str(shut)], capture_output=True, check=False).returncode == 0:
            pytest.skip("root is held back by no permission here, even without its privileges")
    yield ProjectOfAPerson(tmp_path / "here", folder)
    for path in [*tmp_path.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)


@posix_only
def test_what_can_not_be_read_is_left_alone_and_named(person):
    for name in ("file", "folder/inside", "folder/deep/er", "good"):
        person.write(name, "old")
    assert person.sync().code == 0
    person.write("file", "edited")
    person.write("good", "edited")
    person.write("new", "new")
    person.path("file").chmod(0)
    person.path("new").chmod(0)
    person.path("folder").chmod(0)
    for _ in range(2):
        ran = person.sync()
        assert ran.code == 1
        assert set(ran.failures) == {"file", "new", "folder"}
        assert all("ermission denied" in reason for reason in ran.failures.values())
        assert person.bucket.tree() == {
            "file": "old",
            "folder/inside": "old",
            "folder/deep/er": "old",
            "good": "edited",
        }
    for name, mode in (("file", 0o644), ("new", 0o644), ("folder", 0o755)):
        person.path(name).chmod(mode)
    assert person.sync().code == 0
    assert person.bucket.tree() == person.tree()


@posix_only
def test_a_folder_that_can_not_be_written(person):
    for name in ("shut/file", "shut/other", "open/file"):
        person.write(name, "old")
    assert person.sync().code == 0
    person.path("shut").chmod(0o555)
    person.bucket.put("shut/file", "edited")
    person.bucket.put("shut/new", "new")
    person.bucket.delete("shut/other")
    person.bucket.put("open/file", "edited")
    ran = person.sync()
    assert ran.code == 1
    assert set(ran.failures) == {"shut/file", "shut/new", "shut/other"}
    assert person.tree() == {"shut/file": "old", "shut/other": "old", "open/file": "edited"}
    person.path("shut").chmod(0o755)
    assert person.sync().code == 0
    assert person.tree() == person.bucket.tree() == {"shut/file": "edited", "shut/new": "new", "open/file": "edited"}


@posix_only
def test_roots_without_permission(person):
    person.configure(paths=["files/"])
    person.write("files/one", "one")
    assert person.sync().code == 0
    person.path("files").chmod(0)
    ran = person.sync()
    assert ran.code == 5
    assert str(person.path("files")) in ran.error["message"]
    person.path("files").chmod(0o755)
    person.bucket.root.chmod(0)
    assert person.sync().code == 5
    person.bucket.root.chmod(0o755)
    assert person.bucket.tree() == {"one": "one"}
    person.nothing_to_do(1)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MiB, mounted for one test."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    tried = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if not tried or tried.returncode:
        pytest.skip(f"no disk can be mounted here: {tried.stderr.strip() if tried else 'there is no mount command'}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_no_room_for_what_comes(small_disk, bucket):
    project = Project(small_disk / "here", bucket)
    project.write("old", "old")
    assert project.sync().code == 0
    large = "x" * (6 << 20)
    bucket.put("a-large", large)
    bucket.put("b-small", "small")
    bucket.put("old", "y" * (6 << 20))
    # With more workers, the small file may come while a large one fills the disk.
    ran = project.sync("--max-workers", "1")
    assert ran.code == 1
    assert set(ran.failures) == {"a-large", "old"}
    assert all("o space left" in reason for reason in ran.failures.values()), ran.failures
    assert project.tree() == {"old": "old", "b-small": "small"}, "what was there is as it was, without leftovers"
    assert bucket.tree()["a-large"] == large
    bucket.put("old", "new")
    bucket.delete("a-large")
    assert project.sync().code == 0
    assert project.tree() == bucket.tree() == {"old": "new", "b-small": "small"}


def test_no_room_in_the_folder_that_is_the_bucket(small_disk, tmp_path):
    project = Project(tmp_path / "here", FolderBucket(small_disk / "bucket"))
    project.write("a-large", "x" * (6 << 20))
    project.write("b-small", "small")
    ran = project.sync("--max-workers", "1")
    assert (ran.code, set(ran.failures)) == (1, {"a-large"})
    assert "o space left" in ran.failures["a-large"]
    assert project.bucket.tree() == {"b-small": "small"}


def test_no_room_for_the_state(small_disk, tmp_path):
    project = Project(small_disk / "here", FolderBucket(tmp_path / "bucket"))
    for number in range(50):
        project.write(f"{number}", "x" * 100)
    (small_disk / "filler").write_bytes(b"x" * ((4 << 20) - (400 << 10)))
    filler = (small_disk / "rest").open("wb", buffering=0)
    try:
        while filler.write(b"x" * 4096):
            pass
    except OSError:
        filler.close()
    ran = project.sync()
    assert ran.code not in (0, 130)
    assert "full" in ran.said or "o space left" in ran.said
    for name in ("filler", "rest"):
        (small_disk / name).unlink()
    after = project.sync()
    assert after.code == 0, after
    assert project.bucket.tree() == project.tree()
    project.nothing_to_do(50)
