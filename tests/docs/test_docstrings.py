"""Every public class, function and method of the packages has a docstring."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.docs.test_source import SOURCES, name_of

_DOCUMENTABLE = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_DOCUMENTED_ELSEWHERE = {"overload", "override", "setter"}
"""The docstring stands where the name is first declared."""


def bare(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    if tree.body and not ast.get_docstring(tree):
        yield "the module"
    yield from _bare(tree, "", inherits=False)


def _bare(node: ast.Module | ast.ClassDef, above: str, *, inherits: bool) -> Iterator[str]:
    for child in node.body:
        # The name of a test is its sentence.
        if not isinstance(child, _DOCUMENTABLE) or child.name.startswith(("_", "test_")):
            continue
        name = f"{above}{child.name}"
        elsewhere = {getattr(mark, "id", getattr(mark, "attr", "")) for mark in child.decorator_list}
        # A method that a base class declares keeps that promise, and has its words.
        if not ast.get_docstring(child) and not inherits and not elsewhere & _DOCUMENTED_ELSEWHERE:
            yield f"{name}, line {child.lineno}"
        if isinstance(child, ast.ClassDef):
            yield from _bare(child, f"{name}.", inherits=bool(child.bases))


@pytest.mark.parametrize("path", [path for path in SOURCES if path.is_relative_to(ROOT)], ids=name_of)
def test_what_is_public_is_documented(path):
    assert list(bare(path)) == []
