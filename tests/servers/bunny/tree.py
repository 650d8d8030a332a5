"""What can be done to the tree of a zone, and what it refuses (PROVIDERS 1.3, 1.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .nodes import Directory, File
from .response import Refused, no_object, storage_error

LONGEST_PATH: Final = 6000


@dataclass(frozen=True, slots=True)
class ZonePath:
    """A path within a zone. No names: the root, which is a directory."""

    names: tuple[str, ...]
    is_directory: bool
    """Whether it ends with a slash."""

    @property
    def parent(self) -> ZonePath:
        """The directory that it is in."""
        return ZonePath(self.names[:-1], is_directory=True)

    @classmethod
    def parse(cls, path: str) -> ZonePath:
        """Read the path behind the zone's name, which begins with a slash.

        Slashes right behind the zone's name are one: the official TypeScript client lists the root as `/zone//`, and
        its own tests do so on the real service. Any others that stand together are refused (PROVIDERS 1.3).
        Raises Refused, too, for names that cannot be.
        """
        path = path.lstrip("/")
        if len(path) > LONGEST_PATH:
            raise storage_error(400, "The path is too long")
        names = tuple(path.removesuffix("/").split("/")) if path else ()
        for name in names:
            if not name or name in {".", ".."} or name != name.strip(" "):
                raise storage_error(400, "Invalid path specified")
        return cls(names, is_directory=not path or path.endswith("/"))


@dataclass(slots=True)
class Tree:
    """The files and directories of a zone."""

    root: Directory = field(default_factory=lambda: Directory(created=0.0))

    def find(self, zone_path: ZonePath) -> File | Directory | None:
        """Return the node at a path, or None. Paths of directories need a slash, those of files must not have one."""
        node: File | Directory | None = self.root
        for name in zone_path.names:
            if not isinstance(node, Directory):
                return None
            node = node.find(name)
        return node if isinstance(node, Directory) == zone_path.is_directory else None

    def get(self, zone_path: ZonePath) -> File | Directory:
        """Return the node at a path. Raises Refused (404)."""
        node = self.find(zone_path)
        if node is None:
            raise no_object()
        return node

    def check_upload(self, zone_path: ZonePath) -> None:
        """Raise Refused (400) where a file cannot be put: a directory has its name, a file that of its parent."""
        self._refuse_files_above(zone_path)
        if self.find(ZonePath(zone_path.names, is_directory=True)) is not None:
            raise _no_directory_for(zone_path)

    def upload(self, zone_path: ZonePath, file: File) -> None:
        """Put a file, replacing the one at this path. Directories above are made. Raises as `check_upload`."""
        self.check_upload(zone_path)
        existing = self.find(zone_path)
        if isinstance(existing, File):
            file.created = existing.created
        self._make(zone_path.parent, file.changed).put(zone_path.names[-1], file)

    def make_directory(self, zone_path: ZonePath, now: float) -> None:
        """Make a directory and those above. Raises Refused (400) where it exists, or a file stands in the way."""
        self._refuse_files_above(zone_path)
        if self.find(zone_path) is not None or self.find(ZonePath(zone_path.names, is_directory=False)) is not None:
            raise storage_error(400, "Unable to create directory: it already exists")
        self._make(zone_path, now)

    def delete(self, zone_path: ZonePath) -> None:
        """Delete a file, or a directory with all below. Raises Refused (404) where it does not exist."""
        self.get(zone_path)
        if not zone_path.names:
            self.root.clear()
            return
        parent = self.find(zone_path.parent)
        assert isinstance(parent, Directory)
        parent.remove(zone_path.names[-1])

    def _make(self, zone_path: ZonePath, now: float) -> Directory:
        directory = self.root
        for name in zone_path.names:
            existing = directory.find(name)
            if not isinstance(existing, Directory):
                existing = Directory(created=now)
                directory.put(name, existing)
            directory = existing
        return directory

    def _refuse_files_above(self, zone_path: ZonePath) -> None:
        for end in range(1, len(zone_path.names)):
            if self.find(ZonePath(zone_path.names[:end], is_directory=False)) is not None:
                raise _no_directory_for(zone_path)


def _no_directory_for(zone_path: ZonePath) -> Refused:
    message = "Unable to upload file: Failed to create file, directory for path does not exist"
    return storage_error(400, f"{message}: /{'/'.join(zone_path.names)}")
