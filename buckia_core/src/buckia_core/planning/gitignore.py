"""Patterns of `.gitignore`: parsed and matched as by `git check-ignore`, in bounded time (see `wildmatch`).

Two differences from git: `?` and `[…]` match one character instead of one byte, and matching is always case-sensitive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from buckia_core.planning.wildmatch import WILDCARD, NeverMatches, to_regex

MAX_PATTERN_LENGTH = 4096
"""Maximum number of characters of a pattern."""

MAX_PATTERNS = 10_000
"""Maximum number of patterns in a list."""


class Pattern(NamedTuple):
    """Pattern of a `.gitignore` file.

    Attributes:
        text: The pattern without `!` and trailing slash.
        negated: Whether it begins with `!`, and takes back earlier matches.
        directory_only: Whether it ends in a slash, and matches directories only.
        anchored: Whether it has a slash elsewhere, and matches the path from the root instead of its last part.
    """

    text: str
    negated: bool
    directory_only: bool
    anchored: bool


def parse_pattern(line: str) -> Pattern | None:
    """Parse one line of a `.gitignore` file; `None` for a comment or an empty line."""
    line = _strip_trailing_spaces(line)
    if not line or line.startswith("#"):
        return None
    text = line.removeprefix("!")
    directory = text.endswith("/")
    bare = text[:-1] if directory else text
    return Pattern(bare.removeprefix("/") if "/" in bare else bare, text != line, directory, "/" in bare)


def invalid_pattern_reason(line: str) -> str | None:
    """Return the reason why a pattern can't match any path, with what to write instead; `None` if it can match one.

    The reason completes "pattern 'x' ".
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
    """List of patterns. The last one that matches decides.

    Thread-safe. Paths are relative to the root, with slashes.
    """

    lines: Sequence[str]
    _groups: list[_Group] = field(init=False, repr=False)
    _parent_matches: ParentMatcher = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._parent_matches = ParentMatcher(self._matches_directory)
        self._groups = list(_group_patterns([pattern for pattern in map(parse_pattern, self.lines) if pattern]))

    def decide(self, path: str, *, directory: bool) -> bool | None:
        """Match the path itself, but not its parent directories: true for a match, false if `!` takes it back.

        `None` if no pattern matches.
        """
        name = path[path.rfind("/") + 1 :]
        for group in self._groups:
            if group.matches(path, name, directory):
                return not group.negated
        return None

    def match(self, path: str) -> bool:
        """Tell whether a path matches, as by `git check-ignore`. The path of a directory ends in a slash.

        Everything in a directory that matches does so as well, whatever the later patterns are.
        """
        directory = path.endswith("/")
        bare = path[:-1] if directory else path
        return self._parent_matches(bare) or self.decide(bare, directory=directory) is True

    def _matches_directory(self, path: str) -> bool:
        return self.decide(path, directory=True) is True


class ParentMatcher:
    """Predicate: whether a parent directory of a path matches. Thread-safe.

    It iterates instead of recursing, because the number of directories is not limited.

    Attributes:
        cache: The results for recent directories, because files of one directory follow each other.
    """

    def __init__(self, matches: Callable[[str], bool]) -> None:
        self._matches = matches
        self.cache: dict[str, bool] = {}

    def __call__(self, path: str) -> bool:
        """Tell whether a parent directory of the path matches. The path has no trailing slash."""
        parent = path[: max(path.rfind("/"), 0)]
        if not parent:
            return False
        found = self.cache.get(parent)
        if found is not None:
            return found
        if len(self.cache) >= _CACHE_SIZE:
            self.cache.clear()
        cache, end, found = self.cache, 0, False
        while not found and end < len(parent):
            end = parent.find("/", end + 1)
            end = len(parent) if end < 0 else end
            directory = parent[:end]
            # Another thread may clear the cache at any time.
            seen = cache.get(directory)
            found = cache[directory] = self._matches(directory) if seen is None else seen
        cache[parent] = found
        return found


_CACHE_SIZE = 4096


@dataclass(slots=True)
class _Group:
    """Adjacent patterns that are all negated or all not negated, so that their order does not matter."""

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
    """Yield groups of patterns, the last group first."""
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
    r"""Strip trailing spaces, except for one after a backslash."""
    kept = line.rstrip(" ")
    backslashes = len(kept) - len(kept.rstrip("\\"))
    return kept + " " if backslashes % 2 and len(kept) < len(line) else kept


def find_invalid_patterns(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield index and reason of each pattern that can't match any path."""
    for number, line in enumerate(lines):
        if reason := invalid_pattern_reason(line):
            yield number, reason
