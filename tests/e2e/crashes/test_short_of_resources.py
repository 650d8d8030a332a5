"""A machine that has not enough, or refuses: few descriptors, disks without room, read-only disks, other owners."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.buckets import FolderBucket
from tests.e2e.project import Project

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits, mounts and owners are those of POSIX")

SOMEBODY = 54_321
"""The number of a user that is not the one who runs the command."""


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[Path]:
    """Mount something at a place; skip where that can't be done."""
    place.mkdir(exist_ok=True)
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a disk")
    tried = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no disk can be mounted here: {tried.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path, left: int) -> Path:
    """Leave no more than so many bytes of a disk."""
    room = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(b"x" * max(0, room.f_bavail * room.f_frsize - left))
    return filler


# --- descriptors -------------------------------------------------------------------------------------------


class Frugal(Project):
    """A project in which the command may have few files open at once."""

    limit = 0

    @property
    def command(self) -> tuple[str, ...]:  # type: ignore[override]
        if not self.limit:
            return tuple(Project.command)
        return ("sh", "-c", f'ulimit -n {self.limit}; exec "$@"', "sh", *Project.command)


@pytest.mark.parametrize(
    "limit", [20, pytest.param(28, marks=pytest.mark.long), pytest.param(40, marks=pytest.mark.long)]
)
def test_few_descriptors(tmp_path, bucket, limit):
    project = Frugal(tmp_path / "here", bucket)
    project.configure(retry_attempts=2)
    for number in range(40):
        project.write(f"up/{number}", f"up {number}")
        project.write(f"old/{number}", f"old {number}")
    assert project.sync().code == 0
    everything = project.tree()
    for number in range(40):
        project.write(f"up/{number}", f"newer {number}")
        bucket.put(f"down/{number}", f"down {number}")
        bucket.put(f"old/{number}", f"newer {number}")
        everything |= {f"{name}/{number}": f"newer {number}" for name in ("up", "old")}
        everything |= {f"down/{number}": f"down {number}"}
    project.limit = limit
    ran = project.sync()
    assert ran.code in (0, 1, 4, 5) and "Traceback" not in ran.said
    assert all("oo many open files" in why or "kept" in why for why in ran.failures.values()), ran.failures
    assert not [path for path in project.state_dir.iterdir() if path.name.endswith((".broken", ".other"))]
    contents = {*everything.values(), *(f"up {number}" for number in range(40)), *(f"old {n}" for n in range(40))}
    for tree in (project.tree(), bucket.tree()):
        assert set(tree.values()) <= contents, "nothing is half written"
    project.limit = 0
    ran = project.sync()
    assert (ran.code, ran.counts.get("conflicts")) == (0, None), ran
    assert project.tree() == everything
    assert {name: text for name, text in bucket.tree().items() if ".buckia-tmp-" not in name} == everything
    assert {f"old {number}" for number in range(40)} <= set(project.kept())


# --- disks without room ------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["keep_both", "local_wins", "remote_wins"])
def test_no_room_for_a_conflict(tmp_path, policy):
    # The state has room: what is looked at is what becomes of the files.
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=4m", "tmpfs") as disk:
        project = Project(disk / "here", FolderBucket(tmp_path / "bucket"))
        project.write("fought", "old")
        project.write("other", "old")
        assert project.sync().code == 0
        mine, theirs = "m" * (3 << 19), "t" * (3 << 19)
        project.write("fought", mine)
        project.write("other", "new")
        project.bucket.put("fought", theirs)
        filler = fill(disk, 1 << 19)
        # One after the other: what is fetched of the one takes the room of the other for a moment.
        ran = project.sync("--conflict", policy, "--max-workers", "1")
        assert (ran.code, set(ran.failures)) == (1, {"fought"}), ran
        assert "o space left" in ran.failures["fought"]
        assert project.tree() == {"fought": mine, "other": "new"}
        assert project.bucket.tree() == {"fought": theirs, "other": "new"}
        filler.unlink()
        ran = project.sync("--conflict", policy)
        assert (ran.code, ran.failures) == (0, {}), ran
        assert project.tree() == project.bucket.tree()
        assert {mine, theirs} <= {*project.tree().values(), *project.kept()}


# --- read-only disks ---------------------------------------------------------------------------------------


def test_a_bucket_on_a_read_only_disk(tmp_path):
    with mounted(tmp_path / "disk", "-t", "tmpfs", "tmpfs") as disk:
        project = Project(tmp_path / "here", FolderBucket(disk / "bucket"))
        for name in ("kept", "deleted", "edited"):
            project.write(name, "old")
        project.bucket.put("there", "there")
        assert project.sync().code == 0
        project.bucket.put("there", "newer")
        project.delete("deleted")
        project.write("edited", "newer")
        project.write("new", "new")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        ran = project.sync()
        assert (ran.code, set(ran.failures)) == (1, {"deleted", "edited", "new"}), ran
        assert all("read-only" in why for why in ran.failures.values()), ran.failures
        assert project.tree()["there"] == "newer"
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        ran = project.sync()
        assert (ran.code, ran.failures) == (0, {})
        assert project.tree() == project.bucket.tree() == {
            "kept": "old", "edited": "newer", "there": "newer", "new": "new"
        }  # fmt: skip


def test_files_on_a_read_only_disk(tmp_path):
    project = Project(tmp_path / "here", FolderBucket(tmp_path / "bucket"))
    with mounted(tmp_path / "here" / "disk", "-t", "tmpfs", "tmpfs") as disk:
        for name in ("edited", "deleted", "stays"):
            (disk / name).write_text("old")
        assert project.sync().code == 0
        (disk / "mine").write_text("mine")
        project.bucket.put("disk/edited", "newer")
        project.bucket.put("disk/new", "new")
        project.bucket.delete("disk/deleted")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        ran = project.sync()
        assert (ran.code, set(ran.failures)) == (1, {f"disk/{name}" for name in ("edited", "deleted", "new")}), ran
        assert all("ead-only file system" in why and str(disk) in why for why in ran.failures.values()), ran.failures
        assert project.bucket.tree()["disk/mine"] == "mine"
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert project.sync().code == 0
        here = {f"disk/{path.name}": path.read_text() for path in disk.iterdir()}
        expected = {"disk/edited": "newer", "disk/stays": "old", "disk/mine": "mine", "disk/new": "new"}
        assert here == project.bucket.tree() == expected


# --- files of somebody else --------------------------------------------------------------------------------


class WithoutPrivileges(Project):
    """A project of root's in which the command has no rights over other users' files."""

    command = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", *Project.command)


@pytest.fixture
def person(tmp_path, folder):
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can make files of another user, and setpriv takes its privileges away")
    return WithoutPrivileges(tmp_path / "here", folder)


def test_files_of_somebody_else(person):
    for name in ("shared/edited", "shared/deleted", "private/sent", "open/edited", "mine"):
        person.write(name, "old")
    assert person.sync().code == 0
    # As in /tmp: all may write there, and nobody may take another one's file away.
    for name in ("shared/edited", "shared/deleted", "private/sent", "open/edited"):
        os.chown(person.path(name), SOMEBODY, SOMEBODY)
    person.path("shared").chmod(0o1777)
    os.chown(person.path("shared"), SOMEBODY, SOMEBODY)
    person.path("private/sent").write_text("newer")
    person.path("private/sent").chmod(0o600)
    person.write("mine", "newer")
    for name in ("shared/edited", "open/edited"):
        person.bucket.put(name, "newer")
    person.bucket.delete("shared/deleted")
    ran = person.sync()
    assert ran.code == 1
    assert set(ran.failures) == {"shared/edited", "shared/deleted", "private/sent"}, ran
    assert all("not permitted" in why or "ermission denied" in why for why in ran.failures.values()), ran.failures
    assert all(name in why for name, why in ran.failures.items()), ran.failures
    assert person.tree() == {
        "shared/edited": "old",
        "shared/deleted": "old",
        "private/sent": "newer",
        "open/edited": "newer",
        "mine": "newer",
    }
    person.path("shared").chmod(0o777)
    person.path("private/sent").chmod(0o644)
    assert person.sync().code == 0
    expected = {"shared/edited": "newer", "private/sent": "newer", "open/edited": "newer", "mine": "newer"}
    assert person.tree() == person.bucket.tree() == expected
