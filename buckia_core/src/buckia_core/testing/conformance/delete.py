"""Tests of deletes: one outcome per key, independent of the others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.errors import InvalidKey, NotFound
from buckia_core.testing.conformance.suite import Suite, listed_keys, put, read


class DeleteTests(Suite):
    """Tests of `delete_files`."""

    def test_delete(self, adapter: BaseSync, second: BaseSync) -> None:
        put(adapter, ["a", "b", "c"])
        outcomes = adapter.delete_files(["a", "c"])
        assert [(outcome.key, outcome.error) for outcome in outcomes] == [("a", None), ("c", None)]
        assert listed_keys(second.list_files()) == ["b"]
        with pytest.raises(NotFound):
            second.stat_file("a")

    def test_outcomes_are_in_the_order_given(self, adapter: BaseSync) -> None:
        names = ["z", "a", "m/n", "b"]
        put(adapter, names)
        assert [outcome.key for outcome in adapter.delete_files(names)] == names

    def test_delete_of_nothing(self, adapter: BaseSync) -> None:
        put(adapter, ["a"])
        assert adapter.delete_files([]) == []
        assert listed_keys(adapter.list_files()) == ["a"]

    def test_delete_of_an_absent_key_is_no_error(self, adapter: BaseSync) -> None:
        put(adapter, ["a", "d/b"])
        absent = ["none", "d", "d/none", "none/deeper", "a/below"]
        assert [outcome.error for outcome in adapter.delete_files(absent)] == [None] * len(absent)
        assert listed_keys(adapter.list_files()) == ["a", "d/b"]

    def test_delete_twice(self, adapter: BaseSync) -> None:
        put(adapter, ["a"])
        for _ in range(2):
            assert adapter.delete_files(["a"])[0].error is None
        assert list(adapter.list_files()) == []

    def test_delete_is_of_the_key_and_not_of_a_prefix(self, adapter: BaseSync) -> None:
        put(adapter, ["a/1", "a/2", "ab"])
        adapter.delete_files(["a"])
        adapter.delete_files(["a/1"])
        assert listed_keys(adapter.list_files()) == ["a/2", "ab"]

    def test_delete_of_more_than_a_batch(self, adapter: BaseSync) -> None:
        names = [f"{number:05d}" for number in range(adapter.capabilities.delete_batch_size + 1)]
        put(adapter, ["kept"])  # first, so that servers that keep objects as files have made the directory
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda key: adapter.upload_file(b"", key), names))
        outcomes = adapter.delete_files(names)
        assert [outcome.key for outcome in outcomes] == names
        assert [outcome.error for outcome in outcomes if outcome.error] == []
        assert listed_keys(adapter.list_files()) == ["kept"]

    def test_delete_of_keys_that_can_not_be_stored(self, adapter: BaseSync) -> None:
        """They have an outcome with `InvalidKey`, and do not stop the others."""
        put(adapter, ["a", "b"])
        keys = ["a", "", "k" * (adapter.capabilities.max_key_bytes + 1), "b"]
        outcomes = adapter.delete_files(keys)
        assert [outcome.key for outcome in outcomes] == keys
        assert [outcomes[0].error, outcomes[3].error] == [None, None]
        for outcome in outcomes[1:3]:
            assert isinstance(outcome.error, InvalidKey)
            assert outcome.error.key == outcome.key
        assert list(adapter.list_files()) == []

    def test_delete_of_a_key_that_is_named_twice(self, adapter: BaseSync) -> None:
        put(adapter, ["a", "b", "c"])
        outcomes = adapter.delete_files(["a", "b", "a"])
        assert [(outcome.key, outcome.error) for outcome in outcomes] == [("a", None), ("b", None), ("a", None)]
        assert listed_keys(adapter.list_files()) == ["c"]

    @pytest.mark.parametrize("key", ["a<&>\"'b", "a\nb", "a+b c%20", "ü\u2028", "]]>"])
    def test_delete_of_a_key_that_markup_breaks_on(self, adapter: BaseSync, key: str) -> None:
        """A key that the provider can't store has an outcome too, and does not stop the others."""
        put(adapter, ["one", "two"])
        outcomes = adapter.delete_files(["one", key, "two"])
        assert [outcome.key for outcome in outcomes] == ["one", key, "two"]
        assert [outcomes[0].error, outcomes[2].error] == [None, None]
        assert list(adapter.list_files()) == []

    def test_name_is_free_again_after_a_delete(self, adapter: BaseSync) -> None:
        put(adapter, {"a/b": b"1"})
        adapter.delete_files(["a/b"])
        put(adapter, {"a": b"2"})
        assert read(adapter, "a") == b"2"
        adapter.delete_files(["a"])
        put(adapter, {"a/b/c": b"3"})
        assert read(adapter, "a/b/c") == b"3"

    def test_deleting_from_many_threads(self, adapter: BaseSync, second: BaseSync) -> None:
        names = [f"d/{number}" for number in range(40)]
        put(adapter, names)
        with ThreadPoolExecutor(8) as pool:
            outcomes = list(
                pool.map(lambda key: (adapter if key[-1] in "02468" else second).delete_files([key]), names * 2)
            )
        assert [outcome.error for [outcome] in outcomes if outcome.error] == []
        assert list(adapter.list_files()) == []
