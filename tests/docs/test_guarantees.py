"""The pages that name the tests of what they promise, and the tests, which are there."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT

NAMED = re.compile(r"`(tests/[^`\s]+)`")
PAGES = {"guarantees.md": 20, "app-data.md": 15, "provisioning.md": 8}
"""Pages, and how many tests they name at least."""

SHORT = re.compile(r"`(test_\w+(?:\.py)?)`")
SHORT_PAGES = {"objects.md": 25, "sharing.md": 19}
"""Pages that name tests without their folders, and how many at least."""


def named_tests(*pages: str) -> list[str]:
    return sorted({name for page in pages for name in NAMED.findall((ROOT / "docs" / page).read_text("utf-8"))})


@pytest.mark.parametrize("page", PAGES)
def test_the_page_names_tests(page):
    assert len(named_tests(page)) >= PAGES[page]


@pytest.mark.parametrize("name", named_tests(*PAGES))
def test_a_test_that_holds_a_promise_exists(name):
    path, _, function = name.partition("::")
    found = ROOT / path
    if function:
        assert f"\ndef {function}(" in found.read_text("utf-8")
        return
    if "*" in path:
        assert list(ROOT.glob(path))
        return
    assert found.is_dir() or "\ndef test_" in found.read_text("utf-8") or "    def test_" in found.read_text("utf-8")


def short_names(page: str) -> list[str]:
    return sorted(set(SHORT.findall((ROOT / "docs" / page).read_text("utf-8"))))


@pytest.mark.parametrize("page", SHORT_PAGES)
def test_the_tests_of_a_table_exist(page):
    paths = list((ROOT / "tests").rglob("test_*.py"))
    files, source = {path.name for path in paths}, "".join(path.read_text("utf-8") for path in paths)
    names = short_names(page)
    assert len(names) >= SHORT_PAGES[page]
    assert [name for name in names if name not in files and f"def {name}(" not in source] == []
