"""From a key to a path: the gate that hostile keys don't pass, and the look at what stands on the way."""

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
from buckia_core.localfs.opening import BY_DESCRIPTOR, InTheWay, is_link
from buckia_core.localfs.probing import spelling_on_disk
from buckia_core.planning.keys import TEMP_PREFIX, FilesystemRules, invalid_reason

# Windows counts 255 UTF-16 units, which are at most 765 bytes of UTF-8; the disk itself refuses what is too long.
RULES = FilesystemRules(windows=os.name == "nt", max_name_bytes=765 if os.name == "nt" else 255)

_LONGEST_PATH = {"darwin": 1023, "win32": 32_000}.get(sys.platform, 4095)
_ROOM_FOR_TEMPORARY = 32


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """Where a key's file is, or would be.

    Attributes:
        key: The key, as it was given.
        tree: The root and directories below it, held open.
        relative: The path below the root.
        status: What stands there; `None` if nothing does, or what does is not this key's.
        blocker: The file that stands where a directory of the path must be.
        twin: The name of the path that is there in another spelling, on a disk that takes both for one.
        made: Whether directories were made for it just now.
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
        """The directory that the file is in.

        Raises:
            InvalidKey: A link has taken its place.
            FileNotFoundError: It is gone.
        """
        try:
            return self.tree.directory(self.relative.rpartition("/")[0])
        except InTheWay as error:
            raise link_in_path(self.key, error) from error

    @property
    def name(self) -> str:
        """The name of the file in its directory."""
        return self.relative.rpartition("/")[2]

    def file(self) -> os.stat_result | None:
        """Return the status of the object's file; `None` if there is no object of this key.

        Raises:
            InvalidKey: A link, or something else that is no file, stands there.
        """
        if self.status is None or (stat.S_ISDIR(self.status.st_mode) and not is_link(self.status)):
            return None
        if is_link(self.status):
            raise invalid_key(self.key, "a symbolic link stands there, and links are not followed")
        if not stat.S_ISREG(self.status.st_mode):
            raise invalid_key(self.key, "what stands there is not a regular file")
        return self.status

    def check_writable(self) -> None:
        """See whether a file may be put there.

        Raises:
            InvalidKey: A link, something that is no file, or a twin of the key stands there.
            AlreadyExists: A directory stands there, or a file where a directory must be.
        """
        if self.case_collision:
            raise invalid_key(
                self.key, f"{self.case_collision!r} is there in another spelling, and this disk keeps one of them"
            )
        if self.blocker:
            raise already_exists(self.key, f"{self.blocker!r} is a file, and would have to be a directory")
        if self.file() is None and self.status is not None:
            raise already_exists(self.key, "a directory of that name is there")


class _OpenTrees(threading.local):
    """What a thread holds open from one call to the next: most of them are about one directory.

    Attributes:
        tree: The root, and directories below it.
        in_use: Trees that a write is at work in, which may be others by now.
    """

    def __init__(self) -> None:
        self.tree: Tree | None = None
        self.in_use: list[Tree] = []


class Paths:
    """The keys of one bucket on the disk. Its root is one directory, from the first look at it until `close`."""

    def __init__(self, root: str, prefix: str, bucket_name: str | None) -> None:
        problem = invalid_reason(prefix.removesuffix("/"), RULES) if prefix else None
        if problem:
            raise InvalidSetting(f"prefix {prefix!r} can't be a directory: {problem}")
        self.root = _extended(os.path.abspath(root))
        self._shown_root = root
        self._prefix = prefix
        self._bucket_name = bucket_name
        self._held = _OpenTrees()
        self._identity: dict[str, tuple[int, int]] = {}
        used = len(os.fsencode(self.root)) + len(prefix.encode()) + 1 + _ROOM_FOR_TEMPORARY
        self.max_key_bytes = max(_LONGEST_PATH - used, 0)

    def close(self) -> None:
        """Close what is held open, in all threads, and forget which directory the root was."""
        self._held = _OpenTrees()
        self._identity = {}

    def check_root(self) -> os.stat_result:
        """Return the status of the root.

        Raises:
            NotFound: It is not there, or not a directory.
            AdapterError: It is another directory than before: a disk was mounted or unmounted there.
        """
        try:
            status = os.stat(self.root)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise root_not_found(self._shown_root, self._bucket_name) from error
        except OSError as error:
            raise translate_error(error, self._shown_root) from error
        if not stat.S_ISDIR(status.st_mode):
            raise root_not_found(self._shown_root, self._bucket_name)
        self._check_identity((status.st_dev, status.st_ino))
        return status

    def open(self, key: str = "", *, reads: bool = False) -> Tree:
        """Open the root; with `reads`, to list directories. `key` is what errors are about.

        Raises:
            NotFound: The root is not there, or not a directory.
            AdapterError: It is another directory than before.
        """
        try:
            tree = Tree(self.root, reads=reads)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise root_not_found(self._shown_root, self._bucket_name) from error
        except OSError as error:
            raise translate_error(error, key or self._shown_root) from error
        try:
            if tree.root.identity is None:
                self.check_root()
            else:
                self._check_identity(tree.root.identity)
        except AdapterError:
            tree.close()
            raise
        return tree

    def resolve(self, key: str) -> ResolvedPath:
        """Return where a key is, after a look at each directory on the way.

        Raises:
            InvalidKey: The disk can't hold the key, or its way goes through a link.
            PermissionDenied: A directory on the way can't be searched.
            NotFound: The root is not there.
            AdapterError: The root is another directory than before.
        """
        self._check_key(key)
        whole = self._prefix + key
        tree = self._held.tree
        if tree is not None and _is_still_open(tree, whole):
            return self._stat(tree, whole, key)
        if tree is not None and tree not in self._held.in_use:
            # Not left to whoever has it: an error that is kept has the places that it came from.
            tree.close()
        self._held.tree = None
        self._held.tree = tree = self.open(key)
        return self._walk_down(tree, whole, key)

    @contextmanager
    def keep_open(self, place: ResolvedPath) -> Iterator[None]:
        """Keep the directory of a place open in the block, whatever else this thread looks at."""
        held = self._held
        held.in_use.append(place.tree)
        try:
            yield
        finally:
            held.in_use.remove(place.tree)
            if place.tree is not held.tree and place.tree not in held.in_use:
                place.tree.close()

    def resolve_for_write(self, key: str) -> ResolvedPath:
        """Return where a key is to be written, with its directories made.

        The root is made as well if its parent exists, but never one that was there before.

        Raises:
            InvalidKey, AlreadyExists, PermissionDenied: Nothing can be written there.
            NotFound: The root's parent is missing, or the root went away.
            AdapterError: The root is another directory than before.
            FileNotFoundError: A directory was removed in between, as whoever deletes the last object in it does.
        """
        self._check_key(key)
        created = self._make_root(key)
        place = self.resolve(key)
        if len(key.encode()) > self.max_key_bytes:
            raise invalid_key(key, f"it is longer than {self.max_key_bytes} bytes")
        place.check_writable()
        if place.status is None:
            created = self._make_directories(place) or created
        return replace(place, created_dirs=created)

    def find_directory(self, tree: Tree, name: str) -> Directory | None:
        """Return the directory whose keys begin with `name` and a slash; `None` if there are none.

        Raises:
            InvalidKey: A link is on the way.
        """
        whole = (self._prefix + name).removesuffix("/")
        if not whole:
            return tree.root
        if invalid_reason(whole, RULES):
            return None
        place = self._walk_down(tree, whole, name)
        if place.status is not None and is_link(place.status):
            raise invalid_key(name, "a symbolic link stands there, and links are not followed")
        is_directory = place.status is not None and stat.S_ISDIR(place.status.st_mode)
        return tree.directory(whole) if is_directory else None

    def prune(self, place: ResolvedPath) -> None:
        """Remove the directory of a place if it is empty, then its parents if they are; never the root."""
        relative = place.relative.rpartition("/")[0]
        while relative:
            above, _, name = relative.rpartition("/")
            try:
                place.tree.directory(above).remove_directory(name)
            except (OSError, InTheWay):
                return
            relative = above

    def _check_key(self, key: str) -> None:
        problem = invalid_reason(key, RULES)
        if problem is None and f"/{TEMP_PREFIX}" in f"/{key}":
            problem = f'names that start with "{TEMP_PREFIX}" are those of unfinished uploads'
        if problem:
            raise invalid_key(key, problem)

    def _walk_down(self, tree: Tree, whole: str, key: str) -> ResolvedPath:
        parts = whole.split("/")
        for depth in range(1, len(parts)):
            place = self._stat(tree, "/".join(parts[:depth]), key)
            status = place.status
            if status is None:
                return replace(place, relative=whole)
            if is_link(status):
                raise invalid_key(key, f"{place.relative!r} on its way is a symbolic link, and links are not followed")
            if not stat.S_ISDIR(status.st_mode):
                return ResolvedPath(key, tree, whole, blocker=place.relative)
        return self._stat(tree, whole, key)

    def _stat(self, tree: Tree, relative: str, key: str) -> ResolvedPath:
        """Look at one part of a path, the directory of which was looked at before."""
        above, _, name = relative.rpartition("/")
        try:
            directory = tree.directory(above)
            status = directory.status(name)
            twin = spelling_on_disk(tree, directory, name, status)
        except (FileNotFoundError, NotADirectoryError):
            return ResolvedPath(key, tree, relative)
        except InTheWay as error:
            raise link_in_path(key, error) from error
        except OSError as error:
            raise translate_error(error, key) from error
        return (
            ResolvedPath(key, tree, relative, case_collision=relative)
            if twin is not None
            else ResolvedPath(key, tree, relative, status)
        )

    def _make_root(self, key: str) -> bool:
        if self._identity or os.path.isdir(self.root):
            return False
        with translate_errors(key):
            try:
                os.mkdir(self.root)
            except FileExistsError:
                return False
            except FileNotFoundError as error:
                raise root_not_found(self._shown_root, self._bucket_name) from error
        with translate_errors(key), suppress(PermissionError), Tree(os.path.dirname(self.root)) as above:
            above.root.sync()
        return True

    def _check_identity(self, identity: tuple[int, int]) -> None:
        # One call, so that threads whose first look this is agree.
        if self._identity.setdefault(self.root, identity) != identity:
            raise root_replaced(self._shown_root)

    def _make_directories(self, place: ResolvedPath) -> bool:
        made = False
        parts = place.relative.split("/")[:-1]
        # Mostly it is there, and held open since it was looked at.
        with suppress(FileNotFoundError, InTheWay):
            place.tree.directory("/".join(parts))
            return made
        for depth, part in enumerate(parts):
            try:
                above = place.tree.directory("/".join(parts[:depth]))
                above.make_directory(part)
            except FileExistsError:
                continue
            except FileNotFoundError:
                raise
            except InTheWay as error:
                raise link_in_path(place.key, error) from error
            except OSError as error:
                raise translate_error(error, place.key) from error
            made = True
            with translate_errors(place.key):
                above.sync()
        return made


def link_in_path(key: str, error: InTheWay) -> InvalidKey:
    """A directory on the way to a key was replaced by a link, or by a file, just now."""
    return invalid_key(key, f"{error.path!r} on its way is {error.what}, and links are not followed")


def _is_still_open(tree: Tree, relative: str) -> bool:
    """Tell whether the directory of a path is held open, and still the one that the path leads to."""
    above = relative.rpartition("/")[0]
    directory = tree.held(above)
    return BY_DESCRIPTOR and directory is not None and directory.is_at_its_path()


def _extended(path: str) -> str:
    """Return a path in the form in which Windows takes more than 260 characters; elsewhere the path itself."""
    if os.name != "nt" or path.startswith("\\\\?\\"):
        return path
    return f"\\\\?\\UNC\\{path[2:]}" if path.startswith("\\\\") else f"\\\\?\\{path}"
