"""Directories, which stay in a zone when their last file goes: removed if the settings say so, and only empty ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from buckia_bunny.storage.api import StorageApi


class DirectoryPruner:
    """Removes empty directories, where `prune` is set; else it never removes one.

    The service deletes a directory with all that is in it. So a directory is listed just before; no upload of this
    process goes on meanwhile; and what another one puts there in that moment is lost.
    """

    def __init__(self, storage: StorageApi, root: str, *, prune: bool) -> None:
        self._storage = storage
        self._root = root
        self._prune = prune
        self._state = threading.Condition()
        self._writers = 0
        self._removing = False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold off removals for as long as the block, in which something is uploaded."""
        with self._state:
            self._state.wait_for(lambda: not self._removing)
            self._writers += 1
        try:
            yield
        finally:
            with self._state:
                self._writers -= 1
                self._state.notify_all()

    def prune(self, path: str) -> None:
        """Remove the directories above a file that was deleted, as far as they are empty.

        Raises:
            AdapterError: A directory could not be looked at, or not removed.
        """
        if not self._prune:
            return
        directory = _parent(path)
        while len(directory) > len(self._root) and self._remove_empty(directory):
            directory = _parent(directory[:-1])

    def clear(self, path: str) -> bool:
        """Remove what stands where a file is to be, if it is a directory without files; return whether it was.

        To be called within `writing`.

        Raises:
            AdapterError: A directory could not be looked at, or not removed.
        """
        if not self._prune or not self._is_without_files(f"{path}/"):
            return False
        with self._alone(writing=1):
            if not self._is_without_files(f"{path}/"):
                return False
            self._storage.delete_directory(f"{path}/")
        return True

    def _remove_empty(self, directory: str) -> bool:
        with self._alone():
            if self._storage.list(directory):
                return False
            self._storage.delete_directory(directory)
            return True

    @contextmanager
    def _alone(self, writing: int = 0) -> Iterator[None]:
        """Wait until no upload goes on but the caller's own, of which there are `writing`, and hold off others."""
        with self._state:
            self._writers -= writing
            self._state.notify_all()
            self._state.wait_for(lambda: not self._removing)
            self._removing = True
            self._state.wait_for(lambda: not self._writers)
        try:
            yield
        finally:
            with self._state:
                self._removing = False
                self._writers += writing
                self._state.notify_all()

    def _is_without_files(self, directory: str) -> bool:
        entries = self._storage.list(directory)
        return all(each.is_directory and self._is_without_files(f"{directory}{each.name}/") for each in entries)


def _parent(path: str) -> str:
    """Return the directory that a file is in, with its slash; empty for the root."""
    return path[: path.rfind("/") + 1]
