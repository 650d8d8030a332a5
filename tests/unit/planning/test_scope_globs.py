"""Patterns of a scope."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.planning.scope import Glob, Scope
from buckia_core.testing.strategies import plain_keys

PATTERNS = ["*", "**", "a*", "*b", "?", "[ab]", "[!a]*", "a/*", "*/b", "**/b", "a/**", "a/**/b", "a[", "b"]
GLOBS = st.builds(Glob, st.sampled_from(["", "a/", "a/b/", "b/"]), st.sampled_from(PATTERNS))
SCOPES = st.builds(Scope.from_names, st.lists(plain_keys(), max_size=2), st.lists(GLOBS, max_size=3))
FOLDERS = st.lists(plain_keys(), max_size=3).map(Scope.from_names)


@pytest.mark.parametrize(
    ("prefix", "pattern", "covered", "not_covered"),
    [
        ("", "*.png", ["a.png", ".png", "a.png/below"], ["a/b.png", "a.jpg", "png"]),
        ("images/", "*.png", ["images/a.png"], ["a.png", "images/x/a.png", "images-2/a.png"]),
        ("", "images/**/*.jpg", ["images/a.jpg", "images/x/y/a.jpg"], ["a.jpg", "images/a.png", "x/images/a.jpg"]),
        ("", "**", ["a", "a/b"], []),
        ("", "i*", ["images", "images/a", "i"], ["a/i", "x"]),
        ("", "?.txt", ["a.txt", "é.txt"], [".txt", "ab.txt"]),
        ("", "[a-c].txt", ["b.txt"], ["d.txt"]),
        ("", "[!a-c].txt", ["d.txt"], ["b.txt"]),
        ("a[1]/", "*", ["a[1]/x"], ["a1/x"]),
        ("", "a[", [], ["a", "a["]),
        ("", "*/x", ["a/x", "a/x/y"], ["x", "a/b/x"]),
    ],
)
def test_covers(prefix, pattern, covered, not_covered):
    scope = Scope.from_names([], [Glob(prefix, pattern)])
    assert [key for key in covered if not scope.covers(key)] == []
    assert [key for key in not_covered if scope.covers(key)] == []
    assert not scope.is_everything


@pytest.mark.parametrize(
    ("pattern", "reached", "not_reached"),
    [
        ("*.png", ["a.png"], ["a", "a/b"]),
        ("a*/b", ["ab", "ab/b"], ["b", "ab/c"]),
        ("images/**/*.jpg", ["images", "images/x/y"], ["videos"]),
    ],
)
def test_a_scan_does_not_enter_where_nothing_can_match(pattern, reached, not_reached):
    scope = Scope.from_names([], [Glob("", pattern)])
    assert [directory for directory in reached if not scope.may_contain(directory)] == []
    assert [directory for directory in not_reached if scope.may_contain(directory)] == []


def test_a_listing_begins_with_what_comes_before_the_first_wildcard():
    scope = Scope.from_names(["z"], [Glob("images/", "2024*/x"), Glob("images/", "2024-05/*")])
    assert scope.ranges() == ["images/2024", "z"]


@given(SCOPES, st.sampled_from(["", "a/", "a/b/", "a-b/"]), plain_keys())
def test_ranges_hold_every_covered_key_once_and_in_order(scope, within, key):
    ranges = scope.ranges(within)
    assert ranges == sorted(ranges)
    holding = [prefix for prefix in ranges if key.startswith(prefix)]
    assert len(holding) <= 1
    if scope.covers(key) and key.startswith(within):
        assert holding


@given(SCOPES, FOLDERS, plain_keys())
def test_a_directory_that_holds_something_covered_is_reached(scope, folders, key):
    for each in (scope, folders.intersect(scope)):
        if each is not None and each.covers(key):
            parts = key.split("/")
            assert all(each.may_contain("/".join(parts[:depth])) for depth in range(len(parts)))


@given(SCOPES, FOLDERS, plain_keys())
def test_meet_covers_what_both_cover(scope, folders, key):
    for both in (folders.intersect(scope), scope.intersect(folders)):
        assert (both is not None and both.covers(key)) is (scope.covers(key) and folders.covers(key))


@given(SCOPES, SCOPES, plain_keys())
def test_join_covers_what_one_covers(one, other, key):
    assert one.union(other).covers(key) is (one.covers(key) or other.covers(key))
