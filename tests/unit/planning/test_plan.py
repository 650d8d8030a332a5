"""A plan is data."""

from __future__ import annotations

import pickle

import pytest

from buckia_core.planning.plan import CONFLICT_REASONS, Action, Operation, Plan, Reason
from buckia_core.planning.policy import Side
from buckia_core.testing import m

LOCAL, REMOTE, BASE = m("a=333").hashed()[0], m("a=4444").remote()[0], m("a=22").base()[0]


def operation(action: Action, reason: Reason = Reason.NEW_LOCAL, **more: object) -> Operation:
    return Operation(action, "a", "root", reason, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("action", "size"),
    [(Action.UPLOAD, 3), (Action.DELETE_LOCAL, 3), (Action.DOWNLOAD, 4), (Action.DELETE_REMOTE, 4), (Action.ADOPT, 3)],
)
def test_size_is_that_of_the_version_that_is_transferred_or_deleted(action, size):
    assert operation(action, local=LOCAL, remote=REMOTE, base=BASE).size == size


def test_size_of_what_is_gone():
    assert operation(Action.FORGET, base=BASE).size == 2
    assert operation(Action.SKIP).size == 0


def test_the_explanation_has_the_detail():
    assert operation(Action.REFUSE, Reason.REFUSED_KEY, detail="it is empty").explanation == "refused: it is empty"
    assert operation(Action.UPLOAD).explanation == "new here"


@pytest.mark.parametrize("action", Action)
def test_only_a_conflict_waits_for_a_decision(action):
    assert operation(action).unresolved is (action is Action.CONFLICT)


def test_operations_travel_between_processes():
    planned = operation(Action.UPLOAD, local=LOCAL, remote=REMOTE, base=BASE, loser=Side.REMOTE, source=REMOTE)
    assert pickle.loads(pickle.dumps(planned)) == planned


def test_count():
    plan = Plan([operation(Action.UPLOAD), operation(Action.UPLOAD), operation(Action.FORGET)])
    assert plan.count() == {Action.UPLOAD: 2, Action.FORGET: 1}
    assert list(plan) == plan.operations


def test_every_reason_of_a_conflict_counts_as_one():
    conflicts = {reason for reason in Reason if "both sides: " in reason.value or "wins" in reason.name.lower()}
    assert conflicts - CONFLICT_REASONS == set()
    assert Reason.CHANGE_BEATS_DELETE not in CONFLICT_REASONS
