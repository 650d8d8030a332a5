"""Deciding one key, with as many closer looks as that takes."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from buckia_core.errors import NotFound, PreconditionFailed
from buckia_core.planning.keys import FilesystemRules, invalid_reason, own_config_reason
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.reconcile import Evidence, InSync, NeedsEvidence, Outcome, reconcile
from buckia_core.syncing.disk.paths import local_path
from buckia_core.syncing.error_messages import FATAL_ERRORS, error_message
from buckia_core.syncing.planner.evidence import EvidenceCollector

_LOCAL_WRITES = (Action.DOWNLOAD, Action.DELETE_LOCAL, Action.CONFLICT, Action.KEEP_BOTH)
_MAX_ROUNDS = 8
"""More rounds than any key needs: four, and as many again for a key that changes meanwhile."""

Decision = tuple[Outcome, LocalEntry | None, RemoteObject | None, BaselineEntry | None]
"""An outcome (never a `NeedsEvidence`), and the entries that it was decided by, with what the looks added."""


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides single keys. May be used from many threads.

    Attributes:
        inspector: Looks closer.
        disks: Rules of each mapping's disk, by its id.
    """

    evidence: EvidenceCollector
    filesystem_rules: dict[str, FilesystemRules]

    def decide(
        self, mapping: PathMapping, local: LocalEntry | None, remote: RemoteObject | None, base: BaselineEntry | None
    ) -> Decision:
        """Reconcile one key, looking closer as often as that is needed. What can't be looked at is refused by name."""
        key = next(entry.key for entry in (local, remote, base) if entry is not None)
        for _ in range(_MAX_ROUNDS):
            outcome = reconcile(key, mapping.id, local, remote, base, mapping.rules)
            if not isinstance(outcome, NeedsEvidence):
                return self.check_path(outcome, mapping), local, remote, base
            try:
                local, remote = self._collect(outcome.evidence, mapping, local, remote, base)
            except (NotFound, PreconditionFailed, FileNotFoundError):
                # It went or changed while it was looked at: the next run sees that, and decides.
                return InSync(), None, None, base
            except FATAL_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001  # whatever a key does, the others get their turn
                reason = error_message(error, local_path(key, mapping))
                return refused_operation(key, mapping, local, remote, base, reason), local, remote, base
        reason = "the provider does not tell enough of it to compare both sides"
        return refused_operation(key, mapping, local, remote, base, reason), local, remote, base

    def check_path(self, outcome: Outcome, mapping: PathMapping) -> Outcome:
        """Refuse what would write where the disk can't hold it, and leave alone what configures Buckia."""
        if not isinstance(outcome, Operation) or outcome.action not in _LOCAL_WRITES:
            return outcome
        name = os.path.basename(mapping.local) if mapping.is_file else mapping.relative_path(outcome.key)
        if problem := own_config_reason(name):
            return replace(outcome, action=Action.SKIP, reason=Reason.OWN_CONFIGURATION, detail=problem, loser=None)
        if mapping.is_file or outcome.action is not Action.DOWNLOAD:
            return outcome
        problem = invalid_reason(mapping.relative_path(outcome.key), self.filesystem_rules[mapping.id])
        if not problem:
            return outcome
        return replace(outcome, action=Action.REFUSE, reason=Reason.REFUSED_KEY, detail=problem, loser=None)

    def _collect(
        self,
        need: Evidence,
        mapping: PathMapping,
        local: LocalEntry | None,
        remote: RemoteObject | None,
        base: BaselineEntry | None,
    ) -> tuple[LocalEntry | None, RemoteObject | None]:
        match need:
            case Evidence.LOCAL_DIGEST:
                assert local is not None
                wanted = (base.digests if base else ()) + (remote.digests if remote else ())
                return self.evidence.hash_local(mapping, local, [each.algorithm for each in wanted]), remote
            case Evidence.REMOTE_STAT:
                assert remote is not None
                return local, self.evidence.stat_remote(remote)
            case Evidence.REMOTE_DIGEST:
                assert remote is not None
                known = (base.digests if base else (), local.digests if local else ())
                return local, self.evidence.hash_remote(remote, [digests for digests in known if digests])


def refused_operation(
    key: str,
    mapping: PathMapping,
    local: LocalEntry | None,
    remote: RemoteObject | None,
    base: BaselineEntry | None,
    reason: str,
) -> Operation:
    """Return the operation that stands for a key which can't be synced, and says why."""
    return Operation(Action.REFUSE, key, mapping.id, Reason.REFUSED_KEY, local, remote, base, detail=reason)
