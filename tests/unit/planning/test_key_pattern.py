"""Patterns of keys: which keys they match, and where a listing for them begins."""

import pytest

from buckia_core.planning.key_pattern import KeyPattern, has_wildcard, parent_prefix

KEYS = "a.png b.txt .h.png d/a.png d/.x d/e/a.png d/e/f/a.png da/a.png [1].png"


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("*", "a.png b.txt .h.png [1].png"),
        ("*.png", "a.png .h.png [1].png"),
        ("?.png", "a.png"),
        ("[ab].*", "a.png b.txt"),
        ("[!a].*", "b.txt"),
        ("[[]1[]].png", "[1].png"),
        (r"\[1\].png", "[1].png"),
        ("d/*", "d/a.png d/.x"),
        ("d/*.png", "d/a.png"),
        ("d/**", "d/a.png d/.x d/e/a.png d/e/f/a.png"),
        ("d/**/a.png", "d/a.png d/e/a.png d/e/f/a.png"),
        ("**/a.png", "a.png d/a.png d/e/a.png d/e/f/a.png da/a.png"),
        ("**/e/*", "d/e/a.png"),
        ("d*/a.png", "d/a.png da/a.png"),
        ("d*/", "d/a.png d/.x d/e/a.png d/e/f/a.png da/a.png"),
        ("d/*/", "d/e/a.png d/e/f/a.png"),
        ("[ab", ""),
    ],
)
def test_what_a_pattern_matches(pattern, matching):
    found = KeyPattern(pattern)
    assert [key for key in KEYS.split() if found.matches(key)] == matching.split()


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("d*", "d/a.png d/.x d/e/a.png d/e/f/a.png da/a.png"),
        ("d/*", "d/a.png d/.x d/e/a.png d/e/f/a.png"),
        ("*.png", "a.png .h.png [1].png"),
    ],
)
def test_what_is_below_directories_that_match(pattern, matching):
    found = KeyPattern(pattern)
    assert [key for key in KEYS.split() if found.matches(key, below=True)] == matching.split()


@pytest.mark.parametrize(
    ("pattern", "prefix", "base"),
    [
        ("images/a*.png", "images/a", "images/"),
        ("*.png", "", ""),
        ("a/b/**/c", "a/b/", "a/b/"),
        ("plain", "plain", ""),
    ],
)
def test_where_a_listing_begins(pattern, prefix, base):
    assert (KeyPattern(pattern).prefix, KeyPattern(pattern).base) == (prefix, base)


def test_words_of_keys():
    assert [has_wildcard(each) for each in ("a", "a*", "a?", "[a", "a\\b")] == [False, True, True, True, True]
    assert [parent_prefix(each) for each in ("a", "a/b", "a/b/", "a/")] == ["", "a/", "a/", ""]
