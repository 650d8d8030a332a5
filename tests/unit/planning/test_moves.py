"""Moved files: one move on the server instead of a delete and an upload."""

from __future__ import annotations

from dataclasses import replace

import pytest

from buckia_core.planning.diff import align
from buckia_core.planning.moves import candidates, pair
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.policy import ConflictPolicy, Direction, Rules
from buckia_core.planning.reconcile import reconcile
from buckia_core.testing import m


def operations(local: str, remote: str, base: str, rules: Rules | None = None) -> list[Operation]:
    found = []
    for key, here, there, before in align(m(local).hashed(), m(remote).remote(), m(base).base()):
        outcome = reconcile(key, "", here, there, before, rules or Rules())
        if isinstance(outcome, Operation):
            found.append(outcome)
    return found


def words(found: list[Operation]) -> dict[str, str]:
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
    assert words(pair(operations(local, remote, base))) == expected


def test_a_move_knows_its_source():
    (move,) = pair(operations("b=1", "a=1", "a=1"))
    assert move.source == m("a=1").remote()[0]
    assert (move.reason, move.remote, move.base) == (Reason.MOVED_LOCAL, None, None)


def test_only_what_may_be_a_move_is_worth_a_hash():
    found = operations("new=22 big=333 b=1", "a=1", "a=1")
    assert [each.key for each in candidates(found)] == ["b"]


def test_a_version_that_loses_is_not_the_source_of_a_move():
    """A mirror that deletes what nobody here ever had must keep it, so it can't be taken for a rename."""
    rules = Rules(direction=Direction.UP, delete_orphaned=True, conflicts=ConflictPolicy.LOCAL_WINS)
    assert words(pair(operations("b=1", "a=1", "", rules))) == {"a": "delete_remote", "b": "upload"}


def test_what_waits_for_deletes_is_not_moved():
    """A file that became a directory of itself: where keys can't nest, its copy needs the place of its source."""
    found = operations("a/b=1", "a=1", "a=1")
    waiting = [replace(each, after_deletes=each.action is Action.UPLOAD) for each in found]
    assert words(pair(waiting)) == {"a": "delete_remote", "a/b": "upload"}
    assert candidates(waiting) == []


def test_without_digests_nothing_is_joined():
    found = [replace(each, local=each.local and each.local._replace(digests=())) for each in
             operations("b=1", "a=1", "a=1")]  # fmt: skip
    assert words(pair(found)) == {"a": "delete_remote", "b": "upload"}
