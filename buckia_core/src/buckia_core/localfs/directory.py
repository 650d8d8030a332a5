"""Directories held open, and the files in them by name.

The system resolves a path anew at each call. Whoever may write to a directory on it can put a symbolic link there
between two calls, and the second one acts somewhere else. So a `Tree` opens each directory below its root by name, in
the directory above it, without following links, and a `Directory` reaches its files through the open descriptor.
Windows has no such calls: there, links are looked for when a directory is first reached, and paths are used.
"""

from __future__ import annotations

import os
import stat
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import TracebackType
from typing import Self

from buckia_core.localfs import opening
from buckia_core.localfs.atomic_rename import EXCHANGE, EXCLUSIVE, rename
from buckia_core.localfs.durability import sync_open_directory
from buckia_core.localfs.opening import BY_DESCRIPTOR, InTheWay, Moved, identity_of, is_link, name_path
from buckia_core.localfs.system_errors import LEADS_NOWHERE

FEW = 2
"""Descriptors that a tree holds at most, beside that of its root. Some systems allow a process 256 in all."""

_FILE = "a file"
_PLAIN_LINK = {"follow_symlinks": False} if os.link in os.supports_follow_symlinks else {}


class Directory:
    """One directory of a `Tree`. Names are those of its entries; errors name the whole path.

    Attributes:
        path: Its path, for messages, and for what only works by path.
        relative: Its path below the root, with slashes; empty for the root.
        held: The descriptor, while the tree keeps it open. Use `descriptor`.
        lists: The descriptor may be used to list it, and not only to reach what is in it.
    """

    __slots__ = ("_identity", "_tree", "held", "lists", "path", "relative")

    def __init__(self, tree: Tree, path: str, relative: str, descriptor: int | None, *, lists: bool) -> None:
        # Weak, so that a tree is closed as soon as nobody has it any more: where many are made, none may wait for the
        # search for cycles.
        self._tree = weakref.ref(tree)
        self.held = descriptor
        self.lists = lists
        self._identity: tuple[int, int] | None = None
        self.path = path
        self.relative = relative

    @property
    def descriptor(self) -> int | None:
        """The open descriptor; `None` on a system that has no use for it.

        Raises:
            Moved: It had been closed, and another directory has its place now.
            ValueError: The tree is closed.
        """
        if self.held is None and BY_DESCRIPTOR:
            tree = self._tree()
            if tree is None:
                raise ValueError(f"the tree is closed: {self.path}")
            tree.open_again(self)
        return self.held

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode, once it was open; `None` where no descriptors are used."""
        if self._identity is None and self.held is not None:
            self._identity = identity_of(os.fstat(self.held))
        return self._identity

    def set_aside(self) -> None:
        """Close the descriptor, and remember which directory it was of for when it is opened again."""
        if self.identity is not None:
            self.close()

    def close(self, close_descriptor: Callable[[int], None] = os.close) -> None:
        """Close the descriptor; the next use opens it again."""
        # The call is a default value because this may be the end of the interpreter, which has no modules any more.
        descriptor, self.held = self.held, None
        if descriptor is not None:
            close_descriptor(descriptor)

    def join(self, name: str) -> str:
        """Return the path of an entry."""
        return os.path.join(self.path, name)

    def open(self, name: str, flags: int, mode: int = 0o600) -> int:
        """Open a file, and return its descriptor."""
        at = self.descriptor
        try:
            return os.open(name if at is not None else self.join(name), flags, mode, dir_fd=at)
        except OSError as error:
            name_path(error, self.join(name))
            raise

    def status(self, name: str, *, follow: bool = False) -> os.stat_result:
        """Return the status of an entry; unless told otherwise, that of a link itself."""
        at = self.descriptor
        try:
            return os.stat(name if at is not None else self.join(name), dir_fd=at, follow_symlinks=follow)
        except OSError as error:
            name_path(error, self.join(name))
            raise

    def own_status(self) -> os.stat_result:
        """Return the status of the directory itself."""
        at = self.descriptor
        return os.stat(self.path) if at is None else os.fstat(at)

    def is_at_its_path(self) -> bool:
        """Tell whether the path still leads here: someone may have renamed the directory, and put another one there."""
        identity = self.identity
        if identity is None:
            return True
        try:
            return identity_of(os.stat(self.path)) == identity
        except OSError:
            return False

    def unlink(self, name: str) -> None:
        """Remove a file, or a link."""
        at = self.descriptor
        try:
            os.unlink(name if at is not None else self.join(name), dir_fd=at)
        except OSError as error:
            name_path(error, self.join(name))
            raise

    def make_directory(self, name: str, mode: int = 0o777) -> None:
        """Make a directory."""
        at = self.descriptor
        try:
            os.mkdir(name if at is not None else self.join(name), mode, dir_fd=at)
        except OSError as error:
            name_path(error, self.join(name))
            raise

    def remove_directory(self, name: str) -> None:
        """Remove an empty directory."""
        if (tree := self._tree()) is not None:
            tree.forget(f"{self.relative}/{name}" if self.relative else name)
        at = self.descriptor
        try:
            os.rmdir(name if at is not None else self.join(name), dir_fd=at)
        except OSError as error:
            name_path(error, self.join(name))
            raise

    def replace(self, name: str, target: Directory, new: str) -> None:
        """Rename a file; what has the new name is replaced."""
        source, aim, here, there = self._reached(name, target, new)
        try:
            os.replace(source, aim, src_dir_fd=here, dst_dir_fd=there)
        except OSError as error:
            name_path(error, target.join(new))
            raise

    def exchange(self, name: str, target: Directory, other: str) -> None:
        """Exchange two files, or whatever has the names, in one step.

        Raises:
            FileNotFoundError: One of them is missing.
            OSError: This system, or this file system, can't do it.
        """
        self._rename(EXCHANGE, name, target, other)

    def rename_exclusive(self, name: str, target: Directory, new: str) -> None:
        """Rename a file to a name that is free, in one step; errors are those of `exchange`, or `FileExistsError`."""
        self._rename(EXCLUSIVE, name, target, new)

    def _rename(self, flag: int, name: str, target: Directory, new: str) -> None:
        source, aim, here, there = self._reached(name, target, new)
        try:
            rename(flag, source, aim, here, there)
        except OSError as error:
            name_path(error, target.join(new))
            raise

    def link(self, name: str, target: Directory, new: str) -> None:
        """Give a file a second name, which must be free; a link itself, not what it points to."""
        source, aim, here, there = self._reached(name, target, new)
        try:
            os.link(source, aim, src_dir_fd=here, dst_dir_fd=there, **_PLAIN_LINK)
        except OSError as error:
            name_path(error, target.join(new))
            raise

    def _reached(self, name: str, target: Directory, new: str) -> tuple[str, str, int | None, int | None]:
        here, there = self.descriptor, target.descriptor
        source = name if here is not None else self.join(name)
        return source, new if there is not None else target.join(new), here, there

    def entries(self) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        """Read the directory, in a context that gives its entries."""
        at = self.descriptor
        if at is None:
            return os.scandir(self.path)
        if self.lists:
            return os.scandir(at)
        with self.readable() as descriptor:
            # It has a descriptor of its own from here on.
            return os.scandir(descriptor)

    def names(self) -> list[str]:
        """Return the names of all entries."""
        with self.entries() as found:
            return [entry.name for entry in found]

    @contextmanager
    def readable(self) -> Iterator[int]:
        """Open the directory itself for reading: to list it, or to make its names outlast a loss of power."""
        at = self.descriptor
        try:
            found = os.open("." if at is not None else self.path, os.O_RDONLY | opening.FOLLOW, dir_fd=at)
        except OSError as error:
            error.filename = self.path
            raise
        try:
            yield found
        finally:
            os.close(found)

    def sync(self) -> None:
        """Make the names in it outlast a loss of power, where the system can.

        Raises:
            OSError: The disk failed, or is full: they may not outlast it.
        """
        if os.name == "nt":
            return
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError), self.readable() as descriptor:
            sync_open_directory(descriptor, self.path)


class Tree:
    """A root directory, and the directories below it. For one thread at a time; closed when nobody has it any more.

    Args:
        root: Its path. It may lead through links: whoever gave it meant that.
        follow: Links below the root are followed as well.
        reads: Directories will be listed, so they are opened for that where that is allowed.
        most: How many descriptors to hold, beside that of the root.

    Attributes:
        root: The root itself.
        keeps_both: Devices on which two names were found that differ only in case or Unicode form.

    Raises:
        OSError: The root can't be opened.
    """

    def __init__(self, root: str, *, follow: bool = False, reads: bool = False, most: int = FEW) -> None:
        self._reads = reads
        self._most = most
        self._follow = follow
        self._open: dict[str, Directory] = {}
        self.keeps_both: set[int] = set()
        at, lists = self._opened(root, opening.FOLLOW, None) if BY_DESCRIPTOR else (None, False)
        self.root = Directory(self, root, "", at, lists=lists)
        if not BY_DESCRIPTOR and not stat.S_ISDIR(os.stat(root).st_mode):
            raise NotADirectoryError(f"{root} is not a directory")

    def directory(self, relative: str, *, make: bool = False) -> Directory:
        """Return a directory below the root.

        Args:
            relative: Its path below the root, with slashes; no part of it is empty, `.` or `..`.
            make: Make the directories that are missing.

        Raises:
            InTheWay: A link (unless links are followed) or a file is on the way, or there.
            FileNotFoundError: It is missing.
            ValueError: The path is none.
        """
        if not relative:
            return self.root
        found = self._open.pop(relative, None)
        if found is not None:
            # What is used least is closed first.
            self._open[relative] = found
            return found
        above, slash, name = relative.rpartition("/")
        if name in ("", ".", "..") or os.sep in name or (slash and not above):
            raise ValueError(f"no path below a directory: {relative!r}")
        parent = self.directory(above, make=make)
        try:
            return self._enter(parent, name, relative)
        except FileNotFoundError:
            if not make:
                raise
            with suppress(FileExistsError):
                parent.make_directory(name)
            return self._enter(parent, name, relative)

    def held(self, relative: str) -> Directory | None:
        """Return a directory if it is held open."""
        return self._open.get(relative) if relative else self.root

    def below(self, directory: Directory, name: str) -> Directory:
        """Return a directory in another one; raises as `directory`."""
        relative = f"{directory.relative}/{name}" if directory.relative else name
        self.forget(relative)
        return self._enter(directory, name, relative)

    def open_again(self, directory: Directory) -> None:
        """Open a directory that was closed because others were needed.

        Raises:
            Moved: Another one has its place now.
            ValueError: The tree is closed.
        """
        if self.root.held is None:
            raise ValueError(f"the tree is closed: {self.root.path}")
        try:
            found = self.directory(directory.relative)
        except (InTheWay, FileNotFoundError) as error:
            raise Moved(f"the directory was replaced meanwhile: {directory.path}") from error
        if found.identity != directory.identity:
            raise Moved(f"the directory was replaced meanwhile: {directory.path}")
        # Both are one directory; the new object gives its descriptor to the old one.
        directory.held, found.held = found.held, None
        self._open[directory.relative] = directory

    def forget(self, relative: str) -> None:
        """Close a directory that is about to be removed, or may be another one by now."""
        found = self._open.pop(relative, None)
        if found is not None:
            found.close()

    def close(self) -> None:
        """Close everything."""
        for directory in (*self._open.values(), self.root):
            directory.close()
        self._open.clear()

    def __del__(self) -> None:
        # It has no root if that could not be opened.
        if hasattr(self, "root"):
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _enter(self, parent: Directory, name: str, relative: str) -> Directory:
        descriptor, lists = None, False
        if BY_DESCRIPTOR:
            links = opening.FOLLOW if self._follow else opening.NO_FOLLOW
            try:
                descriptor, lists = self._opened(name, links, parent.descriptor)
            except FileNotFoundError:
                raise
            except OSError as error:
                name_path(error, parent.join(name))
                # Which error it is if a link stands there differs from system to system.
                what = self._obstacle(parent, name)
                if what is None:
                    raise
                raise InTheWay(parent.join(name), what, is_link=what != _FILE) from error
        else:
            what = self._obstacle(parent, name)
            if what is not None:
                raise InTheWay(parent.join(name), what, is_link=what != _FILE)
        found = Directory(self, parent.join(name), relative, descriptor, lists=lists)
        self._open[relative] = found
        if len(self._open) > self._most:
            self._open.pop(next(iter(self._open))).set_aside()
        return found

    def _opened(self, name: str, flags: int, at: int | None) -> tuple[int, bool]:
        """Open a directory; return its descriptor, and whether it can be listed by that."""
        if self._reads:
            try:
                return os.open(name, flags | os.O_RDONLY, dir_fd=at), True
            except PermissionError:
                if opening.SEARCH == os.O_RDONLY:
                    raise
        return os.open(name, flags | opening.SEARCH, dir_fd=at), opening.SEARCH == os.O_RDONLY

    def _obstacle(self, parent: Directory, name: str) -> str | None:
        status = parent.status(name)
        if is_link(status):
            if not self._follow:
                return "a symbolic link"
            try:
                status = parent.status(name, follow=True)
            except OSError as error:
                if error.errno not in LEADS_NOWHERE:
                    raise
                return "a symbolic link that leads nowhere"
        return None if stat.S_ISDIR(status.st_mode) else _FILE
