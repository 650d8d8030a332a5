"""Texts as whoever decodes them reads them: without HTML entities, escapes of JSON and Python, percent-encoding.

Servers and libraries repeat what they were sent in an encoding of their own, in parts or twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_ROUNDS = 3
"""As JSON in HTML, or percent-encoded twice; and a backslash that was escaped before that."""

_ENCODINGS = (
    ("%", r"(?:%[89a-fA-F][0-9a-fA-F])+|%[0-7][0-9a-fA-F]"),
    ("&", r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});"),
    ("\\", r"""\\(?:[uU][0-9a-fA-F]{4}|[xX][0-9a-fA-F]{2}|[/"'\\bfnrt])"""),
)
"""What stands for another character: a sign that each of it has, and an expression that finds it."""

_INVISIBLE = (
    r"=\r?\n|\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
"""What can't be seen or only moves the cursor, and the line breaks of quoted-printable."""


class DecodedText(NamedTuple):
    """A decoded copy of a text.

    Attributes:
        text: The copy.
        starts: Where what each of its characters stands for begins in the text.
        ends: Where that ends.
    """

    text: str
    starts: list[int]
    ends: list[int]


def may_be_encoded(text: str) -> bool:
    """Tell whether a text can be decoded at all. Of most texts, this says at once that it can't."""
    return "%" in text or "&" in text or "\\" in text or not text.rstrip().isprintable()


def decode(text: str) -> Iterator[str]:
    """Yield the text decoded once, twice and so on, as long as that changes it."""
    for _ in range(_ROUNDS):
        before = text
        for pattern in _patterns(text):
            text = pattern.sub(_decode_match, text)
        if text == before:
            return
        yield text


def decode_with_offsets(text: str) -> Iterator[DecodedText]:
    """Yield the same texts, each with the place that each of its characters has in the first one."""
    copy = DecodedText(text, [*range(len(text))], [*range(1, len(text) + 1)])
    for _ in range(_ROUNDS):
        before = copy.text
        for pattern in _patterns(before):
            copy = _decode_copy(copy, pattern)
        if copy.text == before:
            return
        yield copy


def _patterns(text: str) -> list[re.Pattern[str]]:
    found = [_compiled(expression) for sign, expression in _ENCODINGS if sign in text]
    return found if text.rstrip().isprintable() else [*found, _compiled(_INVISIBLE)]


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def _decode_copy(copy: DecodedText, pattern: re.Pattern[str]) -> DecodedText:
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    last = 0
    for found in pattern.finditer(copy.text):
        start, end = found.span()
        meaning = _decode_match(found)
        parts += [copy.text[last:start], meaning]
        starts += [*copy.starts[last:start], *[copy.starts[start]] * len(meaning)]
        ends += [*copy.ends[last:start], *[copy.ends[end - 1]] * len(meaning)]
        last = end
    return DecodedText("".join([*parts, copy.text[last:]]), starts + copy.starts[last:], ends + copy.ends[last:])


def _decode_match(found: re.Match[str]) -> str:
    text = found[0]
    match text[0]:
        case "%":
            return bytes.fromhex(text.replace("%", "")).decode("utf-8", "replace")
        case "&":
            import html  # noqa: PLC0415  # its table of entities is seldom needed

            return html.unescape(text)
        case "\\" if text[1] in "uUxX":
            return chr(int(f"0x{text[2:]}", 0))
        case "\\":
            return text[1] if text[1] in "/\"'\\" else ""
        case _:
            return ""
