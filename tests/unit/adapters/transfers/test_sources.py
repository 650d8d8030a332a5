"""Reading what an upload is made of: stretches, heads, parts of a size, and what is sent only if it is right."""

from __future__ import annotations

import hashlib
import io
from itertools import count, repeat
from typing import BinaryIO

import pytest

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo, satisfies, stat_or_none
from buckia_core.adapters.transfers.sources import (
    MAX_PARTS,
    SEND_CHUNK,
    DigestVerifier,
    PrependedReader,
    iter_file_range,
    part_size_for,
    read_exactly,
    split_parts,
    verify_bytes,
)
from buckia_core.errors import BucketNotFound, IntegrityError, NotFound
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject

MIB = 1 << 20


class Dribbling(io.RawIOBase, BinaryIO):
    """A reader that gives two bytes at a time, as a pipe may."""

    def __init__(self, content):
        self._rest = io.BytesIO(content)

    def read(self, size=-1, /):
        return self._rest.read(2 if size < 0 else min(size, 2))


@pytest.mark.parametrize(("start", "size"), [(0, 10), (3, 4), (10, 0), (0, 0)])
def test_a_range_of_a_file(tmp_path, start, size):
    (tmp_path / "f").write_bytes(b"0123456789")
    assert b"".join(iter_file_range(tmp_path / "f", start, size)) == b"0123456789"[start : start + size]


def test_a_range_comes_in_chunks(tmp_path):
    (tmp_path / "f").write_bytes(bytes(2 * SEND_CHUNK + 1))
    assert [len(chunk) for chunk in iter_file_range(tmp_path / "f", 0, 2 * SEND_CHUNK + 1)] == [
        SEND_CHUNK,
        SEND_CHUNK,
        1,
    ]


def test_a_file_that_became_shorter(tmp_path):
    (tmp_path / "f").write_bytes(b"0123")
    with pytest.raises(IntegrityError, match="became shorter") as caught:
        list(iter_file_range(tmp_path / "f", 0, 5))
    assert not caught.value.retryable


@pytest.mark.parametrize("size", [0, 3, 5, 9])
def test_the_first_bytes_of_a_reader_are_put_back(size):
    reader = Dribbling(b"abcde")
    head = read_exactly(reader, size)
    assert head == b"abcde"[:size]
    assert read_exactly(PrependedReader(head, reader), 99) == b"abcde"


def test_prepended_reader_reads_all_at_once():
    reader = io.BytesIO(b"abcde")
    assert PrependedReader(reader.read(2), reader).read() == b"abcde"


@pytest.mark.parametrize(
    ("content", "sizes", "parts"),
    [
        (b"abcde", [2, 2, 2], [b"ab", b"cd", b"e"]),
        (b"abcd", repeat(2), [b"ab", b"cd"]),
        (b"abcdef", count(1), [b"a", b"bc", b"def"]),
        (b"", repeat(2), [b""]),
        (b"abcde", [2, 1], [b"ab", b"c"]),
    ],
    ids=["a short one", "even", "growing", "nothing", "more than the sizes"],
)
def test_split_into_parts(content, sizes, parts):
    assert list(split_parts(Dribbling(content), sizes)) == parts


def test_more_than_the_sizes_stays_in_the_reader():
    reader = io.BytesIO(b"abcde")
    list(split_parts(reader, [2, 1]))
    assert reader.read() == b"de"


@pytest.mark.parametrize("parts", [[], [b"a"], [b"ab", b"cd", b"e"]])
def test_a_stream_with_the_right_digest_is_complete(parts):
    check = DigestVerifier((Digest("sha256", hashlib.sha256(b"".join(parts)).hexdigest()),))
    assert b"".join(check.verify_stream(parts, provider="p", key="k")) == b"".join(parts)


def test_the_last_chunk_of_a_wrong_stream_is_held_back():
    sending = DigestVerifier((Digest("md5", "0" * 32),)).verify_stream([b"ab", b"cd"], provider="p", key="k")
    assert next(sending) == b"ab"
    with pytest.raises(IntegrityError, match="'k'"):
        next(sending)


@pytest.mark.parametrize(
    ("size", "least", "part"),
    [
        (0, 5 * MIB, 5 * MIB),
        (MAX_PARTS * 5 * MIB, 5 * MIB, 5 * MIB),
        (MAX_PARTS * 5 * MIB + 1, 5 * MIB, 6 * MIB),
        (MAX_PARTS * 16_000_000 + 1, 16_000_000, 16 * MIB),
    ],
)
def test_sizes_of_parts(size, least, part):
    assert part_size_for(size, least) == part
    assert -(-size // part) <= MAX_PARTS


def test_satisfies():
    there, other = RemoteObject("k", 1, "e1"), RemoteObject("k", 1, "e2")
    assert [satisfies(None, found) for found in (None, there)] == [True, True]
    assert [satisfies(IfAbsent(), found) for found in (None, there)] == [True, False]
    assert [satisfies(IfUnchanged(there), found) for found in (None, there, other)] == [False, True, False]


def test_stat_or_none_raises_for_a_missing_bucket():
    def refuse(key: str) -> RemoteObject:
        raise BucketNotFound("no") if key == "no bucket" else NotFound("no", key=key)

    there = RemoteObject("k", 1, "f")
    assert stat_or_none(lambda key: there, "k") is there
    assert stat_or_none(refuse, "k") is None
    with pytest.raises(BucketNotFound):
        stat_or_none(refuse, "no bucket")


def test_bytes_are_compared_with_digests_that_others_computed():
    wrong = (Digest("sha256", "0" * 64),)
    with pytest.raises(IntegrityError, match="'k'"):
        verify_bytes(b"ab", UploadInfo(digests=wrong), provider="p", key="k")
    verify_bytes(b"ab", UploadInfo(digests=wrong, digests_computed=True), provider="p", key="k")
