"""Moved files: one move on the server instead of a delete and an upload."""

from __future__ import annotations

import pytest

from buckia_core.planning import moves
from buckia_core.planning.digest import Comparison, Digest, Digests, compare
from buckia_core.planning.merge_join import merge_join
from buckia_core.planning.moves import (
    blocked_moves,
    detect_moves,
    find_moved_keys,
    find_possible_moves,
    hold_move_sources,
    move_candidates,
)
from buckia_core.planning.path_collisions import PathCollisionDetector
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.policy import ConflictPolicy, Direction, Side, SyncRules
from buckia_core.planning.reconcile import reconcile
from buckia_core.testing import m


def operations(local: str, remote: str, base: str, rules: SyncRules | None = None) -> list[Operation]:
    found = []
    for key, here, there, before in merge_join(m(local).hashed(), m(remote).remote(), m(base).base()):
        outcome = reconcile(key, "", here, there, before, rules or SyncRules())
        if isinstance(outcome, Operation):
            found.append(outcome)
    return found


def describe(found: list[Operation]) -> dict[str, str]:
    return {
        each.key: f"move {each.detail}" if each.action is Action.MOVE_REMOTE else each.action.value for each in found
    }


CASES = {
    "renamed": ("b=long", "a=long", "a=long", {"b": "move from a"}),
    "into a directory": ("d/a=long", "a=long", "a=long", {"d/a": "move from a"}),
    "renamed and edited": ("b=other", "a=long", "a=long", {"a": "delete_remote", "b": "upload"}),
    "of the same size, other content": ("b=gnol", "a=long", "a=long", {"a": "delete_remote", "b": "upload"}),
    "two of one content": ("c=1 d=1", "a=1 b=1", "a=1 b=1", {"c": "move from a", "d": "move from b"}),
    "one becomes two": ("b=1 c=1", "a=1", "a=1", {"b": "move from a", "c": "upload"}),
    "copied, and the first one stays": ("a=1 b=1", "a=1", "a=1", {"b": "upload"}),
    "empty ones": ("b=", "a=", "a=", {"a": "delete_remote", "b": "upload"}),
    "onto a name that was taken": ("b=1", "a=1 b=2", "a=1 b=2", {"a": "delete_remote", "b": "upload"}),
    "moved in the bucket": ("a=1", "b=1", "a=1", {"a": "delete_local", "b": "download"}),
    "edited there": ("b=1", "a=2", "a=1", {"a": "download", "b": "upload"}),
}


@pytest.mark.parametrize(("local", "remote", "base", "expected"), CASES.values(), ids=CASES)
def test_moves(local, remote, base, expected):
    assert describe(detect_moves(operations(local, remote, base))) == expected


def test_a_move_knows_its_source():
    (move,) = detect_moves(operations("b=1", "a=1", "a=1"))
    assert move.source == m("a=1").remote()[0]
    assert (move.reason, move.remote, move.base) == (Reason.MOVED_LOCAL, None, None)


def test_only_what_may_be_a_move_is_worth_a_hash():
    found = operations("new=22 big=333 b=1", "a=1", "a=1")
    assert [each.key for each in move_candidates(found)] == ["b"]


def test_a_version_that_loses_is_not_the_source_of_a_move():
    """A mirror that deletes what nobody here ever had must keep it, so it can't be taken for a rename."""
    rules = SyncRules(direction=Direction.UP, delete_orphaned=True, conflict_policy=ConflictPolicy.LOCAL_WINS)
    assert describe(detect_moves(operations("b=1", "a=1", "", rules))) == {"a": "delete_remote", "b": "upload"}


def test_what_waits_for_deletes_is_not_moved():
    """A file that became a directory of itself: where keys can't nest, its copy needs the place of its source."""
    found = operations("a/b=1", "a=1", "a=1")
    waiting = [each._replace(after_deletes=each.action is Action.UPLOAD) for each in found]
    assert describe(detect_moves(waiting)) == {"a": "delete_remote", "a/b": "upload"}
    assert move_candidates(waiting) == []


def test_without_digests_nothing_is_joined():
    found = [each._replace(local=each.local and each.local._replace(digests=())) for each in
             operations("b=1", "a=1", "a=1")]  # fmt: skip
    assert describe(detect_moves(found)) == {"a": "delete_remote", "b": "upload"}


def test_pairing_compares_each_file_a_few_times_however_many_have_its_size(monkeypatch):
    """Two thousand renamed files of one size, in the worst order for a search."""
    comparisons = []

    def counted(a: Digests, b: Digests) -> Comparison:
        comparisons.append((a, b))
        return compare(a, b)

    monkeypatch.setattr(moves, "compare", counted)
    count = 2000
    before = " ".join(f"old/{n:04}={n:04}" for n in range(count))
    after = " ".join(f"new/{count - 1 - n:04}={n:04}" for n in range(count))
    joined = detect_moves(operations(after, before, before))
    assert len(joined) == count and {each.action for each in joined} == {Action.MOVE_REMOTE}
    assert all(each.detail == f"from old/{count - 1 - int(each.key[4:]):04}" for each in joined)
    assert len(comparisons) <= 2 * count


# --- moves that are blocked --------------------------------------------------------------------------------


def held(local: str, remote: str, base: str, rules: SyncRules | None = None) -> dict[str, str]:
    found = {each.key: each for each in operations(local, remote, base, rules)}
    structure = PathCollisionDetector()
    for key, here, there, _ in merge_join(m(local).hashed(), m(remote).remote(), m(base).base()):
        structure.add(key, here, there)
    structure.resolve(found)
    joined = detect_moves(hold_move_sources([found[key] for key in sorted(found)]))
    return {
        each.key: f"held for {each.detail}" if each.reason is Reason.MOVE_BLOCKED else describe([each])[each.key]
        for each in joined
    }


ASK = SyncRules(conflict_policy=ConflictPolicy.ASK)
BLOCKED = {
    "into a directory that is a file there": (
        ("z/b=only", "c/b=only z=their", "c/b=only", None),
        {"z": "conflict", "z/b": "conflict", "c/b": "held for z/b"},
    ),
    "onto a name that is new there": (
        ("b=only", "a=only b=theirs", "a=only", ASK),
        {"b": "conflict", "a": "held for b"},
    ),
    "of another content than the conflict": (
        ("b=mine", "a=only b=theirs", "a=only", ASK),
        {"b": "conflict", "a": "delete_remote"},
    ),
    "with both versions kept, so that it gets there": (
        ("b=only", "a=only b=theirs", "a=only", None),
        {"b": "keep_both", "a": "delete_remote"},
    ),
    "moved there onto a conflict here": (
        ("a=only b=mine", "b=only", "a=only", ASK),
        {"b": "conflict", "a": "held for b"},
    ),
    "deleted, beside a conflict over a file that had the same content all along": (
        ("b=same", "a=same b=theirs", "a=same b=same", SyncRules(direction=Direction.UP, delete_orphaned=True)),
        {"a": "delete_remote", "b": "conflict"},
    ),
    "deleted, beside a conflict over an edit": (
        ("b=mine", "a=mine b=theirs", "a=mine b=also", ASK),
        {"a": "held for b", "b": "conflict"},
    ),
    "deleted, and a conflict elsewhere": (
        ("b=mine", "a=other-size b=theirs", "a=other-size", ASK),
        {"b": "conflict", "a": "delete_remote"},
    ),
}


@pytest.mark.parametrize(("sides", "expected"), BLOCKED.values(), ids=BLOCKED)
def test_a_blocked_move_leaves_its_source(sides, expected):
    assert held(*sides) == expected


def test_a_held_source_is_no_failure():
    (source,) = [
        each for each in hold_move_sources(operations("b=only", "a=only b=theirs", "a=only", ASK)) if each.key == "a"
    ]
    assert source.action is Action.SKIP
    assert source.explanation == "not deleted, since its content was moved to a key that is not in step: b"


def unread(found: list[Operation]) -> list[Operation]:
    return [each._replace(local=each.local and each.local._replace(digests=())) for each in found]


def test_only_what_may_have_been_moved_is_worth_a_hash():
    found = unread(operations("b=only c=longer", "a=only b=theirs c=x", "a=only", ASK))
    assert [each.key for each in blocked_moves(found)] == ["b"]


@pytest.mark.parametrize(("size", "action"), [("same", Action.SKIP), ("longer", Action.DELETE_REMOTE)])
def test_what_can_not_be_read_may_be_the_moved_file(size, action):
    found = unread(operations(f"b={size}", "a=only b=theirs", "a=only", ASK))
    assert {each.key: each.action for each in hold_move_sources(found)}["a"] is action


def test_a_source_of_unknown_content_may_be_any_file_of_its_size():
    found = operations("b=mine", "a=only b=theirs", "a=only?", ASK)
    assert {each.key: each.action for each in hold_move_sources(found)}["a"] is Action.SKIP


# --- what is no loss ---------------------------------------------------------------------------------------


def test_what_moved_on_the_other_machine_is_accounted_for():
    found = operations("d/a=one d/b=two", "e/a=one e/b=six", "d/a=one d/b=two")
    assert find_moved_keys(found, Side.LOCAL) == {"d/a"}
    assert find_moved_keys(found, Side.REMOTE) == set()


def test_what_moved_here_is_accounted_for_where_nothing_is_copied():
    found = operations("e/a=one e/b=six", "d/a=one d/b=two", "d/a=one d/b=two")
    assert find_moved_keys(found, Side.REMOTE) == {"d/a"}


def test_what_arrives_without_a_digest_is_uncertain():
    found = operations("d/a=one d/b=four", "e/a=one? e/b=sixty?", "d/a=one d/b=four")
    blind = [each._replace(remote=each.remote and each.remote._replace(fingerprint=f"of {each.key}")) for each in found]
    assert [each.key for each in find_possible_moves(blind, Side.LOCAL)] == ["e/a"]
    told = (Digest("sha256", m("x=one").items[0].sha256),)
    looked_at = [
        each._replace(remote=each.remote and each.remote._replace(digests=told if each.key == "e/a" else ()))
        for each in blind
    ]
    assert find_moved_keys(looked_at, Side.LOCAL) == {"d/a"}


def test_where_all_is_accounted_for_nothing_is_uncertain():
    found = operations("d/a=one", "e/a=one", "d/a=one")
    assert find_possible_moves(found, Side.LOCAL) == []
