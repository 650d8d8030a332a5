"""Atomic renames, and systems that do not support them."""

from __future__ import annotations

import errno

import pytest

from buckia_core.localfs import atomic_rename
from buckia_core.localfs.directory import Tree


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    with Tree(str(tmp_path)) as tree:
        yield tree


@pytest.fixture
def _able(tree):
    try:
        tree.root.exchange("a", tree.root, "b")
        tree.root.exchange("a", tree.root, "b")
    except OSError as error:
        pytest.skip(f"not on this file system: {error}")


@pytest.mark.usefixtures("_able")
def test_two_files_are_exchanged(tree, tmp_path):
    tree.root.exchange("a", tree.root, "b")
    assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("2", "1")


@pytest.mark.usefixtures("_able")
def test_an_exchange_needs_both(tree, tmp_path):
    for names in (("a", "c"), ("c", "a")):
        with pytest.raises(FileNotFoundError) as caught:
            tree.root.exchange(names[0], tree.root, names[1])
        assert caught.value.filename == str(tmp_path / names[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "below"]


@pytest.mark.usefixtures("_able")
def test_a_rename_needs_a_free_name(tree, tmp_path):
    with pytest.raises(FileExistsError):
        tree.root.rename_exclusive("a", tree.root, "b")
    assert (tmp_path / "b").read_text() == "2"
    tree.root.rename_exclusive("a", tree.open_directory("below"), "c")
    assert (tmp_path / "below" / "c").read_text() == "1" and not (tmp_path / "a").exists()


def test_where_there_is_no_such_call_it_says_so(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(atomic_rename, "_load_rename_call", lambda: None)
    for call in (tree.root.exchange, tree.root.rename_exclusive):
        with pytest.raises(OSError, match="not implemented") as caught:
            call("a", tree.root, "b")
        assert caught.value.errno == errno.ENOSYS
    assert (tmp_path / "a").read_text() == "1"
