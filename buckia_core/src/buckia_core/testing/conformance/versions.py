"""Tests of versions: list, read, restore and delete them."""

from __future__ import annotations

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import Versioned
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.errors import NotFound, PreconditionFailed
from buckia_core.planning.versions import ObjectVersion
from buckia_core.testing.conformance.suite import Suite, listed_keys, put, read


class VersionTests(Suite):
    """Tests for adapters that declare the capability `versions`."""

    @pytest.fixture
    def keeping(self, adapter: BaseSync) -> BaseSync:
        """The adapter, on a bucket that keeps versions.

        Override it if the bucket of the fixture `adapter` keeps none; its tests are skipped otherwise.
        """
        if not adapter.probe().versions:
            pytest.skip("the adapter does not declare versions")
        return adapter

    def test_versions_of_one_key(self, keeping: BaseSync) -> None:
        source = _versioned(keeping)
        written = [keeping.upload_file(data, "k") for data in (b"1", b"22", b"333")]
        found = list(source.list_versions())
        assert [(each.key, each.size, each.latest, each.deleted) for each in found] == [
            ("k", 3, True, False),
            ("k", 2, False, False),
            ("k", 1, False, False),
        ]
        assert [each.fingerprint for each in found] == [each.fingerprint for each in reversed(written)]
        assert len({each.version for each in found}) == 3
        assert found[0].modified_ns >= found[-1].modified_ns > 0
        assert [_content(source, each) for each in found] == [b"333", b"22", b"1"]

    def test_a_deletion_adds_a_delete_marker(self, keeping: BaseSync) -> None:
        source = _versioned(keeping)
        keeping.upload_file(b"1", "k")
        keeping.delete_files(["k"])
        mark, kept = source.list_versions()
        assert (mark.key, mark.latest, mark.deleted) == ("k", True, True)
        assert (kept.latest, kept.deleted, kept.size) == (False, False, 1)
        assert _content(source, kept) == b"1"
        assert listed_keys(keeping.list_files()) == []
        with pytest.raises(NotFound):
            source.stat_version("k", mark.version)

    def test_versions_come_in_order_of_keys(self, keeping: BaseSync) -> None:
        source = _versioned(keeping)
        keys = ["a-b", "a.txt", "a/b", "a0", "a b+ü%/c"]
        put(keeping, keys)
        keeping.delete_files(["a/b"])
        put(keeping, ["a.txt", "z"])
        found = [each.key for each in source.list_versions("a")]
        assert found == sorted([*keys, "a/b", "a.txt"], key=str.encode)
        assert list(source.list_versions("none")) == []

    def test_restore_a_version(self, keeping: BaseSync) -> None:
        source = _versioned(keeping)
        metadata = {"a": "b"} if keeping.capabilities.metadata else {}
        info = UploadInfo(mtime_ns=1_600_000_000_000_000_000, metadata=metadata, content_type="text/x-old")
        keeping.upload_file(b"old", "d/ü k", info=info)
        before = keeping.stat_file("d/ü k")
        keeping.upload_file(b"new", "d/ü k")
        old = list(source.list_versions())[-1]
        restored = source.restore_version("d/ü k", old.version)
        assert (restored.key, restored.size) == ("d/ü k", 3)
        assert read(keeping, "d/ü k") == b"old"
        after = keeping.stat_file("d/ü k")
        assert after.fingerprint == restored.fingerprint
        assert (after.metadata, after.mtime_ns, after.content_type) == (before.metadata, before.mtime_ns, "text/x-old")
        assert [_content(source, each) for each in source.list_versions()] == [b"old", b"new", b"old"]

    def test_restore_a_deleted_object(self, keeping: BaseSync) -> None:
        source = _versioned(keeping)
        keeping.upload_file(b"1", "k")
        keeping.delete_files(["k"])
        kept = list(source.list_versions())[-1]
        source.restore_version("k", kept.version, expect=IfAbsent())
        assert read(keeping, "k") == b"1"

    def test_restore_checks_preconditions(self, keeping: BaseSync) -> None:
        source = _versioned(keeping)
        old = keeping.upload_file(b"old", "k")
        keeping.upload_file(b"new", "k")
        version = list(source.list_versions())[-1].version
        for expect in (IfAbsent(), IfUnchanged(old)):
            with pytest.raises(PreconditionFailed):
                source.restore_version("k", version, expect=expect)
        assert read(keeping, "k") == b"new"

    def test_delete_a_version(self, keeping: BaseSync) -> None:
        source = _versioned(keeping)
        keeping.upload_file(b"1", "k")
        keeping.upload_file(b"2", "k")
        latest, first = source.list_versions()
        source.delete_version("k", latest.version)
        assert read(keeping, "k") == b"1"
        assert [(each.version, each.latest) for each in source.list_versions()] == [(first.version, True)]
        source.delete_version("k", latest.version)
        assert [each.version for each in source.list_versions()] == [first.version], "the second call deletes nothing"
        assert read(keeping, "k") == b"1"

    def test_delete_a_delete_marker(self, keeping: BaseSync) -> None:
        source = _versioned(keeping)
        keeping.upload_file(b"1", "k")
        keeping.delete_files(["k"])
        mark = next(iter(source.list_versions()))
        source.delete_version("k", mark.version)
        assert read(keeping, "k") == b"1"

    def test_an_unknown_version(self, keeping: BaseSync) -> None:
        source = _versioned(keeping)
        keeping.upload_file(b"1", "k")
        keeping.upload_file(b"2", "other")
        [other] = source.list_versions("other")
        for unknown in (f"{other.version}x", other.version):
            with pytest.raises(NotFound) as caught:
                source.stat_version("k", unknown)
            assert caught.value.key == "k"
            with pytest.raises(NotFound), source.open_version("k", unknown):
                pass
            with pytest.raises(NotFound):
                source.restore_version("k", unknown)
            source.delete_version("k", unknown)
            assert (read(keeping, "k"), read(keeping, "other")) == (b"1", b"2")


def _versioned(adapter: BaseSync) -> Versioned:
    assert isinstance(adapter, Versioned)
    return adapter


def _content(source: Versioned, each: ObjectVersion) -> bytes:
    with source.open_version(each.key, each.version) as reader:
        return reader.read()
