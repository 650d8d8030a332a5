"""Which paths take part: gitignore patterns and regular expressions. Filters can be pickled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.errors import InvalidSetting
from buckia_core.planning.keys import is_ours

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".buckiaignore"


@dataclass(frozen=True)
class PathFilter:
    """Tells of a path relative to a root whether it takes part; a directory's path ends in a slash.

    Attributes:
        include: gitignore patterns; where there are any, only files that one of them matches take part.
        exclude: gitignore patterns of what takes no part.
        include_pattern, exclude_pattern: Regular expressions, searched in the paths of files.
        without: Paths that never take part, such as the configuration file.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include_pattern: str | None = None
    exclude_pattern: str | None = None
    without: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        for name in ("include_pattern", "exclude_pattern"):
            pattern = getattr(self, name)
            try:
                re.compile(pattern or "")
            except re.error as error:
                raise InvalidSetting(f"{name} is no regular expression: {pattern!r}: {error}") from error
        for pattern in (*self.include, *self.exclude):
            try:
                _gitignore([pattern])
            except ValueError as error:
                raise InvalidSetting(f"{pattern!r} is no gitignore pattern: {error}") from error

    @property
    def lets_all_pass(self) -> bool:
        """Whether nothing is filtered but what is Buckia's own."""
        return not (self.include or self.exclude or self.include_pattern or self.exclude_pattern or self.without)

    def __call__(self, path: str) -> bool:
        if is_ours(path) or path in self.without:
            return False
        if self.exclude and self._excluded.match_file(path):
            return False
        if path.endswith("/"):
            # A directory is entered unless it is excluded: what is included may be below it.
            return True
        if self.include and not self._included.match_file(path):
            return False
        if self.include_pattern is not None and not re.search(self.include_pattern, path):
            return False
        return self.exclude_pattern is None or not re.search(self.exclude_pattern, path)

    @cached_property
    def _included(self) -> GitIgnoreSpec:
        return _gitignore(self.include)

    @cached_property
    def _excluded(self) -> GitIgnoreSpec:
        return _gitignore(self.exclude)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}


def _gitignore(lines: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  # most configurations have no patterns

    return GitIgnoreSpec.from_lines(lines)


def read_ignore_file(directory: Path) -> tuple[str, ...]:
    """Return the patterns of the `.buckiaignore` file in a directory, none if there is no such file.

    Raises:
        InvalidSetting: It can't be read as text.
    """
    path = directory / IGNORE_FILE
    try:
        return tuple(path.read_text(encoding="utf-8-sig").splitlines())
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"the patterns can't be read: {error}", source=str(path)) from error


def patterns(*parts: Sequence[str]) -> tuple[str, ...]:
    """Join lists of patterns, in order; later ones overrule earlier ones, as in a gitignore file."""
    return tuple(pattern for part in parts for pattern in part)
