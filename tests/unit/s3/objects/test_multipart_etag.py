"""What an ETag of parts tells of the content."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_s3.objects.multipart_etag import candidate_part_sizes, possible_digests

MIB = 1 << 20
ETAG = "9b2cf535f27731c974343645a3985328"


@pytest.mark.parametrize(
    ("size", "count", "part"),
    [
        (11 * MIB, 3, 5 * MIB),  # rclone
        (20 * MIB, 3, 8 * MIB),  # aws-cli
        (51 * MIB, 2, 50 * MIB),  # s5cmd
        (40 * MIB, 3, 16 * MIB),  # Buckia
        (100_000 * MIB, 10_000, 10 * MIB),
        (170_001 * MIB, 9_445, 18 * MIB),  # what is left of 10,000 parts, in whole MiB
        (1, 1, 1),
        (0, 1, 1),
    ],
)
def test_the_size_of_a_tool_is_among_the_candidates(size, count, part):
    assert part in candidate_part_sizes(size, count)


@given(st.integers(1, 1 << 45), st.integers(2, 10_000))
def test_all_candidates_make_that_many_parts(size, count):
    found = candidate_part_sizes(size, count)
    assert len(found) <= 4
    assert all(-(-size // part) == count for part in found)


@pytest.mark.parametrize(
    "fingerprint", [ETAG, f"{ETAG}-0", f"{ETAG}-x", f"{ETAG}-100000", f"W/{ETAG}-2", "size=1 time=2"]
)
def test_no_guess_is_made_of_what_has_no_parts(fingerprint):
    assert possible_digests(fingerprint, 20 * MIB) == ()


def test_an_etag_that_does_not_fit_the_size_is_no_guess():
    assert possible_digests(f"{ETAG}-7", 3) == ()
