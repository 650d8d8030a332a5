"""Client: the class that applications use. It joins configuration, adapter and engine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import closing, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.factory import open_bucket
from buckia_core.adapters.wrappers import limit_bandwidth
from buckia_core.config import BucketConfig
from buckia_core.errors import StateError
from buckia_core.object_client import AnyPath, ObjectClient
from buckia_core.planning.plan import Operation, Plan
from buckia_core.planning.policy import ConflictPolicy, Direction
from buckia_core.syncing import arguments, engine
from buckia_core.syncing.events import Listener, ProgressCallback, SyncResult, combine_listeners, no_listener
from buckia_core.syncing.planner.former_mappings import find_mappings_of_other_sections
from buckia_core.syncing.request import SyncRequest
from buckia_core.syncing.scan.mappings import RunOverrides, build_mappings, build_scope, section_label
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.locations import STATE_DIRECTORY, StateFiles
from buckia_core.syncing.state.migration import open_state_readonly

if TYPE_CHECKING:
    from buckia_core.app_data.app import AppData
    from buckia_core.sharing.config import ShareConfig
    from buckia_core.syncing.disk.trash import Trash
    from buckia_core.syncing.fetching.cache import FetchCache
    from buckia_core.syncing.fetching.runs import FetchResult
    from buckia_core.syncing.planner.check import CheckResult
    from buckia_core.syncing.planner.resolve import Conflict, Resolution


class BuckiaClient(ObjectClient):
    """Client for one bucket and the local paths that are synced with it.

        with BuckiaClient(BucketConfig(provider="file", root="/mnt/share")) as client:
            result = client.sync("./assets")

    Use a client from one thread only; `stop` is safe from any thread. The adapter is created, and its settings are
    checked, on first use.

    Args:
        config: The bucket's configuration; or the path of a `.buckia` file with one bucket, or of a directory that has
            such a file in it or above it.
        adapter: Replaces the adapter that the configuration names. The client neither wraps nor closes it.
        state_dir: The directory of state, lock and trash. The default is `.buckia-state` in the directory of the
            configuration file, or in `local_path` if there is no file.
        share: Where shares go; by default what the setting `share` says.

    Raises:
        ConfigError: The file does not exist, is invalid, or has several buckets.
        InvalidSetting: `config` has another type.
    """

    def __init__(
        self,
        config: BucketConfig | AnyPath,
        *,
        adapter: BaseSync | None = None,
        state_dir: AnyPath | None = None,
        share: ShareConfig | None = None,
    ) -> None:
        self.config = config if isinstance(config, BucketConfig) else arguments.as_config(config)
        self._given_adapter = adapter
        self._share_config = share
        directory = None if state_dir is None else arguments.as_path(state_dir, "state_dir")
        self._state_dir = None if directory is None else Path(os.path.abspath(directory))
        self._stopped = threading.Event()

    @classmethod
    def from_project(cls, name: str, bucket: str | None = None) -> Self:
        """Create a client for a bucket of a project in the user's `config.toml`; by default, its only bucket.

        Raises:
            ConfigError: There is no such project or bucket, or its configuration is invalid.
        """
        from buckia_core.config.user import load_user_config  # noqa: PLC0415  # others do not read it

        return cls(load_user_config().project(name).bucket(bucket))

    @cached_property
    def adapter(self) -> BaseSync:
        """The adapter, with its wrappers for retries, rate limit and logging.

        Raises:
            AdapterNotInstalled, AdapterBroken, ConfigError: The adapter can't be created.
        """
        return self._given_adapter or open_bucket(self.config)

    # --- syncing -----------------------------------------------------------------------------------------

    def sync(
        self,
        local_path: AnyPath | None = None,
        *,
        sync_paths: Sequence[AnyPath] | None = None,
        relative_to: AnyPath | None = None,
        delete_orphaned: bool | None = None,
        max_workers: int | None = None,
        include_pattern: str | None = None,
        exclude_pattern: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        direction: Direction | str | None = None,
        conflict: ConflictPolicy | str | None = None,
        checksum: bool = False,
        max_delete: str | int | None = None,
        force: bool = False,
        bwlimit: int | str | None = None,
        dry_run: bool = False,
        progress_callback: ProgressCallback | None = None,
        events: Listener | None = None,
        ask: Callable[[Operation], ConflictPolicy | None] | None = None,
        executor: Executor | None = None,
    ) -> SyncResult:
        """Sync the local paths and the bucket. Arguments override the configuration.

        Args:
            local_path: The only local root of this run, mapped to the bucket's root. Replaces the configured paths.
            sync_paths: Limits the run to files and directories: paths relative to the root or to the directory of the
                configuration, or keys, or patterns with the wildcards `*`, `?` and `[…]`.
            relative_to: A directory that is tried first for relative `sync_paths`.
            delete_orphaned: Whether one-way paths delete what their source lacks; as the setting.
            max_workers: The number of concurrent transfers.
            include_pattern: Regular expression; only files with a match in their relative path are synced.
            exclude_pattern: Regular expression; files with a match in their relative path are not synced.
            include: Patterns, in `.gitignore` syntax, added to the configured ones.
            exclude: Patterns, in `.gitignore` syntax, added to the configured ones.
            direction: The direction of all paths.
            conflict: The conflict policy.
            checksum: Hash all local files instead of trusting their times.
            max_delete: The number of deletions allowed on one side, or a share such as `10%`.
            force: Skip the safety guard.
            bwlimit: Bytes per second, in the form of the setting: `4M`, `10M:1M`, `off`, or a timetable.
            dry_run: Change nothing; the counts are those of the plan.
            progress_callback: Called as `(current, total, action, path)` when an operation ends.
            events: Receives all events.
            ask: Resolves conflicts under the policy `ask`.
            executor: Runs the operations instead of a thread pool of the run; it is not shut down.

        Returns:
            The result. It includes the errors of single files, which are not raised.

        Raises:
            ConfigError: An argument or a setting is invalid.
            LockHeld: Another sync of this project and bucket is running.
            UnsafePlan: The safety guard refused the plan.
            AdapterError: The bucket can't be reached or listed, or it rejects the credentials.
        """
        overrides = arguments.as_overrides(
            local_path=local_path,
            direction=direction,
            conflict=conflict,
            delete_orphaned=delete_orphaned,
            checksum=checksum,
            include=include,
            exclude=exclude,
            include_pattern=include_pattern,
            exclude_pattern=exclude_pattern,
        )
        request = replace(
            self._build_request(overrides, sync_paths, relative_to),
            dry_run=dry_run,
            force=force,
            ask=ask,
            executor=executor,
            max_workers=arguments.as_count(max_workers, "max_workers") or self.config.max_workers,
            max_delete=arguments.as_delete_limit(max_delete if max_delete is not None else self.config.max_delete),
            listener=combine_listeners(events, progress_callback),
        )
        if bwlimit is not None:
            with limit_bandwidth(request.adapter, arguments.as_bandwidth(bwlimit)) as adapter:
                return engine.sync(replace(request, adapter=adapter))
        return engine.sync(request)

    def status(
        self,
        local_path: AnyPath | None = None,
        *,
        sync_paths: Sequence[AnyPath] | None = None,
        relative_to: AnyPath | None = None,
        events: Listener | None = None,
        **choices: Any,
    ) -> Plan:
        """Return the plan of a sync. Changes nothing, and applies no guard.

        The arguments are those of `sync`; `choices` can be `direction`, `conflict`, `delete_orphaned`, `checksum`,
        `include`, `exclude`, `include_pattern` and `exclude_pattern`. `events` receives `Scanning` events.

        Raises:
            ConfigError, AdapterError: As `sync`.
        """
        request = self._build_request(arguments.as_overrides(local_path=local_path, **choices), sync_paths, relative_to)
        return engine.make_plan(replace(request, dry_run=True, force=True, listener=events or no_listener))

    def check(
        self,
        sync_paths: Sequence[AnyPath] | None = None,
        events: Listener | None = None,
        *,
        relative_to: AnyPath | None = None,
    ) -> CheckResult:
        """Compare the content of both sides. Changes nothing.

        Raises:
            ConfigError, AdapterError: As `sync`.
        """
        request = self._build_request(RunOverrides(), sync_paths, relative_to)
        return engine.check(replace(request, dry_run=True, listener=events or no_listener))

    def fetch(self, sync_paths: Sequence[AnyPath] | None = None, *, relative_to: AnyPath | None = None) -> FetchResult:
        """Download what a sync would download to the cache (setting `cache`); `apply` applies it. Changes nothing else.

        Raises:
            ConfigError, LockHeld, AdapterError: As `sync`.
        """
        from buckia_core.syncing.fetching.runs import fetch  # noqa: PLC0415  # not needed by a sync

        return fetch(self._build_request(RunOverrides(), sync_paths, relative_to), self._fetch_cache)

    def apply(
        self, *, conflict: ConflictPolicy | str | None = None, dry_run: bool = False, force: bool = False,
        events: Listener | None = None,
    ) -> SyncResult:  # fmt: skip
        """Apply fetched changes to the local files, by the rules of a sync. Needs no connection.

        Files that were edited here are uploaded by the next sync. The arguments are those of `sync`.

        Raises:
            ConfigError, LockHeld, UnsafePlan: As `sync`.
        """
        from buckia_core.syncing.fetching.runs import apply  # noqa: PLC0415  # as above

        request = self._build_request(arguments.as_overrides(conflict=conflict), None)
        return apply(replace(request, dry_run=dry_run, force=force, listener=events or no_listener), self._fetch_cache)

    @property
    def _fetch_cache(self) -> FetchCache:
        from buckia_core.syncing.fetching.cache import FetchCache  # noqa: PLC0415  # as above

        config, files = self.config, self.state_files
        parent = files.directory if config.cache is None else config.base_dir / os.path.expanduser(config.cache)
        # A name of Buckia's own is never synced, wherever the directory is.
        directory = Path(os.path.abspath(parent)) / f".buckia-fetched-{files.stem}"
        return FetchCache(directory, check_owner=config.cache is not None)

    def stop(self) -> None:
        """Ask a running sync to finish its in-flight operations, record them, and end. Safe from any thread."""
        self._stopped.set()

    def conflicts(self) -> list[Conflict]:
        """Return the undecided conflicts of the last runs, in order of their keys."""
        from buckia_core.syncing.planner.resolve import read_conflicts  # noqa: PLC0415  # not needed by a sync

        with self._open_state() as state:
            return read_conflicts(self.config, build_mappings(self.config, RunOverrides()), state)

    def resolve(self, keys: Sequence[str], keep: Resolution | str) -> SyncResult:
        """Resolve conflicts: keep the `local` version, the `remote` one, or `both`. The loser goes to the trash.

        Raises:
            NotAConflict: A key has no undecided conflict. None of the keys is resolved then.
        """
        from buckia_core.syncing.planner.resolve import Resolution  # noqa: PLC0415  # as above

        resolution = arguments.as_enum(Resolution, keep, "keep")
        assert resolution is not None
        request = self._build_request(RunOverrides(), None)
        return engine.resolve(request, arguments.as_strings(keys, "keys"), resolution)

    def trash(self) -> Trash:
        """Return the trash: local files that syncs replaced or deleted."""
        from buckia_core.syncing.project_trash import open_trash  # noqa: PLC0415  # as above

        return open_trash(self.config, self.state_dir, lambda: self.state_files)

    def history(self, limit: int = 20) -> list[SyncResult]:
        """Return the results of the last runs, at most `limit`, the newest first. Damaged records are left out."""
        with self._open_state() as state:
            mappings = {mapping.id for mapping in build_mappings(self.config, RunOverrides())}
            others = {*find_mappings_of_other_sections(self.config, mappings, state).values()}
            found: list[SyncResult] = []
            # SQLite returns all rows for a negative limit.
            for record in state.runs(-1 if others else limit):
                with suppress(StateError):
                    found.append(SyncResult.from_record(record))
            return [each for each in found if each.bucket not in others][:limit]

    @cached_property
    def app(self) -> AppData:
        """The data of an app: the folders of its user and its demo, and its database (setting `app`)."""
        from buckia_core.app_data.app import AppData  # noqa: PLC0415  # not needed by a sync

        return AppData(self, lambda config: type(self)(config, adapter=self.adapter, state_dir=self.state_dir))

    @property
    def state_dir(self) -> Path:
        """The directory of state, lock and trash."""
        return self._state_dir or self.config.base_dir / STATE_DIRECTORY

    def close(self) -> None:
        """Close the adapter's connections."""
        if "shares" in self.__dict__:
            self.shares.close()
            del self.shares
        if self._given_adapter is None and "adapter" in self.__dict__:
            self.adapter.close()
            del self.adapter
            self.__dict__.pop("objects", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _build_request(
        self, overrides: RunOverrides, sync_paths: Sequence[AnyPath] | None, relative_to: AnyPath | None = None
    ) -> SyncRequest:
        config = self.config
        mappings = build_mappings(config, overrides)
        self._stopped = threading.Event()
        base, state_dir = config.base_dir, self.state_dir
        if overrides.local_path is not None:
            base = Path(os.path.abspath(overrides.local_path))
            if self._state_dir is None and config.source is None:
                state_dir = base / STATE_DIRECTORY
        limit = None
        if sync_paths is not None:
            files = StateFiles.for_adapter(state_dir, config.name, self.adapter)
            limit = arguments.as_sync_paths(sync_paths, relative_to, base, mappings, build_scope(config), files)
        return SyncRequest(
            bucket=config.name,
            adapter=self.adapter,
            config=None if self._given_adapter else config,
            mappings=mappings,
            scope=build_scope(config) if limit is None else limit.scope,
            sync_paths=limit,
            configured_scope=build_scope(config),
            ad_hoc_path=overrides.local_path is not None,
            section_label=section_label(config),
            file_config=config if config.source is not None else None,
            base_dir=config.base_dir,
            state_dir=state_dir,
            algorithm=config.checksum_algorithm,
            follow_symlinks=config.follow_symlinks,
            keep_replaced=config.keep_replaced,
            stopped=self._stopped,
        )

    def _open_state(self) -> closing[StateDatabase]:
        return closing(open_state_readonly(self.state_files))

    @property
    def state_files(self) -> StateFiles:
        """The files of the bucket's state."""
        return StateFiles.for_adapter(self.state_dir, self.config.name, self.adapter)
