"""Plan of a bulk download: what happens with each chosen object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.errors import InvalidKey
from buckia_core.localfs.filename_rules import detect_filesystem_rules
from buckia_core.planning.digest import Comparison, compare, without_tentative
from buckia_core.planning.keys import FilesystemRules, is_directory_marker
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.path_collisions import NameCollisions, PathCollisionDetector
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.syncing.disk.case_collisions import CaseCollisions, path_exists
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.disk.paths import local_path, nearest_directory, refusal_reason
from buckia_core.syncing.error_messages import FATAL_ERRORS, error_message
from buckia_core.syncing.planner.evidence import EvidenceCollector


class IfExists(Enum):
    """What happens with a target that exists.

    Attributes:
        REFUSE: It stays, and is a failure unless it has the same content.
        SKIP: It stays.
        REPLACE: It is replaced, unless it has the same content.
    """

    REFUSE = "refuse"
    SKIP = "skip"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """Plan of a bulk download.

    Attributes:
        mappings: The place of each source, by id.
        rules: Rules of the file system of each mapping, by its id.
        operations: A `DOWNLOAD`, `SKIP`, `REFUSE` or `CONFLICT` for each object; the last two are failures.
    """

    mappings: dict[str, PathMapping] = field(default_factory=dict)
    rules: dict[str, FilesystemRules] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)


def plan_downloads(
    adapter: BaseSync,
    sources: Sequence[tuple[PathMapping, Iterable[RemoteObject]]],
    *,
    algorithm: str,
    if_exists: IfExists,
    on_found: Callable[[int], object] = lambda _: None,
    rules_of: Callable[[str], FilesystemRules] = detect_filesystem_rules,
) -> DownloadPlan:
    """Plan to download objects, each source in key order, to the place that its mapping gives them.

    Keys that a disk can't hold, or that lead out of the target, are refused. Directory markers are left out.

    Args:
        adapter: The bucket.
        sources: The objects, with the mapping of each group of them.
        algorithm: The digest algorithm of comparisons.
        if_exists: What happens with files that exist.
        on_found: Called with the number of objects so far.
        rules_of: Detects the rules of the file system of a directory.

    Raises:
        AdapterError: The bucket can't be listed.
    """
    plan = DownloadPlan()
    planned_paths: dict[str, str] = {}
    evidence = EvidenceCollector(adapter, algorithm)
    for mapping, objects in sources:
        plan.mappings[mapping.id] = mapping
        plan.rules[mapping.id] = rules_of(nearest_directory(mapping.local))
        collisions = PathCollisionDetector()
        operations: dict[str, Operation] = {}
        with FileLocator(plan.rules) as locator:
            for found in objects:
                if not mapping.is_file and is_directory_marker(found.key, found.size):
                    continue
                path = local_path(found.key, mapping)
                first = planned_paths.get(path)
                if first == found.key:
                    continue  # chosen twice
                planned_paths.setdefault(path, found.key)
                collisions.add(found.key, None, found)
                operation = _plan(found, mapping, plan.rules[mapping.id], locator, evidence, if_exists)
                if first is not None:
                    detail = f"{first!r} is downloaded to {path}"
                    operation = Operation(Action.REFUSE, found.key, mapping.id, Reason.REFUSED_KEY, detail=detail)
                operations[found.key] = operation
                on_found(len(plan.operations) + len(operations))
        collisions.resolve(operations)
        plan.operations.extend(operations.values())
    names = NameCollisions(plan.mappings, plan.rules, CaseCollisions().find, path_exists)
    plan.operations[:] = names.resolve(plan.operations)
    return plan


def _plan(
    found: RemoteObject,
    mapping: PathMapping,
    rules: FilesystemRules,
    locator: FileLocator,
    evidence: EvidenceCollector,
    if_exists: IfExists,
) -> Operation:
    def decide(action: Action, reason: Reason, local: LocalEntry | None = None, detail: str = "") -> Operation:
        return Operation(action, found.key, mapping.id, reason, local, found, detail=detail)

    if problem := refusal_reason(found.key, mapping, rules):
        return decide(Action.REFUSE, Reason.REFUSED_KEY, detail=problem)
    try:
        local = locator.stat_entry(found.key, mapping)
    except FATAL_ERRORS:
        raise
    except InvalidKey as error:
        return decide(Action.REFUSE, Reason.REFUSED_KEY, detail=str(error))
    except OSError as error:
        return decide(Action.REFUSE, Reason.UNREADABLE, detail=error_message(error, local_path(found.key, mapping)))
    if local is None:
        return decide(Action.DOWNLOAD, Reason.NEW_REMOTE)
    if if_exists is IfExists.SKIP:
        return decide(Action.SKIP, Reason.EXISTS, local)
    if _has_content_of(found, mapping, local, evidence):
        return decide(Action.SKIP, Reason.SAME_CONTENT, local)
    if if_exists is IfExists.REPLACE:
        return decide(Action.DOWNLOAD, Reason.REPLACED, local)
    detail = f"{local_path(found.key, mapping)}; pass --overwrite to replace it"
    return decide(Action.REFUSE, Reason.EXISTS, local, detail)


def _has_content_of(found: RemoteObject, mapping: PathMapping, local: LocalEntry, evidence: EvidenceCollector) -> bool:
    """Tell whether a file surely has the content of an object.

    A listing may report no digest, so the provider is asked for the object. Content is read only where that is free.
    """
    if local.size != found.size:
        return False
    try:
        reported = without_tentative(found.digests)
        hashed = evidence.hash_local(mapping, local, [digest.algorithm for digest in reported])
        result = compare(hashed.digests, reported)
        if result is not Comparison.UNKNOWN:
            return result is Comparison.SAME
        if evidence.adapter.capabilities.free_reads:
            found = evidence.hash_remote(found, [hashed.digests])
        else:
            found = evidence.stat_remote(found)
            hashed = evidence.hash_local(mapping, local, [digest.algorithm for digest in found.digests])
        return compare(hashed.digests, without_tentative(found.digests)) is Comparison.SAME
    except FATAL_ERRORS:
        raise
    except Exception:  # noqa: BLE001  # what can't be read may differ
        return False
