"""Each message in docs/troubleshooting.md is one that the program prints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT
from tests.docs.test_source import SOURCES

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
MESSAGES = re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)


def texts() -> Iterator[str]:
    """Yield the texts of all packages; `…` stands for a value that is filled in."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Constant(value=str() as text):
                    yield text
                case ast.JoinedStr(values=parts):
                    yield "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in parts)


SOURCE = "\n".join(texts())


def occurs(message: str) -> bool:
    """Tell whether the pieces of a message occur in one text of the source, in order."""
    pattern = ".*?".join(re.escape(piece) for piece in message.split("…"))
    return re.search(pattern, SOURCE) is not None


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_occurs_in_the_source(message: str):
    assert occurs(message)


def test_what_no_message_says_is_found():
    assert not occurs("the bucket is tired")
    assert not occurs("the bucket does not exist: check … on Sundays")


def test_there_are_enough_messages():
    assert len(MESSAGES) >= 25
