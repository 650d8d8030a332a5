"""`PathFilter`: includes and excludes paths by gitignore patterns, default excludes and regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from buckia_core.config.parsers import check_ignore_file
from buckia_core.config.trust.bounded_read import read_bytes
from buckia_core.config.trust.consent import check_trusted
from buckia_core.config.trust.ownership import file_owner
from buckia_core.errors import InvalidSetting
from buckia_core.planning.gitignore import ParentMatcher, PatternList
from buckia_core.planning.keys import fold_name, is_internal

IGNORE_FILE = ".buckiaignore"

DEFAULT_EXCLUDES = (".git/", ".hg/", ".svn/", ".DS_Store", "Thumbs.db", "desktop.ini", IGNORE_FILE)
"""Names that are excluded at any level and in both directions, ignoring case; a slash marks directories."""

REGEX_TIMEOUT = 5.0
"""Seconds that a regular expression may take for one path."""


@dataclass(frozen=True)
class PathFilter:
    """Filter: tells whether a path, relative to a root, is included. A directory's path ends in a slash.

    Everything below an excluded directory is excluded. Filters can be pickled.

    Attributes:
        include: gitignore patterns. If there are any, only files that match one of them are included.
        exclude: gitignore patterns to exclude.
        include_pattern, exclude_pattern: Regular expressions, searched in the paths of files.
        always_excluded: Paths that are excluded whatever the patterns say, such as the configuration file.
        defaults: Whether the default excludes apply, except those that `include` mentions or `exclude` negates.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include_pattern: str | None = None
    exclude_pattern: str | None = None
    always_excluded: frozenset[str] = field(default_factory=frozenset)
    defaults: bool = False

    def __post_init__(self) -> None:
        for name in ("include_pattern", "exclude_pattern"):
            pattern = getattr(self, name)
            try:
                re.compile(pattern or "")
            except re.error as error:
                raise InvalidSetting(f"{name} is not a regular expression: {pattern!r}: {error}") from error
        if self.include and all(line.startswith("!") for line in self.include):
            raise InvalidSetting(
                f"include has only patterns that begin with ! ({self.include[0]!r}), so it includes nothing; "
                "write what to include, or use exclude"
            )

    @property
    def is_noop(self) -> bool:
        """Whether the filter excludes nothing but Buckia's own files."""
        given = self.include or self.exclude or self.include_pattern or self.exclude_pattern or self.always_excluded
        return not (given or self.defaults)

    @cached_property
    def accepted_initials(self) -> frozenset[str]:
        """First letters of names that are included whenever their directories are."""
        return _ORDINARY_INITIALS if replace(self, defaults=False).is_noop else frozenset()

    def __call__(self, path: str) -> bool:
        cut = path.rfind("/")
        # Fast path for most files of most projects.
        if path[cut + 1 : cut + 2] in self.accepted_initials:
            return cut < 0 or not (
                self._excluded_parents(path) if (known := self._known_parents.get(path[:cut])) is None else known
            )
        directory = path.endswith("/")
        bare = path[:-1] if directory else path
        if self._excluded_parents(bare) or self._is_excluded(bare, directory=directory):
            return False
        if directory:
            # Included files may be below any directory that is not excluded.
            return True
        if self.include and not self._included.match(bare):
            return False
        if self.include_pattern is not None and not self._search("include_pattern", bare):
            return False
        return self.exclude_pattern is None or not self._search("exclude_pattern", bare)

    def mentions(self, path: str) -> bool:
        """Tell whether a pattern names this file: `include` has its name, or a pattern of `exclude` negates it."""
        name = path.rpartition("/")[2]
        return is_mentioned(self.include, name) or self._excluded.decide(path, directory=False) is False

    def _is_excluded(self, path: str, *, directory: bool) -> bool:
        """Tell whether the file or directory itself is excluded, regardless of its parents."""
        name = path[path.rfind("/") + 1 :]
        is_harmless = name[:1] in _ORDINARY_INITIALS
        if (not is_harmless and is_internal(name)) or (path in self.always_excluded and not directory):
            return True
        if self.exclude and (decision := self._excluded.decide(path, directory=directory)) is not None:
            return decision
        if is_harmless:
            return False
        return fold_name(name) in self._default_names[directory]

    def _search(self, name: str, path: str) -> bool:
        try:
            return self._expressions[name].search(path, timeout=REGEX_TIMEOUT) is not None
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
    def _default_names(self) -> dict[bool, frozenset[str]]:
        """Names that are excluded by default, in lower case: those of directories by `True`, of files by `False`."""
        names = [name for name in DEFAULT_EXCLUDES if self.defaults and not is_mentioned(self.include, name)]
        # The NTFS short name of `.git` (CVE-2014-9390).
        names += ["git~1/"] if ".git/" in names else []
        directories = frozenset(name[:-1].lower() for name in names if name.endswith("/"))
        return {True: directories, False: frozenset(name.lower() for name in names if not name.endswith("/"))}

    @cached_property
    def _excluded_parents(self) -> ParentMatcher:
        return ParentMatcher(partial(self._is_excluded, directory=True))

    @cached_property
    def _known_parents(self) -> dict[str, bool]:
        return self._excluded_parents.cache

    @cached_property
    def _expressions(self) -> dict[str, Any]:
        # Unlike `re`, this package has timeouts: names in a bucket may make a pattern backtrack for hours.
        import regex  # noqa: PLC0415  # few runs have regular expressions

        given = {name: getattr(self, name) for name in ("include_pattern", "exclude_pattern")}
        return {name: regex.compile(pattern) for name, pattern in given.items() if pattern is not None}

    def __getstate__(self) -> dict[str, object]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True)
class PathPatterns:
    """Predicate: tells whether one of the gitignore patterns matches a path. Can be pickled."""

    lines: tuple[str, ...]

    def __call__(self, path: str) -> bool:
        return self._patterns.match(path)

    @cached_property
    def _patterns(self) -> PatternList:
        return PatternList(self.lines)

    def __getstate__(self) -> dict[str, object]:
        return {"lines": self.lines}


_ORDINARY_INITIALS = frozenset(map(chr, range(128))).difference(
    *((name[0], name[0].upper()) for name in (*DEFAULT_EXCLUDES, "git~1", "buckia.yaml"))
)
"""ASCII characters that begin no internal or default-excluded name, in any case."""


def read_ignore_file(directory: Path, config: str | None = None) -> tuple[str, ...]:
    """Return the patterns of the `.buckiaignore` file in a directory; an empty tuple if there is none.

    Args:
        directory: The directory.
        config: The configuration file beside it; the ignore file may belong to the same owner.

    Raises:
        ConfigError: It is not a regular file, is too large, or can be written by other users.
        InvalidSetting: It is not UTF-8, or has a pattern that can't match.
        OSError: It can't be read.
    """
    path = directory / IGNORE_FILE
    try:
        check_trusted(path, extra_owners=() if config is None else (file_owner(config),))
        data = read_bytes(path)
    except FileNotFoundError:
        return ()
    except IsADirectoryError as error:
        raise InvalidSetting(f"the patterns can't be read: {error.strerror}", source=str(path)) from error
    try:
        # `splitlines` knows more separators than git; they may be part of a name.
        lines = tuple(data.decode("utf-8-sig").replace("\r\n", "\n").split("\n"))
    except UnicodeDecodeError as error:
        raise InvalidSetting(f"the patterns can't be read: {error}", source=str(path)) from error
    if wrong := check_ignore_file(lines):
        raise InvalidSetting(wrong[1], source=f"{path}:{wrong[0]}")
    return tuple(line for line in lines if line)


def is_mentioned(include: Iterable[str], name: str) -> bool:
    """Tell whether a part of an include pattern matches a name. Parts that match every name do not count.

    `.git/hooks/` and `**/.git` mention `.git`; `*` and the directories above it do not.
    """
    name = name.rstrip("/")
    parts = (part for line in include if not line.startswith("!") for part in line.strip(" /").split("/"))
    return any(PatternList([part]).match(name) for part in parts if part.strip("*"))
