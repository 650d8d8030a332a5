"""docs/adapter-reference.md has every name of the contract, as the code declares it."""

from __future__ import annotations

import importlib
import re

import pytest

import buckia_core
from tests.docs.adapter_reference import PAGE, SECTIONS, documented, render

NAMED = [(module or "buckia_core", name) for _, _, module, names in SECTIONS for name in names.split()]


def test_the_page_is_that_of_the_code():
    assert PAGE.read_text("utf-8") == render(), "run python -m tests.docs.adapter_reference"


def test_every_public_name_is_on_the_page():
    assert set(buckia_core.__all__) - documented() == set()


@pytest.mark.parametrize(("module", "name"), NAMED)
def test_a_name_is_there_and_documented(module, name):
    assert hasattr(importlib.import_module(module), name)
    (section,) = re.findall(rf"^### {name}\n(.*?)(?=^#|\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    code = re.compile(r"^```python\n.*?^```$|^From `[^`]*`\.$", re.MULTILINE | re.DOTALL)
    assert code.sub("", section).strip(), "it has no docstring"


def test_what_the_package_exports_needs_no_module():
    assert [name for module, name in NAMED if module != "buckia_core" and name in buckia_core.__all__] == []


def test_names_have_one_heading_each():
    headings = re.findall(r"^#{3,4} (\S+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert documented() <= set(headings)


def test_signatures_have_all_arguments():
    page = PAGE.read_text("utf-8")
    for line in (
        "def open_file(\n    self,\n    key: str,\n    *,\n    expect: RemoteObject | None = None,\n    start",
        "def retry_call(call: Callable[[], T], policy: RetryPolicy) -> T: ...",
        "class IfUnchanged:\n    seen: RemoteObject",
        "class Transient(AdapterError):\n    default_retryable = True",
        "Precondition = IfAbsent | IfUnchanged",
    ):
        assert line in page
