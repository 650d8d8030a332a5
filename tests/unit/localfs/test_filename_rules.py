"""Names that a file system treats as equal."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.filename_rules import detect_filesystem_rules, find_case_collision
from buckia_core.testing import m


@pytest.fixture(params=["case", "form"])
def folding(request, monkeypatch):
    """A disk that folds case, or Unicode forms, and gives each spelling an inode of its own, as exFAT by FUSE does."""
    form = unicodedata.normalize

    def fold(name: str) -> str:
        return name.casefold() if request.param == "case" else form("NFC", name)

    real = Directory.stat

    def status(directory: Directory, name: str, *, follow: bool = False) -> os.stat_result:
        found = next((each for each in directory.listdir() if fold(each) == fold(name)), name)
        status = real(directory, found, follow=follow)
        fields = list(status)
        fields[1] = sum(name.encode())
        return os.stat_result(fields)

    monkeypatch.setattr(Directory, "stat", status)
    return request.param


@pytest.mark.parametrize("content", ["", "lower=1 é=1", "1=1"], ids=["empty", "telling", "not telling"])
def test_a_disk_that_folds_without_inodes(folding, tmp_path, content, monkeypatch):
    m(content).write_to(tmp_path)
    monkeypatch.setattr("buckia_core.localfs.filename_rules.sys.platform", "darwin")
    before = sorted(os.listdir(tmp_path))
    rules = detect_filesystem_rules(str(tmp_path))
    assert (rules.case_insensitive, rules.normalization_insensitive) == (folding == "case", folding == "form")
    assert sorted(os.listdir(tmp_path)) == before


def test_both_spellings_are_no_folding_disk(tmp_path):
    m("x=1 X=2").write_to(tmp_path)
    if len(os.listdir(tmp_path)) == 1:
        pytest.skip("this disk can't hold both")
    assert detect_filesystem_rules(str(tmp_path)).case_insensitive is False


def test_a_disk_that_can_not_be_asked_is_taken_for_a_plain_one(tmp_path):
    rules = detect_filesystem_rules(str(tmp_path / "none"))
    assert (rules.case_insensitive, rules.normalization_insensitive) == (False, False)


def test_one_that_is_read_only_and_empty_too(tmp_path, monkeypatch):
    def refuse(*args, **more):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Directory, "open", refuse)
    assert detect_filesystem_rules(str(tmp_path)).case_insensitive is False


def test_nothing_is_made_where_names_tell(tmp_path, monkeypatch):
    def refuse(*args, **more):
        raise AssertionError("nothing needs to be made")

    m("telling=1").write_to(tmp_path)
    monkeypatch.setattr("buckia_core.localfs.filename_rules.create_temp_file", refuse)
    detect_filesystem_rules(str(tmp_path))


def test_the_spelling_of_a_name_is_that_of_the_listing(folding, tmp_path):
    held, asked = ("Name", "nAME") if folding == "case" else ("é", unicodedata.normalize("NFD", "é"))
    (tmp_path / held).touch()
    with Tree(str(tmp_path)) as tree:
        assert find_case_collision(tree, tree.root, asked, tree.root.stat(asked)) == held
        assert find_case_collision(tree, tree.root, held, tree.root.stat(held)) is None


def test_two_spellings_are_two_names(tmp_path: Path):
    m("x=1 X=2").write_to(tmp_path)
    if len(os.listdir(tmp_path)) == 1:
        pytest.skip("this disk can't hold both")
    with Tree(str(tmp_path)) as tree:
        for name in ("x", "X"):
            assert find_case_collision(tree, tree.root, name, tree.root.stat(name)) is None
