"""Plan of a bulk upload: what happens with each chosen file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.config import BucketConfig
from buckia_core.config.secret_files import secret_files
from buckia_core.errors import PermissionDenied
from buckia_core.localfs.files import entry_from_stat
from buckia_core.objects.existing import find_existing
from buckia_core.objects.store import ObjectStore
from buckia_core.planning.manifest import LocalEntry
from buckia_core.planning.mapping import PathMapping, accept_all
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.scope import Scope
from buckia_core.syncing.disk.paths import local_path
from buckia_core.syncing.error_messages import FATAL_ERRORS
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.scan.filters import PathFilter
from buckia_core.syncing.scan.local import LocalScan
from buckia_core.syncing.scan.mappings import database_predicate, files_below


@dataclass(slots=True)
class UploadPlan:
    """Plan of a bulk upload.

    Attributes:
        mappings: The key of each source, by id.
        operations: An `UPLOAD`, `SKIP` or `REFUSE` for each file; a `REFUSE` is a failure.
        left_out: Entries that are no files, such as links, each with what it is.
        targets_unknown: The credentials may not look what the bucket has, so nothing is known about replaced objects.
    """

    mappings: dict[str, PathMapping] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    targets_unknown: bool = False


def file_mapping(id: str, path: str, key: str, config: BucketConfig) -> PathMapping:
    """Return the mapping of one file to a key."""
    return PathMapping(id, os.path.abspath(path), key, is_file=True, is_database=database_predicate(config))


def directory_mapping(
    id: str, path: str, prefix: str, config: BucketConfig, include: Sequence[str], exclude: Sequence[str]
) -> PathMapping:
    """Return the mapping of a directory to a prefix, with the default excludes of a sync and gitignore patterns.

    Files that hold secrets of the configuration are left out.
    """
    secret = files_below(path, secret_files(config))
    accepts = PathFilter(tuple(include), tuple(exclude), always_excluded=secret, defaults=config.default_excludes)
    filtered = accept_all if accepts.is_noop else accepts
    local, is_database = os.path.abspath(path), database_predicate(config)
    return PathMapping(id, local, prefix, path_filter=filtered, is_database=is_database)


def plan_uploads(
    adapter: BaseSync,
    mappings: Sequence[PathMapping],
    *,
    follow_symlinks: bool,
    no_clobber: bool,
    on_found: Callable[[int], object] = lambda _: None,
) -> UploadPlan:
    """Plan to upload the files of mappings.

    Args:
        adapter: The bucket.
        mappings: The files and directories.
        follow_symlinks: Enter linked directories, and upload the content of linked files below directories.
        no_clobber: Skip files whose object exists.
        on_found: Called with the number of files so far.

    Raises:
        OSError: A file or a directory can't be read.
        AdapterError: The bucket can't be read.
    """
    plan = UploadPlan({mapping.id: mapping for mapping in mappings})
    entries: dict[str, LocalEntry] = {}
    for mapping in mappings:
        for entry in _read(mapping, follow_symlinks, plan, adapter.local_directory):
            if entry.key in entries:
                plan.operations.append(Operation(Action.REFUSE, entry.key, mapping.id, Reason.DUPLICATE_KEY, entry))
                continue
            entries[entry.key] = entry
            on_found(len(entries))
    try:
        existing = find_existing(adapter, list(entries)) if entries else {}
    except PermissionDenied:
        existing, plan.targets_unknown = {}, True
    for key, entry in entries.items():
        action, reason, found = Action.UPLOAD, Reason.NEW_LOCAL, existing.get(key)
        if found is not None:
            action, reason = (Action.SKIP, Reason.EXISTS) if no_clobber else (Action.UPLOAD, Reason.REPLACED)
        plan.operations.append(Operation(action, key, entry.mapping_id, reason, entry, found))
    return plan


def put_all(
    store: ObjectStore, operations: Sequence[Operation], mappings: Mapping[str, PathMapping]
) -> Iterator[OperationResult]:
    """Upload the files of operations, whatever the bucket has, and yield the result of each.

    For credentials that may write, but not look: `BulkTransfer` replaces only what it has seen.
    """

    def put(operation: Operation) -> OperationResult:
        result = OperationResult(operation)
        path = local_path(operation.key, mappings[operation.mapping_id])
        try:
            result.remote = store.put(operation.key, Path(path))
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001  # an error of one file must not stop the others
            result.fail(error, path)
        return result

    with ThreadPoolExecutor(store.adapter.capabilities.workers, thread_name_prefix="buckia-put") as pool:
        yield from pool.map(put, operations)


def _read(mapping: PathMapping, follow_symlinks: bool, plan: UploadPlan, bucket: str | None) -> Iterable[LocalEntry]:
    if mapping.is_file:
        yield entry_from_stat(mapping.remote, mapping.id, os.stat(mapping.local))
        return
    os.listdir(mapping.local)  # a directory that can't be read is an error, and no empty one
    scan = LocalScan([mapping], Scope(), follow_symlinks, None, bucket=bucket)
    yield from scan.entries()
    for each in scan.unreadable:
        if each.is_error:
            plan.operations.append(
                Operation(Action.REFUSE, each.key, mapping.id, Reason.UNREADABLE, detail=each.reason)
            )
        else:
            plan.left_out.append((each.path, each.reason))
