"""Wildcards of git, translated to regular expressions that match in time O(length of path x length of pattern).

There is no backtracking between wildcards: the text after a `*` or `**/` is matched at its first possible position, in
an atomic group. The first position leaves most to the rest of the pattern, so no other one has to be tried. This makes
untrusted patterns safe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

WILDCARD = re.compile(r"[*?\[\\]")
"""Characters that make a string a pattern."""

_POSIX = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r" \t\n\r\v\f",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


class NeverMatches(Exception):  # not an error: git accepts such a pattern
    """The pattern matches no path."""


_STAR, _SLASH, _ANY_DIRECTORIES, _SOME_DIRECTORIES, _EVERYTHING = "*", "/", "**/", "**\\/", "**"

_END = r"(?=/|\Z)"


def to_regex(text: str, *, anchored: bool) -> str:
    """Translate a pattern to a regular expression for an entire path.

    Args:
        text: The pattern, without `!`, leading and trailing slashes.
        anchored: Whether it matches the path from the root, instead of the last part of a path at any level.

    Raises:
        NeverMatches: The pattern matches nothing in git, such as one with an open bracket.
    """
    if not anchored:
        return r"(?:[^/]*/)*+" + _segment_regex(list(_tokens(text, within_part=True))) + r"\Z"
    # git compares the text before the first wildcard literally, and treats the rest as a pattern of its own. So the
    # stars of `a**/b` are at the beginning of a pattern.
    found = WILDCARD.search(text)
    literal = text[: found.start()] if found else text
    return re.escape(literal) + _path_regex(list(_tokens(text[len(literal) :], within_part=False))) + r"\Z"


def _path_regex(tokens: list[str]) -> str:
    """Translate a path: blocks of directories with `**/` between them."""
    blocks: list[tuple[str, list[str]]] = [("", [])]
    for token in tokens:
        if token in (_ANY_DIRECTORIES, _SOME_DIRECTORIES):
            repeated = token == _ANY_DIRECTORIES and blocks[-1] == (_ANY_DIRECTORIES, [])
            blocks += [] if repeated else [(token, [])]
        else:
            blocks[-1][1].append(token)
    result = []
    for number, (separator, block) in enumerate(blocks):
        gap = {"": "", _ANY_DIRECTORIES: "(?:[^/]*/)*?", _SOME_DIRECTORIES: "(?:[^/]*/)+?"}[separator]
        last = number == len(blocks) - 1
        # The first position of a block leaves most to the rest, so no other one has to be tried.
        result.append(gap + _block_regex(block) if last else f"(?>{gap}{_block_regex(block)})")
    return "".join(result)


def _block_regex(tokens: Sequence[str]) -> str:
    result: list[str] = []
    segment: list[str] = []
    for token in tokens:
        if token == _SLASH:
            result += [_segment_regex(segment), "/"]
            segment = []
        elif token == _EVERYTHING:
            result += [_segment_regex(segment), r"[\s\S]*+"]
            return "".join(result)
        else:
            segment.append(token)
    return "".join([*result, _segment_regex(segment)])


def _segment_regex(tokens: Sequence[str]) -> str:
    """Translate one part of a path: runs of single characters with stars between them."""
    runs: list[list[str]] = [[]]
    for token in tokens:
        if token == _STAR:
            runs.append([])
        else:
            runs[-1].append(token)
    first, *others = ["".join(run) for run in runs]
    if not others:
        return first
    *middle, last = others
    result = first + "".join(f"(?>[^/]*?{run})" for run in middle if run)
    return result + (f"(?>[^/]*{last}{_END})" if last else "[^/]*+")


def _tokens(text: str, *, within_part: bool) -> Iterator[str]:
    """Yield tokens, which include expressions for single characters.

    Raises:
        NeverMatches: The pattern matches nothing in git.
    """
    at = 0
    while at < len(text):
        letter = text[at]
        at += 1
        match letter:
            case "*":
                end = at
                while end < len(text) and text[end] == "*":
                    end += 1
                special = end > at and not within_part and (at == 1 or text[at - 2] == "/")
                at = end
                if special and text.startswith("/", at):
                    at += 1
                    yield _ANY_DIRECTORIES
                elif special and text.startswith("\\/", at):
                    at += 2
                    yield _SOME_DIRECTORIES
                elif special and at == len(text):
                    yield _EVERYTHING
                else:
                    yield _STAR
            case "?":
                yield "[^/]"
            case "[":
                expression, at = _parse_bracket(text, at)
                yield expression
            case "\\":
                if at == len(text):
                    raise NeverMatches
                yield _SLASH if text[at] == "/" else re.escape(text[at])
                at += 1
            case "/":
                yield _SLASH
            case _:
                yield re.escape(letter)


def _parse_bracket(text: str, at: int) -> tuple[str, int]:
    """Translate `[…]`, which never matches a slash. Returns the expression and the position after it."""
    negated = text[at : at + 1] in ("!", "^") and at < len(text)
    at += negated
    begin, previous = at, ""
    members: list[str] = []
    while at == begin or text[at : at + 1] != "]":
        letter = _char_at(text, at)
        if letter == "\\":
            at += 1
            letter = _char_at(text, at)
        elif letter == "-" and previous and text[at + 1 : at + 2] not in ("", "]"):
            at += 1
            if text[at] == "\\":
                at += 1
            last = _char_at(text, at)
            if previous <= last:
                members.append(f"{_escape(previous)}-{_escape(last)}")
            previous, at = "", at + 1
            continue
        elif letter == "[" and text.startswith("[:", at):
            end = text.find("]", at + 2)
            if end < 0:
                raise NeverMatches
            if end > at + 2 and text[end - 1] == ":":
                name = text[at + 2 : end - 1]
                if name not in _POSIX:
                    raise NeverMatches
                members.append(_POSIX[name])
                previous, at = "", end + 1
                continue
        members.append(_escape(letter))
        previous, at = letter, at + 1
    inside = "".join(members)
    if negated:
        return f"[^/{inside}]", at + 1
    return f"(?!/)[{inside}]" if inside else "(?!)", at + 1


def _char_at(text: str, at: int) -> str:
    if at >= len(text):
        raise NeverMatches
    return text[at]


def _escape(letter: str) -> str:
    return letter if letter.isalnum() else f"\\{letter}" if letter.isascii() and letter.isprintable() else letter
