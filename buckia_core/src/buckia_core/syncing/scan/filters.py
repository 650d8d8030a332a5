"""Which paths take part: gitignore patterns, default excludes and regular expressions. Filters can be pickled."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from buckia_core.config.parsers import check_ignore_file
from buckia_core.config.trust.bounded_read import read_bytes
from buckia_core.config.trust.consent import check_file
from buckia_core.config.trust.ownership import file_owner
from buckia_core.errors import InvalidSetting
from buckia_core.planning.gitignore import ParentMatcher, PatternList, parse_pattern
from buckia_core.planning.keys import fold_name, is_internal
from buckia_core.syncing.scan.default_excludes import DEFAULT_EXCLUDES, named_by

IGNORE_FILE = ".buckiaignore"

EXPRESSION_SECONDS = 5.0
"""How long a regular expression may take for one path."""


@dataclass(frozen=True)
class PathFilter:
    """Tells of a path relative to a root whether it takes part; a directory's path ends in a slash.

    What is below a directory that takes no part takes no part either.

    Attributes:
        include: gitignore patterns; where there are any, only files that one of them matches take part.
        exclude: gitignore patterns of what takes no part.
        include_pattern, exclude_pattern: Regular expressions, searched in the paths of files.
        without: Paths that never take part, such as the configuration file.
        defaults: Whether the default excludes hold, save for those that `include` names or `exclude` takes back.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include_pattern: str | None = None
    exclude_pattern: str | None = None
    without: frozenset[str] = field(default_factory=frozenset)
    defaults: bool = False

    def __post_init__(self) -> None:
        for name in ("include_pattern", "exclude_pattern"):
            pattern = getattr(self, name)
            try:
                re.compile(pattern or "")
            except re.error as error:
                raise InvalidSetting(f"{name} is no regular expression: {pattern!r}: {error}") from error
        if self.include and all(line.startswith("!") for line in self.include):
            raise InvalidSetting(
                f"include has only patterns that begin with ! ({self.include[0]!r}), so nothing would take part; "
                "write what takes part, or use exclude"
            )

    @property
    def lets_all_pass(self) -> bool:
        """Whether nothing is filtered but what is Buckia's own."""
        given = self.include or self.exclude or self.include_pattern or self.exclude_pattern or self.without
        return not (given or self.defaults)

    @cached_property
    def description(self) -> str:
        """What the filter says, as text that is equal for filters that let the same paths take part.

        Comments of an ignore file do not count, and neither do paths in `without`.
        """
        parts: dict[str, object] = {
            "include": [line for line in self.include if parse_pattern(line)],
            "exclude": [line for line in self.exclude if parse_pattern(line)],
            "include_pattern": self.include_pattern,
            "exclude_pattern": self.exclude_pattern,
            "defaults": sorted(self._default_names | self._default_directories),
        }
        return json.dumps({name: value for name, value in parts.items() if value}, sort_keys=True)

    @cached_property
    def passing_initials(self) -> frozenset[str]:
        """The first letters of names that no part of the filter is about, if their directories take part."""
        return _HARMLESS if replace(self, defaults=False).lets_all_pass else frozenset()

    def __call__(self, path: str) -> bool:
        cut = path.rfind("/")
        # Nearly every file of nearly every project, so this is what a filter costs.
        if path[cut + 1 : cut + 2] in self.passing_initials:
            return cut < 0 or not (self._above(path) if (known := self._known.get(path[:cut])) is None else known)
        directory = path.endswith("/")
        bare = path[:-1] if directory else path
        if self._above(bare) or self._is_excluded(bare, directory=directory):
            return False
        if directory:
            # A directory is entered unless it is excluded: what is included may be below it.
            return True
        if self.include and not self._included.match(bare):
            return False
        if self.include_pattern is not None and not self._finds("include_pattern", bare):
            return False
        return self.exclude_pattern is None or not self._finds("exclude_pattern", bare)

    def names(self, path: str) -> bool:
        """Tell whether a pattern is about this very file: `include` has its name, or `exclude` takes it back."""
        name = path.rpartition("/")[2]
        return named_by(self.include, name) or self._excluded.decide(path, directory=False) is False

    def _is_excluded(self, path: str, *, directory: bool) -> bool:
        """Tell whether the file or directory itself is excluded, whatever is said of those above."""
        name = path[path.rfind("/") + 1 :]
        is_harmless = name[:1] in _HARMLESS
        if (not is_harmless and is_internal(name)) or (path in self.without and not directory):
            return True
        if self.exclude and (said := self._excluded.decide(path, directory=directory)) is not None:
            return said
        if is_harmless:
            return False
        return fold_name(name) in (self._default_directories if directory else self._default_names)

    def _finds(self, name: str, path: str) -> bool:
        try:
            return self._expressions[name].search(path, timeout=EXPRESSION_SECONDS) is not None
        except TimeoutError:
            message = (
                f"{name} {getattr(self, name)!r} takes too long for the path {path!r}; write it with fewer + and *"
            )
        raise InvalidSetting(message)

    @cached_property
    def _included(self) -> PatternList:
        return PatternList(self.include)

    @cached_property
    def _excluded(self) -> PatternList:
        return PatternList(self.exclude)

    @cached_property
    def _default_names(self) -> frozenset[str]:
        return self._defaults_of(directories=False)

    @cached_property
    def _default_directories(self) -> frozenset[str]:
        return self._defaults_of(directories=True)

    def _defaults_of(self, *, directories: bool) -> frozenset[str]:
        if not self.defaults:
            return frozenset()
        names = [name for name in DEFAULT_EXCLUDES if not named_by(self.include, name)]
        # NTFS has a second name for `.git`, by which git was attacked.
        names += ["git~1/"] if ".git/" in names else []
        return frozenset(name.rstrip("/").lower() for name in names if name.endswith("/") is directories)

    @cached_property
    def _above(self) -> ParentMatcher:
        return ParentMatcher(partial(self._is_excluded, directory=True))

    @cached_property
    def _known(self) -> dict[str, bool]:
        return self._above.cache

    @cached_property
    def _expressions(self) -> dict[str, Any]:
        # Unlike `re`, this package can give up: a pattern may take longer than anybody waits for names from a bucket.
        import regex  # noqa: PLC0415  # few runs have regular expressions

        given = {name: getattr(self, name) for name in ("include_pattern", "exclude_pattern")}
        return {name: regex.compile(pattern) for name, pattern in given.items() if pattern is not None}

    def __getstate__(self) -> dict[str, object]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


_HARMLESS = frozenset(map(chr, range(128))).difference(
    *((name[0], name[0].upper()) for name in (*DEFAULT_EXCLUDES, "git~1", "buckia.yaml"))
)
"""Characters with which no name begins that is Buckia's own or excluded by default, however it is spelled."""


def read_ignore_file(directory: Path, config: str | None = None) -> tuple[str, ...]:
    """Return the patterns of the `.buckiaignore` file in a directory, none if there is no such file.

    Args:
        directory: The directory.
        config: The configuration file beside it, to whose owner it may belong.

    Raises:
        ConfigError: It is no regular file, is too large, or can be written by other users.
        InvalidSetting: It is not text, or has a pattern that can match nothing.
        OSError: The system does not let it be read.
    """
    path = directory / IGNORE_FILE
    try:
        check_file(path, extra_owners=() if config is None else (file_owner(config),))
        data = read_bytes(path)
    except FileNotFoundError:
        return ()
    except IsADirectoryError as error:
        raise InvalidSetting(f"the patterns can't be read: {error.strerror}", source=str(path)) from error
    try:
        # Only what ends a line for git does here: other separators may be part of a name.
        lines = tuple(data.decode("utf-8-sig").replace("\r\n", "\n").split("\n"))
    except UnicodeDecodeError as error:
        raise InvalidSetting(f"the patterns can't be read: {error}", source=str(path)) from error
    if wrong := check_ignore_file(lines):
        raise InvalidSetting(wrong[1], source=f"{path}:{wrong[0]}")
    return tuple(line for line in lines if line)


def patterns(*parts: Sequence[str]) -> tuple[str, ...]:
    """Join lists of patterns, in order; later ones overrule earlier ones, as in a gitignore file."""
    return tuple(pattern for part in parts for pattern in part)
