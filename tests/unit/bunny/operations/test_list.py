"""Recursive listings: in order, five at a time, and what goes wrong in one directory."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import Throttled, Transient, Unauthenticated

KEYS = ["a-b", "a.txt", "a/b", "a/b-c/d", "a/b.d", "a/c/d", "a0", "z/y/x/w", "ü/\U0001f600", "ü/\uff5e"]


def keys_of(adapter, *args, **kwargs):
    return [found.key for found in adapter.list_files(*args, **kwargs)]


def test_directories_sort_with_their_slash(adapter):
    for key in reversed(KEYS):
        adapter.upload_file(b"1", key)
    assert keys_of(adapter) == sorted(KEYS)
    for start in KEYS:
        for end in KEYS:
            assert keys_of(adapter, start_after=start, end_at=end) == [
                key for key in sorted(KEYS) if start < key <= end
            ]


def test_directories_in_which_nothing_is_wanted_are_not_asked_for(adapter, bunny_account):
    for key in KEYS:
        adapter.upload_file(b"1", key)
    bunny_account.forget_calls()
    assert keys_of(adapter, "a/b-c/") == ["a/b-c/d"]
    assert bunny_account.seen()["calls"] == {"list": 1}
    bunny_account.forget_calls()
    assert keys_of(adapter, start_after="a/c/z", end_at="z") == ["a0"]
    assert bunny_account.seen()["calls"] == {"list": 3}, "the root, `a/` and `a/c/`, of `a`, `a/b-c`, `z` and more"


def test_five_directories_are_listed_at_a_time_and_never_more(adapter, bunny_account, zone):
    bunny_account.generate(zone, directories=40, files=3)
    bunny_account.hold("list")
    with ThreadPoolExecutor(3) as pool:
        listings = [pool.submit(lambda: keys_of(adapter)) for _ in range(3)]
        bunny_account.wait_for_held("list", 3)
        bunny_account.let_go("list")
        # Those of the directories below are held until there are five, which no machine is too slow for.
        bunny_account.hold("list")
        bunny_account.wait_for_held("list", 5)
        bunny_account.let_go("list")
        assert [len(each.result()) for each in listings] == [120] * 3
    seen = bunny_account.seen()
    assert seen["peaks"]["list"] == 5
    assert seen["calls"]["list"] == 3 * 41
    assert seen["refusals"] == {}


def test_a_listing_that_is_left_early_asks_for_little_more(adapter, bunny_account, zone):
    bunny_account.generate(zone, directories=200, files=2)
    listing = adapter.list_files()
    assert next(listing).key == "directory-000000/file-000000.txt"
    listing.close()
    assert bunny_account.seen()["calls"]["list"] <= 1 + 2 * 5
    assert threading.active_count() < 40


def test_failed_directories_are_retried(adapter, bunny_account, zone):
    bunny_account.generate(zone, directories=60, files=2)
    bunny_account.over_limit("list", share=0.1, seed=1)
    bunny_account.fail("list", status=503, share=0.1, seed=2)
    assert len(keys_of(adapter)) == 120
    seen = bunny_account.seen()["refusals"]
    assert seen["400"] and seen["503"]


@pytest.mark.parametrize(("how", "error"), [({"status": 503}, Transient), ({"status": 429}, Throttled)])
def test_one_directory_that_can_not_be_listed_fails_the_listing(adapter, bunny_account, zone, how, error):
    bunny_account.generate(zone, directories=3, files=2)
    listing = adapter.list_files()
    next(listing)
    bunny_account.fail("list", **how)
    bunny_account.generate(zone, directories=3, files=2)
    with pytest.raises(error):
        keys_of(adapter)
    listing.close()


def test_a_wrong_key_is_no_empty_zone(connect):
    with pytest.raises(Unauthenticated, match=r"^listing the zone: .* check storage_api_key"):
        keys_of(connect(storage_api_key=Secret("wrong")))


def test_a_directory_of_escapes(connect, bunny_account):
    adapter = connect(escape_names=True, prefix="p#")
    for key in ("100%", "a?/b", "../c", " "):
        adapter.upload_file(key.encode(), key)
    assert keys_of(adapter) == sorted(["100%", "a?/b", "../c", " "])
    assert adapter.read_file("../c")[1] == b"../c"
    plain = connect()
    assert keys_of(plain) == ["p=23/100=25", "p=23/=20", "p=23/=2E=2E/c", "p=23/a=3F/b"]
    plain.upload_file(b"foreign", "p=23/a=41")
    assert plain.identity != adapter.identity
    assert keys_of(adapter) == sorted(["100%", "a?/b", "../c", " "])
