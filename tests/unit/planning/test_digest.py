"""Digests: what two of them say about each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.planning.digest import (
    Comparison,
    Digest,
    compare,
    format_digests,
    merge,
    parse_digests,
    without_tentative,
)

SHA_1, SHA_2 = Digest("sha256", "1"), Digest("sha256", "2")
GUESS_1, GUESS_2 = Digest("md5-parts-8?", "1"), Digest("md5-parts-8?", "2")
OTHER_GUESS = Digest("md5-parts-5?", "1")
MD5_1, MD5_2 = Digest("md5", "1"), Digest("md5", "2")


@pytest.mark.parametrize(
    ("a", "b", "answer"),
    [
        ((), (), Comparison.UNKNOWN),
        ((SHA_1,), (), Comparison.UNKNOWN),
        ((SHA_1,), (MD5_1,), Comparison.UNKNOWN),
        ((SHA_1,), (SHA_1,), Comparison.SAME),
        ((SHA_1,), (SHA_2,), Comparison.DIFFERENT),
        ((SHA_1, MD5_1), (MD5_1,), Comparison.SAME),
        ((SHA_1, MD5_1), (SHA_1, MD5_2), Comparison.DIFFERENT),  # a false "different" costs less than a false "same"
        ((SHA_1, MD5_1), (SHA_2, MD5_1), Comparison.DIFFERENT),
        ((GUESS_1,), (GUESS_1,), Comparison.SAME),
        ((GUESS_1,), (GUESS_2,), Comparison.UNKNOWN),
        ((GUESS_2, OTHER_GUESS), (GUESS_1, OTHER_GUESS), Comparison.SAME),
        ((GUESS_2, SHA_1), (GUESS_1, SHA_2), Comparison.DIFFERENT),
        ((GUESS_1, SHA_1), (GUESS_1, SHA_2), Comparison.DIFFERENT),
    ],
)
def test_compare(a, b, answer):
    assert compare(a, b) is answer
    assert compare(b, a) is answer


def test_merge_keeps_the_first_value_of_an_algorithm():
    assert merge((SHA_1,), (SHA_2, MD5_1)) == (SHA_1, MD5_1)


def test_a_guess_is_not_certain():
    assert without_tentative((GUESS_1, SHA_1, OTHER_GUESS)) == (SHA_1,)


DIGESTS = st.lists(
    st.builds(Digest, st.sampled_from(["sha256", "md5", "crc64"]), st.text("0123456789abcdef:=/+", min_size=1)),
    unique_by=lambda digest: digest.algorithm,
).map(tuple)


@given(DIGESTS)
def test_text_is_read_back(digests):
    assert parse_digests(format_digests(digests)) == digests
