"""Compares the content of both sides. Changes nothing, and hashes all local files."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from buckia_core.planning.digest import Comparison, compare
from buckia_core.planning.keys import is_internal
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.mapping import MappingIndex, PathMapping
from buckia_core.planning.merge_join import KeyTriple, merge_join
from buckia_core.planning.policy import Direction
from buckia_core.syncing.error_messages import FATAL_ERRORS, error_message
from buckia_core.syncing.planner.evidence import EvidenceCollector
from buckia_core.syncing.planner.planner import Planner
from buckia_core.syncing.request import SyncRequest
from buckia_core.syncing.state.database import StateDatabase

_MAX_PENDING = 64
_THREADS = 8


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference: a key whose sides are not equal.

    Attributes:
        key: The key.
        what: What differs, as text for the user.
    """

    key: str
    what: str


@dataclass(slots=True)
class CheckResult:
    """Result of a comparison.

    Attributes:
        same: The number of keys with equal content.
        differ: All differences, in order of keys.
    """

    same: int = 0
    differ: list[Difference] = field(default_factory=list)

    @property
    def success(self) -> bool:
        """Whether both sides are equal."""
        return not self.differ


def compare_contents(request: SyncRequest, planner: Planner, state: StateDatabase) -> CheckResult:
    """Compare both sides of a request by content.

    Trusts digests that the provider reports, and downloads objects without a comparable digest.

    Raises:
        AdapterError: The bucket can't be listed.
        SideEmptied: A local root is missing.
    """
    result = CheckResult()
    comparing: deque[Future[Difference | None]] = deque()

    def collect(future: Future[Difference | None]) -> None:
        difference = future.result()
        if difference:
            result.differ.append(difference)
        else:
            result.same += 1

    with (
        planner.open_manifests() as (scan, local_entries, objects),
        ThreadPoolExecutor(_THREADS, thread_name_prefix="buckia-check") as pool,
    ):
        triples = merge_join(
            local_entries, objects, state.baseline(request.scope, [each.id for each in request.mappings])
        )
        for mapping, local, remote, base in _with_mapping(triples, request):
            if request.stopped.is_set():
                break
            if local is None and remote is not None and scan.unreadable.at_or_above(remote.key):
                result.differ.append(Difference(remote.key, "not read here: a link or an unreadable folder"))
            elif local is not None and remote is not None:
                comparing.append(pool.submit(_compare, planner.bucket.decider.evidence, mapping, local, remote, base))
                if len(comparing) >= _MAX_PENDING:
                    collect(comparing.popleft())
            elif local is not None and mapping.rules.direction is not Direction.DOWN:
                result.differ.append(Difference(local.key, "only here"))
            elif remote is not None and mapping.rules.direction is not Direction.UP:
                result.differ.append(Difference(remote.key, "only in the bucket"))
        while comparing:
            collect(comparing.popleft())
    result.differ += [Difference(path.key, path.reason) for path in scan.unreadable if path.is_error]
    result.differ = list(planner.resolve_paths(result.differ, lambda difference: difference.key))
    result.differ.sort(key=lambda each: each.key)
    return result


def _with_mapping(
    triples: Iterator[KeyTriple], request: SyncRequest
) -> Iterator[tuple[PathMapping, LocalEntry | None, RemoteObject | None, BaselineEntry | None]]:
    by_id = {mapping.id: mapping for mapping in request.mappings}
    owners = MappingIndex(request.mappings)
    for key, local, remote, base in triples:
        if local is None and remote is None:
            continue
        if local is not None:
            yield by_id[local.mapping_id], local, remote, base
        elif not is_internal(key):
            mapping = owners.find(key, baseline_mapping_id=base.mapping_id if base else None)
            if mapping is not None:
                yield mapping, local, remote, base


def _compare(
    evidence: EvidenceCollector,
    mapping: PathMapping,
    local: LocalEntry,
    remote: RemoteObject,
    base: BaselineEntry | None,
) -> Difference | None:
    if local.size != remote.size:
        return Difference(local.key, f"{local.size} bytes here, {remote.size} bytes in the bucket")
    try:
        if base is not None and base.fingerprint == remote.fingerprint:
            # The object is the one that the sync verified, so the baseline has its digests.
            remote = remote._replace(digests=base.digests or remote.digests)
        local = evidence.hash_local(mapping, local, [digest.algorithm for digest in remote.digests])
        if compare(local.digests, remote.digests) is Comparison.UNKNOWN:
            remote = evidence.hash_remote(remote, [local.digests])
    except FATAL_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001  # an error of one file must not stop the others
        return Difference(local.key, f"can't be compared: {error_message(error)}")
    if compare(local.digests, remote.digests) is Comparison.SAME:
        return None
    return Difference(local.key, "other content")
