"""git's wildcards as regular expressions that match in bounded time: path length times pattern length.

There is no backtracking between wildcards: what follows a `*` or `**/` is matched at the first place where it fits, in
an atomic group. Of several such places the first leaves most to what follows, so no other need be tried. Patterns may
thus come from anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

WILDCARD = re.compile(r"[*?\[\\]")
"""What makes a pattern more than a name."""

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


class NeverMatches(Exception):  # not an error: what a pattern with an open bracket is to git
    """The pattern matches no path."""


_STAR, _SLASH, _ANY_DIRECTORIES, _SOME_DIRECTORIES, _EVERYTHING = "*", "/", "**/", "**\\/", "**"

_END = r"(?=/|\Z)"


def to_regex(text: str, *, anchored: bool) -> str:
    """Return the regular expression that matches a whole path as the pattern does, ending included.

    Args:
        text: The pattern, without `!`, and without slashes at its ends.
        anchored: Whether it matches the path from the root, and not the last part of a path at any level.

    Raises:
        NeverMatches: The pattern is one that git lets match nothing, such as one with an open bracket.
    """
    if not anchored:
        return r"(?:[^/]*/)*+" + _segment_regex(list(_tokens(text, within_part=True))) + r"\Z"
    # git compares what comes before the first wildcard as it is, and takes the rest for a pattern of its own: so
    # the stars of `a**/b` stand at the beginning of one.
    found = WILDCARD.search(text)
    literal = text[: found.start()] if found else text
    return re.escape(literal) + _path_regex(list(_tokens(text[len(literal) :], within_part=False))) + r"\Z"


def _path_regex(tokens: list[str]) -> str:
    """Return the expression for a path: blocks of directories with `**/` between them."""
    blocks: list[tuple[str, list[str]]] = [("", [])]
    for token in tokens:
        if token in (_ANY_DIRECTORIES, _SOME_DIRECTORIES):
            repeated = token == _ANY_DIRECTORIES and blocks[-1] == (_ANY_DIRECTORIES, [])
            blocks += [] if repeated else [(token, [])]
        else:
            blocks[-1][1].append(token)
    written = []
    for number, (before, block) in enumerate(blocks):
        ways = {"": "", _ANY_DIRECTORIES: "(?:[^/]*/)*?", _SOME_DIRECTORIES: "(?:[^/]*/)+?"}[before]
        last = number == len(blocks) - 1
        # Of several places where a block fits, the first leaves most to what follows, so no other need be tried.
        written.append(ways + _block_regex(block) if last else f"(?>{ways}{_block_regex(block)})")
    return "".join(written)


def _block_regex(tokens: Sequence[str]) -> str:
    written: list[str] = []
    segment: list[str] = []
    for token in tokens:
        if token == _SLASH:
            written += [_segment_regex(segment), "/"]
            segment = []
        elif token == _EVERYTHING:
            written += [_segment_regex(segment), r"[\s\S]*+"]
            return "".join(written)
        else:
            segment.append(token)
    return "".join([*written, _segment_regex(segment)])


def _segment_regex(tokens: Sequence[str]) -> str:
    """Return the expression for one part of a path: chunks of single characters with stars between them."""
    chunks: list[list[str]] = [[]]
    for token in tokens:
        if token == _STAR:
            chunks.append([])
        else:
            chunks[-1].append(token)
    first, *others = ["".join(chunk) for chunk in chunks]
    if not others:
        return first
    *middle, last = others
    written = first + "".join(f"(?>[^/]*?{chunk})" for chunk in middle if chunk)
    return written + (f"(?>[^/]*{last}{_END})" if last else "[^/]*+")


def _tokens(text: str, *, within_part: bool) -> Iterator[str]:
    """Yield tokens, expressions for single characters among them.

    Raises:
        NeverMatches: The pattern is one that git lets match nothing.
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
    """Return the expression for `[…]`, which never matches a slash, and where the pattern goes on."""
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
