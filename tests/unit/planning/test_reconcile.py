"""The table of `reconcile`, row by row: what happens to one key under every rule there is.

Contents are tokens: `1` is what both sides agreed on, `2` and `3` are edits, `.` is nothing. `2@9` was modified nine
seconds after 1970. The first line that fits a situation and its rules says what comes out of it.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from buckia_core.planning import reconcile as reconcile_module
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.policy import ConflictPolicy, Direction, Side, SyncRules
from buckia_core.planning.reconcile import IN_SYNC, InSync, SideState, reconcile
from buckia_core.testing import m

TABLE = """
local remote base  direction  orphans      policy       outcome

# nothing moved, or both sides moved to the same place
1     1      1     any        any          any          nothing
2     2      1     any        any          any          adopt: SAME_CONTENT
2     2      .     any        any          any          adopt: SAME_CONTENT
.     .      1     any        any          any          forget: DELETED_BOTH

# both ways: one side moved
2     1      1     both       any          any          upload: CHANGED_LOCAL
2     .      .     both       any          any          upload: NEW_LOCAL
1     2      1     both       any          any          download: CHANGED_REMOTE
.     2      .     both       any          any          download: NEW_REMOTE
.     1      1     both       false        any          nothing
.     1      1     both       any          any          delete_remote: DELETED_LOCAL
1     .      1     both       any          any          delete_local: DELETED_REMOTE

# both ways: both sides moved
2     .      1     both       any          remote_wins  delete_local: DELETE_BEATS_CHANGE, local loses
2     .      1     both       any          any          upload: CHANGE_BEATS_DELETE
.     2      1     both       false        any          download: CHANGE_BEATS_DELETE
.     2      1     both       any          local_wins   delete_remote: DELETE_BEATS_CHANGE, remote loses
.     2      1     both       any          any          download: CHANGE_BEATS_DELETE
2     3      1     both       any          local_wins   upload: CONFLICT_LOCAL_WINS, remote loses
2     3      1     both       any          remote_wins  download: CONFLICT_REMOTE_WINS, local loses
2@9   3@5    1     both       any          newest_wins  upload: CONFLICT_LOCAL_NEWER, remote loses
2@5   3@9    1     both       any          newest_wins  download: CONFLICT_REMOTE_NEWER, local loses
2     3      1     both       any          ask          conflict: CONFLICT
2     3      1     both       any          any          keep_both: CONFLICT
2     3      .     both       any          local_wins   upload: CONFLICT_LOCAL_WINS, remote loses
2     3      .     both       any          remote_wins  download: CONFLICT_REMOTE_WINS, local loses
2@9   3@5    .     both       any          newest_wins  upload: CONFLICT_LOCAL_NEWER, remote loses
2@5   3@9    .     both       any          newest_wins  download: CONFLICT_REMOTE_NEWER, local loses
2     3      .     both       any          ask          conflict: CONFLICT
2     3      .     both       any          any          keep_both: CONFLICT

# up: the folder is the truth
2     1      1     up         any          any          upload: CHANGED_LOCAL
2     .      .     up         any          any          upload: NEW_LOCAL
2     .      1     up         any          any          upload: CHANGED_LOCAL
1     .      1     up         any          any          upload: MISSING_REMOTE
1     2      1     up         any          local_wins   upload: OVERRULED_REMOTE_EDIT, remote loses
1     2      1     up         any          any          conflict: REMOTE_EDIT_OF_UP
2     3      1     up         any          local_wins   upload: OVERRULED_REMOTE_EDIT, remote loses
2     3      1     up         any          any          conflict: REMOTE_EDIT_OF_UP
2     3      .     up         any          local_wins   upload: OVERRULED_REMOTE_EDIT, remote loses
2     3      .     up         any          any          conflict: REMOTE_EDIT_OF_UP
.     1      1     up         true         any          delete_remote: DELETED_LOCAL
.     1      1     up         any          any          nothing
.     2      1     up         true         local_wins   delete_remote: OVERRULED_REMOTE_EDIT, remote loses
.     2      1     up         any          any          conflict: REMOTE_EDIT_OF_UP
.     2      .     up         true         any          delete_remote: ORPHAN_REMOTE, remote loses
.     2      .     up         any          any          nothing

# down: the bucket is the truth
1     2      1     down       any          any          download: CHANGED_REMOTE
.     2      .     down       any          any          download: NEW_REMOTE
.     2      1     down       any          any          download: CHANGED_REMOTE
.     1      1     down       any          any          download: MISSING_LOCAL
2     1      1     down       any          remote_wins  download: OVERRULED_LOCAL_EDIT, local loses
2     1      1     down       any          any          conflict: LOCAL_EDIT_OF_DOWN
2     3      1     down       any          remote_wins  download: OVERRULED_LOCAL_EDIT, local loses
2     3      1     down       any          any          conflict: LOCAL_EDIT_OF_DOWN
2     3      .     down       any          remote_wins  download: OVERRULED_LOCAL_EDIT, local loses
2     3      .     down       any          any          conflict: LOCAL_EDIT_OF_DOWN
1     .      1     down       true         any          delete_local: DELETED_REMOTE
1     .      1     down       any          any          nothing
2     .      1     down       true         remote_wins  delete_local: OVERRULED_LOCAL_EDIT, local loses
2     .      1     down       any          any          conflict: LOCAL_EDIT_OF_DOWN
2     .      .     down       true         any          delete_local: ORPHAN_LOCAL, local loses
2     .      .     down       any          any          nothing
"""

LINES = [line.split(maxsplit=6) for line in TABLE.splitlines()[2:] if line and not line.startswith("#")]
TIMED = [(local, remote, base) for local, remote in [("2@9", "3@5"), ("2@5", "3@9"), ("2@5", "3@5")] for base in "1."]
SITUATIONS = list(dict.fromkeys((line[0], line[1], line[2]) for line in LINES)) + TIMED[-2:]
ORPHANS = {"unset": None, "true": True, "false": False}
EVERY_RULE = list(product(Direction, ORPHANS, ConflictPolicy))


Entries = tuple[LocalEntry | None, RemoteObject | None, BaselineEntry | None]


def entries(local: str, remote: str, base: str, key: str = "a") -> Entries:
    """Return the three entries of one key; all content is known, and so is the time of the object."""

    def one(token: str):
        return m(f"{key}={token}") if token != "." else m()

    found_local = next(iter(one(local).hashed()), None)
    found_remote = next(iter(one(remote).remote()), None)
    found_base = next(iter(one(base).base()), None)
    if found_remote is not None:
        found_remote = found_remote._replace(mtime_ns=found_remote.modified_ns, metadata={})
    return found_local, found_remote, found_base


def describe(outcome: object) -> str:
    match outcome:
        case InSync():
            return "nothing"
        case Operation(action, reason=reason, loser=loser):
            text = f"{action.value}: {reason.name}"
            return text + (f", {loser.value} loses" if loser else "")
        case _:
            return repr(outcome)


def fits(said: str, is_so: str) -> bool:
    return said in ("any", is_so)


def line_for(situation: tuple[str, ...], direction: Direction, orphans: str, policy: ConflictPolicy) -> int:
    """Return which line of the table holds; one without times stands for every time that no other line names."""
    untimed = tuple(token.split("@")[0] for token in situation)
    for wanted in (situation, untimed):
        for index, (*tokens, said_direction, said_orphans, said_policy, _) in enumerate(LINES):
            if (
                tuple(tokens) == wanted
                and fits(said_direction, direction.value)
                and fits(said_orphans, orphans)
                and fits(said_policy, policy.value)
            ):
                return index
    raise AssertionError(f"the table says nothing of {situation} {direction} {orphans} {policy}")


@pytest.mark.parametrize("situation", SITUATIONS, ids=" ".join)
def test_every_row_under_every_rule(situation):
    found, wanted = {}, {}
    for direction, orphans, policy in EVERY_RULE:
        if policy is ConflictPolicy.NEWEST_WINS and situation in {("2", "3", "1"), ("2", "3", ".")}:
            continue  # without times there is no newer one; the lines with times are about that
        rule = f"{direction.value} {orphans} {policy.value}"
        rules = SyncRules(direction=direction, conflict_policy=policy, delete_orphaned=ORPHANS[orphans])
        found[rule] = describe(reconcile("a", "", *entries(*situation), rules))
        wanted[rule] = LINES[line_for(situation, direction, orphans, policy)][6]
    assert found == wanted


def test_the_table_has_every_situation():
    """Of contents that are the agreed one, one edit and another edit, which are interchangeable, all are there."""
    named = {tuple(token.split("@")[0] for token in situation) for situation in SITUATIONS}
    possible = set(product(".12", ".123", ".1"))
    canonical = {
        (local, remote, base)
        for local, remote, base in possible
        if (local, remote, base) != (".", ".", ".")
        and (base == "1" or "1" not in (local, remote))  # without a baseline, `1` is a name like any other
        and (remote != "3" or local == "2")
    }
    assert named == canonical


def test_every_line_of_the_table_is_met():
    met = {line_for(situation, *rule) for situation in SITUATIONS for rule in EVERY_RULE}
    assert met == set(range(len(LINES)))


# --- symmetry ----------------------------------------------------------------------------------------------

MIRRORED_ACTION = {
    Action.UPLOAD: Action.DOWNLOAD,
    Action.DOWNLOAD: Action.UPLOAD,
    Action.DELETE_LOCAL: Action.DELETE_REMOTE,
    Action.DELETE_REMOTE: Action.DELETE_LOCAL,
}
MIRRORED_RULE: dict[object, object] = {
    Direction.UP: Direction.DOWN,
    Direction.DOWN: Direction.UP,
    ConflictPolicy.LOCAL_WINS: ConflictPolicy.REMOTE_WINS,
    ConflictPolicy.REMOTE_WINS: ConflictPolicy.LOCAL_WINS,
    Side.LOCAL: Side.REMOTE,
    Side.REMOTE: Side.LOCAL,
    Reason.OVERRULED_LOCAL_EDIT: Reason.OVERRULED_REMOTE_EDIT,
    Reason.OVERRULED_REMOTE_EDIT: Reason.OVERRULED_LOCAL_EDIT,
    Reason.LOCAL_EDIT_OF_DOWN: Reason.REMOTE_EDIT_OF_UP,
    Reason.REMOTE_EDIT_OF_UP: Reason.LOCAL_EDIT_OF_DOWN,
}


def mirrored(thing: Any) -> Any:
    return MIRRORED_RULE.get(thing, thing)


def mirrored_reason(reason: Reason) -> Reason:
    special = MIRRORED_RULE.get(reason)
    if isinstance(special, Reason):
        return special
    for one, other in (("LOCAL", "REMOTE"), ("REMOTE", "LOCAL")):
        if one in reason.name:
            return Reason[reason.name.replace(one, other)]
    return reason


@pytest.mark.parametrize("orphans", [None, True])
@pytest.mark.parametrize("situation", SITUATIONS, ids=" ".join)
def test_p14_swapped_sides_give_the_mirrored_result(situation, orphans):
    """`delete_orphaned: false` is about the bucket alone, so it has no mirror."""
    local, remote, base = situation
    for direction, policy in product(Direction, ConflictPolicy):
        rules = SyncRules(direction=direction, conflict_policy=policy, delete_orphaned=orphans)
        swapped = SyncRules(direction=mirrored(direction), conflict_policy=mirrored(policy), delete_orphaned=orphans)
        outcome = reconcile("a", "", *entries(local, remote, base), rules)
        mirror = reconcile("a", "", *entries(remote, local, base), swapped)
        if isinstance(outcome, InSync):
            assert mirror == outcome
            continue
        assert isinstance(outcome, Operation) and isinstance(mirror, Operation)
        assert mirror.action is MIRRORED_ACTION.get(outcome.action, outcome.action)
        assert mirror.loser is mirrored(outcome.loser)
        assert mirror.reason is mirrored_reason(outcome.reason)


# --- what the outcome carries ------------------------------------------------------------------------------


def test_an_operation_carries_the_state_it_was_planned_under():
    found_local, found_remote, found_base = entries("2", "1", "1")
    found_base = found_base and found_base._replace(mapping_id="docs")
    operation = reconcile("a", "docs", found_local, found_remote, found_base, SyncRules())
    assert isinstance(operation, Operation)
    assert (operation.key, operation.mapping_id) == ("a", "docs")
    assert (operation.local, operation.remote, operation.base) == (found_local, found_remote, found_base)


def test_in_step_without_a_trace_is_not_refreshed():
    assert reconcile("a", "", *entries("1", "1", "1"), SyncRules()) is IN_SYNC


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("found", [(SideState.SAME, SideState.ABSENT), (SideState.ABSENT, SideState.SAME)])
def test_states_that_no_rule_has_delete_nothing(monkeypatch, direction, found):
    monkeypatch.setattr(reconcile_module, "local_state", lambda *_: found[0])
    monkeypatch.setattr(reconcile_module, "remote_state", lambda *_: found[1])
    rules = SyncRules(direction=direction, delete_orphaned=True)
    with pytest.raises(AssertionError, match="no rule for"):
        reconcile("a", "", *entries("1", "1", "1"), rules)


# --- rows that do not prove a deletion ---------------------------------------------------------------------

UNPROVEN = {
    # local, remote, base: what a row says that was out of scope, and what the row of another mapping says
    "missing here": (("", "a=1", "a=1"), "download: NEW_REMOTE", "download: NEW_REMOTE"),
    "missing there": (("a=1", "", "a=1"), "upload: NEW_LOCAL", "upload: NEW_LOCAL"),
    "missing here, changed there": (("", "a=2", "a=1"), "download: NEW_REMOTE", "download: NEW_REMOTE"),
    "missing on both sides": (("", "", "a=1"), "forget: DELETED_BOTH", "forget: DELETED_BOTH"),
    "as it was": (("a=1", "a=1", "a=1"), "in step", "in step"),
    "touched": (("a=1@5", "a=1", "a=1"), "in step", "in step"),
    "changed there": (("a=1", "a=2", "a=1"), "download: CHANGED_REMOTE", "download: CHANGED_REMOTE"),
    # The file of another mapping is another file, so what the bucket has is nobody's earlier version of it.
    "changed here": (("a=2", "a=1", "a=1"), "upload: CHANGED_LOCAL", "keep_both: CONFLICT"),
    "changed on both sides": (("a=2", "a=3", "a=1"), "keep_both: CONFLICT", "keep_both: CONFLICT"),
    "changed on both sides alike": (("a=2", "a=2", "a=1"), "adopt: SAME_CONTENT", "adopt: SAME_CONTENT"),
}


def unproven(sides: tuple[str, str, str], rules: SyncRules, **changes: Any) -> tuple[str, Operation | InSync]:
    local, remote, base = sides
    here = next(iter(m(local).hashed("m")), None)
    there = next(iter(m(remote).remote()), None)
    outcome = reconcile("a", "m", here, there, m(base).base("m")[0]._replace(**changes), rules)
    assert isinstance(outcome, Operation | InSync)
    if isinstance(outcome, InSync):
        assert outcome.refresh, "the row has to be renewed"
        return "in step", outcome
    return f"{outcome.action.value}: {outcome.reason.name}", outcome


@pytest.mark.parametrize(("sides", "out_of_scope", "of_another"), UNPROVEN.values(), ids=UNPROVEN)
def test_a_row_that_proves_no_deletion(sides, out_of_scope, of_another):
    assert unproven(sides, SyncRules(), out_of_scope=True)[0] == out_of_scope
    assert unproven(sides, SyncRules(), mapping_id="other")[0] == of_another
    assert unproven(sides, SyncRules(), mapping_id="other", out_of_scope=True)[0] == of_another


@pytest.mark.parametrize("policy", list(ConflictPolicy))
@pytest.mark.parametrize("changes", [{"out_of_scope": True}, {"mapping_id": "other"}])
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("orphans", [None, False])
def test_no_policy_makes_a_deletion_of_it(policy, changes, direction, orphans):
    rules = SyncRules(direction=direction, conflict_policy=policy, delete_orphaned=orphans)
    for sides, _, _ in UNPROVEN.values():
        if all(sides):
            continue
        outcome = reconcile_of(sides, rules, changes)
        assert not isinstance(outcome, Operation) or outcome.action in (Action.UPLOAD, Action.DOWNLOAD, Action.FORGET)


def reconcile_of(sides: tuple[str, str, str], rules: SyncRules, changes: dict[str, Any]) -> object:
    local, remote, base = sides
    here, there = next(iter(m(local).hashed("m")), None), next(iter(m(remote).remote()), None)
    return reconcile("a", "m", here, there, m(base).base("m")[0]._replace(**changes), rules)


def test_a_path_that_goes_up_deploys_from_another_folder_and_keeps_what_it_replaces():
    rules = SyncRules(direction=Direction.UP)
    outcome, operation = unproven(("a=2", "a=1", "a=1"), rules, mapping_id="other")
    assert outcome == "upload: CHANGED_LOCAL" and isinstance(operation, Operation)
    assert operation.loser is Side.REMOTE
    assert unproven(("a=2", "a=3", "a=1"), rules, mapping_id="other")[0] == "conflict: REMOTE_EDIT_OF_UP"


# --- what is not known -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local_ns", "mtime", "modified", "action"),
    [
        (9, 5, 0, Action.UPLOAD),
        (9, None, 5, Action.UPLOAD),
        (9, None, 0, Action.KEEP_BOTH),  # the provider told no time at all
        (9, 0, 5, Action.UPLOAD),
        (0, 5, 5, Action.KEEP_BOTH),  # an archive without times left the file so
        (5, 5, 9, Action.KEEP_BOTH),
    ],
)
def test_newest_wins_keeps_both_where_a_time_is_not_known(local_ns, mtime, modified, action):
    here, there, base = entries("2", "3", "1")
    assert here is not None and there is not None
    here, there = here._replace(mtime_ns=local_ns), there._replace(mtime_ns=mtime, modified_ns=modified, metadata={})
    outcome = reconcile("a", "", here, there, base, SyncRules(conflict_policy=ConflictPolicy.NEWEST_WINS))
    assert isinstance(outcome, Operation)
    assert outcome.action is action


def test_an_object_without_a_fingerprint_is_not_taken_for_the_same():
    here, there, base = entries("1", "2", "1")
    assert there is not None and base is not None
    outcome = reconcile("a", "", here, there._replace(fingerprint=""), base._replace(fingerprint=""), SyncRules())
    assert isinstance(outcome, Operation) and outcome.reason is Reason.CHANGED_REMOTE
