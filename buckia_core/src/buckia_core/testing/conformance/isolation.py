"""Tests of isolation: by prefix, by bucket, and between adapters."""

from __future__ import annotations

from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_core.adapters.contract.protocols import PublicUrl, ServerCopy, Versioned
from buckia_core.errors import NotFound
from buckia_core.testing.conformance.suite import Suite, listed_keys, put, read, require

prefixed = pytest.mark.parametrize("prefix", ["prefixed", "without_slash"], indirect=True)


class IsolationTests(Suite):
    """An adapter sees and changes the objects below its prefix in its bucket, and no others."""

    @prefixed
    def test_keys_are_below_the_prefix(self, adapter: BaseSync, outside: BaseSync, prefix: str) -> None:
        directory = normalize_prefix(prefix)
        put(outside, {"a": b"other", f"{directory[:-1]}a": b"beside", f"{directory[:-1]}-a/a": b"beside"})
        put(adapter, ["a", "d/b"])
        assert listed_keys(outside.list_files(directory)) == [f"{directory}a", f"{directory}d/b"]
        assert listed_keys(adapter.list_files()) == ["a", "d/b"]
        assert listed_keys(adapter.list_files("a")) == ["a"]
        assert read(outside, f"{directory}d/b") == b"d/b"

    @prefixed
    def test_reads_are_below_the_prefix(
        self, adapter: BaseSync, outside: BaseSync, prefix: str, tmp_path: Path
    ) -> None:
        directory = normalize_prefix(prefix)
        put(outside, {"only-outside": b"other"})
        for call in (
            lambda: adapter.stat_file("only-outside"),
            lambda: adapter.download_file("only-outside", tmp_path / "file"),
            lambda: adapter.read_file("only-outside"),
            lambda: read(adapter, "only-outside"),
        ):
            with pytest.raises(NotFound) as caught:
                call()
            assert caught.value.key == "only-outside", "the key of an error has no prefix"
        put(outside, {f"{directory}k": b"content"})
        assert adapter.stat_file("k").key == "k"
        assert adapter.download_file("k", tmp_path / "file").key == "k"
        assert adapter.read_file("k")[1] == (tmp_path / "file").read_bytes() == read(adapter, "k") == b"content"

    @prefixed
    def test_deletes_are_below_the_prefix(self, adapter: BaseSync, outside: BaseSync, prefix: str) -> None:
        directory = normalize_prefix(prefix)
        put(outside, ["a", f"{directory}a", f"{directory}b"])
        assert [(each.key, each.error) for each in adapter.delete_files(["a"])] == [("a", None)]
        assert listed_keys(outside.list_files()) == sorted(["a", f"{directory}b"])

    @prefixed
    def test_copies_are_below_the_prefix(self, adapter: BaseSync, outside: BaseSync, prefix: str) -> None:
        require(adapter, lambda each: each.capabilities.server_copy, "server_copy")
        assert isinstance(adapter, ServerCopy)
        directory = normalize_prefix(prefix)
        put(outside, {"a": b"other"})
        source = put(adapter, {"a": b"content"})["a"]
        assert adapter.copy_file(source, "b").key == "b"
        assert read(outside, f"{directory}b") == b"content"
        assert listed_keys(outside.list_files()) == sorted(["a", f"{directory}a", f"{directory}b"])

    @prefixed
    def test_versions_are_below_the_prefix(self, adapter: BaseSync, outside: BaseSync) -> None:
        require(adapter, lambda each: each.probe().versions, "versions")
        assert isinstance(adapter, Versioned)
        put(outside, ["a"])
        put(adapter, ["a", "b"])
        assert [version.key for version in adapter.list_versions()] == ["a", "b"]
        assert [version.key for version in adapter.list_versions("b")] == ["b"]

    @prefixed
    def test_urls_are_below_the_prefix(self, adapter: BaseSync, outside: BaseSync, prefix: str) -> None:
        require(adapter, lambda each: each.capabilities.public_url, "public_url")
        assert isinstance(adapter, PublicUrl)
        assert isinstance(outside, PublicUrl)
        assert adapter.public_url("k") == outside.public_url(f"{normalize_prefix(prefix)}k")

    @prefixed
    def test_identity_names_the_prefix(self, adapter: BaseSync, outside: BaseSync) -> None:
        """Otherwise the state of one prefix is taken for that of another, and its missing objects for deleted."""
        assert adapter.identity != outside.identity

    def test_identity_names_the_bucket(self, adapter: BaseSync, missing: BaseSync) -> None:
        assert adapter.identity != missing.identity

    def test_changes_by_others_are_seen(self, adapter: BaseSync, second: BaseSync) -> None:
        """An adapter keeps no copy of what it has read."""
        put(adapter, {"k": b"old"})
        before = [adapter.stat_file("k"), *adapter.list_files()]
        second.upload_file(b"other", "k")
        after = [adapter.stat_file("k"), *adapter.list_files()]
        assert [each.size for each in before] == [3, 3]
        assert [each.size for each in after] == [5, 5]
        assert read(adapter, "k") == b"other"
        second.delete_files(["k"])
        assert list(adapter.list_files()) == []
        with pytest.raises(NotFound):
            adapter.stat_file("k")
        with pytest.raises(NotFound):
            read(adapter, "k")

    def test_close_leaves_other_adapters_open(self, adapter: BaseSync, second: BaseSync) -> None:
        if second is adapter:
            pytest.skip("the fixture `second` is not another adapter")
        put(adapter, ["a"])
        list(second.list_files())
        adapter.close()
        assert read(second, "a") == b"a"
        assert listed_keys(second.list_files()) == ["a"]
        put(second, ["b"])
        assert second.delete_files(["a", "b"])[1].error is None
