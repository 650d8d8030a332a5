"""Shares: what is copied, how long it lives, and how it is found, renewed and removed."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest

from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.config import BucketConfig
from buckia_core.errors import ConfigError, InvalidSetting, NotFound, NotSupported, PermissionDenied, PreconditionFailed
from buckia_core.sharing.config import ShareConfig
from buckia_core.sharing.making import Maker
from buckia_core.sharing.place import SharePlace
from buckia_core.sharing.record import ShareState
from tests.unit.sharing.conftest import BASE


def test_a_share_is_a_copy_under_a_key_that_nobody_can_guess(pair):
    pair.private.put("pics/Été 2026.PNG", b"image", content_type="image/png")
    share = pair.shares.add("pics/Été 2026.PNG")
    slug, _, rest = share.share_key.partition("/")
    token, _, extension = rest.partition(".")
    assert (slug, extension, len(bytes.fromhex(token))) == ("ete-2026", "png", 16)
    assert (share.key, share.name, share.size, share.access.value) == ("pics/Été 2026.PNG", "Été 2026", 5, "public")
    assert (share.state, share.expired, share.expires) == (ShareState.LIVE, False, pair.clock() + timedelta(days=7))
    assert pair.public.get(share.share_key) == b"image"
    assert share.url is not None
    assert share.url.url == pair.public.url(share.share_key, policy="public").url
    assert pair.records == [f".buckia-shares/{share.id}.json"]
    if pair.public.adapter.provider == "memory":
        assert share.url.url == f"{BASE}/{share.share_key}"
        assert pair.public.stat(share.share_key).content_type == "image/png"


def test_metadata_of_the_object_is_not_shown_to_everybody(open_pair):
    pair = open_pair()
    pair.private.put("a.txt", b"1", metadata={"customer": "7"})
    assert pair.public.stat(pair.shares.add("a.txt").share_key).metadata == {}


def test_sharing_again_renews_and_uploads_nothing(pair, monkeypatch):
    pair.private.put("a.txt", b"1")
    first = pair.shares.add("a.txt")
    written = pair.public.stat(first.share_key)
    pair.clock.advance(days=3)
    again = pair.again().add("a.txt", ttl_days=30)
    assert (again.id, again.share_key, again.created) == (first.id, first.share_key, first.created)
    assert (again.renewed, again.expires) == (pair.clock(), pair.clock() + timedelta(days=30))
    assert pair.public.stat(first.share_key) == written
    assert len(pair.copies) == len(pair.records) == 1


@pytest.mark.parametrize("change", [{"name": "other"}, {"content_type": "text/markdown"}], ids=str)
def test_another_name_or_type_is_another_share(pair, change):
    pair.private.put("a.txt", b"1")
    assert pair.shares.add("a.txt").share_key != pair.shares.add("a.txt", **change).share_key
    assert len(pair.copies) == len(pair.records) == 2


def test_a_changed_object_is_a_new_share_and_the_old_one_stays(pair):
    pair.private.put("a.txt", b"1")
    first = pair.shares.add("a.txt")
    pair.private.put("a.txt", b"2!")
    second = pair.shares.add("a.txt")
    assert [pair.public.get(each.share_key) for each in (first, second)] == [b"1", b"2!"]
    pair.private.put("a.txt", b"1")
    assert pair.shares.add("a.txt").id == first.id


def test_a_share_whose_copy_was_lost_is_copied_again(pair):
    pair.private.put("a.txt", b"1")
    share = pair.shares.add("a.txt")
    pair.public.delete(share.share_key)
    assert pair.shares.add("a.txt").share_key == share.share_key
    assert pair.public.get(share.share_key) == b"1"


@pytest.mark.parametrize(
    ("access", "days", "message"),
    [
        ("public", -1, "from 0 to 36500, not -1"),
        ("public", True, "whole number"),
        ("public", 1.5, "whole number"),
        ("public", 36501, "36500"),
        ("protected", 0, "from 1 to 7, since access is protected"),
        ("protected", 8, "from 1 to 7, since access is protected"),
        ("protected", -1, "from 0 to 36500"),
    ],
)
def test_a_life_that_makes_no_sense_is_refused_before_anything_is_written(open_pair, access, days, message):
    pair = open_pair(access=access)
    pair.private.put("a.txt", b"1")
    with pytest.raises(InvalidSetting, match=message):
        pair.shares.add("a.txt", ttl_days=days)
    with pytest.raises(InvalidSetting, match=message):
        ShareConfig(pair.shares.config.bucket, access=access, ttl_days=days)
    assert pair.copies == pair.records == []


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"name": ""}, InvalidSetting, "name must be"),
        ({"name": "a\nb"}, InvalidSetting, "name must be"),
        ({"name": "x" * 201}, InvalidSetting, "name must be"),
        ({"content_type": "png"}, InvalidSetting, "content_type is 'png'"),
        ({"cache_control": "a\r\nX: 1"}, InvalidSetting, "cache_control is"),
        ({"cache_control": "no-store"}, NotSupported, "stores no cache_control"),
        ({"content_disposition": "inline"}, NotSupported, "stores no content_disposition"),
    ],
    ids=str,
)
def test_arguments_are_checked_before_anything_is_written(pair, given, error, message):
    pair.private.put("a.txt", b"1")
    with pytest.raises(error, match=message):
        pair.shares.add("a.txt", **given)
    assert pair.copies == pair.records == []


def test_an_absent_object_is_not_shared(pair):
    with pytest.raises(NotFound):
        pair.shares.add("a.txt")
    assert pair.copies == pair.records == []


def test_a_bucket_without_the_urls_is_refused_before_anything_is_written(open_pair, tmp_path):
    def refused(message: str, **given) -> None:
        pair = open_pair(**given)
        pair.private.put("a.txt", b"1")
        with pytest.raises(ConfigError, match=message):
            pair.shares.add("a.txt")
        assert pair.records == []

    refused("public_url_base", bucket=BucketConfig(provider="memory", bucket_name="no-urls"))
    refused("signs no URLs", access="protected")


def test_the_share_bucket_is_another_one(open_pair, tmp_path):
    pair = open_pair("file")
    pair.private.put("a.txt", b"1")
    private = pair.private.config
    for config in (private, private.with_changes(prefix="p"), BucketConfig(provider="file", root=str(tmp_path))):
        with pytest.raises(ConfigError, match="must not be the bucket of the objects"):
            pair.again().__class__(pair.private, ShareConfig(config, access="public")).add("a.txt")


def test_a_share_that_never_expires(pair):
    pair.private.put("a.txt", b"1")
    share = pair.shares.add("a.txt", ttl_days=0)
    pair.clock.advance(days=9999)
    assert share.expires is None
    assert pair.shares.list()[0].url is not None
    assert pair.shares.sweep().removed == ()


def test_an_expired_share_has_no_url_and_is_swept(pair):
    for key, days in (("a.txt", 1), ("b.txt", 2)):
        pair.private.put(key, key.encode())
        pair.shares.add(key, ttl_days=days)
        pair.clock.advance(seconds=1)
    assert [(each.key, each.url is None) for each in pair.shares.list()] == [("b.txt", False), ("a.txt", False)]
    pair.clock.advance(days=1)
    assert [(each.key, each.url is None) for each in pair.shares.list()] == [("b.txt", False), ("a.txt", True)]
    assert [each.expired for each in pair.shares.list("a.txt", urls=False)] == [True]
    with pytest.raises(NotFound, match="expired"):
        pair.shares.url("a.txt")
    result = pair.again().sweep()
    assert ([each.key for each in result.removed], result.failed) == (["a.txt"], ())
    assert [each.key for each in pair.shares.list()] == ["b.txt"]
    assert len(pair.copies) == 1


def test_an_expired_share_is_renewed_while_it_is_there(pair):
    pair.private.put("a.txt", b"1")
    first = pair.shares.add("a.txt", ttl_days=1)
    pair.clock.advance(days=2)
    assert pair.shares.add("a.txt").share_key == first.share_key
    assert pair.shares.sweep().removed == ()


@pytest.mark.parametrize("how", ["id", "share_key", "url", "key", "share"])
def test_a_share_is_removed_by(pair, how):
    pair.private.put("a.txt", b"1")
    share = pair.shares.add("a.txt")
    named = {"id": share.id, "share_key": share.share_key, "url": share.url.url, "key": "a.txt", "share": share}[how]
    assert [each.id for each in pair.again().remove(named)] == [share.id]
    assert pair.copies == pair.records == []
    with pytest.raises(NotFound, match="no such share"):
        pair.shares.remove(named)


def test_several_shares_of_an_object_need_all(pair):
    pair.private.put("a.txt", b"1")
    ids = sorted(pair.shares.add("a.txt", name=name).id for name in "xyz")
    for call in (pair.shares.remove, pair.shares.url):
        with pytest.raises(InvalidSetting, match=f"3 shares.*{ids[0]}"):
            call("a.txt")
    assert sorted(each.id for each in pair.shares.remove("a.txt", all=True)) == ids
    assert pair.copies == pair.records == []


def test_a_removed_share_can_be_made_anew_with_another_url(pair):
    pair.private.put("a.txt", b"1")
    first = pair.shares.add("a.txt")
    pair.shares.remove(first)
    assert pair.shares.add("a.txt").share_key != first.share_key


def test_a_record_is_kept_until_the_copy_is_gone(open_pair, monkeypatch):
    pair = open_pair()
    pair.private.put("a.txt", b"1")
    share = pair.shares.add("a.txt", ttl_days=1)
    delete = MemorySync._delete
    denied = PermissionDenied("denied", provider="memory")
    monkeypatch.setattr(
        MemorySync, "_delete", lambda self, key: denied if key == share.share_key else delete(self, key)
    )
    with pytest.raises(PermissionDenied):
        pair.shares.remove(share)
    pair.clock.advance(days=1)
    result = pair.shares.sweep()
    assert [(each.share.id, each.error) for each in result.failed] == [(share.id, denied)]
    assert [each.state for each in pair.shares.list()] == [ShareState.REMOVING]
    # Meanwhile the object can be shared under a new key.
    fresh = pair.shares.add("a.txt")
    assert fresh.share_key != share.share_key
    monkeypatch.undo()
    assert [each.id for each in pair.shares.sweep().removed] == [share.id]
    assert pair.copies == [fresh.share_key]


def test_what_an_interrupted_copy_left_is_finished_or_swept(open_pair, monkeypatch):
    pair = open_pair()
    pair.private.put("a.txt", b"1")

    def dies(*_) -> None:
        raise KeyboardInterrupt

    for finish in (True, False):
        monkeypatch.setattr(SharePlace, "copy", dies)
        monkeypatch.setattr(Maker, "_give_up", dies)
        with pytest.raises(KeyboardInterrupt):
            pair.shares.add("a.txt")
        monkeypatch.undo()
        [left] = pair.shares.list()
        assert (left.url, left.state, pair.copies) == (None, ShareState.MAKING, [])
        assert pair.shares.sweep().removed == ()
        if finish:
            assert pair.shares.add("a.txt").state is ShareState.LIVE
            # The process that died counts as one that may still copy, so the record stays for a day.
            pair.shares.remove("a.txt")
            assert (len(pair.records), pair.copies) == (1, [])
        pair.clock.advance(days=1)
        pair.shares.sweep()
        assert pair.records == pair.copies == []


def test_a_copy_that_fails_leaves_nothing(open_pair, monkeypatch):
    pair = open_pair()
    pair.private.put("a.txt", b"1")
    upload = MemorySync.upload_file

    def denied(self, source, key, **given):
        if key.startswith("a/"):
            raise PermissionDenied("denied", provider="memory", key=key)
        return upload(self, source, key, **given)

    monkeypatch.setattr(MemorySync, "upload_file", denied)
    with pytest.raises(PermissionDenied):
        pair.shares.add("a.txt")
    assert pair.records == pair.copies == []


def test_an_object_that_changes_while_it_is_copied_is_an_error(open_pair, monkeypatch):
    pair = open_pair()
    pair.private.put("a.txt", b"1")
    stat = MemorySync.stat_file

    def changes(self, key):
        found = stat(self, key)
        monkeypatch.undo()
        pair.private.put("a.txt", b"2")
        return found

    monkeypatch.setattr(MemorySync, "stat_file", changes)
    with pytest.raises(PreconditionFailed):
        pair.shares.add("a.txt")
    assert pair.records == pair.copies == []


def test_a_record_that_another_machine_has_overwritten_leaves_no_copy(open_pair, monkeypatch):
    """As two machines can on a provider that checks a condition just before it writes."""
    pair = open_pair()
    pair.private.put("a.txt", b"1")
    copy, theirs = SharePlace.copy, []

    def overwritten(self, found, record, now):
        copied = copy(self, found, record, now)
        monkeypatch.undo()
        pair.private.delete(f".buckia-shares/{record.id}.json")
        theirs.append(pair.again().add("a.txt"))
        assert theirs[0].id == record.id
        return copied

    monkeypatch.setattr(SharePlace, "copy", overwritten)
    assert pair.shares.add("a.txt").share_key == theirs[0].share_key
    assert pair.copies == [theirs[0].share_key]


def test_shares_of_another_share_bucket_are_shown_and_left_alone(open_pair):
    pair, other = open_pair(), open_pair()
    pair.private.put("a.txt", b"1")
    share = pair.shares.add("a.txt", ttl_days=1)
    pair.clock.advance(days=1)
    moved = type(pair.shares)(pair.private, other.shares.config, now=pair.clock)
    assert [(each.id, each.url) for each in moved.list()] == [(share.id, None)]
    with pytest.raises(ConfigError, match="another share bucket, memory:shared-"):
        moved.remove(share)
    assert [type(each.error) for each in moved.sweep().failed] == [ConfigError]
    assert pair.copies == [share.share_key]
    assert moved.add("a.txt").id != share.id


def test_records_that_are_not_ours_are_left_alone(open_pair, caplog):
    pair = open_pair()
    pair.private.put("a.txt", b"1")
    share = pair.shares.add("a.txt")
    text = json.loads(pair.private.get(f".buckia-shares/{share.id}.json"))
    bad = [b"", b"[]", b"{}", b"\xff", json.dumps(text | {"format": 2}).encode(), json.dumps(text).encode()]
    bad += [json.dumps(text | {"created": "x"}).encode(), json.dumps(text | {"share_key": ""}).encode()]
    for number, data in enumerate(bad, 1):
        pair.private.put(f".buckia-shares/{'a' * 24}-{number}.json", data)
    pair.private.put(".buckia-shares/notes.txt", b"")
    with caplog.at_level(logging.WARNING):
        assert [each.id for each in pair.shares.list()] == [share.id]
    assert len(caplog.records) == len(bad)
    pair.clock.advance(days=30)
    pair.shares.sweep()
    assert len(pair.records) == len(bad) + 1
