"""Open directories: file operations relative to a descriptor (`dir_fd`).

Operating systems resolve a path at each call. A user who may write to one of its directories can replace it by a
symbolic link between two calls, and the second call then acts elsewhere. So a `Tree` opens each directory below its
root relative to its parent, without following links, and a `Directory` accesses its entries through its descriptor.
Windows has no `dir_fd`: there, a `Tree` checks for links when it opens a directory, and uses paths after that.
"""

from __future__ import annotations

import os
import stat
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import TracebackType
from typing import Self, TypeVar

from buckia_core.localfs.atomic_rename import exchange, rename_exclusive
from buckia_core.localfs.durability import fsync_directory
from buckia_core.localfs.opening import (
    DIRECTORY_FLAGS,
    DIRECTORY_NOFOLLOW_FLAGS,
    HAS_DIR_FD,
    SEARCH_FLAG,
    DirectoryReplaced,
    PathBlocked,
    file_identity,
    is_link,
    set_error_path,
)
from buckia_core.localfs.system_errors import BROKEN_LINK

MAX_OPEN = 2
"""Maximum of open descriptors per tree, without its root. Some systems allow 256 per process."""

_NOFOLLOW = {"follow_symlinks": False} if os.link in os.supports_follow_symlinks else {}

# Without it, a link counts as what it leads to.
_NO_LINKS = {"follow_symlinks": False} if os.access in os.supports_follow_symlinks else {}

T = TypeVar("T")


class Directory:
    """One directory of a `Tree`. Methods take names of entries; errors carry full paths.

    Attributes:
        path: The path, for messages, and for calls without `dir_fd`.
        relative: The path below the root, with slashes; empty for the root.
        cached_descriptor: The descriptor, while the tree keeps it open. Use `descriptor`.
        can_list: Whether the descriptor can list the directory. Otherwise it is a search-only descriptor.
    """

    __slots__ = ("_identity", "_tree", "cached_descriptor", "can_list", "path", "relative")

    def __init__(self, tree: Tree, path: str, relative: str, descriptor: int | None, *, can_list: bool) -> None:
        # A weak reference, so that a tree without references closes at once instead of at a garbage collection.
        self._tree = weakref.ref(tree)
        self.cached_descriptor = descriptor
        self.can_list = can_list
        self._identity: tuple[int, int] | None = None
        self.path = path
        self.relative = relative

    @property
    def tree(self) -> Tree:
        """The tree that the directory belongs to; raises `ValueError` if that is closed."""
        tree = self._tree()
        if tree is None:
            raise ValueError(f"the tree is closed: {self.path}")
        return tree

    @property
    def descriptor(self) -> int | None:
        """The open descriptor; `None` on systems without `dir_fd`.

        Raises:
            DirectoryReplaced: The descriptor had been closed, and another directory has the path now.
            ValueError: The tree is closed.
        """
        if self.cached_descriptor is None and HAS_DIR_FD:
            self.tree.reopen(self)
        return self.cached_descriptor

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the opened directory; `None` on systems without `dir_fd`."""
        if self._identity is None and self.cached_descriptor is not None:
            self._identity = file_identity(os.fstat(self.cached_descriptor))
        return self._identity

    def release(self) -> None:
        """Close the descriptor, and keep the identity for the check when the tree reopens the directory."""
        if self.identity is not None:
            self.close()

    def close(self, close_descriptor: Callable[[int], None] = os.close) -> None:
        """Close the descriptor; the next use reopens it."""
        # A default value, because modules may be gone at the shutdown of the interpreter.
        descriptor, self.cached_descriptor = self.cached_descriptor, None
        if descriptor is not None:
            close_descriptor(descriptor)

    def join(self, name: str) -> str:
        """Return the path of an entry."""
        return os.path.join(self.path, name)

    def open(self, name: str, flags: int, mode: int = 0o600) -> int:
        """Open a file, and return its descriptor."""
        return self._call(os.open, name, flags, mode)

    def stat(self, name: str, *, follow: bool = False) -> os.stat_result:
        """Return the `stat` result of an entry. Links are not followed, unless `follow` is set."""
        return self._call(os.stat, name, follow_symlinks=follow)

    def has(self, name: str) -> bool:
        """Tell whether there is an entry of that name; a broken link is one. False if that can't be found out."""
        return self._call(os.access, name, os.F_OK, **_NO_LINKS)

    def stat_self(self) -> os.stat_result:
        """Return the `stat` result of the directory itself."""
        dir_fd = self.descriptor
        return os.stat(self.path) if dir_fd is None else os.fstat(dir_fd)

    def is_same(self, other: Directory) -> bool:
        """Tell whether both are the same directory."""
        return file_identity(self.stat_self()) == file_identity(other.stat_self())

    def is_still_at_path(self) -> bool:
        """Tell whether the path still leads to this directory, and not to another one after a rename."""
        identity = self.identity
        if identity is None:
            return True
        try:
            return file_identity(os.stat(self.path)) == identity
        except OSError:
            return False

    def unlink(self, name: str) -> None:
        """Remove a file, or a link."""
        self._call(os.unlink, name)

    def mkdir(self, name: str, mode: int = 0o777) -> None:
        """Create a directory."""
        self._call(os.mkdir, name, mode)

    def rmdir(self, name: str) -> None:
        """Remove an empty directory."""
        if (tree := self._tree()) is not None:
            tree.evict(f"{self.relative}/{name}" if self.relative else name)
        self._call(os.rmdir, name)

    def _call(self, function: Callable[..., T], name: str, *args: int, **options: bool) -> T:
        """Call a function of `os` for an entry, relative to the descriptor."""
        dir_fd = self.descriptor
        try:
            return function(name if dir_fd is not None else self.join(name), *args, dir_fd=dir_fd, **options)
        except OSError as error:
            set_error_path(error, self.join(name))
            raise

    def replace(self, name: str, target: Directory, new: str) -> None:
        """Rename a file, and replace the file of the new name, if there is one."""
        self._call_with_two(os.replace, name, target, new)

    def exchange(self, name: str, target: Directory, other: str) -> None:
        """Exchange two entries of any type atomically.

        Raises:
            FileNotFoundError: One of them is missing.
            OSError: The operating system or the file system does not support it.
        """
        self._call_with_two(exchange, name, target, other)

    def rename_exclusive(self, name: str, target: Directory, new: str) -> None:
        """Rename a file atomically; raises `FileExistsError` if the new name exists, else as `exchange`."""
        self._call_with_two(rename_exclusive, name, target, new)

    def link(self, name: str, target: Directory, new: str) -> None:
        """Create a hard link. The new name must be free. A symbolic link is linked itself."""
        self._call_with_two(os.link, name, target, new, **_NOFOLLOW)

    def _call_with_two(
        self, function: Callable[..., object], name: str, target: Directory, new: str, **options: bool
    ) -> None:
        """Call a function for an entry and one of `target`, relative to both descriptors."""
        source_fd, target_fd = self.descriptor, target.descriptor
        source = name if source_fd is not None else self.join(name)
        destination = new if target_fd is not None else target.join(new)
        try:
            function(source, destination, src_dir_fd=source_fd, dst_dir_fd=target_fd, **options)
        except OSError as error:
            set_error_path(error, target.join(new))
            raise

    def scandir(self) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        """Return `os.scandir` of the directory."""
        dir_fd = self.descriptor
        if dir_fd is None:
            return os.scandir(self.path)
        if self.can_list:
            return os.scandir(dir_fd)
        with self.open_for_reading() as descriptor:
            # `os.scandir` duplicates the descriptor.
            return os.scandir(descriptor)

    def listdir(self) -> list[str]:
        """Return the names of all entries."""
        with self.scandir() as found:
            return [entry.name for entry in found]

    @contextmanager
    def open_for_reading(self) -> Iterator[int]:
        """Open the directory itself for reading, as `scandir` and `fsync` need it; yields a descriptor."""
        dir_fd = self.descriptor
        try:
            path = "." if dir_fd is not None else self.path
            descriptor = os.open(path, os.O_RDONLY | DIRECTORY_FLAGS, dir_fd=dir_fd)
        except OSError as error:
            error.filename = self.path
            raise
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def fsync(self) -> None:
        """Flush the entries of the directory to the disk. Errors as `fsync_directory`."""
        fsync_directory(self.path, self.descriptor)


class Tree:
    """A root directory and the directories below it. Not thread-safe; closes with its last reference.

    Args:
        root: The path of the root. Links in it are followed.
        follow: Also follow links below the root.
        for_listing: Open directories for reading, where permitted, because they will be listed.
        max_open: Maximum of open descriptors, without the root.

    Attributes:
        root: The root directory.
        case_sensitive_devices: Devices that hold two names which differ only in case or Unicode form.

    Raises:
        OSError: The root can't be opened.
    """

    def __init__(self, root: str, *, follow: bool = False, for_listing: bool = False, max_open: int = MAX_OPEN) -> None:
        self._for_listing = for_listing
        self._max_open = max_open
        self._follow = follow
        self._open: dict[str, Directory] = {}
        self.case_sensitive_devices: set[int] = set()
        descriptor, can_list = self._open_descriptor(root, DIRECTORY_FLAGS, None) if HAS_DIR_FD else (None, False)
        self.root = Directory(self, root, "", descriptor, can_list=can_list)
        if not HAS_DIR_FD and not stat.S_ISDIR(os.stat(root).st_mode):
            raise NotADirectoryError(f"{root} is not a directory")

    def open_directory(self, relative: str, *, create: bool = False, durable: bool = False) -> Directory:
        """Open a directory below the root.

        Args:
            relative: The path below the root, with slashes. No component may be empty, `.` or `..`.
            create: Create missing directories.
            durable: Flush the entries of those directories to the disk.

        Raises:
            PathBlocked: A component is a file, or a link and links are not followed.
            FileNotFoundError: The directory is missing.
            ValueError: The path is invalid.
        """
        missing: list[tuple[str, str]] = []
        path, found = relative, self.root
        while path:
            if (known := self._open.pop(path, None)) is not None:
                # Move it to the end: the first one is closed first (LRU).
                self._open[path] = found = known
                break
            above, slash, name = path.rpartition("/")
            if name in ("", ".", "..") or os.sep in name or (slash and not above):
                raise ValueError(f"invalid relative path: {relative!r}")
            missing.append((path, name))
            path = above
        for path, name in reversed(missing):
            found = self._open_or_create(found, name, path, create=create, durable=durable)
        return found

    def get_open(self, relative: str) -> Directory | None:
        """Return a directory if it is open."""
        return self._open.get(relative) if relative else self.root

    def open_child(self, directory: Directory, name: str) -> Directory:
        """Open a directory in another one, anew; raises as `open_directory`."""
        relative = f"{directory.relative}/{name}" if directory.relative else name
        self.evict(relative)
        return self._open_child(directory, name, relative)

    def reopen(self, directory: Directory) -> None:
        """Reopen a directory that was closed because of `max_open`.

        Raises:
            DirectoryReplaced: Another directory has the path now.
            ValueError: The tree is closed.
        """
        if self.root.cached_descriptor is None:
            raise ValueError(f"the tree is closed: {self.root.path}")
        try:
            found = self.open_directory(directory.relative)
        except (PathBlocked, FileNotFoundError) as error:
            raise DirectoryReplaced(f"the directory was replaced: {directory.path}") from error
        if found.identity != directory.identity:
            raise DirectoryReplaced(f"the directory was replaced: {directory.path}")
        # Both objects are one directory; the old one takes over the descriptor.
        directory.cached_descriptor, found.cached_descriptor = found.cached_descriptor, None
        self._open[directory.relative] = directory

    def evict(self, relative: str) -> None:
        """Close a directory that is about to be removed, or may have been replaced."""
        if (found := self._open.pop(relative, None)) is not None:
            found.close()

    def close(self) -> None:
        """Close all descriptors."""
        for directory in (*self._open.values(), self.root):
            directory.close()
        self._open.clear()

    def __del__(self) -> None:
        # There is no root if `__init__` failed.
        if hasattr(self, "root"):
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_or_create(self, parent: Directory, name: str, relative: str, *, create: bool, durable: bool) -> Directory:
        try:
            return self._open_child(parent, name, relative)
        except FileNotFoundError:
            if not create:
                raise
            with suppress(FileExistsError):
                parent.mkdir(name)
                if durable:
                    parent.fsync()
            return self._open_child(parent, name, relative)

    def _open_child(self, parent: Directory, name: str, relative: str) -> Directory:
        descriptor, can_list = None, False
        if HAS_DIR_FD:
            flags = DIRECTORY_FLAGS if self._follow else DIRECTORY_NOFOLLOW_FLAGS
            try:
                descriptor, can_list = self._open_descriptor(name, flags, parent.descriptor)
            except FileNotFoundError:
                raise
            except OSError as error:
                set_error_path(error, parent.join(name))
                # Operating systems report different errors for links.
                what = self._find_obstacle(parent, name)
                if what is None:
                    raise
                raise PathBlocked(parent.join(name), what, is_link=what != "a file") from error
        else:
            what = self._find_obstacle(parent, name)
            if what is not None:
                raise PathBlocked(parent.join(name), what, is_link=what != "a file")
        found = self._open[relative] = Directory(self, parent.join(name), relative, descriptor, can_list=can_list)
        if len(self._open) > self._max_open:
            self._open.pop(next(iter(self._open))).release()
        return found

    def _open_descriptor(self, name: str, flags: int, dir_fd: int | None) -> tuple[int, bool]:
        """Open a directory; return its descriptor, and whether that can list it."""
        if self._for_listing:
            try:
                return os.open(name, flags | os.O_RDONLY, dir_fd=dir_fd), True
            except PermissionError:
                if SEARCH_FLAG == os.O_RDONLY:
                    raise
        return os.open(name, flags | SEARCH_FLAG, dir_fd=dir_fd), SEARCH_FLAG == os.O_RDONLY

    def _find_obstacle(self, parent: Directory, name: str) -> str | None:
        status = parent.stat(name)
        if is_link(status):
            if not self._follow:
                return "a symbolic link"
            try:
                status = parent.stat(name, follow=True)
            except OSError as error:
                if error.errno not in BROKEN_LINK:
                    raise
                return "a symbolic link that leads nowhere"
        return None if stat.S_ISDIR(status.st_mode) else "a file"
