"""Runs of a fetch cache: `fetch` fills it from the bucket, `apply` applies it to the local files."""

from __future__ import annotations

from collections.abc import Mapping as Mapping_
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.transfers.content_check import ContentCheck
from buckia_core.adapters.transfers.hashing import hash_file
from buckia_core.errors import BuckiaError, IntegrityError
from buckia_core.planning.digest import Digests, merge, without_tentative
from buckia_core.planning.manifest import BaselineEntry, RemoteObject
from buckia_core.planning.plan import Action, Operation
from buckia_core.planning.policy import Direction
from buckia_core.planning.scope import Scope
from buckia_core.syncing import engine
from buckia_core.syncing.error_messages import FATAL_ERRORS, error_message
from buckia_core.syncing.events import SyncResult
from buckia_core.syncing.fetching.bucket import FetchedBucket
from buckia_core.syncing.fetching.cache import ALGORITHM, FetchCache, FetchedChange
from buckia_core.syncing.request import SyncRequest
from buckia_core.syncing.state.migration import open_state_readonly

_ATTEMPTS = 3
_COMING_DOWN = (Action.DOWNLOAD, Action.KEEP_BOTH, Action.CONFLICT)


@dataclass(slots=True)
class FetchResult:
    """Result of a fetch.

    Attributes:
        bucket: The bucket's name in the configuration.
        fetched: Keys of objects whose content was downloaded.
        deleted: Keys of objects that were deleted in the bucket.
        kept: Keys of changes that were fetched before.
        bytes_down: Bytes of content downloaded.
        errors: What failed, by key. The next fetch retries it.
    """

    bucket: str
    fetched: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    bytes_down: int = 0
    errors: dict[str, str] = field(default_factory=dict)


def fetch(request: SyncRequest, cache: FetchCache) -> FetchResult:
    """Download what a sync would download to the cache. Changes neither local files nor the baseline.

    Changes that are fetched already are kept; those that the bucket no longer has are removed.

    Raises:
        LockHeld, AdapterError, ConfigError: As `engine.sync`.
    """
    result = FetchResult(request.bucket)
    with engine.open_run(request) as (_, _, planner):
        plan = planner.plan().plan
        directions = {mapping.id: mapping.rules.direction for mapping in request.mappings}
        waiting = [each for each in plan.operations if _comes_down(each, directions[each.mapping_id])]
        known = {change.key: change for change in cache.changes()}
        wanted = {each.key for each in waiting}
        for key in known.keys() - wanted:
            if planner.request.scope.covers(key):
                cache.remove(key)
        work = partial(_fetch_one, request, cache, known, result)
        with ThreadPoolExecutor(
            request.max_workers or request.adapter.capabilities.workers, thread_name_prefix="buckia-fetch"
        ) as pool:
            for _ in pool.map(work, waiting):
                pass
    for keys in (result.fetched, result.deleted, result.kept):
        keys.sort()
    return result


def _comes_down(operation: Operation, direction: Direction) -> bool:
    if operation.action is Action.DELETE_LOCAL:
        return True
    return operation.action in _COMING_DOWN and operation.remote is not None and direction is not Direction.UP


def _fetch_one(
    request: SyncRequest,
    cache: FetchCache,
    known: Mapping_[str, FetchedChange],
    result: FetchResult,
    operation: Operation,
) -> None:
    key, remote = operation.key, operation.remote if operation.action is not Action.DELETE_LOCAL else None
    base = operation.base.fingerprint if operation.base is not None else ""
    before = known.get(key)
    if before is not None and before.base == base and _fingerprint(before) == (remote and remote.fingerprint):
        result.kept.append(key)
        return
    if request.stopped.is_set():
        return
    try:
        cache.add(FetchedChange(key, base, remote), partial(_download, request.adapter, remote))
    except FATAL_ERRORS:
        raise
    except (BuckiaError, OSError) as error:
        result.errors[key] = error_message(error)
        return
    (result.deleted if remote is None else result.fetched).append(key)
    result.bytes_down += remote.size if remote is not None else 0


def _download(adapter: BaseSync, remote: RemoteObject | None, target: Path) -> RemoteObject:
    """Download an object and verify it. Returns it with the digests of the content."""
    assert remote is not None
    reported, check = remote.digests, ContentCheck(remote.size, ALGORITHM)

    def compute(names: tuple[str, ...]) -> tuple[Digests, int]:
        digests, status = hash_file(str(target), names)
        return digests, status.st_size

    for _ in range(_ATTEMPTS):
        found = adapter.download_file(remote.key, target, expect=remote)
        if check.accepts(compute, merge(found.digests, reported), found.claimed):
            return remote._replace(digests=without_tentative(check.digests))
        # A listing may report a wrong digest, as in `Download.fetch`.
        reported = adapter.stat_file(remote.key).digests
    raise IntegrityError(
        f"the content did not match what the provider reports, in {_ATTEMPTS} attempts", key=remote.key
    )


def _fingerprint(change: FetchedChange) -> str | None:
    return None if change.remote is None else change.remote.fingerprint


def apply(request: SyncRequest, cache: FetchCache) -> SyncResult:
    """Apply fetched changes to the local files, by the rules of a sync. Sends no requests.

    Only local files change: what was edited here waits for the next sync, and conflicts are resolved by the policy.
    Applied changes are removed from the cache, and so are those whose content is damaged; the next fetch downloads
    them again.

    Raises:
        ConfigError: Other users may write the cache.
        LockHeld, UnsafePlan: As `engine.sync`.
    """
    changes = cache.changes()
    if not changes:
        return SyncResult(bucket=request.bucket, dry_run=request.dry_run, started=datetime.now(UTC))
    bucket = FetchedBucket(request.adapter, cache, partial(_rows, request))

    def is_possible(operation: Operation) -> bool:
        if operation.action in (Action.UPLOAD, Action.DELETE_REMOTE, Action.MOVE_REMOTE):
            return False
        remote = operation.remote
        return operation.action is not Action.DOWNLOAD or remote is None or bucket.has_content(remote)

    # Also covers the keys below each change, because a new object may have the name of a folder.
    scope = Scope.from_names([change.key for change in changes])
    run = replace(
        request, adapter=bucket, scope=scope, sync_paths=None, config=None, executor=None, is_wanted=is_possible
    )
    result = engine.sync(run)
    if not request.dry_run:
        rows, failed = _rows(request), {each.key for each in result.errors}
        for change in changes:
            row = rows.get(change.key)
            now = row.fingerprint if row is not None else ""
            # A change is also done if another sync was faster.
            is_done = now == (_fingerprint(change) or "") or now != change.base
            if is_done or (change.key in failed and not cache.is_intact(change)):
                cache.remove(change.key)
    return result


def _rows(request: SyncRequest) -> dict[str, BaselineEntry]:
    state = open_state_readonly(request.state_files)
    try:
        return {row.key: row for row in state.baseline(Scope())}
    finally:
        state.close()
