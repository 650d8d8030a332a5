"""A folder and a bucket that are thrown away, and what has to hold of them whatever happens."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.wrappers.wrapper import Wrapper
from buckia_core.planning.plan import Reason
from buckia_core.syncing.events import SyncResult
from tests.unit.syncing.sides import Sides

KEYS = ("a", "a-b", "a.txt", "a/b", "a/b-c", "a/b/c", "a0", "b", "b/a")
"""Few names, all of which sort around a slash; some are files where others need a directory."""

CONFLICT_COPY = re.compile(r"\.conflict-local-\d{8}T\d{6}Z(-\d+)?")

Tree = dict[str, str]
"""Contents by key."""


class CostlyReads(Wrapper):
    """The bucket, as one for whose reads somebody pays: versions are fetched into the trash only if they must be."""

    @property
    def capabilities(self) -> Capabilities:
        """The inner adapter's, but for the price."""
        return replace(self.inner.capabilities, free_reads=False)

    def probe(self) -> Capabilities:
        """See `BaseSync`."""
        return self.capabilities


def clashes(one: str, other: str) -> bool:
    """Tell whether one of two keys is a file where the other one needs a directory."""
    return one.startswith(other + "/") or other.startswith(one + "/")


def fits_a_disk(tree: Mapping[str, str]) -> bool:
    return not any(clashes(one, other) for one in tree for other in tree)


@contextmanager
def new_sides(provider: str = "memory") -> Iterator[Sides]:
    """Give a fresh folder and bucket, and remove both."""
    # Each example syncs several times, and each sync waits for the disk; memory is one that doesn't keep it waiting.
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.path.isdir(memory) else None) as directory:
        place = Path(directory)
        bucket: BaseSync = MemorySync(MemorySettings())
        if provider == "file":
            (place / "bucket").mkdir()
            bucket = DirectorySync(DirectorySettings(root=place / "bucket"))
        with bucket:
            yield Sides(place / "folder", bucket)


def set_files(sides: Sides, tree: Tree) -> None:
    """Make the folder hold exactly this, touching only what differs, as a person would."""
    now = sides.files()
    for key in now.keys() - tree.keys():
        remove_file(sides, key)
    for key, data in tree.items():
        if now.get(key) != data:
            write_file(sides, key, data)


def write_file(sides: Sides, key: str, data: str) -> None:
    path = sides.folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data, "utf-8")


def remove_file(sides: Sides, key: str) -> None:
    """Delete a file and the directories that are empty then."""
    path = sides.folder / key
    path.unlink()
    for parent in path.parents:
        if parent == sides.folder or any(parent.iterdir()):
            return
        parent.rmdir()


def set_objects(sides: Sides, tree: Tree) -> None:
    """Make the bucket hold exactly this, touching only what differs."""
    now = sides.objects()
    sides.bucket.delete_files(sorted(now.keys() - tree.keys()))
    for key in sorted(tree):
        if now.get(key) != tree[key]:
            sides.bucket.upload_file(tree[key].encode(), key)


def without_times(tree: Mapping[str, str]) -> Tree:
    """Return a tree in which conflict copies are named alike, whenever they were made."""
    return {CONFLICT_COPY.sub(".conflict-local", key): data for key, data in tree.items()}


def recoverable_contents(sides: Sides) -> set[str]:
    """Return every content that can still be had: of the folder, of the bucket, of the trash."""
    kept = {data for versions in sides.trashed().values() for data in versions}
    return kept | set(sides.files().values()) | set(sides.objects().values())


def snapshot(directory: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a directory, hidden ones included.

    A reader of the state may leave SQLite's index of its journal beside it; that is no part of what is remembered.
    """
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {str(path): path.read_bytes() for path in files if not path.name.endswith(("-shm", "-wal"))}


def sha256(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()


def operations(sides: Sides) -> set[tuple[str, str, str]]:
    """Return what the last sync told of its operations: action, key and reason."""
    return {(each.operation.action.value, each.operation.key, each.operation.explanation) for each in sides.finished}


def held_keys(sides: Sides) -> set[str]:
    """Return the keys that the last sync did not delete, because their content moved to a key that is left."""
    return {each.operation.key for each in sides.finished if each.operation.reason is Reason.MOVE_BLOCKED}


def nothing_done(result: SyncResult) -> bool:
    """Tell whether a run found everything in step, but for conflicts that are left to a person."""
    moved = result.uploaded + result.downloaded + result.deleted + result.moved + result.adopted
    return moved == 0 and result.failed == 0 and result.bytes_up == result.bytes_down == 0
