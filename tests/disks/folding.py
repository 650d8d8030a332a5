"""A case-insensitive file system in memory, which also ignores Unicode forms, as macOS and Windows do.

`python -m tests.disks.folding MOUNT [plain]` serves it until it is unmounted. A plain one is as FAT by FUSE is: each
spelling of a name has an inode number of its own, and there are no hard links. Needs libfuse 2 and fusepy.
"""

from __future__ import annotations

import errno
import stat
import sys
import time
import unicodedata
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from fuse import FUSE, FuseOSError, Operations

_numbers = count(1)


@dataclass
class Node:
    """A file, a directory or a link."""

    mode: int
    data: bytearray = field(default_factory=bytearray)
    names: dict[str, tuple[str, Node]] = field(default_factory=dict)
    target: str = ""
    links: int = 1
    owner: tuple[int, int] = (0, 0)
    times: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("atime", "mtime", "ctime"), time.time_ns()))
    number: int = field(default_factory=lambda: next(_numbers))

    def touch(self, *which: str) -> None:
        self.times |= dict.fromkeys(which, time.time_ns())


def fold(name: str) -> str:
    """Return what all spellings of a name have in common."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


class Folding(Operations):  # type: ignore[misc]  # fusepy has no types
    """The file system. Names are kept as they were first written."""

    use_ns = True

    def __init__(self, *, plain: bool) -> None:
        self._plain = plain
        self._root = Node(stat.S_IFDIR | 0o755)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        node = self._find(path)
        size = len(node.target) if node.target else len(node.data)
        times = {f"st_{name}": value for name, value in node.times.items()}
        uid, gid = node.owner
        numbers = {"st_ino": node.number, "st_nlink": node.links, "st_uid": uid, "st_gid": gid}
        return {"st_mode": node.mode, "st_size": size, "st_blocks": -(-size // 512), **numbers, **times}

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *(name for name, _ in self._find(path).names.values())]

    def readlink(self, path: str) -> str:
        return self._find(path).target

    def mkdir(self, path: str, mode: int) -> None:
        self._add(path, Node(stat.S_IFDIR | mode))

    def symlink(self, target: str, source: str) -> None:
        self._add(target, Node(stat.S_IFLNK | 0o777, target=source))

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        self._add(path, Node(stat.S_IFREG | stat.S_IMODE(mode)))
        return 0

    def link(self, target: str, source: str) -> None:
        if self._plain:
            raise FuseOSError(errno.EPERM)
        node = self._find(source)
        self._add(target, node)
        node.links += 1
        node.touch("ctime")

    def rmdir(self, path: str) -> None:
        if self._find(path).names:
            raise FuseOSError(errno.ENOTEMPTY)
        self._take(path)

    def unlink(self, path: str) -> None:
        node = self._take(path)
        node.links -= 1
        node.touch("ctime")

    def rename(self, old: str, new: str) -> None:
        node = self._find(old)
        directory, name = self._parent(new)
        there = directory.names.get(fold(name))
        if there is not None and there[1] is not node and there[1].names:
            raise FuseOSError(errno.ENOTEMPTY)
        self._take(old)
        # As FAT does it: what has the name in another spelling is replaced, and gives it its own spelling up.
        directory.names[fold(name)] = name, node
        directory.touch("mtime", "ctime")
        node.touch("ctime")

    def chmod(self, path: str, mode: int) -> None:
        node = self._find(path)
        node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)
        node.touch("ctime")

    def chown(self, path: str, uid: int, gid: int) -> None:
        node = self._find(path)
        node.owner = (node.owner[0] if uid == -1 else uid, node.owner[1] if gid == -1 else gid)

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
        node = self._find(path)
        atime, mtime = times or (time.time_ns(),) * 2
        node.times |= {"atime": atime, "mtime": mtime}
        node.touch("ctime")

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._find(path).data[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        node = self._find(path)
        node.data.extend(bytes(max(0, offset - len(node.data))))
        node.data[offset : offset + len(data)] = data
        node.touch("mtime", "ctime")
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        node = self._find(path)
        node.data = node.data[:length].ljust(length, b"\0")
        node.touch("mtime", "ctime")

    def _find(self, path: str) -> Node:
        node = self._root
        for name in filter(None, path.split("/")):
            if fold(name) not in node.names:
                raise FuseOSError(errno.ENOENT)
            node = node.names[fold(name)][1]
        return node

    def _parent(self, path: str) -> tuple[Node, str]:
        above, _, name = path.rpartition("/")
        return self._find(above), name

    def _add(self, path: str, node: Node) -> None:
        directory, name = self._parent(path)
        if fold(name) in directory.names:
            raise FuseOSError(errno.EEXIST)
        directory.names[fold(name)] = name, node
        directory.touch("mtime", "ctime")

    def _take(self, path: str) -> Node:
        directory, name = self._parent(path)
        node = self._find(path)
        del directory.names[fold(name)]
        directory.touch("mtime", "ctime")
        return node


if __name__ == "__main__":
    plain = "plain" in sys.argv[2:]
    options = {"use_ino": not plain, "attr_timeout": 0, "entry_timeout": 0, "hard_remove": True}
    # One thread, so that the tree needs no lock.
    FUSE(Folding(plain=plain), sys.argv[1], foreground=True, nothreads=True, allow_other=True, **options)
