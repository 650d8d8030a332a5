"""`Decider`: reconciles one key, collecting as much evidence as that takes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from buckia_core.errors import NotFound, PreconditionFailed
from buckia_core.planning.keys import FilesystemRules, invalid_reason, own_config_reason
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.reconcile import Evidence, InSync, NeedsEvidence, Outcome, reconcile
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.disk.paths import local_path
from buckia_core.syncing.error_messages import FATAL_ERRORS, error_message
from buckia_core.syncing.planner.evidence import EvidenceCollector

_LOCAL_WRITES = (Action.DOWNLOAD, Action.DELETE_LOCAL, Action.CONFLICT, Action.KEEP_BOTH)
_MAX_ROUNDS = 8
"""Limit of rounds: a key needs up to four, and as many again if it changes during the run."""

Decision = tuple[Outcome, LocalEntry | None, RemoteObject | None, BaselineEntry | None]
"""An outcome (never a `NeedsEvidence`), and the entries that it is based on, with the collected evidence."""


UndecidedKey = tuple[PathMapping, LocalEntry | None, RemoteObject | None, BaselineEntry | None]
"""The arguments of `Decider.decide`."""


@dataclass(frozen=True, slots=True)
class Decider:
    """Decider of single keys. Thread-safe.

    Attributes:
        evidence: Collects evidence.
        filesystem_rules: The rules of each mapping's file system, by id.
    """

    evidence: EvidenceCollector
    filesystem_rules: dict[str, FilesystemRules]

    def decide_all(self, keys: Sequence[UndecidedKey]) -> list[Decision]:
        """Reconcile keys as `decide` does, one after another, with the folders of their files kept open."""
        with self.evidence.locator() as locator:
            return [self.decide(*key, locator) for key in keys]

    def decide(
        self,
        mapping: PathMapping,
        local: LocalEntry | None,
        remote: RemoteObject | None,
        base: BaselineEntry | None,
        locator: FileLocator | None = None,
    ) -> Decision:
        """Reconcile one key, collecting evidence until it is decided. Refuses a key whose evidence can't be read.

        `locator` is that of `EvidenceCollector.hash_local`.
        """
        key = next(entry.key for entry in (local, remote, base) if entry is not None)
        for _ in range(_MAX_ROUNDS):
            outcome = reconcile(key, mapping.id, local, remote, base, mapping.rules)
            if not isinstance(outcome, NeedsEvidence):
                return self.check_path(outcome, mapping), local, remote, base
            try:
                local, remote = self._collect(outcome.evidence, mapping, local, remote, base, locator)
            except (NotFound, PreconditionFailed, FileNotFoundError):
                # It changed or was deleted during the run; the next run decides.
                return InSync(), None, None, base
            except FATAL_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001  # an error of one key must not stop the others
                reason = error_message(error, local_path(key, mapping))
                return refused_operation(key, mapping, local, remote, base, reason), local, remote, base
        reason = "the provider does not report enough to compare both sides"
        return refused_operation(key, mapping, local, remote, base, reason), local, remote, base

    def check_path(self, outcome: Outcome, mapping: PathMapping) -> Outcome:
        """Refuse local writes to paths that the file system does not allow, and skip the configuration of Buckia."""
        if not isinstance(outcome, Operation) or outcome.action not in _LOCAL_WRITES:
            return outcome
        name = os.path.basename(mapping.local) if mapping.is_file else mapping.relative_path(outcome.key)
        if problem := own_config_reason(name):
            return outcome._replace(action=Action.SKIP, reason=Reason.OWN_CONFIGURATION, detail=problem, loser=None)
        if mapping.is_file or outcome.action is not Action.DOWNLOAD:
            return outcome
        problem = invalid_reason(mapping.relative_path(outcome.key), self.filesystem_rules[mapping.id])
        if not problem:
            return outcome
        return outcome._replace(action=Action.REFUSE, reason=Reason.REFUSED_KEY, detail=problem, loser=None)

    def _collect(
        self,
        need: Evidence,
        mapping: PathMapping,
        local: LocalEntry | None,
        remote: RemoteObject | None,
        base: BaselineEntry | None,
        locator: FileLocator | None,
    ) -> tuple[LocalEntry | None, RemoteObject | None]:
        match need:
            case Evidence.LOCAL_DIGEST:
                assert local is not None
                wanted = (base.digests if base else ()) + (remote.digests if remote else ())
                return self.evidence.hash_local(mapping, local, [each.algorithm for each in wanted], locator), remote
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
    """Return the operation of a key that can't be synced, with the reason."""
    return Operation(Action.REFUSE, key, mapping.id, Reason.REFUSED_KEY, local, remote, base, detail=reason)
