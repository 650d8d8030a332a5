"""docs/python-api.md has every public name, with a heading that the site generates from its docstring."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

import buckia
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "python-api.md").read_text("utf-8")
SHOWN = re.findall(r"^::: ([\w.]+)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(set(buckia.__all__) - {"__version__"}))
def test_a_public_name_is_on_the_page_once(name):
    assert SHOWN.count(f"buckia.{name}") == 1


@pytest.mark.parametrize("name", [name for name in buckia.__all__ if inspect.isclass(getattr(buckia, name))])
def test_a_docstring_describes_the_fields_that_there_are(name):
    """The site shows each line of `Attributes:` as one attribute, with its type."""
    kind = getattr(buckia, name)
    section = (kind.__doc__ or "").partition("    Attributes:\n")[2].partition("\n\n")[0]
    described = re.findall(r"^ {8}(\S.*?): ", section, re.MULTILINE)
    fields = {each.name for each in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set(dir(kind))
    assert [each for each in described if each not in fields] == []
    if name in {"SyncResult", "Operation", "Conflict", "Finished", "Trashed", "ObjectVersion"}:
        assert set(described) == (fields if dataclasses.is_dataclass(kind) else set(kind._fields))


def test_other_names_on_the_page_are_types_that_the_public_ones_return():
    others = {name for name in SHOWN if name.removeprefix("buckia.") not in buckia.__all__}
    assert others == {
        "buckia_core.adapters.contract.types.DeleteOutcome",
        "buckia_core.planning.manifest.RemoteObject",
    }
