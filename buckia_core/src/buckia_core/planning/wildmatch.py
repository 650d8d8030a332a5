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


_STAR, _SLASH, _ZERO_OR_MORE_DIRS, _ONE_OR_MORE_DIRS, _EVERYTHING = "*", "/", "**/", "**\\/", "**"
"""Tokens. git lets only an unescaped slash make `**/` match no directory at all."""

_END = r"(?=/|\Z)"


def to_regex(pattern: str, *, anchored: bool) -> str:
    """Translate a pattern to a regular expression for an entire path.

    Args:
        pattern: The pattern, without `!`, leading and trailing slashes.
        anchored: Whether it matches the path from the root, instead of the last segment of a path at any level.

    Raises:
        NeverMatches: The pattern matches nothing in git, such as one with an open bracket.
    """
    if not anchored:
        return r"(?:[^/]*/)*+" + _segment_regex(list(_tokens(pattern, in_segment=True))) + r"\Z"
    # git compares the text before the first wildcard literally, and treats the rest as a pattern of its own. So the
    # stars of `a**/b` are at the beginning of a pattern.
    found = WILDCARD.search(pattern)
    literal = pattern[: found.start()] if found else pattern
    return re.escape(literal) + _path_regex(list(_tokens(pattern[len(literal) :], in_segment=False))) + r"\Z"


def _path_regex(tokens: list[str]) -> str:
    """Translate a path: blocks of directories with `**/` between them."""
    blocks: list[tuple[str, list[str]]] = [("", [])]
    for token in tokens:
        if token in (_ZERO_OR_MORE_DIRS, _ONE_OR_MORE_DIRS):
            repeated = token == _ZERO_OR_MORE_DIRS and blocks[-1] == (_ZERO_OR_MORE_DIRS, [])
            blocks += [] if repeated else [(token, [])]
        else:
            blocks[-1][1].append(token)
    result = []
    for number, (separator, block) in enumerate(blocks):
        gap = {"": "", _ZERO_OR_MORE_DIRS: "(?:[^/]*/)*?", _ONE_OR_MORE_DIRS: "(?:[^/]*/)+?"}[separator]
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
    """Translate one segment of a path: runs of single characters with stars between them."""
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
    # The last run must end the segment, so its star is greedy: only the last position can fit.
    result = first + "".join(f"(?>[^/]*?{run})" for run in middle if run)
    return result + (f"(?>[^/]*{last}{_END})" if last else "[^/]*+")


def _tokens(pattern: str, *, in_segment: bool) -> Iterator[str]:
    """Yield tokens, which include expressions for single characters.

    Raises:
        NeverMatches: The pattern matches nothing in git.
    """
    pos = 0
    while pos < len(pattern):
        char = pattern[pos]
        pos += 1
        match char:
            case "*":
                end = pos
                while end < len(pattern) and pattern[end] == "*":
                    end += 1
                special = end > pos and not in_segment and (pos == 1 or pattern[pos - 2] == "/")
                pos = end
                if special and pattern.startswith("/", pos):
                    pos += 1
                    yield _ZERO_OR_MORE_DIRS
                elif special and pattern.startswith("\\/", pos):
                    pos += 2
                    yield _ONE_OR_MORE_DIRS
                elif special and pos == len(pattern):
                    yield _EVERYTHING
                else:
                    yield _STAR
            case "?":
                yield "[^/]"
            case "[":
                expression, pos = _parse_bracket(pattern, pos)
                yield expression
            case "\\":
                if pos == len(pattern):
                    raise NeverMatches
                yield _SLASH if pattern[pos] == "/" else re.escape(pattern[pos])
                pos += 1
            case "/":
                yield _SLASH
            case _:
                yield re.escape(char)


def _parse_bracket(pattern: str, pos: int) -> tuple[str, int]:
    """Translate `[…]`, which never matches a slash. Returns the expression and the position after it."""
    negated = pattern[pos : pos + 1] in ("!", "^") and pos < len(pattern)
    pos += negated
    begin, previous = pos, ""
    members: list[str] = []
    while pos == begin or pattern[pos : pos + 1] != "]":
        char = _char_at(pattern, pos)
        if char == "\\":
            pos += 1
            char = _char_at(pattern, pos)
        elif char == "-" and previous and pattern[pos + 1 : pos + 2] not in ("", "]"):
            pos += 1
            if pattern[pos] == "\\":
                pos += 1
            last = _char_at(pattern, pos)
            if previous <= last:
                members.append(f"{_escape(previous)}-{_escape(last)}")
            previous, pos = "", pos + 1
            continue
        elif char == "[" and pattern.startswith("[:", pos):
            end = pattern.find("]", pos + 2)
            if end < 0:
                raise NeverMatches
            if end > pos + 2 and pattern[end - 1] == ":":
                name = pattern[pos + 2 : end - 1]
                if name not in _POSIX:
                    raise NeverMatches
                members.append(_POSIX[name])
                previous, pos = "", end + 1
                continue
        members.append(_escape(char))
        previous, pos = char, pos + 1
    inside = "".join(members)
    if negated:
        return f"[^/{inside}]", pos + 1
    return f"(?!/)[{inside}]" if inside else "(?!)", pos + 1


def _char_at(pattern: str, pos: int) -> str:
    if pos >= len(pattern):
        raise NeverMatches
    return pattern[pos]


def _escape(char: str) -> str:
    return char if char.isalnum() else f"\\{char}" if char.isascii() and char.isprintable() else char
