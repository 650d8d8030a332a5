"""The state on a disk that is full, read-only or another user's, and without descriptors: nothing is forgotten for it.

What would show that something was forgotten: a file that was deleted on one side comes back from the other.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.buckets import FolderBucket
from tests.e2e.project import Project

NAMES = ("kept", "deleted here", "deleted there", "edited")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits, mounts and owners are those of POSIX")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk can't be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def on_small_disk(small_disk: Path, folder: FolderBucket) -> Project:
    return changed(Project(small_disk / "here", folder))


@pytest.fixture
def on_disk(on_folder: Project) -> Project:
    return changed(on_folder)


def changed(project: Project) -> Project:
    """Sync four files, then change three of them."""
    for name in NAMES:
        project.write(name, "old")
    assert project.sync().code == 0
    project.delete("deleted here")
    project.bucket.delete("deleted there")
    project.write("edited", "newer")
    return project


def forgot_nothing(project: Project) -> None:
    """The next run does what it would have done before."""
    assert not [path.name for path in project.state_dir.iterdir() if path.name.endswith((".broken", ".other", ".new"))]
    ran = project.sync()
    expected = {"deleted here": "delete_remote", "deleted there": "delete_local", "edited": "upload"}
    assert (ran.code, ran.actions()) == (0, expected)
    assert project.tree() == project.bucket.tree() == {"kept": "old", "edited": "newer"}


def fill(disk: Path, free: int) -> Path:
    """Leave so many bytes free."""
    room = os.statvfs(disk)
    fill = disk / "fill"
    fill.write_bytes(b"x" * (room.f_bavail * room.f_frsize - free))
    return fill


# --- a full disk -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("free", [0, 4096, 16384, 32768])
def test_a_full_disk_ends_the_run_before_anything_is_done(on_small_disk, small_disk, free):
    bucket = on_small_disk.bucket.tree()
    filling = fill(small_disk, free)
    ran = on_small_disk.sync()
    assert (ran.code, ran.error["error"]) == (1, "StateError"), ran
    assert "the disk is full; free some space" in ran.error["message"]
    assert str(on_small_disk.state_dir) in ran.error["message"]
    assert on_small_disk.bucket.tree() == bucket and "kept" in on_small_disk.tree()
    filling.unlink()
    forgot_nothing(on_small_disk)


def test_a_disk_that_gets_full_stops_the_run_and_keeps_what_was_written_down(on_small_disk, small_disk):
    for index in range(700):
        on_small_disk.write(f"many/{index:04}", "")
    # As much as the database can be opened with, and a part of what there is to write.
    filling = fill(small_disk, 80 * 1024)
    ran = on_small_disk.sync()
    assert (ran.code, ran.error["error"]) == (1, "StateError"), ran
    assert "What this run did could not be written down" in ran.error["message"]
    assert "the disk is full" in ran.error["message"]
    filling.unlink()
    sent = len(on_small_disk.bucket.tree())
    assert 3 < sent < 700, "nothing new begins once that is known"
    ran = on_small_disk.sync()
    assert (ran.code, ran.counts.get("failed")) == (0, None)
    assert ran.counts["uploaded"] + sent <= 704
    assert on_small_disk.tree() == on_small_disk.bucket.tree()
    assert "deleted here" not in on_small_disk.tree()


@pytest.mark.parametrize("command", [["status"], ["sync", "--dry-run"], ["history"], ["conflicts"], ["trash"]])
def test_a_full_disk_is_enough_to_look(on_small_disk, small_disk, command):
    fill(small_disk, 0)
    ran = on_small_disk.run("--json", *command)
    assert (ran.code, "error" in ran.stdout) in ((0, False), (1, True)), ran
    assert "bug in Buckia" not in ran.stderr


# --- a read-only disk --------------------------------------------------------------------------------------


def test_a_read_only_disk_ends_a_run_and_can_be_looked_at(on_small_disk, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    ran = on_small_disk.sync()
    assert (ran.code, ran.error["error"]) == (5, "StateDenied"), ran
    assert "read-only" in ran.error["message"]
    planned = on_small_disk.sync("--dry-run")
    assert planned.actions("planned")["deleted here"] == "delete_remote", planned
    assert [run["uploaded"] for run in on_small_disk.run("--json", "history").records] == [4]
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    forgot_nothing(on_small_disk)


# --- limits ------------------------------------------------------------------------------------------------


def limited(project: Project, limit: str) -> Project:
    """Return the same project whose commands run under a limit of `ulimit`."""
    other = Project.__new__(Project)
    other.directory, other.bucket = project.directory, project.bucket
    other.command = ["bash", "-c", f'ulimit {limit}; exec "$@"', "-", *Project.command]
    return other


FEW = textwrap.dedent("""
    import os, resource, sys
    from pathlib import Path
    from buckia import BucketConfig, BuckiaClient, BuckiaError

    def closed():
        # Numbers that no open file has, of which the system gives the lowest.
        found = []
        for number in range(200):
            try:
                os.fstat(number)
            except OSError:
                found.append(number)
        return found

    here = Path(sys.argv[1])
    names = [f"{index:02}" for index in range(30)]
    for directory in ("files", "bucket"):
        (here / directory).mkdir()
    for name in names:
        (here / "files" / name).write_text(name)
    config = BucketConfig(provider="file", root=here / "bucket", name="b", base_dir=here / "files")
    client = BuckiaClient(config, state_dir=here / "state")
    client.sync()
    for free, name in enumerate(names[:20]):
        (here / "files" / name).unlink()
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (closed()[free], limits[1]))
        try:
            ended = "failed" if client.sync(force=True).failed else "done"
        except (BuckiaError, OSError) as error:
            ended = type(error).__name__
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        print(ended)
    assert not client.sync(force=True).failed
    assert sorted(os.listdir(here / "files")) == sorted(os.listdir(here / "bucket")) == names[20:], "nothing came back"
    assert not list((here / "state").glob("*.broken"))
""")


def test_too_few_descriptors(tmp_path):
    """With none left, then one more each time, a run ends at each place in turn that opens something."""
    ran = subprocess.run([sys.executable, "-c", FEW, str(tmp_path)], check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    ended = ran.stdout.split()
    assert "StateError" in ended and ended[-1] == "done"


def test_files_that_may_not_grow(on_disk):
    """SQLite can't make the 32 KiB that it shares with other programs, and calls that an I/O error."""
    ran = limited(on_disk, "-f 16").sync()
    assert (ran.code, ran.error["error"]) == (1, "StateError"), ran
    assert "I/O error" in ran.error["message"] or "input/output error" in ran.error["message"]
    forgot_nothing(on_disk)


# --- another user's files ----------------------------------------------------------------------------------


def without_privileges(project: Project) -> tuple[Project, Callable[[Path], None]]:
    """Return the project for a user for whom permissions hold, and what takes a file away from that user."""
    other = Project.__new__(Project)
    other.directory, other.bucket, other.command = project.directory, project.bucket, Project.command
    if os.geteuid():
        return other, lambda path: path.chmod(0)
    if shutil.which("setpriv") is None:
        pytest.skip("root may read and write everything, and there is no `setpriv` to give that up")
    drop = "-dac_override,-dac_read_search,-fowner"
    other.command = ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", sys.executable, "-m", "buckia"]
    return other, lambda path: os.chown(path, 65534, 65534)


@pytest.mark.parametrize("what", ["*.sqlite3", "*.lock", "."])
def test_the_state_of_another_user_ends_the_run(on_disk, what):
    user, take_away = without_privileges(on_disk)
    taken = list(on_disk.state_dir.glob(what)) if what != "." else [on_disk.state_dir]
    modes = [(path, path.stat()) for path in taken]
    for path in taken:
        take_away(path)
    bucket = on_disk.bucket.tree()
    ran = user.sync()
    assert (ran.code, ran.error["error"]) == (5, "StateDenied"), ran
    words = "belongs to user" if what == "." and not os.geteuid() else "may not read or write"
    assert words in ran.error["message"] and str(on_disk.state_dir) in ran.error["message"]
    assert on_disk.bucket.tree() == bucket
    if what != "*.lock":
        for command in (["status"], ["sync", "--dry-run"], ["history"], ["conflicts"]):
            assert user.run("--json", *command).code == 5
    for path, status in modes:
        os.chown(path, status.st_uid, status.st_gid)
        path.chmod(status.st_mode & 0o777)
    forgot_nothing(on_disk)


def test_what_is_new_is_for_its_owner_alone(on_disk):
    found = [on_disk.state_dir, *on_disk.state_dir.glob("*")]
    files = [path for path in found if path.name != ".gitignore"]
    assert {path.name: path.stat().st_mode & 0o077 for path in files if path.stat().st_mode & 0o077} == {}


def test_what_others_may_read_is_narrowed(on_disk):
    state = on_disk.state_dir
    state.chmod(0o755)
    on_disk.state_file.chmod(0o644)
    next(state.glob("*.lock")).chmod(0o664)
    assert on_disk.sync().code == 0
    assert state.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in state.glob("*.*") if path.name != ".gitignore"} == {0o600}


# --- what stands in the way --------------------------------------------------------------------------------


def test_a_file_where_the_state_directory_would_be(on_folder):
    on_folder.write("a", "a")
    on_folder.state_dir.write_text("mine")
    ran = on_folder.sync()
    assert (ran.code, ran.error["error"]) == (1, "StateError")
    assert f"{on_folder.state_dir}: a file stands where a directory must be; move it away" in ran.error["message"]
    assert on_folder.state_dir.read_text() == "mine"


@pytest.mark.parametrize("what", ["*.lock", "*.sqlite3"])
def test_a_link_that_came_with_a_checkout_is_not_followed(on_disk, tmp_path, what):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (path,) = on_disk.state_dir.glob(what)
    path.unlink()
    path.symlink_to(precious)
    ran = on_disk.sync()
    assert (ran.code, ran.error["error"]) == (1, "StateError"), ran
    assert "it is a symbolic link, which Buckia does not follow here; remove it" in ran.error["message"]
    assert precious.read_text() == "precious"
