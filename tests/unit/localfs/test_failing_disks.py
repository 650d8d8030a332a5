"""Errors of a disk: only errors that mean missing support lead to a fallback."""

from __future__ import annotations

import errno
import os

import pytest

from buckia_core.localfs import directory as module
from buckia_core.localfs.directory import Tree
from buckia_core.localfs.durability import fsync_directory
from buckia_core.localfs.filename_rules import detect_filesystem_rules, find_case_collision
from buckia_core.localfs.staging_file import link_or_copy
from buckia_core.localfs.system_errors import find_system_failure, format_system_failure
from buckia_core.testing import m

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such calls")

FAILURES = [errno.EIO, errno.ENOSPC, errno.EMFILE]


def failing(number, *, only=lambda *arguments: True):
    """Return what stands for a call that fails, and for what that call is otherwise."""

    def of(call):
        def fail(*arguments, **more):
            if only(*arguments):
                raise OSError(number, os.strerror(number))
            return call(*arguments, **more)

        return fail

    return of


@pytest.fixture
def fail(monkeypatch):
    def fail(name, number, **more):
        monkeypatch.setattr(os, name, failing(number, **more)(getattr(os, name)))

    return fail


@pytest.fixture
def tree(tmp_path):
    with Tree(str(tmp_path)) as tree:
        yield tree


@posix
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_directory_that_can_not_be_flushed_is_an_error(tree, tmp_path, fail, number):
    fail("fsync", number)
    for sync in (tree.root.fsync, lambda: fsync_directory(str(tmp_path))):
        with pytest.raises(OSError, match=str(tmp_path)) as caught:
            sync()
        assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path))


@posix
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_that_syncs_no_directories_is_let_be(tree, tmp_path, fail, number):
    fail("fsync", number)
    tree.root.fsync()
    fsync_directory(str(tmp_path))
    fsync_directory(str(tmp_path / "gone"))


@pytest.mark.parametrize("number", FAILURES)
def test_a_disk_that_failed_while_it_was_asked_is_not_taken_for_a_plain_one(tmp_path, fail, number):
    fail("open", number, only=lambda path, flags, *rest: flags & os.O_CREAT)
    with pytest.raises(OSError, match=r"\.buckia-tmp") as caught:
        detect_filesystem_rules(str(tmp_path))
    assert caught.value.errno == number


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_one_that_may_not_be_written_is(tmp_path, fail, number):
    fail("open", number, only=lambda path, flags, *rest: flags & os.O_CREAT)
    assert detect_filesystem_rules(str(tmp_path)).case_insensitive is False


@posix
def test_one_that_can_not_be_opened_for_want_of_descriptors_is_not_either(tmp_path, fail):
    fail("open", errno.EMFILE)
    with pytest.raises(OSError, match="open files"):
        detect_filesystem_rules(str(tmp_path))


def test_a_twin_whose_stat_fails_is_not_taken_for_none(tree, tmp_path, fail):
    (tmp_path / "name").write_text("1")
    status = tree.root.stat("name")
    fail("stat", errno.EIO, only=lambda path, *rest: os.path.basename(path) == "NAME")
    with pytest.raises(OSError, match="NAME"):
        find_case_collision(tree, tree.root, "name", status)


@pytest.mark.parametrize("number", FAILURES)
def test_a_disk_that_failed_is_not_taken_for_one_without_hard_links(tree, tmp_path, fail, number):
    m("f=1").write_to(tmp_path)
    fail("link", number)
    with pytest.raises(OSError, match="copy") as caught:
        link_or_copy(tree.root, "f", tree.root, "copy", "t-")
    assert caught.value.errno == number
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV])
def test_a_disk_without_hard_links_gets_a_copy(tree, tmp_path, fail, number):
    m("f=1").write_to(tmp_path)
    fail("link", number)
    link_or_copy(tree.root, "f", tree.root, "copy", "t-")
    assert (tmp_path / "copy").read_text() == "1"


@posix
@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_a_link_whose_target_can_not_be_checked_does_not_lead_nowhere(tmp_path, monkeypatch, number):
    (tmp_path / "link").symlink_to("target")
    status = module.Directory.stat

    def refuse(directory, name, *, follow=False):
        if follow:
            raise OSError(number, os.strerror(number), directory.join(name))
        return status(directory, name)

    with Tree(str(tmp_path), follow=True) as tree:
        assert tree._find_obstacle(tree.root, "link") == "a symbolic link that leads nowhere"
        monkeypatch.setattr(module.Directory, "stat", refuse)
        with pytest.raises(OSError, match=os.strerror(number)):
            tree._find_obstacle(tree.root, "link")


def test_a_failure_of_the_system_is_found_behind_errors_of_libraries():
    def wrapped(error, *, cause=True):
        try:
            try:
                raise error
            except type(error) as inner:
                if cause:
                    raise RuntimeError("no connection") from inner
                raise RuntimeError("no connection") from None
        except RuntimeError as outer:
            return outer

    too_many = OSError(errno.EMFILE, "Too many open files")
    assert find_system_failure(wrapped(too_many)) is too_many
    assert format_system_failure(too_many) == "this machine: Too many open files"
    assert format_system_failure(MemoryError()) == "this machine: there is not enough memory"
    assert isinstance(find_system_failure(wrapped(MemoryError())), MemoryError)
    assert find_system_failure(wrapped(too_many, cause=False)) is None
    assert find_system_failure(wrapped(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))) is None
    assert find_system_failure(FileNotFoundError(errno.ENOENT, "gone")) is None
