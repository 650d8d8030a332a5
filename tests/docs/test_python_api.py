"""docs/python-api.md has every public name, with a heading that the site generates from its docstring."""

from __future__ import annotations

import re

import pytest

import buckia
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "python-api.md").read_text("utf-8")
SHOWN = re.findall(r"^::: ([\w.]+)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(set(buckia.__all__) - {"__version__"}))
def test_a_public_name_is_on_the_page_once(name):
    assert SHOWN.count(f"buckia.{name}") == 1


def test_other_names_on_the_page_are_types_that_the_public_ones_return():
    others = {name for name in SHOWN if name.removeprefix("buckia.") not in buckia.__all__}
    assert others == {
        "buckia_core.adapters.contract.types.DeleteOutcome",
        "buckia_core.planning.manifest.RemoteObject",
    }
