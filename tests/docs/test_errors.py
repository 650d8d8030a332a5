"""Every error class is documented in docs/errors.md, in a row of its own."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import buckia
import buckia_core
from buckia_core import errors
from tests.docs.pages import ROOT

TEXT = (ROOT / "docs" / "errors.md").read_text("utf-8")

PRIVATE = ("buckia_core.cli.", "buckia_core.testing.")
"""What these raise, they also catch."""


def below(kind: type[errors.BuckiaError]) -> Iterator[type[errors.BuckiaError]]:
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


for module in pkgutil.walk_packages(buckia_core.__path__, "buckia_core."):
    if not module.name.startswith(PRIVATE):
        importlib.import_module(module.name)
CLASSES = {
    kind.__name__: kind
    for kind in below(errors.BuckiaError)
    if kind.__module__.startswith("buckia_core.") and not kind.__module__.startswith(PRIVATE)
}


def test_the_rows_are_the_classes():
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == set(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_an_error_can_be_caught_by_its_public_name(name):
    assert getattr(buckia, name) is CLASSES[name]


def test_the_column_about_repeats_is_true():
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", TEXT, re.MULTILINE))
    assert rows == {
        name: "yes" if kind.default_retryable else "no"
        for name, kind in CLASSES.items()
        if issubclass(kind, errors.AdapterError)
    }
