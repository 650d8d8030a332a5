"""The page of guarantees names tests, and they are there."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT

NAMED = re.compile(r"`(tests/[^`\s]+)`")
PAGE = ROOT / "docs" / "guarantees.md"


def named_tests() -> list[str]:
    return sorted(set(NAMED.findall(PAGE.read_text("utf-8"))))


def test_the_page_names_tests():
    assert len(named_tests()) > 20


@pytest.mark.parametrize("path", named_tests())
def test_a_test_that_holds_a_promise_exists(path):
    found = ROOT / path
    assert found.is_dir() or "\ndef test_" in found.read_text("utf-8") or "    def test_" in found.read_text("utf-8")
