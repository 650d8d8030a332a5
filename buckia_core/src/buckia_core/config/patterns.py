"""Settings that are lists of gitignore patterns: each is checked when it is read."""

from __future__ import annotations

from collections.abc import Sequence

from buckia_core.config.convert import InvalidValue, as_str_list
from buckia_core.planning.gitignore import MAX_PATTERNS, find_invalid_patterns, invalid_pattern_reason


def parse_patterns(value: object, *, at: str = "") -> tuple[str, ...]:
    """Read a list of patterns, or one.

    Raises:
        InvalidValue: It is no list of texts, too long, or has a pattern that can match nothing.
    """
    lines = as_str_list(value, at=at)
    if len(lines) > MAX_PATTERNS:
        raise InvalidValue(f"has more than {MAX_PATTERNS:,} patterns", at=at)
    for number, problem in find_invalid_patterns(lines):
        raise InvalidValue(f"has the pattern {_shown(lines[number])}, which {problem}", at=f"{at}[{number}]")
    return lines


def check_ignore_file(lines: Sequence[str]) -> tuple[int, str] | None:
    """Return the first line of an ignore file that is wrong, counted from 1, and what is wrong with it.

    Comments and empty lines are right.
    """
    if len(lines) > MAX_PATTERNS:
        return MAX_PATTERNS + 1, f"has more than {MAX_PATTERNS:,} lines"
    for number, line in enumerate(lines, 1):
        if line.strip(" ") and not line.startswith("#") and (problem := invalid_pattern_reason(line)):
            return number, f"has the pattern {_shown(line)}, which {problem}"
    return None


def _shown(pattern: str) -> str:
    return repr(pattern if len(pattern) <= 80 else pattern[:80] + "…")
