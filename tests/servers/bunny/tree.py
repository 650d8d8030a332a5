"""What can be done to the tree of a zone, and what it refuses (PROVIDERS 1.3, 1.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .answer import Refused, no_object, storage_refusal
from .nodes import Directory, File

LONGEST_PATH: Final = 6000


@dataclass(frozen=True, slots=True)
class Place:
    """A path within a zone. No names: the root, which is a directory."""

    names: tuple[str, ...]
    is_directory: bool
    """Whether it ends with a slash."""

    @property
    def parent(self) -> Place:
        """The directory that it is in."""
        return Place(self.names[:-1], is_directory=True)

    @classmethod
    def parse(cls, path: str) -> Place:
        """Read the path behind the zone's name, which begins with a slash.

        Slashes right behind the zone's name are one: the official TypeScript client lists the root as `/zone//`, and
        its own tests do so on the real service. Any others that stand together are refused (PROVIDERS 1.3).
        Raises Refused, too, for names that cannot be.
        """
        path = path.lstrip("/")
        if len(path) > LONGEST_PATH:
            raise storage_refusal(400, "The path is too long")
        names = tuple(path.removesuffix("/").split("/")) if path else ()
        for name in names:
            if not name or name in {".", ".."} or name != name.strip(" "):
                raise storage_refusal(400, "Invalid path specified")
        return cls(names, is_directory=not path or path.endswith("/"))


@dataclass(slots=True)
class Tree:
    """The files and directories of a zone."""

    root: Directory = field(default_factory=lambda: Directory(created=0.0))

    def find(self, place: Place) -> File | Directory | None:
        """Return what is there. A file is not found by a path with a slash, nor a directory by one without."""
        node: File | Directory | None = self.root
        for name in place.names:
            if not isinstance(node, Directory):
                return None
            node = node.find(name)
        return node if isinstance(node, Directory) == place.is_directory else None

    def look(self, place: Place) -> File | Directory:
        """Return what is there. Raises Refused (404)."""
        node = self.find(place)
        if node is None:
            raise no_object()
        return node

    def check_upload(self, place: Place) -> None:
        """Raise Refused (400) where a file cannot be put: a directory has its name, a file that of its parent."""
        self._refuse_files_above(place)
        if self.find(Place(place.names, is_directory=True)) is not None:
            raise _no_directory_for(place)

    def upload(self, place: Place, file: File) -> None:
        """Put a file, over the one that is there. Directories above are made. Raises as `check_upload`."""
        self.check_upload(place)
        there = self.find(place)
        if isinstance(there, File):
            file.created = there.created
        self._make(place.parent, file.changed).put(place.names[-1], file)

    def make_directory(self, place: Place, now: float) -> None:
        """Make a directory and those above. Raises Refused (400) where it is there, or a file stands in the way."""
        self._refuse_files_above(place)
        if self.find(place) is not None or self.find(Place(place.names, is_directory=False)) is not None:
            raise storage_refusal(400, "Unable to create directory: it already exists")
        self._make(place, now)

    def delete(self, place: Place) -> None:
        """Delete a file, or a directory with all below. Raises Refused (404) where it is not there."""
        self.look(place)
        if not place.names:
            self.root.clear()
            return
        parent = self.find(place.parent)
        assert isinstance(parent, Directory)
        parent.remove(place.names[-1])

    def _make(self, place: Place, now: float) -> Directory:
        directory = self.root
        for name in place.names:
            there = directory.find(name)
            if not isinstance(there, Directory):
                there = Directory(created=now)
                directory.put(name, there)
            directory = there
        return directory

    def _refuse_files_above(self, place: Place) -> None:
        for end in range(1, len(place.names)):
            if self.find(Place(place.names[:end], is_directory=False)) is not None:
                raise _no_directory_for(place)


def _no_directory_for(place: Place) -> Refused:
    return storage_refusal(
        400,
        f"Unable to upload file: Failed to create file, directory for path does not exist: /{'/'.join(place.names)}",
    )
