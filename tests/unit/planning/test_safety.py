"""The guard against plans that delete too much."""

from __future__ import annotations

import pytest

from buckia_core.errors import SideEmptied, TooManyDeletes, UnsafePlan
from buckia_core.planning.plan import Action, Operation, Plan, Reason
from buckia_core.planning.safety import FEW, DeleteLimit, check


def plan(*, here: int = 0, there: int = 0, local: int = 100, remote: int = 100, base: int = 100) -> Plan:
    """Return a plan with so many deletions here and in the bucket, of sides and a baseline of so many entries."""
    operations = [Operation(Action.DELETE_LOCAL, f"l{n}", "", Reason.DELETED_REMOTE) for n in range(here)]
    operations += [Operation(Action.DELETE_REMOTE, f"r{n}", "", Reason.DELETED_LOCAL) for n in range(there)]
    operations += [Operation(Action.UPLOAD, "up", "", Reason.NEW_LOCAL)]
    return Plan(operations, local_count=local, remote_count=remote, base_count=base)


@pytest.mark.parametrize(
    ("deletes", "base", "refused"),
    [
        (0, 0, False),
        (9, 9, False),  # fewer than ten pass, whatever share they are
        (10, 20, False),  # half is not more than half
        (10, 19, True),
        (51, 100, True),
        (50, 100, False),
    ],
)
@pytest.mark.parametrize("side", ["here", "there"])
def test_more_than_half_and_at_least_ten(side, deletes, base, refused):
    doomed = plan(base=base, **{side: deletes})
    if refused:
        with pytest.raises(TooManyDeletes, match=f"{deletes} files would be deleted"):
            check(doomed)
    else:
        check(doomed)


def test_deletions_of_two_sides_are_not_added_up():
    check(plan(here=FEW - 1, there=FEW - 1, base=10))


@pytest.mark.parametrize(
    ("limit", "deletes", "refused"),
    [("0", 0, False), ("0", 1, True), ("5", 5, False), ("5", 6, True), ("10%", 10, False), ("10%", 11, True)],
)
def test_another_limit_replaces_the_default(limit, deletes, refused):
    doomed = plan(there=deletes, base=100)
    if refused:
        with pytest.raises(TooManyDeletes, match=f"--max-delete {limit}"):
            check(doomed, DeleteLimit.parse(limit))
    else:
        check(doomed, DeleteLimit.parse(limit))


def test_a_limit_may_allow_more_than_the_default():
    with pytest.raises(TooManyDeletes):
        check(plan(there=90))
    check(plan(there=90), DeleteLimit.parse("100%"))


@pytest.mark.parametrize("limit", [None, DeleteLimit.parse("100%")])
@pytest.mark.parametrize(
    ("emptied", "where"), [({"local": 0, "there": 1}, "local"), ({"remote": 0, "here": 1}, "bucket")]
)
def test_an_emptied_side_is_refused_whatever_the_limit(emptied, where, limit):
    with pytest.raises(SideEmptied, match=where) as caught:
        check(plan(**emptied), limit)
    assert isinstance(caught.value, UnsafePlan)
    assert "--force" in str(caught.value)


def test_an_empty_side_that_costs_nothing_is_fine():
    check(plan(local=0))  # everything is downloaded again, say
    check(plan(local=0, there=1, base=0))  # a first run of a mirror


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("25", DeleteLimit(count=25), "25"),
        ("10%", DeleteLimit(share=0.1), "10%"),
        (" 2.5 % ", DeleteLimit(share=0.025), "2.5%"),
        ("100%", DeleteLimit(share=1.0), "100%"),
    ],
)
def test_limits_are_read_and_shown(text, limit, shown):
    assert DeleteLimit.parse(text) == limit
    assert str(limit) == shown


@pytest.mark.parametrize("text", ["", "many", "-1", "101%", "1.5", "%", "10%%"])
def test_what_is_no_limit_is_named(text):
    with pytest.raises(ValueError, match="neither a number of deletions"):
        DeleteLimit.parse(text)
