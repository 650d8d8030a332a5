"""`BuckiaClient`: what applications call. Configuration, adapter and engine in one place; the logic is below."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ServerCopy
from buckia_core.adapters.contract.types import DeleteOutcome, RemoteObject, UploadInfo
from buckia_core.adapters.factory import open_bucket
from buckia_core.adapters.wrappers import BandwidthLimit
from buckia_core.config import BucketConfig
from buckia_core.errors import AlreadyExists, BuckiaError, NotSupported
from buckia_core.planning.plan import Operation, Plan
from buckia_core.planning.policy import ConflictPolicy, Direction
from buckia_core.syncing import arguments, engine
from buckia_core.syncing.callbacks import ProgressCallback, combine_listeners
from buckia_core.syncing.events import Listener, SyncResult
from buckia_core.syncing.planner.out_of_scope import roots_of_others
from buckia_core.syncing.request import SyncRequest, no_listener
from buckia_core.syncing.scan.mappings import RunOverrides, build_mappings, entry_of, folders_of
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.locations import STATE_DIRECTORY, StateFiles, trash_directories
from buckia_core.syncing.state.migration import peek_state, stems_under_name
from buckia_core.syncing.transfer.hashing import hash_file

if TYPE_CHECKING:
    from buckia_core.syncing.disk.trash import Trash
    from buckia_core.syncing.planner.check import CheckResult
    from buckia_core.syncing.planner.resolve import Conflict, Resolution
    from buckia_core.syncing.transfer.versions import BucketVersions

AnyPath = str | os.PathLike[str]
"""A path in the file system, as text or as a path."""

_ALL = -1
"""The limit with which SQLite returns all rows."""


class BuckiaClient:
    """One bucket and the local paths that it is kept in step with.

        with BuckiaClient(BucketConfig(provider="file", root="/mnt/share")) as client:
            result = client.sync("./assets")

    One client is for one thread, save for `stop`. Making one costs nothing: the adapter is made, and its settings are
    checked, when it is first used.

    Args:
        config: The bucket; or a `.buckia` file, or a directory that has one in it or above it, with one bucket.
        adapter: Used instead of the one that the configuration names; the client does not wrap or close it.
        state_dir: Where state, lock and trash are kept; by default `.buckia-state` in the directory of the
            configuration file, or in `local_path` where there is no file.

    Raises:
        ConfigError: The file is not there, can't be used, or has several buckets.
        InvalidSetting: `config` is none of this.
    """

    def __init__(
        self, config: BucketConfig | AnyPath, *, adapter: BaseSync | None = None, state_dir: AnyPath | None = None
    ) -> None:
        self.config = config if isinstance(config, BucketConfig) else arguments.as_config(config)
        self._given = adapter
        self._state_dir = (
            Path(os.path.abspath(arguments.as_path(state_dir, "state_dir"))) if state_dir is not None else None
        )
        self._stopped = threading.Event()

    @cached_property
    def adapter(self) -> BaseSync:
        """The adapter, wrapped in retries, rate limit and log.

        Raises:
            AdapterNotInstalled, AdapterBroken, ConfigError: It can't be made.
        """
        return self._given or open_bucket(self.config)

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
        """Bring the local paths and the bucket in step. What is not given is as configured.

        Args:
            local_path: The one local root of this run, mapped onto the bucket's root, instead of the configured ones.
            sync_paths: Files and directories that take part: paths relative to the root or the configuration's
                directory, else keys; with wildcards, patterns. See `syncing.scan.sync_paths`.
            relative_to: A directory that `sync_paths` are relative to first.
            delete_orphaned: See the setting.
            max_workers: Transfers at once.
            include_pattern: Regular expression, searched in a file's path relative to its root; others take no part.
            exclude_pattern: Regular expression; files in whose path it is found take no part.
            include: Patterns as in `.gitignore`, after the configured ones.
            exclude: Patterns as in `.gitignore`, after the configured ones.
            direction: For all paths.
            conflict: Who wins a conflict.
            checksum: Hash all local files, whatever their times say.
            max_delete: Deletions allowed on one side: a number, or a share such as `10%`.
            force: Pass the deletion guard.
            bwlimit: Bytes a second, such as `4M`.
            dry_run: Change nothing; the counts are those of the plan.
            progress_callback: Called as `(current, total, action, path)` when an operation is over.
            events: Told everything that happens.
            ask: Decides conflicts under the policy `ask`.
            executor: Runs the operations instead of threads of our own; it is not shut down.

        Returns:
            What was done. Files that failed are in it and raise nothing.

        Raises:
            ConfigError: Something that was given can't be used.
            LockHeld: Another sync of this project and bucket is running.
            UnsafePlan: The deletion guard refused.
            AdapterError: The bucket can't be reached, listed, or does not accept the credentials.
        """
        choices = arguments.as_choices(
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
        workers = arguments.as_count(max_workers, "max_workers") or self.config.max_workers
        request = replace(
            self._request(choices, sync_paths, relative_to),
            dry_run=dry_run,
            force=force,
            ask=ask,
            executor=executor,
            max_workers=workers,
            max_delete=arguments.as_limit(max_delete if max_delete is not None else self.config.max_delete),
            listener=combine_listeners(events, progress_callback),
        )
        if bwlimit is not None:
            request = replace(request, adapter=BandwidthLimit(request.adapter, arguments.as_rate(bwlimit)))
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
        """Return what a sync would do now. Changes nothing, and no guard refuses it.

        Args:
            local_path: As of `sync`.
            sync_paths: As of `sync`.
            relative_to: As of `sync`.
            events: Told how the reading goes on.
            **choices: `direction`, `conflict`, `delete_orphaned`, `checksum`, `include`, `exclude`, `include_pattern`,
                `exclude_pattern`, as of `sync`.

        Raises:
            ConfigError, AdapterError: As `sync`.
        """
        request = self._request(arguments.as_choices(local_path=local_path, **choices), sync_paths, relative_to)
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
        request = self._request(RunOverrides(), sync_paths, relative_to)
        return engine.check(replace(request, dry_run=True, listener=events or no_listener))

    def stop(self) -> None:
        """Ask a running sync to finish what is under way, write it down, and end. From any thread."""
        self._stopped.set()

    # --- what runs left ----------------------------------------------------------------------------------

    def conflicts(self) -> list[Conflict]:
        """Return the conflicts that the last runs left to decide, in order of their keys."""
        from buckia_core.syncing.planner.resolve import Conflict  # noqa: PLC0415  # a sync does not need it

        mappings = {mapping.id: mapping for mapping in build_mappings(self.config, RunOverrides())}
        with self._state() as state:
            records = state.conflicts()
            # Another entry for the same bucket has its own conflicts, though they are kept in one place.
            others = roots_of_others(self.config, mappings, state)
        records = [record for record in records if record["root"] not in others]
        return [Conflict.of(record, mappings, self.config.base_dir) for record in records]

    def resolve(self, keys: Sequence[str], keep: Resolution | str) -> SyncResult:
        """Settle conflicts: the version to keep gets the name on both sides, the other goes to the trash or a copy.

        Raises:
            NotAConflict: No conflict is left on one of the keys. None is then settled.
        """
        from buckia_core.syncing.planner.resolve import Resolution  # noqa: PLC0415  # as above

        choice = arguments.as_member(Resolution, keep, "keep")
        assert choice is not None
        return engine.resolve(self._request(RunOverrides(), None), arguments.as_texts(keys, "keys"), choice)

    def trash(self) -> Trash:
        """Return what syncs replaced or deleted here."""
        from buckia_core.syncing.disk.joined_trash import JoinedTrash  # noqa: PLC0415  # as above

        try:
            with self._state() as state:
                stems, former = [self._files.stem], state.former_stems()
        except BuckiaError:
            # Files can be brought back although the bucket's adapter is not installed, or its credentials are missing.
            stems, former = stems_under_name(self.state_dir, self.config.name), []
        directories = trash_directories(self.state_dir, self.config.name, stems, former)
        return JoinedTrash(directories, build_mappings(self.config, RunOverrides()), self.state_dir)

    def history(self, limit: int = 20) -> list[SyncResult]:
        """Return the last runs, the newest first."""
        with self._state() as state:
            mappings = {mapping.id for mapping in build_mappings(self.config, RunOverrides())}
            others = {*roots_of_others(self.config, mappings, state).values()}
            runs = [record for record in state.runs(limit if not others else _ALL) if record["bucket"] not in others]
            return [SyncResult.from_record(record) for record in runs[:limit]]

    # --- single objects ----------------------------------------------------------------------------------

    def list(self, prefix: str = "") -> Iterator[RemoteObject]:
        """Yield the objects whose key begins with a prefix, in order.

        Raises:
            AdapterError: The bucket can't be listed to its end.
        """
        return self.adapter.list_files(prefix)

    def stat(self, key: str) -> RemoteObject:
        """Return all that the provider tells of an object.

        Raises:
            NotFound: There is none.
        """
        return self.adapter.stat_file(key)

    def get(self, key: str, target: AnyPath, *, overwrite: bool = False, version: str | None = None) -> RemoteObject:
        """Download an object, or a version of it, to a path; into it, under the key's last part, if it is a directory.

        Raises:
            NotFound: There is no such object, or no such version.
            NotSupported: The provider keeps no versions.
            AlreadyExists: A file is there, and `overwrite` is not set.
            IntegrityError: Other bytes came than the object has. What was at the path is untouched.
        """
        name = key.rstrip("/").rpartition("/")[2]
        target = arguments.as_path(target, "target")
        target = target / name if target.is_dir() else target
        if target.exists() and not overwrite:
            raise AlreadyExists(f"{target} exists; pass --overwrite to replace it", key=key)
        if version is not None:
            return self.versions().fetch(key, version, target)
        found = self.adapter.stat_file(key)
        return engine.fetch(self.adapter, found, target, self.config.checksum_algorithm)

    def put(self, source: AnyPath, key: str) -> RemoteObject:
        """Upload a file under a key; an object there is replaced. With a slash at its end, the file's name is added.

        Raises:
            OSError: The file can't be read.
        """
        source = arguments.as_path(source, "source")
        key = key + source.name if not key or key.endswith("/") else key
        digests, status = hash_file(str(source), (self.config.checksum_algorithm,))
        return self.adapter.upload_file(
            source, key, info=UploadInfo(status.st_mtime_ns, digests, mode=status.st_mode & 0o777)
        )

    def remove(self, keys: Sequence[str]) -> Sequence[DeleteOutcome]:
        """Delete objects, and return what became of each. Nothing is kept."""
        return self.adapter.delete_files(arguments.as_texts(keys, "keys"))

    def copy(self, source_key: str, key: str) -> RemoteObject:
        """Copy an object on the server; an object under the new key is replaced.

        Raises:
            NotFound: There is no such object.
            NotSupported: The provider can't copy.
        """
        if not isinstance(self.adapter, ServerCopy):
            raise NotSupported("the provider can't copy objects on its side", provider=self.config.provider)
        return self.adapter.copy_file(self.adapter.stat_file(source_key), key)

    def versions(self) -> BucketVersions:
        """Return what the bucket has kept of what was overwritten and deleted.

        Raises:
            NotSupported: The provider keeps no versions.
        """
        from buckia_core.syncing.transfer.versions import BucketVersions  # noqa: PLC0415  # as above

        return BucketVersions(self.adapter, self.config.max_workers)

    # --- the rest ----------------------------------------------------------------------------------------

    @property
    def state_dir(self) -> Path:
        """Where state, lock and trash of the configured paths are."""
        return self._state_dir or self.config.base_dir / STATE_DIRECTORY

    def close(self) -> None:
        """Give back the adapter's connections."""
        if self._given is None and "adapter" in self.__dict__:
            self.adapter.close()
            del self.adapter

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _request(
        self, choices: RunOverrides, sync_paths: Sequence[AnyPath] | None, relative_to: AnyPath | None = None
    ) -> SyncRequest:
        config = self.config
        mappings = build_mappings(config, choices)
        self._stopped = threading.Event()
        base, state_dir = config.base_dir, self.state_dir
        if choices.local_path is not None:
            base = Path(os.path.abspath(choices.local_path))
            if self._state_dir is None and config.source is None:
                state_dir = base / STATE_DIRECTORY
        found = None
        if sync_paths is not None:
            files = StateFiles.of(state_dir, config.name, self.adapter)
            found = arguments.as_sync_paths(sync_paths, relative_to, base, mappings, folders_of(config), files)
        return SyncRequest(
            bucket=config.name,
            adapter=self.adapter,
            config=None if self._given else config,
            mappings=mappings,
            scope=folders_of(config) if found is None else found.scope,
            paths=found,
            folders=folders_of(config),
            chosen_path=choices.local_path is not None,
            entry=entry_of(config),
            in_file=config if config.source is not None else None,
            base_dir=config.base_dir,
            state_dir=state_dir,
            algorithm=config.checksum_algorithm,
            follow_symlinks=config.follow_symlinks,
            keep=config.keep_replaced,
            stopped=self._stopped,
        )

    def _state(self) -> closing[StateDatabase]:
        return closing(peek_state(self._files))

    @property
    def _files(self) -> StateFiles:
        return StateFiles.of(self.state_dir, self.config.name, self.adapter)
