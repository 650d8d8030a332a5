"""What the service tells of files."""

from __future__ import annotations

import json

import pytest

from buckia_bunny.storage.entries import parse_entry, parse_listing, parse_time_ns
from buckia_core.planning.digest import Digest

TOLD = {
    "Guid": "g",
    "StorageZoneName": "zone",
    "Path": "/zone/d/",
    "ObjectName": "a.txt",
    "Length": 3,
    "LastChanged": "2024-01-01T00:00:01.25",
    "IsDirectory": False,
    "ContentType": "",
    "DateCreated": "2024-01-01T00:00:00",
    "Checksum": "AB" * 32,
    "ReplicatedZones": None,
}


@pytest.mark.parametrize(
    ("text", "fraction"),
    [("2024-01-01T00:00:00", 0), ("2024-01-01T00:00:00.1", 100_000), ("2024-01-01T00:00:00.1234567", 123_456)],
)
def test_times_are_utc_and_have_any_fraction(text, fraction):
    assert parse_time_ns(text) == 1_704_067_200_000_000_000 + fraction * 1000


def test_an_entry_is_an_object():
    found = parse_entry(json.dumps(TOLD).encode()).as_object("d/a.txt")
    assert (found.key, found.size, found.modified_ns) == ("d/a.txt", 3, 1_704_067_201_250_000_000)
    assert found.digests == (Digest("sha256", "ab" * 32),)
    assert found.fingerprint == f"{'ab' * 32}-1704067201250"
    assert found.metadata == {}


@pytest.mark.parametrize("checksum", [None, "", "?"])
def test_without_a_digest_the_id_and_the_time_prove_that_it_is_the_same(checksum):
    found = parse_entry(json.dumps(TOLD | {"Checksum": checksum}).encode()).as_object("k")
    assert found.digests == ()
    assert found.fingerprint == "g-3-1704067201250"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[[]]",
        b"[1]",
        b"<html>",
        b'[{"ObjectName": "a"}]',
        json.dumps([TOLD | {"LastChanged": "soon"}]).encode(),
    ],
)
def test_what_is_no_listing_is_refused(body):
    with pytest.raises(ValueError, match=r"."):
        parse_listing(body)


def test_what_is_no_entry_is_refused():
    with pytest.raises(ValueError, match=r"."):
        parse_entry(b"[]")
