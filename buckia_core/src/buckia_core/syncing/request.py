"""What one sync of one bucket is asked to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.config import BucketConfig, KeepReplaced
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Operation
from buckia_core.planning.policy import ConflictPolicy
from buckia_core.planning.safety import DeleteLimit
from buckia_core.planning.scope import Scope
from buckia_core.syncing.events import Event
from buckia_core.syncing.state.locations import StateFiles

if TYPE_CHECKING:
    from buckia_core.syncing.scan.sync_paths import SyncPaths


def no_listener(event: Event) -> None:
    """The listener that does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """What one sync of one bucket is asked to do.

    Attributes:
        bucket: The bucket's name in the configuration.
        adapter: The bucket, wrapped.
        mappings: Local roots and files, in order.
        scope: The keys that take part.
        folders: The keys that take part unless the run is limited to some paths.
        chosen_path: The run syncs a path of its own instead of the configured ones.
        entry: What tells the bucket's entry in a configuration file from other entries for the same bucket.
        in_file: The configuration, if a file has it: other entries there may be for the same bucket.
        base_dir: What configured local paths are relative to.
        paths: What the run is limited to, where that takes a listing to know; see `SyncPaths`.
        state_dir: Where state, lock and trash are.
        algorithm: The digest that the baseline keeps.
        dry_run: Plan and report; change nothing.
        force: Pass the deletion guard.
        max_delete: Another bound for the deletion guard.
        max_workers: Operations at once; `None` finds it out.
        follow_symlinks: Walk into linked directories and sync what linked files point to.
        keep: Which versions in the bucket are fetched into the trash before they are replaced.
        ask: Decides a conflict that policy `ask` leaves open; `None` as an answer leaves it.
        listener: Told what happens.
        config: The configuration, which lets workers in other processes make an adapter of their own.
        executor: Runs the operations; `None` makes threads.
        stopped: Set from outside to end the run early.
    """

    bucket: str
    adapter: BaseSync
    mappings: Sequence[PathMapping]
    state_dir: Path
    scope: Scope = field(default_factory=Scope)
    folders: Scope = field(default_factory=Scope)
    chosen_path: bool = False
    entry: str = ""
    in_file: BucketConfig | None = None
    base_dir: Path = field(default_factory=Path)
    paths: SyncPaths | None = None
    algorithm: str = "sha256"
    dry_run: bool = False
    force: bool = False
    max_delete: DeleteLimit | None = None
    max_workers: int | None = None
    follow_symlinks: bool = False
    keep: KeepReplaced = KeepReplaced.AUTO
    ask: Callable[[Operation], ConflictPolicy | None] | None = None
    listener: Callable[[Event], None] = no_listener
    config: BucketConfig | None = None
    executor: Executor | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def files(self) -> StateFiles:
        """The files of the bucket's state."""
        return StateFiles.of(self.state_dir, self.bucket, self.adapter)
