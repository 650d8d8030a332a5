"""docs/writing-an-adapter.md shows the package that `buckia new-adapter` writes, and names all that is in it."""

from __future__ import annotations

import inspect
import re
import textwrap

import pytest

from buckia_core.cli.commands.new_adapter import render_template, template_values
from buckia_core.testing import AdapterConformance
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "writing-an-adapter.md").read_text("utf-8")
FILES = {str(path): text for path, text in render_template(template_values("sky_box")).items()}
SHOWN = re.findall(r"^<!-- shows: (\S+) -->\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("name", "text"), SHOWN, ids=[f"{name}:{text.split()[1]}" for name, text in SHOWN])
def test_code_on_the_page_is_that_of_the_package(name, text):
    assert any(textwrap.indent(text, " " * depth) in FILES[name] for depth in (0, 4, 8))


def test_the_table_has_the_files():
    named = set(re.findall(r"^\| `((?:src|tests|pyproject)[\w/.]*)` \|", PAGE, re.MULTILINE))
    assert named == set(FILES) - {"README.md", "src/buckia_sky_box/__init__.py"}


def test_the_table_has_the_fixtures_of_the_suite():
    named = set(re.findall(r"^\| `(\w+)` \| (?:The|An|Another|Gets) ", PAGE, re.MULTILINE))
    fixtures = {
        name
        for name in dir(AdapterConformance)
        if type(inspect.getattr_static(AdapterConformance, name)).__name__ == "FixtureFunctionDefinition"
    }
    assert named == fixtures - {"prefix", "fault_proxy", "mark_known_failures"}
