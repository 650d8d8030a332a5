"""The pages that name the tests of what they promise, and the tests, which are there."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT

NAMED = re.compile(r"`(tests/[^`\s]+)`")
PAGES = {"guarantees.md": 20, "app-data.md": 15}
"""Pages, and how many tests they name at least."""


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
    assert found.is_dir() or "\ndef test_" in found.read_text("utf-8") or "    def test_" in found.read_text("utf-8")
