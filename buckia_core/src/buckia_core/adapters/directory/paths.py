"""From a key to a path: the gate that hostile keys don't pass, and the look at what stands on the way."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass, replace

from buckia_core.adapters.directory.entries import is_link
from buckia_core.adapters.directory.errors import in_the_way, refused, root_not_found, translate, translated
from buckia_core.adapters.directory.temporaries import sync_directory
from buckia_core.errors import InvalidSetting
from buckia_core.planning.keys import TEMPORARY, DiskRules, problem_of

# Windows counts 255 UTF-16 units, which are at most 765 bytes of UTF-8; the disk itself refuses what is too long.
RULES = DiskRules(windows=os.name == "nt", max_name_bytes=765 if os.name == "nt" else 255)

_LONGEST_PATH = {"darwin": 1023, "win32": 32_000}.get(sys.platform, 4095)
_ROOM_FOR_TEMPORARY = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key's file is, or would be.

    Attributes:
        key: The key, as it was given.
        path: The path, all of whose existing parents are real directories.
        status: What stands there; `None` if nothing does, or what does is not this key's.
        blocker: The file that stands where a directory of the path must be.
        twin: The name of the path that is there in another spelling, on a disk that takes both for one.
        made: Whether directories were made for it just now.
    """

    key: str
    path: str
    status: os.stat_result | None = None
    blocker: str | None = None
    twin: str | None = None
    made: bool = False

    @property
    def directory(self) -> str:
        """The directory that the file is in."""
        return os.path.dirname(self.path)

    def file(self) -> os.stat_result | None:
        """Return the status of the object's file; `None` if there is no object of this key.

        Raises:
            InvalidKey: A link, or something else that is no file, stands there.
        """
        if self.status is None or (stat.S_ISDIR(self.status.st_mode) and not is_link(self.status)):
            return None
        if is_link(self.status):
            raise refused(self.key, "a symbolic link stands there, and links are not followed")
        if not stat.S_ISREG(self.status.st_mode):
            raise refused(self.key, "what stands there is not a regular file")
        return self.status

    def check_writable(self) -> None:
        """See whether a file may be put there.

        Raises:
            InvalidKey: A link, something that is no file, or a twin of the key stands there.
            AlreadyExists: A directory stands there, or a file where a directory must be.
        """
        if self.twin:
            raise refused(self.key, f"{self.twin!r} is there in another spelling, and this disk keeps one of them")
        if self.blocker:
            raise in_the_way(self.key, f"{self.blocker!r} is a file, and would have to be a directory")
        if self.file() is None and self.status is not None:
            raise in_the_way(self.key, "a directory of that name is there")


class Paths:
    """The keys of one bucket on the disk."""

    def __init__(self, root: str, prefix: str, bucket_name: str | None) -> None:
        problem = problem_of(prefix.removesuffix("/"), RULES) if prefix else None
        if problem:
            raise InvalidSetting(f"prefix {prefix!r} can't be a directory: {problem}")
        self.root = _extended(os.path.abspath(root))
        self._shown_root = root
        self._prefix = prefix
        self._bucket_name = bucket_name
        used = len(os.fsencode(self.root)) + len(prefix.encode()) + 1 + _ROOM_FOR_TEMPORARY
        self.max_key_bytes = max(_LONGEST_PATH - used, 0)

    def check_root(self) -> os.stat_result:
        """Return the status of the root.

        Raises:
            NotFound: It is not there, or not a directory.
        """
        try:
            status = os.stat(self.root)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise root_not_found(self._shown_root, self._bucket_name) from error
        except OSError as error:
            raise translate(error, self._shown_root) from error
        if not stat.S_ISDIR(status.st_mode):
            raise root_not_found(self._shown_root, self._bucket_name)
        return status

    def locate(self, key: str) -> Place:
        """Return where a key is, after a look at each directory on the way.

        Raises:
            InvalidKey: The disk can't hold the key, or its way goes through a link.
            PermissionDenied: A directory on the way can't be searched.
        """
        self._gate(key)
        return self._walk_down(self._prefix + key, key)

    def for_writing(self, key: str) -> Place:
        """Return where a key is to be written, with its directories made; the root as well, if its parent exists.

        Raises:
            InvalidKey, AlreadyExists, PermissionDenied: Nothing can be written there.
            NotFound: The root's parent is missing.
        """
        place = self.locate(key)
        if len(key.encode()) > self.max_key_bytes:
            raise refused(key, f"it is longer than {self.max_key_bytes} bytes")
        place.check_writable()
        return replace(place, made=place.status is None and self._make_directories(place))

    def directory(self, name: str) -> str | None:
        """Return the path of the directory whose keys begin with `name` and a slash; `None` if there are none.

        Raises:
            InvalidKey: A link is on the way.
        """
        whole = (self._prefix + name).removesuffix("/")
        if not whole:
            return self.root
        if problem_of(whole, RULES):
            return None
        place = self._walk_down(whole, name)
        if place.status is not None and is_link(place.status):
            raise refused(name, "a symbolic link stands there, and links are not followed")
        return place.path if place.status is not None and stat.S_ISDIR(place.status.st_mode) else None

    def prune(self, directory: str) -> None:
        """Remove a directory if it is empty, then its parents if they are; never the root."""
        while directory != self.root:
            try:
                os.rmdir(directory)
            except OSError:
                return
            directory = os.path.dirname(directory)

    def _gate(self, key: str) -> None:
        problem = problem_of(key, RULES)
        if problem is None and f"/{TEMPORARY}" in f"/{key}":
            problem = f'names that start with "{TEMPORARY}" are those of unfinished uploads'
        if problem:
            raise refused(key, problem)

    def _walk_down(self, whole: str, key: str) -> Place:
        parts = whole.split("/")
        target = os.path.join(self.root, *parts)
        path = self.root
        status = None
        for depth, part in enumerate(parts, 1):
            parent, path = path, os.path.join(path, part)
            status = _look(path, key)
            if status is None:
                return Place(key, target)
            if not _is_spelt_so(parent, part, status):
                return Place(key, target, twin="/".join(parts[:depth]))
            if depth == len(parts):
                break
            if is_link(status):
                link = "/".join(parts[:depth])
                raise refused(key, f"{link!r} on its way is a symbolic link, and links are not followed")
            if not stat.S_ISDIR(status.st_mode):
                return Place(key, target, blocker="/".join(parts[:depth]))
        return Place(key, target, status)

    def _make_directories(self, place: Place) -> bool:
        missing = []
        directory = place.directory
        while not os.path.isdir(directory):
            missing.append(directory)
            if directory == self.root:
                break
            directory = os.path.dirname(directory)
        for directory in reversed(missing):
            with translated(place.key):
                try:
                    os.mkdir(directory)
                except FileExistsError:
                    continue
                except FileNotFoundError as error:
                    if directory == self.root:
                        raise root_not_found(self._shown_root, self._bucket_name) from error
                    # Removed by whoever deleted the last object in it; the caller finds out, and tries again.
                    return True
                sync_directory(os.path.dirname(directory))
        return bool(missing)


def _look(path: str, key: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise translate(error, key) from error


def _is_spelt_so(directory: str, name: str, status: os.stat_result) -> bool:
    """Tell whether what was found under `name` has just that name.

    Disks that fold case find `a.txt` under `A.txt`, and those of macOS find one Unicode form under the other.
    """
    may_fold = sys.platform == "darwin" and not name.isascii()
    other = name.swapcase()
    if other != name and not may_fold:
        try:
            twin = os.lstat(os.path.join(directory, other))
        except OSError:
            return True
        may_fold = (twin.st_ino, twin.st_dev) == (status.st_ino, status.st_dev)
    return not may_fold or name in os.listdir(directory)


def _extended(path: str) -> str:
    """Return a path in the form in which Windows takes more than 260 characters; elsewhere the path itself."""
    if os.name != "nt" or path.startswith("\\\\?\\"):
        return path
    return f"\\\\?\\UNC\\{path[2:]}" if path.startswith("\\\\") else f"\\\\?\\{path}"
