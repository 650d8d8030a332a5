"""The trash of a bucket together with what was kept for it under other names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.disk.trash import Trash, Trashed


class JoinedTrash(Trash):
    """A trash in several directories, of which the first one takes what comes; they are all below `below`.

    There is one for each name under which the bucket was synced. Buckia 0.6 named the directory as the `.buckia` file
    calls the bucket, so one may hold things of several buckets.
    """

    def __init__(self, directories: Sequence[Path], mappings: Sequence[PathMapping], below: Path) -> None:
        super().__init__(directories[0], mappings, below)
        self._all = [Trash(directory, mappings, below) for directory in directories]

    def list(self) -> list[Trashed]:
        """See `Trash`."""
        return sorted((each for trash in self._all for each in trash.list()), key=lambda each: each.when)

    def restore(self, id: str, to: Path | None = None) -> Path:
        """See `Trash`."""
        for trash in self._all:
            if any(each.id == id for each in trash.list()):
                return trash.restore(id, to)
        return self._all[0].restore(id, to)

    def empty(self, older_than: timedelta | None = None) -> tuple[int, int]:
        """See `Trash`."""
        emptied = [trash.empty(older_than) for trash in self._all]
        return sum(files for files, _ in emptied), sum(volume for _, volume in emptied)
