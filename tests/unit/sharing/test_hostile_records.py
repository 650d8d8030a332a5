"""Records that somebody else wrote to the private bucket: none deletes another object, or hides the other shares."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import Any

import pytest

from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import InvalidSetting, NotSupported, StateError
from buckia_core.sharing.names import share_key
from buckia_core.sharing.record import MAX_BYTES, ShareState, decode, encode, share_hash
from buckia_core.sharing.share import Share
from tests.unit.sharing.conftest import Pair

PAST = "2020-01-01T00:00:00+00:00"
KEY = f"file/{'0' * 32}"


def _text(pair: Pair, share: Share) -> dict[str, Any]:
    text: dict[str, Any] = json.loads(pair.private.get(f".buckia-shares/{share.id}.json"))
    return text


def _plant(pair: Pair, share: Share, *, generation: int = 1, **changes: Any) -> str:
    """Write a record under the id that follows from it, as somebody does who knows how."""
    text = _text(pair, share) | {"key": "b.txt", "content_type": None} | changes
    try:
        given = {**text["headers"], "content_type": text["content_type"]}
        access = type(share.access)(text["access"])
        hash_part = share_hash(text["share_bucket"], text["key"], text["content"], text["name"], access, given)
    except (TypeError, ValueError):
        hash_part = "0" * 24
    share_id = changes.get("id", f"{hash_part}-{generation}")
    if "share_key" not in changes:
        with suppress(TypeError, AttributeError, UnicodeEncodeError):
            text["share_key"] = share_key(share_id, text["nonce"], text["key"], text["name"])
    pair.private.put(f".buckia-shares/{share_id}.json", json.dumps(text | {"id": share_id}).encode())
    return str(share_id)


@pytest.fixture
def shared(open_pair) -> tuple[Pair, Share]:
    pair = open_pair()
    pair.private.put("a.txt", b"1")
    return pair, pair.shares.add("a.txt")


@pytest.mark.parametrize(
    "changes",
    [
        {"share_key": "index.html"},
        {"share_key": KEY},
        {"share_key": f"a/{'0' * 32}.txt"},
        {"nonce": "0" * 31},
        {"nonce": 1},
        {"share_key": f"../{KEY}"},
        {"share_key": f"/{KEY}"},
        {"share_key": f"a/{KEY}"},
        {"share_key": f"A{KEY}"},
        {"share_key": f"{KEY}/x"},
        {"share_key": f"{KEY}.HTML"},
        {"share_key": f"{KEY}.a.html"},
        {"share_key": f"{KEY}\n"},
        {"share_key": "\ud800"},
        {"share_key": [KEY]},
        {"key": "\ud800"},
        {"key": None},
        {"name": ""},
        {"content": 1},
        {"size": -1},
        {"size": True},
        {"size": 1.5},
        {"size": 1 << 63},
        {"expires": "0001-01-01T00:00:00+14:00"},
        {"created": "9999-12-31T23:59:59-14:00"},
        {"renewed": "9999-12-31T23:59:59+00:00"},
        {"created": "2026-01-01"},
        {"created": 1},
        {"copying": {"x": "0001-01-01T00:00:00+14:00"}},
        {"copying": ["x"]},
        {"headers": "x"},
        {"access": "protected", "expires": None},
        {"access": ["public"]},
        {"state": "gone"},
        {"content_type": 7},
        {"revision": 7},
        {"more": 1},
        {"id": "0" * 24 + "-1"},
        {"headers": {"x": "y" * MAX_BYTES}},
        {"copying": {str(number): PAST for number in range(3000)}},
    ],
    ids=lambda changes: ascii(changes)[:50],
)
def test_a_record_that_buckia_does_not_write_is_left_out_alone(shared, caplog, changes):
    pair, share = shared
    pair.public.put("index.html", b"site")
    planted = _plant(pair, share, **{"expires": PAST} | changes)
    before = pair.copies
    with caplog.at_level(logging.WARNING):
        assert [each.id for each in pair.shares.list()] == [share.id]
    assert [each.message.partition(":")[0] for each in caplog.records] == ["left out"]
    assert pair.shares.sweep().removed == ()
    with pytest.raises(StateError, match=r"\.buckia-shares/.*delete this object"):
        pair.shares.remove(planted)
    assert pair.copies == before
    assert len(pair.records) == 2


def test_the_record_of_a_share_is_none_of_another_copy(shared):
    """A record that names the copy of another share can't be made, even by somebody who knows all of both."""
    pair, share = shared
    other = pair.shares.add("a.txt", name="other")
    text, its = _text(pair, share), _text(pair, other)
    for changes in ({"share_key": its["share_key"]}, {"share_key": its["share_key"], "nonce": its["nonce"]}):
        planted = _plant(pair, share, expires=PAST, **changes)
        assert pair.shares.sweep().removed == ()
        with pytest.raises(StateError, match="delete this object"):
            pair.shares.remove(planted)
    assert {text["share_key"], its["share_key"]} == set(pair.copies)


def test_a_record_that_is_written_can_be_read(shared):
    pair, share = shared
    record = decode(pair.private.get(f".buckia-shares/{share.id}.json"))
    assert decode(encode(record)) == record
    other = pair.shares.add("a.txt", name="é\\", content_type="text/markdown")
    assert {each.id for each in pair.shares.list()} == {share.id, other.id}


def test_a_time_far_ahead_keeps_no_share(shared):
    pair, share = shared
    ahead = "2999-01-01T00:00:00+00:00"
    _plant(pair, share, key="copied.txt", expires=PAST, copying={"x": ahead})
    _plant(pair, share, key="claimed.txt", expires=PAST, state="removing", claimed=ahead)
    assert {each.key for each in pair.shares.sweep().removed} == {"copied.txt", "claimed.txt"}
    assert [each.key for each in pair.shares.list()] == ["a.txt"]


def test_no_share_is_made_under_an_id_that_a_sweep_does_not_find(shared):
    pair, share = shared
    _plant(pair, share, generation=999_999_999, key="a.txt", state="removing")
    with pytest.raises(StateError, match=r"999999999\.json.*delete this object"):
        pair.shares.add("a.txt")
    assert len(pair.records) == 2


def test_a_copy_has_the_type_of_the_object_and_not_that_of_the_record(shared):
    pair, share = shared
    text = _text(pair, share) | {"content_type": "text/html", "size": 99, "state": "making"}
    pair.private.put(f".buckia-shares/{share.id}.json", json.dumps(text).encode())
    renewed = pair.shares.add("a.txt")
    assert (renewed.id, renewed.state, renewed.size) == (share.id, ShareState.LIVE, 1)
    assert renewed.content_type == pair.private.stat("a.txt").content_type
    assert pair.public.stat(share.share_key).content_type != "text/html"


def test_a_huge_record_is_not_read(shared, monkeypatch):
    pair, share = shared
    key = f".buckia-shares/{share.id}.json"
    data = pair.private.get(key)
    pair.private.put(key, data + b" " * (MAX_BYTES + 1 - len(data)))
    monkeypatch.setattr(MemorySync, "read_file", lambda *_, **__: pytest.fail("it was read"))
    assert pair.shares.list() == []
    with pytest.raises(StateError, match="65,537 bytes"):
        pair.shares.add("a.txt")


def test_a_record_that_grows_while_it_is_read_is_not_read(shared, monkeypatch):
    pair, share = shared
    key = f".buckia-shares/{share.id}.json"
    stat = MemorySync.stat_file

    def grows(self: MemorySync, name: str):
        found = stat(self, name)
        monkeypatch.undo()
        pair.private.put(key, b" " * (MAX_BYTES + 1))
        return found

    monkeypatch.setattr(MemorySync, "stat_file", grows)
    with pytest.raises(StateError, match="65,537 bytes"):
        pair.shares.url(share)


def test_a_record_that_can_not_be_read_hides_no_other_share(shared, monkeypatch):
    """As one whose object somebody has archived."""
    pair, share = shared
    planted = _plant(pair, share)
    read = MemorySync.read_file

    def archived(self: MemorySync, key: str, **given: Any):
        if planted in key:
            raise NotSupported("the object is archived", provider="memory", key=key)
        return read(self, key, **given)

    monkeypatch.setattr(MemorySync, "read_file", archived)
    assert [each.id for each in pair.shares.list()] == [share.id]
    pair.clock.advance(days=8)
    assert [each.id for each in pair.shares.sweep().removed] == [share.id]


def test_a_record_too_large_to_be_read_again_is_not_written(open_pair):
    pair = open_pair()
    pair.private.put("a.txt", b"1")
    with pytest.raises(InvalidSetting, match="shorter name and shorter headers"):
        pair.shares.add("a.txt", content_type="text/" + "x" * MAX_BYTES)
    assert pair.records == pair.copies == []


def test_hundreds_of_them_hide_no_share(shared):
    pair, share = shared
    for number in range(300):
        pair.private.put(f".buckia-shares/{number:024x}-1.json", b"[" * 20)
    assert [each.id for each in pair.shares.list()] == [share.id]
    pair.clock.advance(days=8)
    assert [each.id for each in pair.shares.sweep().removed] == [share.id]
    assert len(pair.records) == 300
