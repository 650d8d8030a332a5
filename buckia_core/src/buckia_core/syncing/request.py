"""Request: the parameters of one run on one bucket."""

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
from buckia_core.syncing.events import Listener, no_listener
from buckia_core.syncing.state.locations import StateFiles

if TYPE_CHECKING:
    from buckia_core.syncing.scan.sync_paths import SyncPaths


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """Parameters of one run on one bucket.

    Attributes:
        bucket: The bucket's name in the configuration.
        adapter: The bucket, with its wrappers.
        mappings: Local roots and files, in order.
        state_dir: The directory of state, lock and trash.
        scope: The keys that the run covers.
        configured_scope: The keys that the configuration covers. `scope` is the part that this run covers.
        ad_hoc_path: The run syncs the argument `local_path` instead of the configured paths.
        section_label: The id of the bucket's section among all sections for the same bucket, in any `.buckia` file.
        file_config: The configuration, if it comes from a file, which may have other sections for the same bucket.
        base_dir: The directory that configured local paths are relative to.
        sync_paths: The paths that the run is limited to, if a listing is needed to resolve them; see `SyncPaths`.
        algorithm: The digest algorithm of the baseline.
        dry_run: Plan and report, but change nothing.
        is_wanted: Tells which planned operations to do; the others wait for the next sync. `None` for all.
        force: Skip the safety guard.
        max_delete: The limit of the safety guard; `None` for the default.
        max_workers: The number of concurrent operations; `None` to adapt it during the run.
        follow_symlinks: Enter linked directories, and sync the content of linked files.
        keep_replaced: Which versions in the bucket are downloaded into the trash before they are replaced.
        ask: Resolves a conflict under the policy `ask`; it returns `None` to leave the conflict undecided.
        listener: Receives the events.
        config: The configuration from which worker processes create their own adapter; `None` if there is none.
        executor: Runs the operations; `None` for a new thread pool.
        stopped: Set from outside to end the run early.
    """

    bucket: str
    adapter: BaseSync
    mappings: Sequence[PathMapping]
    state_dir: Path
    scope: Scope = field(default_factory=Scope)
    configured_scope: Scope = field(default_factory=Scope)
    ad_hoc_path: bool = False
    section_label: str = ""
    file_config: BucketConfig | None = None
    base_dir: Path = field(default_factory=Path)
    sync_paths: SyncPaths | None = None
    algorithm: str = "sha256"
    dry_run: bool = False
    is_wanted: Callable[[Operation], bool] | None = None
    force: bool = False
    max_delete: DeleteLimit | None = None
    max_workers: int | None = None
    follow_symlinks: bool = False
    keep_replaced: KeepReplaced = KeepReplaced.AUTO
    ask: Callable[[Operation], ConflictPolicy | None] | None = None
    listener: Listener = no_listener
    config: BucketConfig | None = None
    executor: Executor | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def state_files(self) -> StateFiles:
        """The files of the bucket's state."""
        return StateFiles.for_adapter(self.state_dir, self.bucket, self.adapter)
