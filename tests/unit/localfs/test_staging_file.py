"""Staging files: what replaces what, and what a killed process leaves."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from buckia_core.localfs import atomic_rename
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import copy_content, signature
from buckia_core.localfs.staging_file import StagingFile, move_to_free_name, remove_leftover

PREFIX = ".buckia-tmp-"

needs_exchange = pytest.mark.skipif(atomic_rename._load_rename_call() is None, reason="no exchange of files here")


class Killed(BaseException):
    """The process ends here: nothing of it runs any more."""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with Tree(str(tmp_path)) as tree:
        yield tree.root


def contents(path: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in path.iterdir()}


def stage(directory: Directory, content: str) -> StagingFile:
    staged = StagingFile(directory)
    os.write(staged.create(PREFIX, 0o600), content.encode())
    return staged


def killed_after(directory: Directory, monkeypatch: pytest.MonkeyPatch, exchanges: int, edit: str | None) -> None:
    """Replace the file `a`, edited in between, and end the process after so many exchanges."""
    (Path(directory.path) / "a").write_text("old")
    expected = signature(directory.stat("a"))
    if edit is not None:
        aside = Path(directory.path) / "editor"
        aside.write_text(edit)
        aside.replace(Path(directory.path) / "a")
    rename, left = atomic_rename._rename, exchanges

    def counted(*arguments: object) -> None:
        nonlocal left
        if not left:
            raise Killed
        left -= 1
        rename(*arguments)  # type: ignore[arg-type]

    staged = stage(directory, "new")
    with monkeypatch.context() as patch:
        patch.setattr(atomic_rename, "_rename", counted)
        # A killed process does not get to what follows its last call: neither to other calls nor to the clean-up.
        patch.setattr(Directory, "unlink", lambda *_: None)
        with suppress(Killed):
            staged.commit_over(directory, "a", expected, lambda *_: None)
    staged.close()


@needs_exchange
@pytest.mark.parametrize(
    ("exchanges", "edit", "left"),
    [
        (0, None, {"a": "old"}),
        (0, "edit", {"a": "edit"}),
        (1, None, {"a": "new"}),
        (1, "edit", {"a": "new", "a.edited-": "edit"}),
        (2, "edit", {"a": "edit"}),
    ],
    ids=["before the exchange", "before it, edited", "after it", "before the way back", "after it"],
)
def test_an_edit_that_a_killed_process_replaced_is_kept_and_nothing_else(
    directory, tmp_path, monkeypatch, exchanges, edit, left
):
    killed_after(directory, monkeypatch, exchanges, edit)
    (name,) = [each for each in directory.listdir() if each.startswith(PREFIX)]
    kept = remove_leftover(directory, name)
    assert (kept is not None) == (len(left) > 1)
    assert {name[:9] if name == kept else name: text for name, text in contents(tmp_path).items()} == left


@needs_exchange
def test_an_edit_whose_replacement_was_deleted_is_kept_too(directory, tmp_path, monkeypatch):
    killed_after(directory, monkeypatch, 1, "edit")
    (tmp_path / "a").unlink()
    (name,) = directory.listdir()
    kept = remove_leftover(directory, name)
    assert kept is not None and kept.startswith("file.edited-") and contents(tmp_path) == {kept: "edit"}


@needs_exchange
def test_an_edit_gets_no_name_under_which_it_would_be_removed(directory, tmp_path, monkeypatch):
    killed_after(directory, monkeypatch, 1, "edit")
    (name,) = [each for each in directory.listdir() if each.startswith(PREFIX)]
    # The file of that inode is a temporary file now, as if the inode had been used again.
    (tmp_path / "a").rename(tmp_path / f"{PREFIX}another")
    kept = remove_leftover(directory, name)
    assert kept is not None and kept.startswith("file.edited-") and (tmp_path / kept).read_text() == "edit"


@pytest.mark.parametrize("answer", [0, errno.EPERM, errno.EIO])
def test_content_is_copied_where_the_kernel_does_not(tmp_path, monkeypatch, answer):
    def copy_file_range(*_: object) -> int:
        if answer:
            raise OSError(answer, "refused")
        return 0

    monkeypatch.setattr(os, "copy_file_range", copy_file_range, raising=False)
    (tmp_path / "a").write_text("text")
    with open(tmp_path / "a", "rb") as source, open(tmp_path / "b", "wb") as target:
        copy_content(source.fileno(), target.fileno())
    assert (tmp_path / "b").read_text() == "text"


def test_another_leftover_is_removed(directory, tmp_path):
    stage(directory, "part").close()
    (name,) = directory.listdir()
    assert remove_leftover(directory, name) is None and contents(tmp_path) == {}


@pytest.mark.parametrize("can", ["link", "rename", "neither"])
def test_a_new_file_overwrites_none(directory, tmp_path, monkeypatch, can):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if can != "link":
        monkeypatch.setattr(os, "link", refuse)
    if can == "neither":
        monkeypatch.setattr(atomic_rename, "_load_rename_call", lambda: None)
    with stage(directory, "1") as staged:
        staged.commit_new(directory, "a")
    with stage(directory, "2") as staged, pytest.raises(FileExistsError):
        staged.commit_new(directory, "a")
    assert contents(tmp_path) == {"a": "1"}
    move_to_free_name(directory, "a", directory, "b")
    assert contents(tmp_path) == {"b": "1"}


@needs_exchange
def test_an_exchange_that_takes_effect_and_reports_an_error_is_done(directory, tmp_path, monkeypatch):
    # Else the clean-up would remove the replaced file under the staging name, and callers what they kept of it.
    (tmp_path / "a").write_text("old")
    expected = signature(directory.stat("a"))
    exchange = Directory.exchange

    def late(*arguments):
        exchange(*arguments)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Directory, "exchange", late)
    with stage(directory, "new") as staged:
        assert staged.commit_over(directory, "a", expected, lambda *_: None)
    assert contents(tmp_path) == {"a": "new"}


@needs_exchange
def test_an_edit_of_the_new_file_is_kept_though_the_old_one_gets_its_name_back(directory, tmp_path, monkeypatch):
    # For a moment, the new file has the name: another program may open it then, and write to it at any later time.
    (tmp_path / "a").write_text("old")
    expected = signature(directory.stat("a"))
    (tmp_path / "a").write_text("first edit")
    exchange, opened = Directory.exchange, []

    def open_after(*arguments):
        exchange(*arguments)
        opened.append(os.open(tmp_path / "a", os.O_RDWR))

    monkeypatch.setattr(Directory, "exchange", open_after)
    with stage(directory, "new") as staged:
        assert not staged.commit_over(directory, "a", expected, lambda where, name: where.link(name, where, "kept"))
    os.pwrite(opened[0], b"second edit", 0)
    for descriptor in opened:
        os.close(descriptor)
    assert contents(tmp_path) == {"a": "first edit", "kept": "second edit"}
