"""The listing of the remote side: its ranges together are the complete listing."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.wrappers import Wrapper
from buckia_core.errors import AdapterError, Transient
from buckia_core.planning.keys import is_directory_marker
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.scope import Scope
from buckia_core.syncing.scan.list_range import ListRange
from buckia_core.syncing.scan.remote import CONCURRENT_RANGES, list_remote, split_listing
from buckia_core.testing import Fault, Faulty, m
from buckia_core.testing.strategies import keys, plain_keys

KEYS = st.sets(plain_keys() | keys(most_bytes=8), max_size=12)


def bucket(names) -> MemorySync:
    adapter = MemorySync(MemorySettings())
    for name in names:
        adapter.upload_file(b"x", name)
    return adapter


def listed(adapter, ranges, scope=None) -> list[str]:
    return [found.key for batch in list_remote(adapter, scope or Scope(), ranges) for found in batch]


@settings(deadline=None, derandomize=True, database=None)
@given(KEYS, st.sets(plain_keys() | keys(most_bytes=8), max_size=10), st.sampled_from(["", "a", "a/", "é"]))
def test_ranges_join_without_loss_or_overlap(names, points, prefix):
    adapter = bucket(names)
    ranges = split_listing(prefix, sorted(point for point in points if point.startswith(prefix)))
    assert listed(adapter, ranges) == sorted(name for name in names if name.startswith(prefix))


def test_split():
    assert split_listing("p", []) == [ListRange("p")]
    assert split_listing("p", ["p1", "p2"]) == [
        ListRange("p", None, "p1"),
        ListRange("p", "p1", "p2"),
        ListRange("p", "p2", None),
    ]


def test_a_marker_of_a_directory_is_no_object_but_one_with_content_is():
    adapter = bucket(["a/x", "b"])
    adapter.upload_file(b"", "a/")
    adapter.upload_file(b"x", "c/")
    assert listed(adapter, [ListRange("")]) == ["a/x", "b", "c/"]


def test_only_what_the_scope_covers():
    adapter = bucket(["a", "a-b", "a/x", "b"])
    assert listed(adapter, [ListRange("a")], Scope.from_names(["a"])) == ["a", "a/x"]


@pytest.mark.parametrize("number", [1, CONCURRENT_RANGES + 3])
@pytest.mark.parametrize("failing", [1, 2, -1])
def test_p18_a_range_that_fails_fails_the_listing(number, failing):
    names = [f"{index:02}" for index in range(20)]
    ranges = split_listing("", names[2 :: 20 // number][: number - 1])
    at = failing % (len(ranges) + 1) or 1
    adapter = Faulty(bucket(names), [Fault("list_files", at=min(at, len(ranges)), entries=1)])
    seen = []
    with pytest.raises(Transient):
        seen.extend(listed(adapter, ranges))
    assert len(seen) < len(names)


def test_a_split_listing_may_be_given_up():
    adapter = bucket([f"{index:02}" for index in range(20)])
    found = list_remote(adapter, Scope(), split_listing("", ["03", "06", "09", "12", "15"]))
    assert next(found)[0].key == "00"
    found.close()  # type: ignore[attr-defined]  # it is a generator


class OtherOrder(Wrapper):
    """A server that lists in an order of its own, and takes starts and ends by that order."""

    capabilities = Capabilities(start_after=True)

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        def place(key):
            return key.split("/")

        found = sorted(self.inner.list_files(prefix), key=lambda each: place(each.key))
        begun = [each for each in found if start_after is None or place(each.key) > place(start_after)]
        for each, following in zip_longest(begun, begun[1:]):
            if end_at is not None and each.key > end_at:
                return
            yield each
            if following is not None and following.key <= each.key:
                raise AdapterError("out of order")


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(
    st.sets(st.text("a-/b", min_size=1, max_size=4), min_size=1, max_size=10),
    st.sets(st.text("a-/b", min_size=1, max_size=4), min_size=CONCURRENT_RANGES - 1, max_size=8),
)
def test_a_split_listing_of_another_order_is_complete_or_an_error(names, points):
    adapter = OtherOrder(bucket(names))
    try:
        found = listed(adapter, split_listing("", sorted(points)))
    except AdapterError:
        return
    markers = {name for name in names if is_directory_marker(name, 1)}
    assert sorted(found) == sorted(names - markers)


def test_a_range_that_has_more_than_the_memory_has_room_for(monkeypatch):
    monkeypatch.setattr("buckia_core.syncing.scan.remote.MAX_BUFFERED", 2)
    names = [f"{index:02}" for index in range(30)]
    assert listed(bucket(names), split_listing("", ["03", "06", "20", "25"])) == names


class Careless(Wrapper):
    """A server that does not keep to the start and the end of a range."""

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        yield from self.inner.list_files(prefix)


def test_keys_outside_of_a_range_are_an_error():
    with pytest.raises(AdapterError, match="were asked for"):
        listed(Careless(bucket(["a", "b", "c", "d"])), split_listing("", ["a", "b", "c"]))


def test_the_engine_splits_where_the_baseline_knows_keys(sides, monkeypatch):
    """Ten keys and two in a range: the baseline cuts the listing into six, and the result is the same."""
    monkeypatch.setattr("buckia_core.syncing.scan.remote.KEYS_PER_RANGE", 2)
    sides.in_step(" ".join(f"k{index}=1" for index in range(10)))
    sides.there("k0-new=1 k55=1 z=1").delete_there("k3")
    counted = sides.adapter = Faulty(sides.bucket, [])
    sides.sync()
    # One more where the key is gone at which two ranges met.
    assert [call for call in counted.calls if call[0] == "list_files"] == [("list_files", "")] * 7
    assert sides.files() == sides.objects()
    assert sides.did == ["download k0-new", "delete_local k3", "download k55", "download z"]


@pytest.mark.parametrize("entries", [0, 1, 5])
def test_p18_a_listing_that_ends_in_the_middle_deletes_nothing(sides, entries):
    sides.in_step(" ".join(f"k{index}=1" for index in range(10)))
    before = sides.files(), sides.objects(), sides.baseline()
    sides.adapter = Faulty(sides.bucket, [Fault("list_files", entries=entries)])
    with pytest.raises(Transient):
        sides.sync()
    assert (sides.files(), sides.objects(), sides.baseline()) == before


def test_n30_many_pages_and_many_deletes(sides):
    """1,001 objects are more than a page, and more than one call deletes."""
    names = m(" ".join(f"d/{index:04}=" for index in range(1001)) + " a=1")
    names.upload_to(sides.bucket)
    sides.sync()
    assert len(sides.files()) == 1002
    for path in (sides.folder / "d").iterdir():
        path.unlink()
    result = sides.sync()
    assert result.deleted_remote == 1001
    assert sides.objects() == {"a": "1"}


@pytest.fixture
def small_ranges(monkeypatch):
    """Split each listing after two keys, into ranges of four, of which six are buffered."""
    for name, value in {"KEYS_PER_RANGE": 2, "MAX_BUFFERED": 6, "_SLOW_SECONDS": -1.0}.items():
        monkeypatch.setattr(f"buckia_core.syncing.scan.remote.{name}", value)


TREES = st.sets(st.text("a/b0", min_size=1, max_size=7).filter(lambda key: not key.endswith("/")), max_size=40)


@settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES, st.sampled_from(["", "a", "a/"]))
def test_an_unknown_listing_is_split_at_directories_without_loss_or_overlap(small_ranges, names, prefix):
    adapter = bucket(names)
    assert listed(adapter, [ListRange(prefix)]) == sorted(name for name in names if name.startswith(prefix))


class Busy(Wrapper):
    """A bucket to which others write: before each call, one key appears or disappears."""

    inner: MemorySync

    def __init__(self, inner, changing):
        super().__init__(inner)
        self.changing = itertools.cycle(changing)
        self.there = set()
        self.lock = threading.Lock()

    def change(self):
        with self.lock:
            key = next(self.changing)
            if key in self.there:
                self.inner.delete_files([key])
            else:
                self.inner.upload_file(b"x", key)
            self.there ^= {key}

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        self.change()
        yield from self.inner.list_files(prefix, start_after=start_after, end_at=end_at)

    def list_prefixes(self, prefix="", *, start_after=None):
        self.change()
        return self.inner.list_prefixes(prefix, start_after=start_after)


@settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES, TREES.filter(bool))
def test_keys_that_stay_are_listed_once_while_others_come_and_go(small_ranges, names, changing):
    found = listed(Busy(bucket(names - changing), sorted(changing)), [ListRange("")])
    assert [key for key in found if key not in changing] == sorted(names - changing)
    assert found == sorted(set(found))


class CountedCalls(Wrapper):
    """Counts calls, each with its first argument."""

    inner: MemorySync

    def __init__(self, inner):
        super().__init__(inner)
        self.calls = []

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        self.calls.append(("list_files", start_after))
        return self.inner.list_files(prefix, start_after=start_after, end_at=end_at)

    def list_prefixes(self, prefix="", *, start_after=None):
        self.calls.append(("list_prefixes", prefix))
        return self.inner.list_prefixes(prefix, start_after=start_after)


def test_ranges_hold_as_many_directories_as_have_the_keys_of_a_range(small_ranges):
    adapter = CountedCalls(bucket(f"{index:02}/{name}" for index in range(30) for name in "ab"))
    assert len(listed(adapter, [ListRange("")])) == 60
    # Two keys come first, which are a directory: a range of four keys ends after two directories.
    first, second, *others = adapter.calls
    assert (first, second) == (("list_files", None), ("list_prefixes", ""))
    starts = ["00/b", *(f"{at:02}/" for at in [*range(2, 30, 2), 29])]
    assert sorted(others) == [("list_files", start) for start in starts]


def test_directories_are_looked_for_on_the_levels_of_the_last_key(small_ranges):
    names = [f"all/{index:02}/{name}" for index in range(20) for name in "abc"] + ["z/1"]
    adapter = CountedCalls(bucket(names))
    assert listed(adapter, [ListRange("")]) == names
    assert adapter.calls[1:3] == [("list_prefixes", ""), ("list_prefixes", "all/")]


def test_a_directory_that_is_larger_than_the_buffer_is_split_again(small_ranges):
    names = ["a/1", "a/2", *(f"b/{index:02}/{name}" for index in range(20) for name in "abc"), "c/1"]
    adapter = CountedCalls(bucket(names))
    assert listed(adapter, [ListRange("")]) == names
    assert ("list_prefixes", "b/") in adapter.calls


@pytest.mark.parametrize("capability", ["list_prefixes", "start_after"])
def test_a_listing_is_not_split_without_the_capability(small_ranges, capability):
    adapter = CountedCalls(bucket(f"{index}/a" for index in range(9)))
    changed: dict[str, Any] = {capability: False}
    adapter.inner._capabilities = replace(adapter.capabilities, **changed)
    assert len(listed(adapter, [ListRange("")])) == 9
    assert adapter.calls == [("list_files", None)]


def test_a_fast_listing_is_not_split(small_ranges, monkeypatch):
    monkeypatch.setattr("buckia_core.syncing.scan.remote._SLOW_SECONDS", 60)
    adapter = CountedCalls(bucket(f"{index}/a" for index in range(9)))
    assert len(listed(adapter, [ListRange("")])) == 9
    assert adapter.calls == [("list_files", None)]


def test_a_listing_goes_on_without_directories(small_ranges):
    names = [f"{index}/a" for index in range(9)]
    adapter = Faulty(bucket(names), [Fault("list_prefixes", at=1)])
    assert listed(adapter, [ListRange("")]) == names


@pytest.mark.parametrize("at", range(2, 9))
def test_a_range_of_an_unknown_listing_that_fails_fails_the_listing(small_ranges, at):
    names = [f"{index:02}/{name}" for index in range(30) for name in "ab"]
    adapter = Faulty(bucket(names), [Fault("list_files", at=at, entries=1)])
    seen: list[RemoteObject] = []
    batches = list_remote(adapter, Scope(), [ListRange("")])
    with pytest.raises(Transient):
        deque(map(seen.extend, batches))
    assert [found.key for found in seen] == names[: len(seen)]
    assert len(seen) < len(names)


class UnorderedBetweenPages(OtherOrder):
    """Lists in an order of its own, and has directories."""

    capabilities = Capabilities(start_after=True, list_prefixes=True)


@settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES)
def test_an_unknown_listing_of_another_order_is_complete_or_an_error(small_ranges, names):
    try:
        found = listed(UnorderedBetweenPages(bucket(names)), [ListRange("")])
    except AdapterError:
        return
    assert sorted(found) == sorted(names)
