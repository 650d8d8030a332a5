"""Which part of a bucket takes part."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.planning.scope import Scope
from buckia_core.testing.strategies import plain_keys

SCOPES = st.lists(plain_keys(), max_size=4).map(Scope.from_names)


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ([], ()),
        (["images/"], ("images",)),
        (["b", "a"], ("a", "b")),
        (["a", "a/b", "a-b"], ("a", "a-b")),
        (["a", "a"], ("a",)),
        (["a", ""], ()),
        (["/"], ()),
    ],
)
def test_names_are_put_in_order_and_none_is_inside_another(names, kept):
    assert Scope.from_names(names).names == kept


@pytest.mark.parametrize(
    ("names", "covered", "not_covered"),
    [
        ([], ["a", "b/c"], []),
        (["a"], ["a", "a/b", "a/b/c"], ["a-b", "a.txt", "a0", "b", "A"]),
        (["a/b.txt"], ["a/b.txt"], ["a", "a/b", "a/b.txt2"]),
        (["a", "a-b"], ["a/x", "a-b/x", "a-b"], ["a-c", "a.txt"]),
    ],
)
def test_covers(names, covered, not_covered):
    scope = Scope.from_names(names)
    assert [key for key in covered if not scope.covers(key)] == []
    assert [key for key in not_covered if scope.covers(key)] == []


@pytest.mark.parametrize(
    ("names", "directory", "answer"),
    [
        ([], "x", True),
        (["a/b"], "", True),
        (["a/b"], "a", True),
        (["a/b"], "a/b", True),
        (["a/b"], "a/b/c", True),
        (["a/b"], "a/c", False),
        (["a/b"], "a/bc", False),
    ],
)
def test_may_contain(names, directory, answer):
    assert Scope.from_names(names).may_contain(directory) is answer


@pytest.mark.parametrize(
    ("names", "within", "ranges"),
    [
        ([], "", [""]),
        ([], "data/", ["data/"]),
        (["a", "b"], "", ["a", "b"]),
        (["a", "a-b"], "", ["a"]),  # the wider one holds the other
        (["data"], "data/", ["data/"]),
        (["data/a", "other"], "data/", ["data/a"]),
        (["other"], "data/", []),
        (["dat"], "data/", []),
        (["data/a.txt"], "data/a.txt", ["data/a.txt"]),
    ],
)
def test_ranges(names, within, ranges):
    assert Scope.from_names(names).ranges(within) == ranges


@given(SCOPES, st.sampled_from(["", "a/", "a/b/", "a-b/"]), plain_keys())
def test_ranges_hold_every_covered_key_once_and_in_order(scope, within, key):
    ranges = scope.ranges(within)
    assert ranges == sorted(ranges)
    holding = [prefix for prefix in ranges if key.startswith(prefix)]
    assert len(holding) <= 1
    if scope.covers(key) and key.startswith(within):
        assert holding


@given(SCOPES, plain_keys())
def test_a_directory_that_holds_something_covered_is_reached(scope, key):
    if scope.covers(key):
        parts = key.split("/")
        assert all(scope.may_contain("/".join(parts[:depth])) for depth in range(len(parts)))


@given(SCOPES, SCOPES, plain_keys())
def test_meet_covers_what_both_cover(one, other, key):
    both = one.intersect(other)
    assert (both is not None and both.covers(key)) is (one.covers(key) and other.covers(key))


@given(SCOPES, st.sampled_from(["", "a/", "a/b/", "a-b/", "a"]), plain_keys())
def test_what_a_scope_covers_below_a_prefix_it_meets(scope, prefix, key):
    if scope.covers(key) and key.startswith(prefix):
        assert scope.overlaps(prefix)


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions are called, those of C included."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_of_many_names_few_are_compared():
    """A thousand paths on the command line, and as many keys."""
    names = [f"{n:04}/x" for n in range(1000)]

    def work() -> None:
        scope = Scope.from_names(names)
        assert all(scope.covers(f"{name}/y/z") and not scope.covers(f"{name}-z") for name in names)
        assert all(scope.may_contain(name[:4]) for name in names)
        assert len(scope.ranges()) == 1000 and scope.ranges("0500/") == ["0500/x"]
        assert scope.intersect(Scope.from_names(names[::2])) == Scope.from_names(names[::2])

    assert calls_of(work) < 100 * len(names)
