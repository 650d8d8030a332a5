"""What docs/writing-an-adapter.md offers to adapter authors exists, in the module that it names."""

from __future__ import annotations

import importlib
import re

import pytest

import buckia_core
from tests.docs.pages import ROOT

_PAGE = (ROOT / "docs" / "writing-an-adapter.md").read_text("utf-8")
_TABLE = _PAGE.partition("## Shared building blocks\n")[2].partition("\n## ")[0]
_CELLS = [row.split(" | ")[1] for row in re.findall(r"^\| (?!for \|).*\|$", _TABLE, re.MULTILINE)]
_NAMED = [
    (name, module)
    for cell in _CELLS
    for names, module in re.findall(r"((?:`\w+`(?:, )?)+)(?: \(`([a-z_.]+)`\))?", cell)
    for name in re.findall(r"\w+", names)
]


def test_the_table_was_read():
    assert len(_NAMED) > 25
    assert ("split_parts", "adapters.transfers.sources") in _NAMED
    assert ("setting", "") in _NAMED


@pytest.mark.parametrize(("name", "module"), _NAMED)
def test_a_name_is_there_and_documented(name, module):
    home = importlib.import_module(f"buckia_core.{module}") if module else buckia_core
    assert getattr(home, name).__doc__


def test_what_the_package_exports_of_it_needs_no_module():
    assert [name for name, module in _NAMED if module and name in buckia_core.__all__] == []
