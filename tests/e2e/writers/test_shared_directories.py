"""Directories that other people may write to, or whose files are theirs; and a system that allows few open files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.buckets import FolderBucket
from tests.e2e.project import Project

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions than these")

FEW = 96
"""Descriptors. macOS allows 256 for up to 32 transfers at once; here are eight, and both sides are on the disk."""


class Limited(Project):
    """A project in which the command may have few files open at once."""

    command = ("/bin/sh", "-c", f'ulimit -n {FEW}; exec "$@"', "sh", *Project.command)


@pytest.mark.parametrize("way", ["up", "down"])
def test_files_in_many_directories_take_few_descriptors(tmp_path, way):
    folder = FolderBucket(tmp_path / "bucket")
    project = Limited(tmp_path / "here", folder)
    names = {f"{number % 97}/a/b/c/{number}/f": str(number) for number in range(300)}
    for name, content in names.items():
        if way == "up":
            project.write(name, content)
        else:
            folder.put(name, content)
    ran = project.sync("--max-workers", "8")
    assert (ran.code, ran.counts) == (0, {"uploaded" if way == "up" else "downloaded": 300}), ran
    assert project.tree() == folder.tree() == names


# --- another user's files ----------------------------------------------------------------------------------

NOBODY = 65534

needs_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can make files of another user"
)


class OfNobody(Project):
    """A project in which the command runs as another user than the one who owns some of its files."""

    command = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *Project.command)


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A directory that every user may pass. Those of pytest are closed, and it closes them again when it starts."""
    directory = Path(tempfile.mkdtemp(prefix="buckia-shared-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def folder(everybodys: Path) -> FolderBucket:
    """A folder that is a bucket, of the unprivileged user."""
    folder = FolderBucket(everybodys / "bucket")
    os.chown(folder.root, NOBODY, NOBODY)
    return folder


@pytest.fixture
def nobody(everybodys: Path, folder: FolderBucket) -> Project:
    """A project of an unprivileged user."""
    project = OfNobody(everybodys / "here", folder)
    probe = [*OfNobody.command[:4], sys.executable, "-c", "import buckia"]
    if subprocess.run(probe, capture_output=True, check=False, cwd="/").returncode:
        pytest.skip("this Python is for root alone")
    for path in (project.directory, project.path(".buckia")):
        os.chown(path, NOBODY, NOBODY)
    return project


@needs_root
def test_a_directory_that_may_only_be_passed_through_is_worked_in(nobody, folder):
    """Its names can't be listed, but a path leads through it."""
    (folder.root / "d").mkdir(mode=0o711)
    (folder.root / "d" / "e").mkdir()
    os.chown(folder.root / "d" / "e", NOBODY, NOBODY)
    project = nobody
    project.configure(prefix="d/e")
    project.write("f", "mine")
    os.chown(project.path("f"), NOBODY, NOBODY)
    ran = project.sync()
    assert (ran.code, ran.counts) == (0, {"uploaded": 1}), ran
    assert folder.tree() == {"d/e/f": "mine"}


@needs_root
def test_files_of_another_user_come_up_and_are_replaced_where_the_directory_allows_it(nobody, folder):
    project = nobody
    project.write("theirs", "1").chmod(0o644)
    assert project.sync().code == 0
    folder.put("theirs", "2 from the bucket")
    ran = project.sync()
    assert (ran.code, ran.counts) == (0, {"downloaded": 1}), ran
    assert project.path("theirs").read_text() == "2 from the bucket"
    assert project.trash() == ["1"]


@needs_root
def test_a_private_file_of_another_user_fails_alone(nobody, folder):
    project = nobody
    project.write("private", "secret").chmod(0o600)
    project.write("open", "1").chmod(0o644)
    ran = project.sync()
    assert ran.code == 1 and list(ran.failures) == ["private"] and "Permission denied" in ran.failures["private"]
    assert folder.tree() == {"open": "1"}
