"""Decoding of HTML entities, JSON and Python escapes and percent-encoding, to find encoded secrets.

Servers and libraries echo what they were sent in an encoding of their own, in parts or twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_ROUNDS = 3
"""Number of nested encodings: JSON in HTML, or percent-encoded twice, after an escaped backslash."""

_ENCODINGS = (
    ("%", r"(?:%[89a-fA-F][0-9a-fA-F])+|%[0-7][0-9a-fA-F]"),
    ("&", r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});"),
    ("\\", r"""\\(?:[uU][0-9a-fA-F]{4}|[xX][0-9a-fA-F]{2}|[/"'\\bfnrt])"""),
)
"""Encodings: a character that occurs in each escape sequence, and an expression that matches the sequence."""

_INVISIBLE = (
    r"=\r?\n|\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
"""Invisible characters, cursor movements and the soft line breaks of quoted-printable."""


class DecodedText(NamedTuple):
    """Decoded string with offsets into the original.

    Attributes:
        text: The decoded string.
        starts: Start in the original of the source of each decoded character.
        ends: End in the original of the source of each decoded character.
    """

    text: str
    starts: list[int]
    ends: list[int]


def may_be_encoded(text: str) -> bool:
    """Tell whether a string may contain an encoding. A cheap test that is false for most strings."""
    return "%" in text or "&" in text or "\\" in text or not text.rstrip().isprintable()


def decode(text: str) -> Iterator[str]:
    """Yield the string decoded once, twice and so on, as long as decoding changes it."""
    for _ in range(_ROUNDS):
        previous = text
        for pattern in _patterns(text):
            text = pattern.sub(_decode_match, text)
        if text == previous:
            return
        yield text


def decode_with_offsets(text: str) -> Iterator[DecodedText]:
    """Yield the same strings as `decode`, with the offsets of their characters in the original."""
    copy = DecodedText(text, [*range(len(text))], [*range(1, len(text) + 1)])
    for _ in range(_ROUNDS):
        previous = copy.text
        for pattern in _patterns(previous):
            copy = _decode_copy(copy, pattern)
        if copy.text == previous:
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
        replacement = _decode_match(found)
        parts += [copy.text[last:start], replacement]
        starts += [*copy.starts[last:start], *[copy.starts[start]] * len(replacement)]
        ends += [*copy.ends[last:start], *[copy.ends[end - 1]] * len(replacement)]
        last = end
    return DecodedText("".join([*parts, copy.text[last:]]), starts + copy.starts[last:], ends + copy.ends[last:])


def _decode_match(found: re.Match[str]) -> str:
    text = found[0]
    match text[0]:
        case "%":
            return bytes.fromhex(text.replace("%", "")).decode("utf-8", "replace")
        case "&":
            import html  # noqa: PLC0415  # its table of entities is rarely needed

            return html.unescape(text)
        case "\\" if text[1] in "uUxX":
            return chr(int(f"0x{text[2:]}", 0))
        case "\\":
            return text[1] if text[1] in "/\"'\\" else ""
        case _:
            return ""
