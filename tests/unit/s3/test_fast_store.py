"""Which keys obstore is given: exactly those that it keeps as they are."""

from __future__ import annotations

import obstore
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from buckia_s3.fast_store import FastStore

ODD = ["a/", "/a", "a//b", "./a", "a/.", "..", "a/../b", "a\nb", "a\x7fb", "a\x85b", "a\n", "..."]


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("/.\n"), min_size=1, max_size=8))
@example("a\x85b")
@example("a/\n")
def test_a_key_that_fits_is_kept_as_it_is(key):
    if FastStore.fits(key):
        store = MemoryStore()
        obstore.put(store, key, b"x")
        assert [found["path"] for page in obstore.list(store) for found in page] == [key]


@pytest.mark.parametrize("key", [key for key in ODD if key != "..."])
def test_keys_that_are_changed_or_refused_do_not_fit(key):
    assert not FastStore.fits(key)


@pytest.mark.parametrize("key", ["a", "a/b", "...", ".a", "a.", "a b", "ü", "a%2Fb", 'q"<>&', "\u2028", "~*[]{}|\\^`"])
def test_ordinary_keys_fit(key):
    assert FastStore.fits(key)
