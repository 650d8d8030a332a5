"""`Sides`: a folder, a bucket, and the client that syncs them, for short test steps."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig
from buckia_core.planning.manifest import BaselineEntry
from buckia_core.planning.scope import Scope
from buckia_core.syncing.events import Event, Finished, SyncResult
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.locations import StateFiles
from buckia_core.testing import m
from buckia_core.testing.miniatures import files_in, objects_in


@dataclass
class Sides:
    """A folder and a bucket.

    Attributes:
        folder: The local root; state is kept beside it, so that `files` are only those that a person sees.
        bucket: Where a test puts and reads objects.
        adapter: What the engine is given; `bucket` itself if it is not set.
        settings: Of the configuration.
        events: All that the last sync told.
    """

    folder: Path
    bucket: BaseSync = field(default_factory=lambda: MemorySync(MemorySettings()))
    adapter: BaseSync | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    # --- what people do ----------------------------------------------------------------------------------

    def here(self, text: str) -> Sides:
        """Write the files of a miniature into the folder."""
        m(text).write_to(self.folder)
        return self

    def there(self, text: str) -> Sides:
        """Upload the objects of a miniature, as somebody else would."""
        m(text).upload_to(self.bucket)
        return self

    def in_step(self, text: str) -> Sides:
        """Bring both sides to the same content, and have it recorded."""
        self.here(text).sync()
        return self

    def delete_here(self, *keys: str) -> Sides:
        for key in keys:
            (self.folder / key).unlink()
        return self

    def delete_there(self, *keys: str) -> Sides:
        self.bucket.delete_files(keys)
        return self

    def lose_baseline(self) -> Sides:
        for path in self.state_file.parent.glob("*.sqlite3*"):
            path.unlink()
        return self

    # --- syncing -----------------------------------------------------------------------------------------

    @property
    def state_dir(self) -> Path:
        return self.folder.with_name(self.folder.name + "-state")

    @property
    def state_file(self) -> Path:
        return self.state_files.database

    @property
    def state_files(self) -> StateFiles:
        return StateFiles.for_adapter(self.state_dir, "bucket", self.bucket)

    def client(self, **settings: Any) -> BuckiaClient:
        config = BucketConfig(provider="memory", name="bucket", base_dir=self.folder, **self.settings | settings)
        return BuckiaClient(config, adapter=self.adapter or self.bucket, state_dir=self.state_dir)

    def sync(self, **options: Any) -> SyncResult:
        """Sync, passing the guard; `dry_run` and all other options are those of the client."""
        self.events = []
        return self.client().sync(events=self.events.append, **{"force": True} | options)

    # --- what came of it ---------------------------------------------------------------------------------

    @property
    def did(self) -> list[str]:
        """What the last sync did, as `action key`, in order of keys."""
        done = [event.operation for event in self.events if isinstance(event, Finished)]
        in_order = sorted(done, key=lambda each: (each.key, each.action.value))
        return [f"{each.action.value} {each.key}" for each in in_order]

    @property
    def finished(self) -> list[Finished]:
        return [event for event in self.events if isinstance(event, Finished)]

    def files(self) -> dict[str, str]:
        return {key: data.decode() for key, data in files_in(self.folder).items()}

    def objects(self) -> dict[str, str]:
        return {key: data.decode() for key, data in objects_in(self.bucket).items()}

    def trashed(self) -> dict[str, list[str]]:
        """Return the contents in the trash, by key."""
        found: dict[str, list[str]] = {}
        directory = self.state_files.trash
        for each in self.client().trash().list():
            found.setdefault(each.key, []).append((directory / each.id).read_bytes().decode())
        return found

    def baseline(self) -> dict[str, BaselineEntry]:
        state = StateDatabase.open_readonly(self.state_file, self.bucket.identity)
        try:
            return {entry.key: entry for entry in state.baseline(Scope())}
        finally:
            state.close()

    def clear(self) -> None:
        """Remove folder and state."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.state_dir, ignore_errors=True)
