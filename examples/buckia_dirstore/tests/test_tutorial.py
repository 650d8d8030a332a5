"""The tutorial shows the files of this example completely and unchanged."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[1]
PAGE = EXAMPLE.parents[1] / "docs" / "writing-an-adapter.md"
PACKAGE = "src/buckia_dirstore"
SHOWN = [
    "pyproject.toml",
    f"{PACKAGE}/plugin.py",
    f"{PACKAGE}/settings.py",
    f"{PACKAGE}/errors.py",
    f"{PACKAGE}/sync.py",
    "tests/test_conformance.py",
]

_BLOCK = re.compile(r"^<!-- shows: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown(name):
    """The lines of a file that the page shows, without indentation and empty lines."""
    blocks = [text for path, text in _BLOCK.findall(PAGE.read_text("utf-8")) if path == name]
    return [line.strip() for text in blocks for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", SHOWN)
def test_page_shows_the_whole_file(name):
    lines = (EXAMPLE / name).read_text("utf-8").splitlines()
    assert shown(name) == [line.strip() for line in lines if line.strip()]


def test_blocks_are_parts_of_the_files_as_they_stand_there():
    for name, text in _BLOCK.findall(PAGE.read_text("utf-8")):
        source = (EXAMPLE / name).read_text("utf-8")
        assert text in source or textwrap.indent(text, "    ") in source, f"{name}: {text[:60]!r}"


def test_page_shows_no_file_that_is_not_there():
    assert {name for name, _ in _BLOCK.findall(PAGE.read_text("utf-8"))} == set(SHOWN)
