"""Three-way reconcile: decides what to do with one key, given its local, remote and baseline entries. Pure.

Each side is compared with its own baseline entry; only `newest_wins` compares the clocks of the two sides. Direction
`both`:

    local        remote       result
    ---------------------------------------------------------------------------------------------------
    same         same         nothing
    changed      same/absent  upload
    same/absent  changed      download
    deleted      same         delete remote (`delete_orphaned: false`: nothing, and no download later)
    same         deleted      delete local
    deleted      deleted      forget
    changed      changed      same content: adopt; other content: conflict, resolved by policy
    changed      deleted      the change wins, unless the policy names the other side
    deleted      changed      the change wins, unless the policy names the other side

"changed" includes "new". With `up` and `down`, one side is the source, and the other one the receiver:

    source       receiver     result
    ---------------------------------------------------------------------------------------------------
    changed      same/absent  transfer
    changed      deleted      transfer
    same         deleted      transfer
    changed      changed      same content: adopt; other content: as the next row
    same         changed      undecided conflict; transfer if the policy names the source; skipped with `leaves_edits`,
                              `is_backup`
    deleted      same         nothing; delete with `delete_orphaned: true`
    deleted      changed      undecided conflict; delete with `delete_orphaned: true` and a policy that names the source
    absent       changed      nothing; delete with `delete_orphaned: true`
    deleted      deleted      forget

A baseline row that was out of scope in the last run, or that belongs to another mapping, does not prove a deletion. It
is ignored if one side is missing. If both sides exist:

    local compared with the row of another mapping    result
    ---------------------------------------------------------------------------------------------------
    same                                              as above
    changed                                           as without a row, except that `up` overwrites an unchanged object

If a decision depends on content that is not hashed yet, the result is `NeedsEvidence`: the caller collects the evidence
and calls `reconcile` again.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, assert_never

from buckia_core.planning.digest import Comparison, compare
from buckia_core.planning.manifest import UNRECEIVED, BaselineEntry, LocalEntry, RemoteObject, is_untouched
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.policy import ConflictPolicy, Direction, Side, SyncRules

_LAST_NS = (1 << 63) - 1
"""Maximum of the absolute value of a time in a manifest of local files."""


class SideState(Enum):
    """State of one side, compared with its own baseline entry."""

    ABSENT = "never existed"
    SAME = "same"
    CHANGED = "new or changed"
    DELETED = "deleted"
    UNSURE = "touched, content not compared"


class Evidence(Enum):
    """Evidence that a decision needs."""

    LOCAL_DIGEST = "hash the local file"
    REMOTE_STAT = "stat the object"
    REMOTE_DIGEST = "hash the object, unless a stat reports its digest"


class NeedsEvidence(NamedTuple):
    """Outcome: undecided. Collect the evidence, add it to the entries, and reconcile again."""

    evidence: Evidence


class InSync(NamedTuple):
    """Outcome: nothing to do. `refresh`: fingerprints changed although the content did not, so the row is updated."""

    refresh: bool = False


Outcome = Operation | InSync | NeedsEvidence

IN_SYNC = InSync()


def matches_baseline(local: LocalEntry, base: BaselineEntry) -> bool:
    """Tell whether the fingerprint of a local file proves that it is unchanged."""
    return is_untouched(local, base) and not base.racy


def local_state(local: LocalEntry | None, base: BaselineEntry | None, rules: SyncRules) -> SideState:
    """Compare the local entry with its baseline entry."""
    if local is None:
        return SideState.ABSENT if base is None else SideState.DELETED
    if base is None or local.size != base.size:
        return SideState.CHANGED
    if not rules.checksum and matches_baseline(local, base):
        return SideState.SAME
    match compare(local.digests, base.digests):
        case Comparison.SAME:
            return SideState.SAME
        case Comparison.DIFFERENT:
            return SideState.CHANGED
        case Comparison.UNKNOWN:
            # Without digests in the baseline there is nothing to compare with.
            return SideState.UNSURE if base.digests and not local.digests else SideState.CHANGED


def remote_state(remote: RemoteObject | None, base: BaselineEntry | None) -> SideState:
    """Compare the remote entry with its baseline entry."""
    if remote is None:
        return SideState.ABSENT if base is None else SideState.DELETED
    if base is None:
        return SideState.CHANGED
    if remote.fingerprint == base.fingerprint and base.fingerprint:
        return SideState.SAME
    if remote.size != base.size:
        return SideState.CHANGED
    match compare(remote.digests, base.digests):
        case Comparison.SAME:
            return SideState.SAME
        case Comparison.DIFFERENT:
            return SideState.CHANGED
        case Comparison.UNKNOWN:
            return SideState.UNSURE if base.digests else SideState.CHANGED


def reconcile(
    key: str,
    mapping_id: str,
    local: LocalEntry | None,
    remote: RemoteObject | None,
    base: BaselineEntry | None,
    rules: SyncRules,
) -> Outcome:
    """Decide what to do with one key. At least one of `local`, `remote` and `base` is given, all for the same key.

    Returns:
        An operation, `InSync`, or `NeedsEvidence`. A caller that collects all evidence gets a decision after at most
        four rounds.
    """
    if base is not None and (base.out_of_scope or base.mapping_id != mapping_id):
        if local is None and remote is None:
            return Operation(Action.FORGET, key, mapping_id, Reason.DELETED_BOTH, base=base)
        if local is None or remote is None:
            base = None
    local_side = local_state(local, base, rules)
    if local_side is SideState.UNSURE:
        return NeedsEvidence(Evidence.LOCAL_DIGEST)
    remote_side = remote_state(remote, base)
    if remote_side is SideState.UNSURE:
        return NeedsEvidence(Evidence.REMOTE_DIGEST)
    if base is not None and base.mapping_id != mapping_id and local_side is SideState.CHANGED:
        # The local file is a different file, not an edit of the recorded one, so the object may still be wanted.
        if rules.direction is Direction.UP and remote_side is SideState.SAME:
            context = _KeyContext(key, mapping_id, local, remote, base, rules)
            return context.transfer(Side.LOCAL, Reason.CHANGED_LOCAL, loser=Side.REMOTE)
        base, remote_side = None, SideState.CHANGED
    context = _KeyContext(key, mapping_id, local, remote, base, rules)
    if local_side is SideState.SAME and remote_side is SideState.SAME:
        return context.in_sync()
    if local_side is SideState.CHANGED and remote_side is SideState.CHANGED:
        assert local is not None and remote is not None
        match _same_content(local, remote, rules):
            case NeedsEvidence() as need:
                return need
            case True:
                return context.operation(Action.ADOPT, Reason.SAME_CONTENT)
            case _:
                pass
    if local_side in _GONE and remote_side in _GONE:
        return context.operation(Action.FORGET, Reason.DELETED_BOTH)
    match rules.direction:
        case Direction.BOTH:
            return context.both_ways(local_side, remote_side)
        case Direction.UP:
            return context.one_way(Side.LOCAL, local_side, remote_side)
        case Direction.DOWN:
            return context.one_way(Side.REMOTE, remote_side, local_side)


_GONE = (SideState.DELETED, SideState.ABSENT)


def _same_content(local: LocalEntry, remote: RemoteObject, rules: SyncRules) -> bool | NeedsEvidence:
    """Compare the contents of both sides. Requests the cheapest evidence first."""
    if local.size != remote.size:
        return False
    match compare(local.digests, remote.digests):
        case Comparison.SAME:
            return True
        case Comparison.DIFFERENT:
            return False
        case Comparison.UNKNOWN:
            if not any(digest.algorithm == rules.algorithm for digest in local.digests):
                return NeedsEvidence(Evidence.LOCAL_DIGEST)
            return NeedsEvidence(Evidence.REMOTE_DIGEST)


class _KeyContext(NamedTuple):
    """One key with its entries and rules. The rules of the tables are its methods."""

    key: str
    mapping_id: str
    local: LocalEntry | None
    remote: RemoteObject | None
    base: BaselineEntry | None
    rules: SyncRules

    def operation(self, action: Action, reason: Reason, *, loser: Side | None = None) -> Operation:
        return Operation(action, self.key, self.mapping_id, reason, self.local, self.remote, self.base, loser=loser)

    def transfer(self, source: Side, reason: Reason, *, loser: Side | None = None) -> Operation:
        return self.operation(Action.UPLOAD if source is Side.LOCAL else Action.DOWNLOAD, reason, loser=loser)

    def delete(self, side: Side, reason: Reason, *, loser: Side | None = None) -> Operation:
        return self.operation(Action.DELETE_LOCAL if side is Side.LOCAL else Action.DELETE_REMOTE, reason, loser=loser)

    def leave_unresolved(self, reason: Reason) -> Operation:
        return self.operation(Action.CONFLICT, reason)

    def in_sync(self) -> InSync:
        local, remote, base = self.local, self.remote, self.base
        assert local is not None and remote is not None and base is not None
        same = remote.fingerprint == base.fingerprint and local.mapping_id == base.mapping_id
        return IN_SYNC if same and matches_baseline(local, base) and not base.out_of_scope else InSync(refresh=True)

    def both_ways(self, local_side: SideState, remote_side: SideState) -> Outcome:
        """Apply the table for direction `both`, except for the rows that `reconcile` handles."""
        match local_side, remote_side:
            case SideState.CHANGED, SideState.CHANGED:
                return self.conflict()
            case SideState.CHANGED, SideState.DELETED:
                if self.rules.conflict_policy is ConflictPolicy.REMOTE_WINS:
                    return self.delete(Side.LOCAL, Reason.DELETE_BEATS_CHANGE, loser=Side.LOCAL)
                return self.transfer(Side.LOCAL, Reason.CHANGE_BEATS_DELETE)
            case SideState.DELETED, SideState.CHANGED:
                if self.rules.conflict_policy is ConflictPolicy.LOCAL_WINS and self.rules.delete_orphaned is not False:
                    return self.delete(Side.REMOTE, Reason.DELETE_BEATS_CHANGE, loser=Side.REMOTE)
                return self.transfer(Side.REMOTE, Reason.CHANGE_BEATS_DELETE)
            case SideState.CHANGED, _:
                return self.transfer(Side.LOCAL, Reason.CHANGED_LOCAL if self.base else Reason.NEW_LOCAL)
            case _, SideState.CHANGED:
                return self.transfer(Side.REMOTE, Reason.CHANGED_REMOTE if self.base else Reason.NEW_REMOTE)
            case SideState.DELETED, SideState.SAME:
                # The baseline row stays, so that the object is not downloaded again.
                if self.rules.delete_orphaned is False:
                    return IN_SYNC
                return self.delete(Side.REMOTE, Reason.DELETED_LOCAL)
            case SideState.SAME, SideState.DELETED:
                return self.delete(Side.LOCAL, Reason.DELETED_REMOTE)
            case _:
                raise _no_rule(local_side, remote_side)

    def conflict(self) -> Outcome:
        """Resolve a key that changed to different content on both sides."""
        assert self.local is not None and self.remote is not None
        match self.rules.conflict_policy:
            case ConflictPolicy.LOCAL_WINS:
                return self.transfer(Side.LOCAL, Reason.CONFLICT_LOCAL_WINS, loser=Side.REMOTE)
            case ConflictPolicy.REMOTE_WINS:
                return self.transfer(Side.REMOTE, Reason.CONFLICT_REMOTE_WINS, loser=Side.LOCAL)
            case ConflictPolicy.NEWEST_WINS:
                if self.remote.mtime_ns is None and self.remote.metadata is None:
                    return NeedsEvidence(Evidence.REMOTE_STAT)
                local_ns = self.local.mtime_ns
                remote_ns = _clamp_time(self.remote.mtime_ns or self.remote.modified_ns)
                # A time of 0 is unknown.
                if not local_ns or not remote_ns or local_ns == remote_ns:
                    return self._keep_both()
                if local_ns > remote_ns:
                    return self.transfer(Side.LOCAL, Reason.CONFLICT_LOCAL_NEWER, loser=Side.REMOTE)
                return self.transfer(Side.REMOTE, Reason.CONFLICT_REMOTE_NEWER, loser=Side.LOCAL)
            case ConflictPolicy.KEEP_BOTH:
                return self._keep_both()
            case ConflictPolicy.ASK:
                return self.leave_unresolved(Reason.CONFLICT)
            case _:
                assert_never(self.rules.conflict_policy)

    def _keep_both(self) -> Operation:
        return self.operation(Action.KEEP_BOTH, Reason.CONFLICT)

    def one_way(self, source_side: Side, source: SideState, receiver: SideState) -> Outcome:
        """Apply the table for `up` and `down`, except for the rows that `reconcile` handles."""
        up = source_side is Side.LOCAL
        overrules = self.rules.conflict_policy is (ConflictPolicy.LOCAL_WINS if up else ConflictPolicy.REMOTE_WINS)
        edited = Reason.REMOTE_EDIT_OF_UP if up else Reason.LOCAL_EDIT_OF_DOWN
        overruled = Reason.OVERRULED_REMOTE_EDIT if up else Reason.OVERRULED_LOCAL_EDIT
        match source, receiver:
            case SideState.SAME, SideState.CHANGED if up and self.rules.leaves_edits and not overrules:
                return self.operation(Action.SKIP, Reason.EDIT_NOT_RECEIVED)
            case SideState.SAME, SideState.CHANGED if up and self.rules.is_backup and not overrules:
                return self.operation(Action.SKIP, Reason.NEWER_BACKUP)
            case ((SideState.CHANGED | SideState.SAME), SideState.CHANGED):
                return (
                    self.transfer(source_side, overruled, loser=source_side.other)
                    if overrules
                    else self.leave_unresolved(edited)
                )
            case SideState.CHANGED, _:
                if self.base is None:
                    return self.transfer(source_side, Reason.NEW_LOCAL if up else Reason.NEW_REMOTE)
                loser = source_side.other if UNRECEIVED in self.base.digests else None
                return self.transfer(source_side, Reason.CHANGED_LOCAL if up else Reason.CHANGED_REMOTE, loser=loser)
            case SideState.SAME, SideState.DELETED:
                return self.transfer(source_side, Reason.MISSING_REMOTE if up else Reason.MISSING_LOCAL)
            case SideState.DELETED, SideState.CHANGED:
                if self.rules.delete_orphaned and overrules:
                    return self.delete(source_side.other, overruled, loser=source_side.other)
                return self.leave_unresolved(edited)
            case SideState.ABSENT, SideState.CHANGED:
                if self.rules.delete_orphaned:
                    orphan = Reason.ORPHAN_REMOTE if up else Reason.ORPHAN_LOCAL
                    return self.delete(source_side.other, orphan, loser=source_side.other)
                return IN_SYNC
            case SideState.DELETED, SideState.SAME:
                if self.rules.delete_orphaned:
                    return self.delete(source_side.other, Reason.DELETED_LOCAL if up else Reason.DELETED_REMOTE)
                return IN_SYNC
            case _:
                raise _no_rule(source, receiver)


def _no_rule(first: SideState, second: SideState) -> AssertionError:
    """Return the error for two states that the tables do not have. With `python -O` too, no rule deletes."""
    return AssertionError(f"no rule for {first.name} and {second.name}")


def _clamp_time(time_ns: int) -> int:
    """Clamp a time as manifests of local files do, so that two clamped times compare as equal."""
    return max(-_LAST_NS, min(time_ns, _LAST_NS))
