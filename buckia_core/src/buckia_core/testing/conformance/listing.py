"""Tests of listings: order, prefixes, ranges, markers, length."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import PrefixListing
from buckia_core.errors import InvalidKey
from buckia_core.testing.conformance.suite import Suite, listed_keys, put, require

# Listings that sort by path components, locale or UTF-16 return these in a wrong order.
TRAPS = [
    "A", "B/c", "_x", "a b/bar", "a!", "a-b", "a.txt", "a/foo", "a/foo-1", "a0", "b", "xyz/t", "xyz1/t",
    "z/\U0001f600", "z/\uff5e", "é", "ü/a",
]  # fmt: skip

BOUNDS = ["a", "a-b", "a.txt", "a/", "a/foo", "a/z", "b", "nothing", "xyz/t", "z/\uff5e", "é"]


def order(key: str) -> bytes:
    """Return the sort key of listings according to the contract."""
    return key.encode()


class ListingTests(Suite):
    """Tests of `list_files`."""

    def test_empty_bucket_lists_nothing(self, adapter: BaseSync) -> None:
        assert list(adapter.list_files()) == []

    def test_listing_is_in_order_of_utf8_bytes(self, adapter: BaseSync) -> None:
        put(adapter, reversed(TRAPS))
        assert listed_keys(adapter.list_files()) == sorted(TRAPS, key=order)

    def test_listing_has_sizes_and_fingerprints(self, adapter: BaseSync) -> None:
        uploaded = put(adapter, {"a": b"", "b": b"1", "c/d": b"22"})
        listed = {found.key: found for found in adapter.list_files()}
        assert {key: found.size for key, found in listed.items()} == {"a": 0, "b": 1, "c/d": 2}
        assert {key: found.fingerprint for key, found in listed.items()} == {
            key: found.fingerprint for key, found in uploaded.items()
        }
        assert all(found.fingerprint for found in listed.values())

    @pytest.mark.parametrize(
        ("prefix", "after", "expected"),
        [
            pytest.param("", None, ["a b/", "a/", "b+%/", "é/"], id="all"),
            pytest.param("a", None, ["a b/", "a/"], id="text"),
            pytest.param("a/", None, ["a/x/", "a/y/"], id="directory"),
            pytest.param("", "a/x/1", ["b+%/", "é/"], id="after_a_key"),
            pytest.param("a/", "a/x/1", ["a/y/"], id="after_a_key_below"),
            pytest.param("none/", None, [], id="nothing"),
        ],
    )
    def test_directories_of_a_prefix(
        self, adapter: BaseSync, prefix: str, after: str | None, expected: list[str]
    ) -> None:
        require(adapter, lambda each: each.capabilities.list_prefixes, "list_prefixes")
        assert isinstance(adapter, PrefixListing)
        put(adapter, ["a b/1", "a-1", "a/1", "a/x/1", "a/x/2", "a/y/z/1", "b", "b+%/1", "é/1"])
        assert adapter.list_prefixes(prefix, start_after=after) == expected

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            pytest.param("a/", ["a/1", "a/2", "a/b/3"], id="directory"),
            pytest.param("a", ["a-x", "a/1", "a/2", "a/b/3", "ab"], id="text"),
            pytest.param("a/b", ["a/b/3"], id="part_of_name"),
            pytest.param("a/1", ["a/1"], id="full_key"),
            pytest.param("a/1/", [], id="below_an_object"),
            pytest.param("none/such", [], id="nothing"),
        ],
    )
    def test_prefix_is_text(self, adapter: BaseSync, wanted: str, expected: list[str]) -> None:
        put(adapter, ["a-x", "a/1", "a/2", "a/b/3", "ab", "b"])
        assert listed_keys(adapter.list_files(wanted)) == expected

    def test_prefix_is_no_pattern(self, adapter: BaseSync) -> None:
        """It is neither a pattern of a shell, nor one of SQL, nor escaped, and its case matters."""
        keys = []
        for key in sorted(["a+b/1", "a b/2", "a%20b/3", "a[b]/4", "ab/5", "a_b/6", "axb/7", "a.b/8", "A+B/9", "a%b/0"]):
            with suppress(InvalidKey):
                put(adapter, [key])
                keys.append(key)
        for key in keys:
            assert listed_keys(adapter.list_files(key[:-1])) == [key]
            assert listed_keys(adapter.list_files(key)) == [key]
        for number, key in enumerate(keys):
            assert listed_keys(adapter.list_files(start_after=key)) == keys[number + 1 :]
            assert listed_keys(adapter.list_files(end_at=key)) == keys[: number + 1]

    @pytest.mark.parametrize("start_after", BOUNDS)
    def test_start_after_is_not_itself_listed(self, adapter: BaseSync, start_after: str) -> None:
        put(adapter, TRAPS)
        expected = [key for key in sorted(TRAPS, key=order) if order(key) > order(start_after)]
        assert listed_keys(adapter.list_files(start_after=start_after)) == expected

    @pytest.mark.parametrize("end_at", BOUNDS)
    def test_end_at_is_itself_listed(self, adapter: BaseSync, end_at: str) -> None:
        put(adapter, TRAPS)
        expected = [key for key in sorted(TRAPS, key=order) if order(key) <= order(end_at)]
        assert listed_keys(adapter.list_files(end_at=end_at)) == expected

    def test_ranges_of_a_prefix_add_up(self, adapter: BaseSync) -> None:
        put(adapter, TRAPS)
        first = listed_keys(adapter.list_files("a", end_at="a.txt"))
        rest = listed_keys(adapter.list_files("a", start_after="a.txt"))
        assert first == ["a b/bar", "a!", "a-b", "a.txt"]
        assert first + rest == listed_keys(adapter.list_files("a"))

    def test_range_outside_of_the_prefix_is_empty_or_everything(self, adapter: BaseSync) -> None:
        put(adapter, ["a/1", "m/1", "m/2", "z/1"])
        assert listed_keys(adapter.list_files("m/", start_after="a/1", end_at="z/1")) == ["m/1", "m/2"]
        assert listed_keys(adapter.list_files("m/", start_after="z/1")) == []
        assert listed_keys(adapter.list_files("m/", end_at="a/1")) == []

    def test_directory_markers_are_listed_as_they_are(self, adapter: BaseSync) -> None:
        require(adapter, lambda each: each.capabilities.nested_keys, "nested_keys")
        put(adapter, {"d/": b"", "d/a": b"1"})
        assert [(found.key, found.size) for found in adapter.list_files()] == [("d/", 0), ("d/a", 1)]

    def test_object_below_an_object(self, adapter: BaseSync) -> None:
        require(adapter, lambda each: each.capabilities.nested_keys, "nested_keys")
        put(adapter, ["a", "a/b", "a/b/c"])
        assert listed_keys(adapter.list_files()) == ["a", "a/b", "a/b/c"]
        assert listed_keys(adapter.list_files("a/")) == ["a/b", "a/b/c"]

    def test_listing_longer_than_a_page(self, adapter: BaseSync, prefix: str, request: pytest.FixtureRequest) -> None:
        """Prefix, start, end and order hold for all pages, not only for the first one."""
        names = [f"d/{number % 3}/{number:05d}" for number in range(self.listing_count)]
        put(adapter, [*names[:3], "d-beside"])  # the directories, for servers that keep objects as files
        if prefix and "outside" not in self.lacks:
            put(request.getfixturevalue("outside"), [f"{prefix.rstrip('/')}~outside"])
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda key: adapter.upload_file(b"x", key), names))
        names.sort()
        put(adapter, ["e"])
        assert listed_keys(adapter.list_files()) == ["d-beside", *names, "e"]
        assert listed_keys(adapter.list_files("d/")) == names
        assert listed_keys(adapter.list_files("d/", end_at=names[-2])) == names[:-1]
        middle = len(names) // 2
        assert listed_keys(adapter.list_files(start_after=names[middle])) == [*names[middle + 1 :], "e"]
        self._check_deletes_during_a_listing(adapter, names)

    def _check_deletes_during_a_listing(self, adapter: BaseSync, names: list[str]) -> None:
        """Pages by number leave out as many objects as were deleted before them."""
        seen: list[str] = []
        for found in adapter.list_files("d/"):
            if not seen:
                adapter.delete_files(names[1:6])
            seen.append(found.key)
        assert [key for key in seen if key not in names[1:6]] == [names[0], *names[6:]]

    def test_listing_can_be_stopped_early_and_restarted(self, adapter: BaseSync) -> None:
        put(adapter, ["a", "b", "c"])
        listing = iter(adapter.list_files())
        assert next(listing).key == "a"
        del listing
        assert listed_keys(adapter.list_files()) == ["a", "b", "c"]

    def test_other_adapter_lists_the_same(self, adapter: BaseSync, second: BaseSync) -> None:
        put(adapter, ["a", "b/c"])
        assert list(second.list_files()) == list(adapter.list_files())

    def test_listing_while_objects_come_and_go(self, adapter: BaseSync, second: BaseSync) -> None:
        staying = [f"stay/{number:02d}" for number in range(20)]
        put(adapter, staying)
        put(adapter, ["go/1", "z-go/2"])
        seen: list[str] = []
        for found in adapter.list_files():
            if not seen:
                second.delete_files(["go/1", "z-go/2"])
                second.upload_file(b"new", "new")
            seen.append(found.key)
        assert [key for key in seen if key.startswith("stay/")] == staying
        assert seen == sorted(set(seen), key=order)
