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

_WRITE_HERE = (Action.DOWNLOAD, Action.DELETE_LOCAL, Action.CONFLICT, Action.KEEP_BOTH)
_ROUNDS = 8
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

    inspector: EvidenceCollector
    disks: dict[str, FilesystemRules]

    def decide(
        self, mapping: PathMapping, here: LocalEntry | None, there: RemoteObject | None, before: BaselineEntry | None
    ) -> Decision:
        """Reconcile one key, looking closer as often as that is needed. What can't be looked at is refused by name."""
        key = next(entry.key for entry in (here, there, before) if entry is not None)
        for _ in range(_ROUNDS):
            outcome = reconcile(key, mapping.id, here, there, before, mapping.rules)
            if not isinstance(outcome, NeedsEvidence):
                return self.gate(outcome, mapping), here, there, before
            try:
                here, there = self._look(outcome.evidence, mapping, here, there, before)
            except (NotFound, PreconditionFailed, FileNotFoundError):
                # It went or changed while it was looked at: the next run sees that, and decides.
                return InSync(), None, None, before
            except FATAL_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001  # whatever a key does, the others get their turn
                why = error_message(error, local_path(key, mapping))
                return refusal(key, mapping, here, there, before, why), here, there, before
        why = "the provider does not tell enough of it to compare both sides"
        return refusal(key, mapping, here, there, before, why), here, there, before

    def gate(self, outcome: Outcome, mapping: PathMapping) -> Outcome:
        """Refuse what would write where the disk can't hold it, and leave alone what configures Buckia."""
        if not isinstance(outcome, Operation) or outcome.action not in _WRITE_HERE:
            return outcome
        name = os.path.basename(mapping.local) if mapping.is_file else mapping.relative_path(outcome.key)
        if problem := own_config_reason(name):
            return replace(outcome, action=Action.SKIP, reason=Reason.OWN_CONFIGURATION, detail=problem, loser=None)
        if mapping.is_file or outcome.action is not Action.DOWNLOAD:
            return outcome
        problem = invalid_reason(mapping.relative_path(outcome.key), self.disks[mapping.id])
        if not problem:
            return outcome
        return replace(outcome, action=Action.REFUSE, reason=Reason.REFUSED_KEY, detail=problem, loser=None)

    def _look(
        self,
        look: Evidence,
        mapping: PathMapping,
        here: LocalEntry | None,
        there: RemoteObject | None,
        before: BaselineEntry | None,
    ) -> tuple[LocalEntry | None, RemoteObject | None]:
        match look:
            case Evidence.LOCAL_DIGEST:
                assert here is not None
                wanted = (before.digests if before else ()) + (there.digests if there else ())
                return self.inspector.hash_local(mapping, here, [each.algorithm for each in wanted]), there
            case Evidence.REMOTE_STAT:
                assert there is not None
                return here, self.inspector.stat_remote(there)
            case Evidence.REMOTE_DIGEST:
                assert there is not None
                known = (before.digests if before else (), here.digests if here else ())
                return here, self.inspector.hash_remote(there, [digests for digests in known if digests])


def refusal(
    key: str,
    mapping: PathMapping,
    here: LocalEntry | None,
    there: RemoteObject | None,
    before: BaselineEntry | None,
    why: str,
) -> Operation:
    """Return the operation that stands for a key which can't be synced, and says why."""
    return Operation(Action.REFUSE, key, mapping.id, Reason.REFUSED_KEY, here, there, before, detail=why)
