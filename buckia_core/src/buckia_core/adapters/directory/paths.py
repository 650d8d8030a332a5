"""Paths: resolves keys to paths below the root, refuses hostile keys, and follows no links."""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from buckia_core.adapters.directory.errors import (
    already_exists,
    invalid_key,
    root_not_found,
    root_replaced,
    translate_error,
    translate_errors,
)
from buckia_core.errors import AdapterError, InvalidKey, InvalidSetting
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.durability import fsync_directory
from buckia_core.localfs.filename_rules import find_case_collision
from buckia_core.localfs.opening import HAS_DIR_FD, PathBlocked, is_link
from buckia_core.planning.keys import TEMP_PREFIX, FilesystemRules, invalid_reason

# Windows allows 255 UTF-16 units, which are at most 765 bytes of UTF-8; the disk itself refuses longer names.
RULES = FilesystemRules(windows=os.name == "nt", max_name_bytes=765 if os.name == "nt" else 255)

_MAX_PATH_BYTES = {"darwin": 1023, "win32": 32_000}.get(sys.platform, 4095)
_TEMP_NAME_BYTES = 32


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """The path of a key's file, whether it exists or not.

    Attributes:
        key: The key, without the prefix.
        tree: The root and directories below it, held open.
        relative: The path below the root.
        status: The result of `lstat`; `None` if the path does not exist, or exists in another spelling only.
        blocker: The file that is where a directory of the path must be.
        case_collision: The path, if a case-insensitive disk has it in another spelling.
        created_dirs: Whether directories were created for it.
    """

    key: str
    tree: Tree
    relative: str
    status: os.stat_result | None = None
    blocker: str | None = None
    case_collision: str | None = None
    created_dirs: bool = False

    @property
    def directory(self) -> Directory:
        """The directory of the file.

        Raises:
            InvalidKey: It was replaced by a link.
            FileNotFoundError: It does not exist.
        """
        try:
            return self.tree.open_directory(self.parent)
        except PathBlocked as error:
            raise link_in_path(self.key, error) from error

    @property
    def parent(self) -> str:
        """The path of the directory below the root."""
        return self.relative.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The name of the file in its directory."""
        return self.relative.rpartition("/")[2]

    def file_stat(self) -> os.stat_result | None:
        """Return the `lstat` of the object's file; `None` if the object does not exist.

        Raises:
            InvalidKey: The path is a link, or otherwise not a regular file.
        """
        if self.status is None or (stat.S_ISDIR(self.status.st_mode) and not is_link(self.status)):
            return None
        if is_link(self.status):
            raise invalid_key(self.key, "it is a symbolic link, and links are not followed")
        if not stat.S_ISREG(self.status.st_mode):
            raise invalid_key(self.key, "it is not a regular file")
        return self.status

    def check_writable(self) -> None:
        """Check that the file can be created or replaced.

        Raises:
            InvalidKey: The path is a link or no regular file, or exists in another spelling.
            AlreadyExists: The path is a directory, or a file is where a directory must be.
        """
        if self.case_collision:
            raise invalid_key(
                self.key, f"{self.case_collision!r} exists in another spelling, and this disk does not distinguish them"
            )
        if self.blocker:
            raise already_exists(self.key, f"{self.blocker!r} is a file, and would have to be a directory")
        if self.file_stat() is None and self.status is not None:
            raise already_exists(self.key, "a directory of that name exists")


class _OpenTrees(threading.local):
    """Directories that a thread holds open between calls, since most calls are about one directory.

    Attributes:
        tree: The root, and directories below it.
        kept: Trees that a write of this thread is using.
    """

    def __init__(self) -> None:
        self.tree: Tree | None = None
        self.kept: list[Tree] = []


class Paths:
    """The paths of one bucket. Its root must stay the same directory from its first use until `close`."""

    def __init__(self, root: str, prefix: str, bucket_name: str | None) -> None:
        problem = invalid_reason(prefix.removesuffix("/"), RULES) if prefix else None
        if problem:
            raise InvalidSetting(f"prefix {prefix!r} can't be a directory: {problem}")
        self.root = _long_path(os.path.abspath(root))
        self._configured_root = root
        self._prefix = prefix
        self._bucket_name = bucket_name
        self._open_trees = _OpenTrees()
        self._root_identity: dict[str, tuple[int, int]] = {}
        used = len(os.fsencode(self.root)) + len(prefix.encode()) + 1 + _TEMP_NAME_BYTES
        self.max_key_bytes = max(_MAX_PATH_BYTES - used, 0)

    def close(self) -> None:
        """Close the directories that are held open, in all threads, and forget the identity of the root."""
        self._open_trees = _OpenTrees()
        self._root_identity = {}

    def check_root(self) -> os.stat_result:
        """Return the `stat` of the root.

        Raises:
            NotFound: The root does not exist, or is not a directory.
            AdapterError: The root was replaced by another directory: a disk was mounted or unmounted.
        """
        try:
            status = os.stat(self.root)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise root_not_found(self._configured_root, self._bucket_name) from error
        except OSError as error:
            raise translate_error(error, self._configured_root) from error
        if not stat.S_ISDIR(status.st_mode):
            raise root_not_found(self._configured_root, self._bucket_name)
        self._check_root_identity((status.st_dev, status.st_ino))
        return status

    def open(self, key: str = "", *, reads: bool = False) -> Tree:
        """Open the root; with `reads`, to list directories. `key` is for error messages.

        Raises:
            NotFound, AdapterError: As `check_root`.
        """
        try:
            tree = Tree(self.root, for_listing=reads)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise root_not_found(self._configured_root, self._bucket_name) from error
        except OSError as error:
            raise translate_error(error, key or self._configured_root) from error
        try:
            if tree.root.identity is None:
                self.check_root()
            else:
                self._check_root_identity(tree.root.identity)
        except AdapterError:
            tree.close()
            raise
        return tree

    def resolve(self, key: str) -> ResolvedPath:
        """Resolve a key to its path, and check each directory of the path.

        Raises:
            InvalidKey: The disk can't store the key, or a directory of its path is a link.
            PermissionDenied: A directory of the path can't be searched.
            NotFound, AdapterError: As `check_root`.
        """
        self._check_key(key)
        full_key = self._prefix + key
        tree = self._open_trees.tree
        if tree is not None and _is_still_open(tree, full_key):
            return self._stat(tree, full_key, key)
        if tree is not None and tree not in self._open_trees.kept:
            # Closed now: the traceback of a stored error may reference the tree for long.
            tree.close()
        self._open_trees.tree = None
        self._open_trees.tree = tree = self.open(key)
        return self._walk_down(tree, full_key, key)

    @contextmanager
    def keep_open(self, resolved: ResolvedPath) -> Iterator[None]:
        """Keep the directory of a path open in the block, whatever other keys this thread resolves."""
        held = self._open_trees
        held.kept.append(resolved.tree)
        try:
            yield
        finally:
            held.kept.remove(resolved.tree)
            if resolved.tree is not held.tree and resolved.tree not in held.kept:
                resolved.tree.close()

    def resolve_for_write(self, key: str) -> ResolvedPath:
        """Resolve a key that is to be written, and create its directories.

        Creates the root too if its parent exists, but not a root that existed before and was removed.

        Raises:
            InvalidKey, AlreadyExists, PermissionDenied: The path can't be written.
            NotFound: The root's parent does not exist, or the root was removed.
            AdapterError: As `check_root`.
            FileNotFoundError: A directory was removed concurrently, with the last object in it.
        """
        self._check_key(key)
        created = self._make_root(key)
        resolved = self.resolve(key)
        if len(key.encode()) > self.max_key_bytes:
            raise invalid_key(key, f"it is longer than {self.max_key_bytes} bytes")
        resolved.check_writable()
        if resolved.status is None:
            created = self._make_directories(resolved) or created
        return replace(resolved, created_dirs=created)

    def find_directory(self, tree: Tree, name: str) -> Directory | None:
        """Return the directory of the keys that start with `name` and a slash; `None` if it does not exist.

        Raises:
            InvalidKey: A directory of the path is a link.
        """
        full_key = (self._prefix + name).removesuffix("/")
        if not full_key:
            return tree.root
        if invalid_reason(full_key, RULES):
            return None
        resolved = self._walk_down(tree, full_key, name)
        if resolved.status is not None and is_link(resolved.status):
            raise invalid_key(name, "it is a symbolic link, and links are not followed")
        is_directory = resolved.status is not None and stat.S_ISDIR(resolved.status.st_mode)
        try:
            return tree.open_directory(full_key) if is_directory else None
        except FileNotFoundError:
            # Another process has deleted its last object since.
            return None

    def _check_key(self, key: str) -> None:
        problem = invalid_reason(key, RULES)
        if problem is None and f"/{TEMP_PREFIX}" in f"/{key}":
            problem = f'names that start with "{TEMP_PREFIX}" are reserved for unfinished uploads'
        if problem:
            raise invalid_key(key, problem)

    def _walk_down(self, tree: Tree, full_key: str, key: str) -> ResolvedPath:
        parts = full_key.split("/")
        for depth in range(1, len(parts)):
            resolved = self._stat(tree, "/".join(parts[:depth]), key)
            status = resolved.status
            if status is None:
                return replace(resolved, relative=full_key)
            if is_link(status):
                raise invalid_key(key, f"{resolved.relative!r} in its path is a symbolic link, which is not followed")
            if not stat.S_ISDIR(status.st_mode):
                return ResolvedPath(key, tree, full_key, blocker=resolved.relative)
        return self._stat(tree, full_key, key)

    def _stat(self, tree: Tree, relative: str, key: str) -> ResolvedPath:
        """Resolve one component of a path, whose parent was resolved before."""
        parent, _, name = relative.rpartition("/")
        try:
            directory = tree.open_directory(parent)
            status = directory.stat(name)
            case_collision = find_case_collision(tree, directory, name, status)
        except (FileNotFoundError, NotADirectoryError):
            return ResolvedPath(key, tree, relative)
        except PathBlocked as error:
            raise link_in_path(key, error) from error
        except OSError as error:
            raise translate_error(error, key) from error
        if case_collision is not None:
            return ResolvedPath(key, tree, relative, case_collision=relative)
        return ResolvedPath(key, tree, relative, status)

    def _make_root(self, key: str) -> bool:
        if self._root_identity or os.path.isdir(self.root):
            return False
        with translate_errors(key):
            try:
                os.mkdir(self.root)
            except FileExistsError:
                return False
            except FileNotFoundError as error:
                raise root_not_found(self._configured_root, self._bucket_name) from error
        with translate_errors(key):
            fsync_directory(os.path.dirname(self.root))
        return True

    def _check_root_identity(self, identity: tuple[int, int]) -> None:
        # One atomic call, so that concurrent threads agree on the first identity.
        if self._root_identity.setdefault(self.root, identity) != identity:
            raise root_replaced(self._configured_root)

    def _make_directories(self, resolved: ResolvedPath) -> bool:
        """Create the missing directories of a path; tell whether there were any."""
        try:
            # It mostly exists, and is held open since it was resolved.
            with suppress(FileNotFoundError):
                resolved.tree.open_directory(resolved.parent)
                return False
            resolved.tree.open_directory(resolved.parent, create=True, durable=True)
        except FileNotFoundError:
            raise
        except PathBlocked as error:
            raise link_in_path(resolved.key, error) from error
        except OSError as error:
            raise translate_error(error, resolved.key) from error
        return True


def link_in_path(key: str, error: PathBlocked) -> InvalidKey:
    """Return the error for a directory in the path of a key that is a link or a file now."""
    return invalid_key(key, f"{error.path!r} in its path is {error.what}, and links are not followed")


def _is_still_open(tree: Tree, relative: str) -> bool:
    """Tell whether the directory of a path is held open, and is still at that path."""
    parent = relative.rpartition("/")[0]
    directory = tree.get_open(parent)
    return HAS_DIR_FD and directory is not None and directory.is_still_at_path()


def _long_path(path: str) -> str:
    """Return a path in the form that allows more than 260 characters on Windows; elsewhere the path itself."""
    if os.name != "nt" or path.startswith("\\\\?\\"):
        return path
    return f"\\\\?\\UNC\\{path[2:]}" if path.startswith("\\\\") else f"\\\\?\\{path}"
