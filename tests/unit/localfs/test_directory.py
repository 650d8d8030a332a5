"""Open directories, and files in them."""

from __future__ import annotations

import errno
import gc
import os
import re
import secrets
import stat
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buckia_core.localfs.create_directories import make_private_directory
from buckia_core.localfs.directory import MAX_OPEN, Tree
from buckia_core.localfs.files import (
    LACKS_CTIME,
    NotAFile,
    create_temp_file,
    descriptor_path,
    open_file,
    permission_bits,
    unpredictable_name,
    was_written,
)
from buckia_core.localfs.opening import HAS_DIR_FD, DirectoryReplaced, PathBlocked
from buckia_core.localfs.staging_file import link_or_copy
from buckia_core.testing import m

pytestmark = pytest.mark.skipif(not HAS_DIR_FD, reason="this system reaches files by path only")


@pytest.fixture
def tree(tmp_path: Path):
    (tmp_path / "root").mkdir()
    with Tree(str(tmp_path / "root")) as tree:
        yield tree


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def test_an_entry_of_any_kind_is_there(tree, tmp_path):
    m("file=1 directory/x=1").write_to(tmp_path / "root")
    (tmp_path / "root" / "broken").symlink_to("nowhere")
    found = {name: tree.root.has(name) for name in ("file", "directory", "broken", "none")}
    assert found == {"file": True, "directory": True, "broken": True, "none": False}


def test_a_root_may_be_a_link_and_what_is_below_it_may_not(tmp_path):
    m("real/d/x=1").write_to(tmp_path)
    (tmp_path / "root").symlink_to("real")
    (tmp_path / "real" / "link").symlink_to("d")
    with Tree(str(tmp_path / "root")) as tree:
        assert tree.open_directory("d").listdir() == ["x"]
        with pytest.raises(PathBlocked, match="a symbolic link stands in its way"):
            tree.open_directory("link")
        with pytest.raises(PathBlocked, match="a file stands in its way"):
            tree.open_directory("d/x/y")
        with pytest.raises(FileNotFoundError):
            tree.open_directory("none/x")
        assert tree.open_directory("made/x", create=True).listdir() == []
    with Tree(str(tmp_path / "root"), follow=True) as tree:
        assert tree.open_directory("link").listdir() == ["x"]


def test_no_more_than_a_few_descriptors_are_held(tree, tmp_path):
    before = open_descriptors()
    deep = "/".join(["d"] * 60)
    tree.open_directory(deep, create=True)
    directories = [tree.open_directory(f"e{number}", create=True) for number in range(60)]
    assert open_descriptors() - before <= MAX_OPEN
    for number, directory in enumerate(directories):
        os.close(directory.open(f"f{number}", os.O_CREAT | os.O_WRONLY))
    assert open_descriptors() - before <= MAX_OPEN
    assert sorted(path.name for path in (tmp_path / "root").rglob("f*")) == sorted(f"f{n}" for n in range(60))
    tree.close()
    assert open_descriptors() < before


def test_a_directory_that_was_closed_must_be_the_same_when_it_is_opened_again(tree, tmp_path):
    first = tree.open_directory("first", create=True)
    for number in range(60):
        tree.open_directory(f"e{number}", create=True)
    assert first.cached_descriptor is None
    (tmp_path / "root" / "first").rename(tmp_path / "aside")
    (tmp_path / "root" / "first").mkdir()
    with pytest.raises(DirectoryReplaced):
        first.listdir()
    (tmp_path / "root" / "first").rmdir()
    (tmp_path / "root" / "first").symlink_to(tmp_path / "aside")
    with pytest.raises(DirectoryReplaced):
        first.listdir()


def test_a_closed_tree_works_on_no_path(tree):
    directory = tree.open_directory("d", create=True)
    tree.close()
    for closed in (directory, tree.root):
        with pytest.raises(ValueError, match="closed"):
            closed.unlink("x")


def test_errors_name_the_whole_path(tree, tmp_path):
    directory = tree.open_directory("d", create=True)
    for act in (
        lambda: directory.open("x", os.O_RDONLY),
        lambda: directory.stat("x"),
        lambda: directory.unlink("x"),
        lambda: directory.rmdir("x"),
        lambda: directory.replace("y", directory, "x"),
        lambda: directory.link("y", directory, "x"),
    ):
        with pytest.raises(FileNotFoundError) as caught:
            act()
        assert caught.value.filename == str(tmp_path / "root" / "d" / "x")


def test_temporary_names_can_not_be_foreseen_and_links_are_not_written_through(tree, tmp_path, monkeypatch):
    names = iter(["t-taken", "t-free"])
    monkeypatch.setattr("buckia_core.localfs.files.unpredictable_name", lambda prefix: next(names))
    (tmp_path / "root" / "t-taken").symlink_to(tmp_path / "victim")
    name, descriptor = create_temp_file(tree.root, "t-")
    os.write(descriptor, b"x")
    os.close(descriptor)
    assert name == "t-free" and not (tmp_path / "victim").exists()
    assert stat.S_IMODE((tmp_path / "root" / "t-free").stat().st_mode) == 0o600


def test_names_come_from_the_random_numbers_of_the_system_and_none_comes_twice(monkeypatch):
    sizes = []

    def urandom(size: int) -> bytes:
        sizes.append(size)
        return secrets.token_bytes(size)

    monkeypatch.setattr("buckia_core.localfs.files._random_digits", deque())
    monkeypatch.setattr("buckia_core.localfs.files.os.urandom", urandom)
    names = [unpredictable_name("t-") for _ in range(1000)]
    assert sum(sizes) == 8192 and len(set(names)) == 1000
    assert all(re.fullmatch("t-[0-9a-f]{16}", name) for name in names)


def test_many_names_differ(tree):
    made = [create_temp_file(tree.root, "t-") for _ in range(50)]
    for _, descriptor in made:
        os.close(descriptor)
    assert len({name for name, _ in made}) == 50
    assert len({name[:8] for name, _ in made}) > 40, "they do not follow one another"


def test_only_files_are_opened(tree, tmp_path):
    m("f=1").write_to(tmp_path / "root")
    (tmp_path / "root" / "link").symlink_to("f")
    os.mkfifo(tmp_path / "root" / "pipe")
    with open_file(tree.root, "f") as file:
        assert file.read() == b"1" and file.name == str(tmp_path / "root" / "f")
    for name in ("link", "pipe"):
        with pytest.raises(NotAFile):
            open_file(tree.root, name)
        with pytest.raises(NotAFile):
            link_or_copy(tree.root, name, tree.root, "other", "t-")


def test_a_file_that_is_open_is_reached_whatever_becomes_of_its_name(tree, tmp_path):
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("this system has no such paths")
    name, descriptor = create_temp_file(tree.root, "t-")
    (tmp_path / "root" / name).unlink()
    (tmp_path / "root" / name).symlink_to(tmp_path / "victim")
    with open(descriptor_path(descriptor, tree.root.join(name)), "wb") as file:
        file.write(b"x")
    assert os.pread(descriptor, 9, 0) == b"x" and not (tmp_path / "victim").exists()
    os.close(descriptor)


def test_a_copy_takes_over_permission_bits_and_nothing_else(tree, tmp_path, monkeypatch):
    def refuse(*args, **more):
        raise OSError(errno.EPERM, "no links here")

    m("f=1").write_to(tmp_path / "root")
    (tmp_path / "root" / "f").chmod(0o4751)
    os.utime(tmp_path / "root" / "f", ns=(5, 5))
    monkeypatch.setattr(os, "link", refuse)
    link_or_copy(tree.root, "f", tree.root, "copy", "t-")
    status = (tmp_path / "root" / "copy").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o751, 5)
    assert permission_bits((tmp_path / "root" / "f").stat()) == 0o751


@pytest.mark.parametrize(
    ("changed", "written"),
    [
        ({}, False),
        ({"st_size": 2}, True),
        ({"st_mtime_ns": 2}, True),
        ({"st_ctime_ns": 2}, not LACKS_CTIME),
        ({"st_ctime_ns": 2, "st_nlink": 2}, False),
    ],
    ids=["nothing", "size", "time", "write with the time restored", "new link"],
)
def test_a_write_to_an_open_file_is_told_from_a_link(changed, written):
    numbers = {"st_size": 1, "st_mtime_ns": 1, "st_ctime_ns": 1, "st_nlink": 1}
    before: Any = SimpleNamespace(**numbers)
    after: Any = SimpleNamespace(**numbers | changed)
    assert was_written(before, after) is written


def test_a_directory_of_ours_is_closed_to_others(tree, tmp_path):
    make_private_directory(tree.root, "new")
    (tmp_path / "root" / "old").mkdir(mode=0o755)
    make_private_directory(tree.root, "old")
    (tmp_path / "outside").mkdir(mode=0o755)
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    make_private_directory(tree.root, "link")
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("root/new", "root/old", "outside")}
    assert modes == {"root/new": 0o700, "root/old": 0o700, "outside": 0o755}


def test_a_tree_without_references_is_closed_at_once(tmp_path):
    before = open_descriptors()
    gc.disable()
    try:
        for _ in range(50):
            Tree(str(tmp_path)).open_directory("d", create=True)
        assert open_descriptors() - before <= 1
    finally:
        gc.enable()


@pytest.mark.parametrize("relative", ["..", "a/..", "a/../b", "/a", "/", "a//b", "a/", "./a", "a/."])
def test_a_path_that_leads_elsewhere_is_none(tmp_path, relative):
    (tmp_path / "root" / "a" / "b").mkdir(parents=True)
    with Tree(str(tmp_path / "root")) as tree, pytest.raises(ValueError, match="invalid relative path"):
        tree.open_directory(relative, create=True)


def test_a_file_is_not_created_elsewhere(tmp_path):
    (tmp_path / "root").mkdir()
    with Tree(str(tmp_path / "root")) as tree, pytest.raises(ValueError, match="path separator"):
        create_temp_file(tree.root, "../x")
    assert [each.name for each in tmp_path.iterdir()] == ["root"]
