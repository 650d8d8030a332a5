"""Content checks of downloads, by digests of the provider and of a client."""

from __future__ import annotations

import hashlib

import pytest

from buckia_core.adapters.transfers.content_check import ContentCheck
from buckia_core.adapters.transfers.hashing import hash_bytes
from buckia_core.planning.digest import Digest


def digests(data: bytes, *algorithms: str):
    return tuple(Digest(name, hashlib.new(name, data).hexdigest()) for name in algorithms)


def verdicts(*downloads: bytes, told=(), claimed=(), size=3):
    """Return whether each download in a row is taken, and how many digests were computed in all."""
    computed: list[str] = []
    check = ContentCheck(size, "sha256")

    def compute(data):
        def digest(algorithms):
            computed.extend(algorithms)
            return hash_bytes(data, algorithms), len(data)

        return digest

    return [check.accepts(compute(data), told, claimed) for data in downloads], computed


RIGHT, DAMAGED = b"abc", b"abX"
PARTS = (*hash_bytes(RIGHT, ["md5-parts-2?"]), Digest("md5-parts-3?", "x-2"))
OTHER_PARTS = (Digest("md5-parts-3?", "x-2"),)
MD5, SHA, STALE = digests(RIGHT, "md5"), digests(RIGHT, "sha256"), digests(b"old", "sha256")


@pytest.mark.parametrize(
    ("downloads", "told", "claimed", "expected"),
    [
        ((RIGHT,), MD5, (), [True]),
        ((DAMAGED, RIGHT), MD5, (), [False, True]),
        ((DAMAGED, DAMAGED), MD5, (), [False, False]),
        ((RIGHT,), MD5, SHA, [True]),
        ((RIGHT,), MD5, STALE, [True]),
        ((DAMAGED, DAMAGED), MD5, STALE, [False, False]),
        ((RIGHT,), (), SHA, [True]),
        ((DAMAGED, RIGHT), (), SHA, [False, True]),
        ((RIGHT, RIGHT), (), STALE, [False, True]),
        ((DAMAGED, RIGHT, RIGHT), (), STALE, [False, False, True]),
        ((RIGHT,), PARTS, STALE, [True]),
        ((DAMAGED, DAMAGED, DAMAGED), PARTS, STALE, [False, False, False]),
        ((DAMAGED, RIGHT), PARTS, SHA, [False, True]),
        ((RIGHT,), OTHER_PARTS, SHA, [True]),
        ((RIGHT,), OTHER_PARTS, (), [True]),
        ((RIGHT,), (), (), [True]),
        ((RIGHT,), (Digest("an adapter's own", "x"),), STALE, [False]),
        ((b"abcd", b"ab"), (), (), [False, False]),
    ],
)
def test_verdicts(downloads, told, claimed, expected):
    assert verdicts(*downloads, told=told, claimed=claimed)[0] == expected


@pytest.mark.parametrize(
    ("told", "claimed", "computed"),
    [
        ((), (), ["sha256"]),
        (SHA, (), ["sha256"]),
        (MD5, (), ["sha256", "md5"]),
        (MD5, SHA, ["sha256"]),
        (MD5, STALE, ["sha256", "md5"]),
        ((), MD5, ["sha256", "md5"]),
    ],
)
def test_no_digest_is_computed_without_need(told, claimed, computed):
    assert verdicts(RIGHT, told=told, claimed=claimed) == ([True], computed)


def test_resulting_digests_are_computed_or_reported():
    check = ContentCheck(3, "sha256")
    assert check.accepts(lambda names: (hash_bytes(RIGHT, names), 3), MD5, SHA)
    assert set(check.digests) == {*MD5, *SHA}
