"""Planning one key again, whose ground has shifted since the plan was made."""

from __future__ import annotations

from collections.abc import Mapping as Mapping_
from dataclasses import replace

from buckia_core.adapters.contract.types import stat_or_none
from buckia_core.planning.manifest import BaselineEntry
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.reconcile import InSync, Outcome
from buckia_core.syncing.planner.bucket_handle import BucketHandle


def again(
    site: BucketHandle, mappings: Mapping_[str, PathMapping], operation: Operation, base: BaselineEntry | None = None
) -> Outcome:
    """Return what to do with the key of an operation as both sides are now; `base` is known better than what it has.

    What the plan did not delete is not deleted: no guard would have seen that.
    """
    mapping = mappings[operation.root]
    with site.locator() as places:
        local = places.look(operation.key, mapping)
    remote = stat_or_none(site.adapter.stat_file, operation.key)
    before = base or operation.base
    if local is None and remote is None and before is None:
        return InSync()
    outcome = site.decider.decide(mapping, local, remote, before)[0]
    if isinstance(outcome, Operation) and outcome.is_delete and outcome.action is not operation.action:
        # What went since may be back soon, such as a disk: the next run's guard judges all that is gone together.
        return replace(operation, action=Action.SKIP, reason=Reason.DEFERRED, loser=None)
    return outcome
