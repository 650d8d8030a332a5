"""Directories: removes those that a delete leaves empty, if the settings ask for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from buckia_bunny.storage.api import StorageApi
from buckia_bunny.storage.entries import Entry
from buckia_core.http.blocking import run_blocking


class DirectoryPruner:
    """Removes empty directories if `prune` is set.

    The service deletes a directory with its content. So the pruner lists a directory just before, while uploads of this
    process wait. A file that another process uploads at that moment is lost. Uploads wait in their threads, so an
    adapter that prunes has no coroutines.
    """

    def __init__(self, storage: StorageApi, root: str, *, prune: bool) -> None:
        self._storage = storage
        self._root = root
        self._prune = prune
        self._condition = threading.Condition()
        self._uploads = 0
        self._removing = False

    @contextmanager
    def hold_removals(self) -> Iterator[None]:
        """Block removals while the context is active, for an upload."""
        if not self._prune:
            yield
            return
        with self._condition:
            self._condition.wait_for(lambda: not self._removing)
            self._uploads += 1
        try:
            yield
        finally:
            with self._condition:
                self._uploads -= 1
                self._condition.notify_all()

    def prune(self, path: str) -> None:
        """Remove the empty directories above a deleted file.

        Raises:
            AdapterError: A directory could not be listed or removed.
        """
        if not self._prune:
            return
        directory = _parent(path)
        while len(directory) > len(self._root) and self._remove_empty(directory):
            directory = _parent(directory[:-1])

    def remove_empty_at(self, path: str) -> bool:
        """Remove a directory without files at the path of a new file; return whether there was one.

        Call it within `hold_removals`.

        Raises:
            AdapterError: A directory could not be listed or removed.
        """
        if not self._prune or not self._is_without_files(f"{path}/"):
            return False
        with self._exclusive(own_uploads=1):
            if not self._is_without_files(f"{path}/"):
                return False
            run_blocking(self._storage.delete_directory(f"{path}/"))
        return True

    def _remove_empty(self, directory: str) -> bool:
        with self._exclusive():
            if self._entries(directory):
                return False
            run_blocking(self._storage.delete_directory(directory))
            return True

    @contextmanager
    def _exclusive(self, own_uploads: int = 0) -> Iterator[None]:
        """Wait for all uploads except the caller's own, and block new ones."""
        with self._condition:
            self._uploads -= own_uploads
            self._condition.notify_all()
            self._condition.wait_for(lambda: not self._removing)
            self._removing = True
            self._condition.wait_for(lambda: not self._uploads)
        try:
            yield
        finally:
            with self._condition:
                self._removing = False
                self._uploads += own_uploads
                self._condition.notify_all()

    def _is_without_files(self, directory: str) -> bool:
        """Tell whether a directory contains nothing but empty directories."""
        waiting = [directory]
        while waiting:
            path = waiting.pop()
            for each in self._entries(path):
                if not each.is_directory:
                    return False
                waiting.append(f"{path}{each.name}/")
        return True

    def _entries(self, directory: str) -> list[Entry]:
        return run_blocking(self._storage.list(directory))


def _parent(path: str) -> str:
    """Return the parent directory with its slash; empty for the root."""
    return path[: path.rfind("/") + 1]
