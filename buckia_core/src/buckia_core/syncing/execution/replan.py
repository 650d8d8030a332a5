"""Replan: decide one key again, whose file or object changed after the plan was made."""

from __future__ import annotations

from collections.abc import Mapping as Mapping_

from buckia_core.adapters.contract.types import stat_or_none
from buckia_core.planning.manifest import BaselineEntry
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.reconcile import InSync, Outcome
from buckia_core.syncing.planner.bucket_context import BucketContext


def replan(
    bucket: BucketContext, mappings: Mapping_[str, PathMapping], operation: Operation, base: BaselineEntry | None = None
) -> Outcome:
    """Decide the key of an operation with the current state of both sides; `base` replaces its baseline entry.

    Never deletes what the plan does not delete, because the deletion would bypass the safety checks.
    """
    mapping = mappings[operation.mapping_id]
    with bucket.locator() as locator:
        local = locator.stat_entry(operation.key, mapping)
    remote = stat_or_none(bucket.adapter.stat_file, operation.key)
    baseline = base or operation.base
    if local is None and remote is None and baseline is None:
        return InSync()
    outcome = bucket.decider.decide(mapping, local, remote, baseline)[0]
    if isinstance(outcome, Operation) and outcome.is_delete and outcome.action is not operation.action:
        # The file may be missing only for now, for example with a disk: the next run checks all deletes together.
        return operation._replace(action=Action.SKIP, reason=Reason.DEFERRED, loser=None)
    return outcome
