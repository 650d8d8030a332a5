"""new-adapter."""

from __future__ import annotations

import ast
import errno
import tomllib
from pathlib import Path

import pytest

from buckia_core.cli.commands.new_adapter import render_template, template_values


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_package_is_written(buckia, empty):
    ran = buckia("new-adapter", "sky_box", "--json")
    assert ran.code == 0, ran.err
    assert ran.records == [{"type": "written", "path": str(empty / "buckia-sky-box")}]
    project = tomllib.loads((empty / "buckia-sky-box" / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == "buckia-sky-box"
    assert project["entry-points"]["buckia.adapters"] == {"sky_box": "buckia_sky_box.plugin"}
    assert (empty / "buckia-sky-box" / "src" / "buckia_sky_box" / "sync.py").exists()


def test_the_directory_can_be_named(buckia, empty):
    ran = buckia("new-adapter", "sky", "some/where")
    assert ran.code == 0, ran.err
    assert "some/where is written" in ran.out.replace("\\", "/")
    assert (empty / "some" / "where" / "src" / "buckia_sky" / "plugin.py").exists()


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_is_there_stays(buckia, empty, kind):
    target = empty / "mine"
    target.mkdir() if kind == "directory" else target.write_text("mine")
    ran = buckia("new-adapter", "sky", "mine")
    assert ran.code == 2
    assert "mine exists" in ran.err
    assert target.is_dir() or target.read_text() == "mine"
    assert list(target.iterdir() if kind == "directory" else ()) == []


def test_a_package_is_written_whole_or_not_at_all(buckia, empty, monkeypatch):
    write_text = Path.write_text

    def fill_the_disk(path, *args, **options):
        if path.name == "sync.py":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_text(path, *args, **options)

    monkeypatch.setattr(Path, "write_text", fill_the_disk)
    ran = buckia("new-adapter", "sky")
    assert ran.code == 1
    assert "buckia-sky: No space left on device" in ran.err
    assert list(empty.iterdir()) == []
    monkeypatch.undo()
    monkeypatch.chdir(empty)
    assert buckia("new-adapter", "sky").code == 0


def test_a_directory_with_a_space_is_quoted(buckia, empty):
    ran = buckia("new-adapter", "sky", "my adapter")
    assert 'cd "my adapter" &&' in ran.out


@pytest.mark.parametrize("name", ["", "Sky", "1a", "a-b", "a__b", "_a", "a b", "../a", "class", "ä", "a\n", "a" * 51])
def test_a_name_that_no_module_can_have_is_refused(buckia, empty, name):
    ran = buckia("new-adapter", name, "here")
    assert ran.code == 2
    assert "can't be the id of a provider" in ran.err
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("name", ["file", "memory", "core", "base"])
def test_a_name_that_is_taken_is_refused(buckia, empty, name):
    ran = buckia("new-adapter", name)
    assert ran.code == 2
    assert f"There is a provider {name!r} already" in ran.err
    assert list(empty.iterdir()) == []


def test_no_placeholder_is_left():
    for path, text in render_template(template_values("sky_box")).items():
        assert "${" not in text
        assert "${" not in str(path)
        assert not path.name.endswith(".txt")
        if path.suffix == ".py":
            ast.parse(text)
