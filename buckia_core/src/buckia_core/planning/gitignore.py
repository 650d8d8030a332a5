"""gitignore patterns: parsed and matched as `git check-ignore` does, in bounded time (see `wildmatch`).

Two things differ from git: `?` and `[…]` match one character instead of one byte, and case always counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from buckia_core.planning.wildmatch import WILDCARD, NeverMatches, to_regex

MAX_PATTERN_LENGTH = 4096
"""Characters that one pattern may have."""

MAX_PATTERNS = 10_000
"""Patterns that one list may have."""


class Pattern(NamedTuple):
    """One pattern.

    Attributes:
        text: The pattern without `!` and without the slash at its end.
        negated: Whether it begins with `!`: what it matches is taken back.
        directory: Whether it ends in a slash: it matches directories only.
        anchored: Whether it has a slash elsewhere: it matches the path from the root, else the last part of a path.
    """

    text: str
    negated: bool
    directory_only: bool
    anchored: bool


def parse_pattern(line: str) -> Pattern | None:
    """Read one line of a gitignore file; `None` for a comment or an empty line."""
    line = _strip_trailing_spaces(line)
    if not line or line.startswith("#"):
        return None
    text = line.removeprefix("!")
    directory = text.endswith("/")
    bare = text[:-1] if directory else text
    return Pattern(bare.removeprefix("/") if "/" in bare else bare, text != line, directory, "/" in bare)


def invalid_pattern_reason(line: str) -> str | None:
    """Say why a pattern can match no path, and what to write instead; `None` if it can match one.

    The answer is a clause that completes "pattern 'x' ".
    """
    if len(line) > MAX_PATTERN_LENGTH:
        return f"has more than {MAX_PATTERN_LENGTH:,} characters"
    if not _strip_trailing_spaces(line):
        return "is empty and matches nothing; remove it"
    pattern = parse_pattern(line)
    if pattern is None:
        return f"is a comment and matches nothing; for names that begin with #, write '\\{line}'"
    if not pattern.text:
        return "matches nothing; write * for everything"
    parts = pattern.text.split("/")
    if "." in parts:
        plain = "/".join(part for part in parts if part != ".")
        return f"matches nothing, because paths have no part '.'; write '/{plain}'" if plain else "matches nothing"
    if ".." in parts:
        return "matches nothing, because it leads out of the directory; patterns are relative to the local root"
    if "" in parts:
        return "matches nothing, because paths have no empty part (//)"
    try:
        to_regex(pattern.text, anchored=pattern.anchored)
    except NeverMatches:
        return "matches nothing: a [ is not closed, or a \\ is at its end; write \\[ or \\\\ for the character itself"
    return None


@dataclass(slots=True)
class PatternList:
    """Patterns in order, of which the last one that matches decides.

    Safe for threads. Paths are relative to the root, with slashes.
    """

    lines: Sequence[str]
    _groups: list[_Group] = field(init=False, repr=False)
    _parent_matches: ParentMatcher = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._parent_matches = ParentMatcher(self._matches_directory)
        self._groups = list(_group_patterns([pattern for pattern in map(parse_pattern, self.lines) if pattern]))

    def decide(self, path: str, *, directory: bool) -> bool | None:
        """Return what the patterns say of this very path: true if it matches, false if `!` takes it back.

        `None` where no pattern matches. Directories above the path are not looked at.
        """
        name = path[path.rfind("/") + 1 :]
        for group in self._groups:
            if group.matches(path, name, directory):
                return not group.negated
        return None

    def match(self, path: str) -> bool:
        """Tell whether a path matches, as `git check-ignore` does; a directory's path ends in a slash.

        All that is below a directory that matches does, whatever later patterns say of it.
        """
        directory = path.endswith("/")
        bare = path[:-1] if directory else path
        return self._parent_matches(bare) or self.decide(bare, directory=directory) is True

    def _matches_directory(self, path: str) -> bool:
        return self.decide(path, directory=True) is True


class ParentMatcher:
    """Tells whether something holds for a directory above a path. Safe for threads.

    A path may have any number of directories, so they are walked, and not recursed into.

    Attributes:
        known: For directories, the outcome of paths in them. It is kept for a while, because files of one directory
            come one after the other.
    """

    def __init__(self, holds: Callable[[str], bool]) -> None:
        self._matches = holds
        self.cache: dict[str, bool] = {}

    def __call__(self, path: str) -> bool:
        """Tell whether it holds for a directory above the path, which has no slash at its end."""
        above = path[: max(path.rfind("/"), 0)]
        if not above:
            return False
        found = self.cache.get(above)
        if found is not None:
            return found
        if len(self.cache) >= _CACHE_SIZE:
            self.cache.clear()
        known, end, found = self.cache, 0, False
        while not found and end < len(above):
            end = above.find("/", end + 1)
            end = len(above) if end < 0 else end
            directory = above[:end]
            # Another thread may forget everything at any moment.
            seen = known.get(directory)
            found = known[directory] = self._matches(directory) if seen is None else seen
        known[above] = found
        return found


_CACHE_SIZE = 4096


@dataclass(slots=True)
class _Group:
    """Adjacent patterns that are all negated, or all not, so that their order does not matter."""

    negated: bool
    names: frozenset[str]
    directory_names: frozenset[str]
    suffixes: tuple[str, ...]
    paths: frozenset[str]
    directory_paths: frozenset[str]
    expression: re.Pattern[str] | None
    directory_expression: re.Pattern[str] | None

    def matches(self, path: str, name: str, directory: bool) -> bool:
        if name in self.names or name.endswith(self.suffixes) or path in self.paths:
            return True
        if self.expression is not None and self.expression.match(path):
            return True
        if not directory:
            return False
        if name in self.directory_names or path in self.directory_paths:
            return True
        return self.directory_expression is not None and self.directory_expression.match(path) is not None


def _group_patterns(patterns: Sequence[Pattern]) -> Iterator[_Group]:
    """Yield groups of patterns, the last ones first."""
    end = len(patterns)
    while end:
        begin = end
        while begin and patterns[begin - 1].negated == patterns[end - 1].negated:
            begin -= 1
        yield _build_group(patterns[begin:end])
        end = begin


def _build_group(patterns: Sequence[Pattern]) -> _Group:
    names: tuple[set[str], set[str]] = (set(), set())
    paths: tuple[set[str], set[str]] = (set(), set())
    expressions: tuple[list[str], list[str]] = ([], [])
    suffixes = []
    for pattern in patterns:
        if not WILDCARD.search(pattern.text):
            (paths if pattern.anchored else names)[pattern.directory_only].add(pattern.text)
        elif pattern.text[0] == "*" and not (
            pattern.anchored or pattern.directory_only or WILDCARD.search(pattern.text, 1)
        ):
            suffixes.append(pattern.text[1:])
        else:
            try:
                expressions[pattern.directory_only].append(to_regex(pattern.text, anchored=pattern.anchored))
            except NeverMatches:
                continue
    return _Group(
        negated=patterns[0].negated,
        names=frozenset(names[False]),
        directory_names=frozenset(names[True]),
        suffixes=tuple(suffixes),
        paths=frozenset(paths[False]),
        directory_paths=frozenset(paths[True]),
        expression=_compile_any(expressions[False]),
        directory_expression=_compile_any(expressions[True]),
    )


def _compile_any(expressions: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(expressions)) if expressions else None


def _strip_trailing_spaces(line: str) -> str:
    r"""Return the line without spaces at its end, save for those behind a backslash."""
    kept = line.rstrip(" ")
    backslashes = len(kept) - len(kept.rstrip("\\"))
    return kept + " " if backslashes % 2 and len(kept) < len(line) else kept


def find_invalid_patterns(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the number of each pattern in a list that can match nothing, from 0, and why."""
    for number, line in enumerate(lines):
        if problem := invalid_pattern_reason(line):
            yield number, problem
