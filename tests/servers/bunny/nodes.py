"""Files and directories of a zone. Directories are real: they stay when their last file goes (PROVIDERS 1.3)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from .content import Content


def _new_guid() -> str:
    return str(uuid.uuid4())


@dataclass(slots=True)
class File:
    """A file. Times are in seconds since 1970."""

    content: Content
    created: float
    changed: float
    content_type: str = ""
    """Of `Override-Content-Type`; empty where the name decides."""
    replicated: bool = True
    guid: str = field(default_factory=_new_guid)


class Source(Protocol):
    """Files that are made when they are asked for."""

    def find(self, name: str) -> File | None:
        """Return the file of that name."""

    def all(self) -> Iterator[tuple[str, File]]:
        """Yield names and files."""

    def usage(self) -> tuple[int, int]:
        """Return the bytes and the number of all files."""


@dataclass(slots=True)
class Directory:
    """A directory."""

    created: float
    source: Source | None = None
    """Where the files come from until somebody changes one of them."""
    guid: str = field(default_factory=_new_guid)
    _children: dict[str, File | Directory] = field(default_factory=dict)

    def find(self, name: str) -> File | Directory | None:
        """Return what has this name."""
        return self._children.get(name) if self.source is None else self.source.find(name)

    def entries(self) -> Iterator[tuple[str, File | Directory]]:
        """Yield names and what has them, in no order that a client may rely on."""
        yield from self._children.items() if self.source is None else self.source.all()

    def put(self, name: str, node: File | Directory) -> None:
        """Give a name to something, whatever had it before."""
        self._hold()[name] = node

    def remove(self, name: str) -> None:
        """Take away what has this name."""
        del self._hold()[name]

    def clear(self) -> None:
        """Take away everything."""
        self.source = None
        self._children = {}

    def held(self) -> Iterator[File]:
        """Yield all files below that somebody uploaded or changed."""
        for node in self._children.values():
            if isinstance(node, File):
                yield node
            else:
                yield from node.held()

    def usage(self) -> tuple[int, int]:
        """Return the bytes and the number of all files below."""
        if self.source is not None:
            return self.source.usage()
        below = [(n.content.size, 1) if isinstance(n, File) else n.usage() for n in self._children.values()]
        return sum(size for size, _ in below), sum(count for _, count in below)

    def _hold(self) -> dict[str, File | Directory]:
        if self.source is not None:
            self._children, self.source = dict(self.source.all()), None
        return self._children
