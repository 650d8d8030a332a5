"""Every hook is documented, with its exact signature, and nothing is documented that is no hook."""

from __future__ import annotations

import ast
import inspect
import re

from buckia_core.adapters.plugins import hookspecs
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "hooks.md"


def declared() -> dict[str, str]:
    tree = ast.parse(inspect.getsource(hookspecs))
    return {
        node.name: f"def {node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.returns and node.name.startswith("buckia_")
    }


def test_signatures_in_the_docs_are_those_of_the_code():
    documented = {}
    for block in blocks(PAGE):
        if "signature" in block.tags:
            text = block.text.strip()
            documented[text.removeprefix("def ").partition("(")[0]] = text
    assert documented == declared()


def test_each_hook_has_its_own_heading():
    headings = set(re.findall(r"^### (buckia_\w+)$", PAGE.read_text("utf-8"), re.MULTILINE))
    assert headings == set(declared())


def test_every_declared_function_is_a_hook():
    unmarked = [name for name in declared() if not hasattr(getattr(hookspecs, name), "buckia_spec")]
    assert unmarked == []
