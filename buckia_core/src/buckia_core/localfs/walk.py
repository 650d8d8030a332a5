"""Walk: reads a directory tree lazily, in the order of keys."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.filename_rules import is_utf8
from buckia_core.localfs.opening import PathBlocked, describe_entry_type, is_link

T = TypeVar("T")

WalkError = OSError | PathBlocked | UnicodeError


class TreeWalk(ABC, Generic[T]):
    """A walk of a tree. Subclasses decide what it yields, what it leaves out, and what an error means.

    A key is the path below the start of the walk, with slashes and a prefix. Keys of directories end in a slash, so
    that sorting the names of a directory gives the order of keys: `a-b`, `a.txt`, `a/b`, `a0`.

    Attributes:
        follow: Follow links.
        included_initials: Files whose name begins with one of these are included, without a call of `includes`.
    """

    follow = False
    included_initials: frozenset[str] = frozenset()

    @abstractmethod
    def make(self, key: str, status: os.stat_result) -> T:
        """Return what the walk yields for a file."""

    @abstractmethod
    def includes(self, key: str) -> bool:
        """Tell whether to yield a file, or to enter a directory, whose key ends in a slash.

        Also asked before a name that is not UTF-8 is reported; its invalid bytes are surrogates.
        """

    @abstractmethod
    def hides(self, name: str) -> bool:
        """Tell whether a name is Buckia's own. Called for names that begin with one of `.bB`, or are not ASCII."""

    @abstractmethod
    def on_hidden(self, directory: Directory, name: str) -> None:
        """Handle a hidden entry, after its directory was read: it may be renamed or removed."""

    def leave_out(self, directory: Directory, prefix: str, names: list[str]) -> None:
        """Remove names from those of a directory. Called once for each directory; directories' names end in a slash."""

    @abstractmethod
    def on_error(self, key: str, path: str, error: WalkError, *, is_link: bool = False) -> None:
        """Handle an entry that is left out; raise to end the walk.

        Args:
            key: Its key. That of the start is the prefix.
            path: Its path.
            error: `OSError` if it can't be read, `PathBlocked` if it is no file or must not be followed,
                `UnicodeError` if its name is not valid UTF-8.
            is_link: It is a link that is followed.
        """

    def refuse_link(self, path: str) -> str | None:
        """Return a reason not to follow a link."""

    def walk(self, tree: Tree, start: Directory, prefix: str) -> Iterator[T]:
        """Yield the files at and below a directory of a tree."""
        includes, make, initials, follow, status_of = (
            self.includes, self.make, self.included_initials, self.follow, os.stat,
        )  # fmt: skip
        stack = [self._read(start, prefix)]
        while stack:
            level = stack[-1]
            names, prefix, directory, links = level.names, level.prefix, level.directory, level.links
            try:
                # Reopens the directory if too many deeper ones were opened since.
                at = directory.descriptor
            except OSError as error:
                self.on_error(prefix, directory.path, error)
                stack.pop()
                continue
            while names:
                name = names.pop()
                key = prefix + name
                if name[-1] == "/":
                    if includes(key) and (child := self._enter(tree, level, name[:-1], key, stack)):
                        stack.append(child)
                        break
                    continue
                if name[0] not in initials and not includes(key):
                    continue
                try:
                    if at is not None:
                        status = status_of(name, dir_fd=at, follow_symlinks=follow)
                    else:
                        status = directory.stat(name, follow=follow)
                except OSError as error:
                    self.on_error(key, directory.join(name), error, is_link=name in links)
                    continue
                is_file = stat.S_ISREG(status.st_mode)
                if is_file and not (name in links and self._is_refused_link(key, directory.join(name))):
                    yield make(key, status)
                elif not is_file:
                    path = directory.join(name)
                    self.on_error(key, path, PathBlocked(path, describe_entry_type(status), is_link=is_link(status)))
            else:
                stack.pop()

    def _enter(self, tree: Tree, level: _Level, name: str, key: str, above: Sequence[_Level]) -> _Level | None:
        path = level.directory.join(name)
        if name in level.links and self._is_refused_link(key, path):
            return None
        try:
            child = tree.open_child(level.directory, name)
        except (OSError, PathBlocked) as error:
            self.on_error(key, path, error)
            return None
        if self.follow and any(child.is_same(each.directory) for each in above):
            self.on_error(key, path, PathBlocked(path, "a symbolic link to a directory that it is in", is_link=True))
            return None
        return self._read(child, key)

    def _is_refused_link(self, key: str, path: str) -> bool:
        reason = self.refuse_link(path)
        if reason is not None:
            self.on_error(key, path, PathBlocked(path, reason, is_link=True))
        return reason is not None

    def _is_directory(self, entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_dir(follow_symlinks=self.follow)
        except OSError:
            # A link to itself; the `stat` that follows reports the error.
            return False

    def _read(self, directory: Directory, prefix: str) -> _Level:
        """Read a directory. Keeps only the names, to save memory."""
        names: list[str] = []
        hidden: list[str] = []
        links: set[str] = set()
        try:
            with directory.scandir() as entries:
                for entry in entries:
                    name = entry.name
                    plain = name.isascii()
                    if not plain and not is_utf8(name):
                        if self.includes(f"{prefix}{name}/" if self._is_directory(entry) else prefix + name):
                            shown = prefix + os.fsencode(name).decode("utf-8", "backslashreplace")
                            self.on_error(shown, directory.join(name), UnicodeError("its name is not valid UTF-8"))
                        continue
                    # Fast path: the first letter rules out most names.
                    if (name[0] in ".bB" or not plain) and self.hides(name):
                        hidden.append(name)
                        continue
                    if self.follow and entry.is_symlink():
                        links.add(name)
                    names.append(f"{name}/" if self._is_directory(entry) else name)
        except OSError as error:
            self.on_error(prefix, directory.path, error)
            names.clear()
        for name in hidden:
            self.on_hidden(directory, name)
        self.leave_out(directory, prefix, names)
        names.sort(reverse=True)
        return _Level(directory, prefix, names, links)


@dataclass(slots=True)
class _Level:
    """Directory of the walk.

    Attributes:
        names: Remaining names, the next one last; names of directories end in a slash.
        links: Names of links, if links are followed.
    """

    directory: Directory
    prefix: str
    names: list[str]
    links: set[str]
