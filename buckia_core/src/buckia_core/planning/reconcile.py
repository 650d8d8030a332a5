"""What to do about one key, from what the three manifests say of it. Pure.

Each side is compared with its own baseline, never with the other side's clock. The rows, for direction `both`:

    local        remote       result
    ---------------------------------------------------------------------------------------------------
    same         same         nothing
    changed      same/absent  upload
    same/absent  changed      download
    deleted      same         delete remote (`delete_orphaned: false`: nothing, and it does not come back)
    same         deleted      delete local
    deleted      deleted      forget
    changed      changed      same content: adopt; other content: conflict, settled by policy
    changed      deleted      the change wins, unless the policy names the other side; and mirrored

"changed" includes "new". `up` and `down` have one writing side, the source; the other is the receiver:

    source       receiver     result
    ---------------------------------------------------------------------------------------------------
    changed      same/absent  transfer
    changed      deleted      transfer
    same         deleted      transfer: the source is the truth
    changed      changed      same content: adopt; other: as the next row
    same         changed      reported; overwritten if the policy names the source
    deleted      same         nothing; with `delete_orphaned: true` deleted
    deleted      changed      reported; with `delete_orphaned: true` and a policy for the source, deleted
    absent       changed      nothing; with `delete_orphaned: true` deleted
    deleted      deleted      forget

A row of the baseline that was out of scope in the last run, or that another mapping had, does not prove that somebody
deleted what is missing: with one side missing it counts as no row. With both sides there:

    local against the row of another mapping     result
    ---------------------------------------------------------------------------------------------------
    same                                         as above: the file is the one that was in step
    changed                                      as without a row; `up` still tells whether the object is as it was

Where a row depends on content that is not hashed yet, the result is `NeedsEvidence`: the caller gets it and asks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from buckia_core.planning.digest import Comparison, compare
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.policy import ConflictPolicy, Direction, Side, SyncRules

_LAST_NS = (1 << 63) - 1
"""The last time, and without its sign the first one, that the manifest of local files holds."""


class SideState(Enum):
    """One side against its own baseline."""

    ABSENT = "never there"
    SAME = "same"
    CHANGED = "new or changed"
    DELETED = "deleted"
    UNSURE = "touched, content not looked at"


class Evidence(Enum):
    """What has to be looked at before a key can be decided."""

    LOCAL_DIGEST = "hash the local file"
    REMOTE_STAT = "ask the provider for all it knows of the object"
    REMOTE_DIGEST = "hash the object, unless a stat tells its digest"


@dataclass(frozen=True, slots=True)
class NeedsEvidence:
    """Not decided yet: look, add what was found to the entry, and reconcile again."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class InSync:
    """Nothing to do. `refresh` says that fingerprints moved though the content did not."""

    refresh: bool = False


Outcome = Operation | InSync | NeedsEvidence

IN_SYNC = InSync()


def matches_baseline(local: LocalEntry, base: BaselineEntry) -> bool:
    """Tell whether a local file's fingerprint proves that it is as it was."""
    return (
        local.size == base.size
        and local.mtime_ns == base.mtime_ns
        and local.ctime_ns == base.ctime_ns
        and local.inode == base.inode
        and not base.racy
    )


def local_state(local: LocalEntry | None, base: BaselineEntry | None, rules: SyncRules) -> SideState:
    """Compare the local side with its baseline."""
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
            # Nothing to compare with: the baseline never knew the content.
            return SideState.UNSURE if base.digests and not local.digests else SideState.CHANGED


def remote_state(remote: RemoteObject | None, base: BaselineEntry | None) -> SideState:
    """Compare the remote side with its baseline."""
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
    root: str,
    local: LocalEntry | None,
    remote: RemoteObject | None,
    base: BaselineEntry | None,
    rules: SyncRules,
) -> Outcome:
    """Decide one key. At least one of `local`, `remote` and `base` is given, all of the same key.

    Returns:
        An operation, "nothing to do", or what to get first. A caller that obeys every `NeedsEvidence` gets a decision
        after at most four rounds.
    """
    if base is not None and (base.out_of_scope or base.root != root):
        if local is None and remote is None:
            return _KeyContext(key, root, local, remote, base, rules).operation(Action.FORGET, Reason.DELETED_BOTH)
        if local is None or remote is None:
            base = None
    mine = local_state(local, base, rules)
    if mine is SideState.UNSURE:
        return NeedsEvidence(Evidence.LOCAL_DIGEST)
    theirs = remote_state(remote, base)
    if theirs is SideState.UNSURE:
        return NeedsEvidence(Evidence.REMOTE_DIGEST)
    if base is not None and base.root != root and mine is SideState.CHANGED:
        # It is no edit of the file that was in step, so a person may still want what the bucket has.
        if rules.direction is Direction.UP and theirs is SideState.SAME:
            case = _KeyContext(key, root, local, remote, base, rules)
            return case.transfer(Side.LOCAL, Reason.CHANGED_LOCAL, loser=Side.REMOTE)
        base, theirs = None, SideState.CHANGED
    case = _KeyContext(key, root, local, remote, base, rules)
    if mine is SideState.SAME and theirs is SideState.SAME:
        return case.in_sync()
    if mine is SideState.CHANGED and theirs is SideState.CHANGED:
        assert local is not None and remote is not None
        match _same_content(local, remote, rules):
            case NeedsEvidence() as need:
                return need
            case True:
                return case.operation(Action.ADOPT, Reason.SAME_CONTENT)
            case _:
                pass
    if mine in _GONE and theirs in _GONE:
        return case.operation(Action.FORGET, Reason.DELETED_BOTH)
    match rules.direction:
        case Direction.BOTH:
            return case.both_ways(mine, theirs)
        case Direction.UP:
            return case.one_way(Side.LOCAL, mine, theirs)
        case Direction.DOWN:
            return case.one_way(Side.REMOTE, theirs, mine)


_GONE = (SideState.DELETED, SideState.ABSENT)


def _same_content(local: LocalEntry, remote: RemoteObject, rules: SyncRules) -> bool | NeedsEvidence:
    """Compare the two sides' contents; the cheapest look that may decide is asked for first."""
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
    """One key with all that is known of it; the rows of the table are its methods."""

    key: str
    root: str
    local: LocalEntry | None
    remote: RemoteObject | None
    base: BaselineEntry | None
    rules: SyncRules

    def operation(self, action: Action, reason: Reason, *, loser: Side | None = None) -> Operation:
        return Operation(action, self.key, self.root, reason, self.local, self.remote, self.base, loser=loser)

    def transfer(self, source: Side, reason: Reason, *, loser: Side | None = None) -> Operation:
        return self.operation(Action.UPLOAD if source is Side.LOCAL else Action.DOWNLOAD, reason, loser=loser)

    def delete(self, side: Side, reason: Reason, *, loser: Side | None = None) -> Operation:
        return self.operation(Action.DELETE_LOCAL if side is Side.LOCAL else Action.DELETE_REMOTE, reason, loser=loser)

    def leave_unresolved(self, reason: Reason) -> Operation:
        return self.operation(Action.CONFLICT, reason)

    def in_sync(self) -> InSync:
        local, remote, base = self.local, self.remote, self.base
        assert local is not None and remote is not None and base is not None
        moved = not matches_baseline(local, base) or remote.fingerprint != base.fingerprint or local.root != base.root
        return InSync(refresh=True) if moved or base.out_of_scope else IN_SYNC

    def both_ways(self, mine: SideState, theirs: SideState) -> Outcome:
        """Neither side is the truth. Not both are same, not both are gone, not both changed to the same."""
        match mine, theirs:
            case SideState.CHANGED, SideState.CHANGED:
                return self.conflict()
            case SideState.CHANGED, SideState.DELETED:
                if self.rules.conflicts is ConflictPolicy.REMOTE_WINS:
                    return self.delete(Side.LOCAL, Reason.DELETE_BEATS_CHANGE, loser=Side.LOCAL)
                return self.transfer(Side.LOCAL, Reason.CHANGE_BEATS_DELETE)
            case SideState.DELETED, SideState.CHANGED:
                if self.rules.conflicts is ConflictPolicy.LOCAL_WINS and self.rules.delete_orphaned is not False:
                    return self.delete(Side.REMOTE, Reason.DELETE_BEATS_CHANGE, loser=Side.REMOTE)
                return self.transfer(Side.REMOTE, Reason.CHANGE_BEATS_DELETE)
            case SideState.CHANGED, _:
                return self.transfer(Side.LOCAL, Reason.CHANGED_LOCAL if self.base else Reason.NEW_LOCAL)
            case _, SideState.CHANGED:
                return self.transfer(Side.REMOTE, Reason.CHANGED_REMOTE if self.base else Reason.NEW_REMOTE)
            case SideState.DELETED, SideState.SAME:
                # The row of the baseline stays: it remembers that the object is not wanted here.
                if self.rules.delete_orphaned is False:
                    return IN_SYNC
                return self.delete(Side.REMOTE, Reason.DELETED_LOCAL)
            case SideState.SAME, SideState.DELETED:
                return self.delete(Side.LOCAL, Reason.DELETED_REMOTE)
            case _:
                raise _no_rule(mine, theirs)

    def conflict(self) -> Outcome:
        """Both sides changed the key, to different content."""
        assert self.local is not None and self.remote is not None
        match self.rules.conflicts:
            case ConflictPolicy.LOCAL_WINS:
                return self.transfer(Side.LOCAL, Reason.CONFLICT_LOCAL_WINS, loser=Side.REMOTE)
            case ConflictPolicy.REMOTE_WINS:
                return self.transfer(Side.REMOTE, Reason.CONFLICT_REMOTE_WINS, loser=Side.LOCAL)
            case ConflictPolicy.NEWEST_WINS:
                if self.remote.mtime_ns is None and self.remote.metadata is None:
                    return NeedsEvidence(Evidence.REMOTE_STAT)
                mine, theirs = self.local.mtime_ns, _clamp_time(self.remote.mtime_ns or self.remote.modified_ns)
                # A file or object of 1970 is one whose time nobody knows.
                if not mine or not theirs or mine == theirs:
                    return self._keep_both()
                if mine > theirs:
                    return self.transfer(Side.LOCAL, Reason.CONFLICT_LOCAL_NEWER, loser=Side.REMOTE)
                return self.transfer(Side.REMOTE, Reason.CONFLICT_REMOTE_NEWER, loser=Side.LOCAL)
            case ConflictPolicy.KEEP_BOTH:
                return self._keep_both()
            case ConflictPolicy.ASK:
                return self.leave_unresolved(Reason.CONFLICT)

    def _keep_both(self) -> Operation:
        return self.operation(Action.KEEP_BOTH, Reason.CONFLICT)

    def one_way(self, truth: Side, source: SideState, receiver: SideState) -> Outcome:
        """One side is the truth. Not both are same, not both are gone, not both changed to the same."""
        up = truth is Side.LOCAL
        overrules = self.rules.conflicts is (ConflictPolicy.LOCAL_WINS if up else ConflictPolicy.REMOTE_WINS)
        edited = Reason.REMOTE_EDIT_OF_UP if up else Reason.LOCAL_EDIT_OF_DOWN
        overruled = Reason.OVERRULED_REMOTE_EDIT if up else Reason.OVERRULED_LOCAL_EDIT
        match source, receiver:
            case ((SideState.CHANGED | SideState.SAME), SideState.CHANGED):
                return (
                    self.transfer(truth, overruled, loser=truth.other) if overrules else self.leave_unresolved(edited)
                )
            case SideState.CHANGED, _:
                if self.base is None:
                    return self.transfer(truth, Reason.NEW_LOCAL if up else Reason.NEW_REMOTE)
                return self.transfer(truth, Reason.CHANGED_LOCAL if up else Reason.CHANGED_REMOTE)
            case SideState.SAME, SideState.DELETED:
                return self.transfer(truth, Reason.MISSING_REMOTE if up else Reason.MISSING_LOCAL)
            case SideState.DELETED, SideState.CHANGED:
                if self.rules.delete_orphaned and overrules:
                    return self.delete(truth.other, overruled, loser=truth.other)
                return self.leave_unresolved(edited)
            case SideState.ABSENT, SideState.CHANGED:
                if self.rules.delete_orphaned:
                    orphan = Reason.ORPHAN_REMOTE if up else Reason.ORPHAN_LOCAL
                    return self.delete(truth.other, orphan, loser=truth.other)
                return IN_SYNC
            case SideState.DELETED, SideState.SAME:
                if self.rules.delete_orphaned:
                    return self.delete(truth.other, Reason.DELETED_LOCAL if up else Reason.DELETED_REMOTE)
                return IN_SYNC
            case _:
                raise _no_rule(source, receiver)


def _no_rule(first: SideState, second: SideState) -> AssertionError:
    """Return the error for two states that the tables do not have. With `python -O` too, no rule deletes."""
    return AssertionError(f"no rule for {first.name} and {second.name}")


def _clamp_time(time_ns: int) -> int:
    """Return a time as manifests keep that of a local file, so that two which are cut are not told apart."""
    return max(-_LAST_NS, min(time_ns, _LAST_NS))
