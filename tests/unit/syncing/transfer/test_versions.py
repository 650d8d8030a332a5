"""Versions of a bucket: plan, restore and download, without loss of content."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import IntegrityError, NotFound, NotSupported, PreconditionFailed
from buckia_core.syncing.transfer.versions import BucketVersions
from buckia_core.testing.miniatures import objects_in as tree

MTIME = 1_600_000_000_000_000_000


@pytest.fixture
def adapter():
    return MemorySync(MemorySettings(versions=True))


@pytest.fixture
def versions(adapter):
    return BucketVersions(adapter)


def now(adapter):
    """Return a time that is after all that was done, and before all that follows."""
    latest = max((each.modified_ns for each in adapter.list_versions()), default=0)
    while True:
        moment = datetime.now(UTC)
        if int(moment.timestamp() * 1_000_000) * 1000 > latest:
            return moment


def outcomes(results):
    return {each.restoration.key: type(each.error).__name__ if each.error else "done" for each in results}


def test_a_directory_as_it_was(adapter, versions):
    for key in ("d/a", "d/b", "d/c", "d-other", "e"):
        adapter.upload_file(b"old", key)
    before = tree(adapter)
    at = now(adapter)
    adapter.upload_file(b"new", "d/a")
    adapter.upload_file(b"new", "d-other")
    adapter.delete_files(["d/b", "e"])
    adapter.upload_file(b"locked!", "d/c.locked")

    plan = versions.plan("d/", at=at, recursive=True)
    assert [each.key for each in plan] == ["d/a", "d/b"]
    assert outcomes(versions.restore(plan)) == {"d/a": "done", "d/b": "done"}
    assert tree(adapter) == {"d-other": b"new", "d/a": b"old", "d/b": b"old", "d/c": b"old", "d/c.locked": b"locked!"}

    plan = versions.plan(at=at, recursive=True, delete_new=True)
    assert {each.key for each in plan if each.version is None} == {"d/c.locked"}
    assert set(outcomes(versions.restore(plan)).values()) == {"done"}
    assert tree(adapter) == before
    kept = {each.version for each in versions.list("d/c.locked") if not each.deleted}
    assert len(kept) == 1


def test_what_is_deleted_comes_back(adapter, versions):
    adapter.upload_file(b"1", "a")
    adapter.upload_file(b"2", "a")
    adapter.upload_file(b"1", "a2")
    adapter.delete_files(["a", "a2"])
    (only,) = versions.plan("a")
    assert only.key == "a"
    assert outcomes(versions.restore([only])) == {"a": "done"}
    assert tree(adapter) == {"a": b"2"}
    assert versions.plan("a") == ()


def test_one_version(adapter, versions):
    adapter.upload_file(b"1", "a")
    adapter.upload_file(b"2", "a")
    first = list(versions.list("a"))[-1]
    plan = versions.plan("a", version=first.version)
    assert outcomes(versions.restore(plan)) == {"a": "done"}
    assert tree(adapter) == {"a": b"1"}
    with pytest.raises(NotFound, match="no version 'none'"):
        versions.plan("a", version="none")


def test_what_changed_since_the_plan_is_left_alone(adapter, versions):
    adapter.upload_file(b"1", "a")
    at = now(adapter)
    adapter.upload_file(b"22", "a")
    adapter.upload_file(b"1", "new")
    plan = versions.plan(at=at, recursive=True, delete_new=True)
    adapter.upload_file(b"somebody's", "a")
    adapter.upload_file(b"somebody's", "new")
    assert outcomes(versions.restore(plan)) == {"a": "PreconditionFailed", "new": "PreconditionFailed"}
    assert set(tree(adapter).values()) == {b"somebody's"}
    assert all(isinstance(each.error, PreconditionFailed) for each in versions.restore(plan))


def test_a_bucket_that_keeps_none_now_loses_nothing(adapter, versions):
    adapter.upload_file(b"1", "a")
    adapter.upload_file(b"1", "b")
    at = now(adapter)
    adapter.upload_file(b"2", "a")
    adapter.delete_files(["b"])
    plan = versions.plan(at=at, recursive=True)
    adapter.probe = lambda: MemorySync(MemorySettings()).capabilities
    assert outcomes(versions.restore(plan)) == {"a": "NotSupported", "b": "done"}
    assert tree(adapter) == {"a": b"2", "b": b"1"}


def test_an_adapter_without_versions(tmp_path):
    with pytest.raises(NotSupported, match="no versions"):
        BucketVersions(DirectorySync(DirectorySettings(root=tmp_path)))


def test_a_time_needs_a_time_zone(versions):
    with pytest.raises(ValueError, match="time zone"):
        versions.plan("a", at=datetime(2026, 1, 1))  # noqa: DTZ001  # that is what is tested


def test_before_there_was_anything(adapter, versions):
    adapter.upload_file(b"1", "a")
    long_ago = datetime.now(UTC) - timedelta(days=365)
    assert versions.plan("a", at=long_ago) == ()
    (only,) = versions.plan("a", at=long_ago, delete_new=True)
    assert only.version is None


class TestFetching:
    def test_a_version_to_a_file(self, adapter, versions, tmp_path):
        adapter.upload_file(b"old", "a", info=UploadInfo(mtime_ns=MTIME))
        adapter.upload_file(b"new", "a")
        target = tmp_path / "a"
        target.write_bytes(b"there")
        first = list(versions.list("a"))[-1]
        assert versions.fetch("a", first.version, target).size == 3
        assert target.read_bytes() == b"old"
        assert target.stat().st_mtime_ns == MTIME
        assert [path.name for path in tmp_path.iterdir()] == ["a"]

    @pytest.mark.skipif(sys.platform == "win32", reason="other permissions")
    def test_a_private_file_that_is_replaced_stays_private(self, adapter, versions, tmp_path):
        adapter.upload_file(b"old", "a")
        (tmp_path / "a").write_bytes(b"there")
        (tmp_path / "a").chmod(0o4600)
        versions.fetch("a", next(iter(versions.list("a"))).version, tmp_path / "a")
        assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o600

    @pytest.mark.parametrize("came", [b"ol", b"bad"])
    def test_other_bytes_replace_nothing(self, adapter, versions, tmp_path, monkeypatch, came):
        adapter.upload_file(b"old", "a")
        (only,) = versions.list("a")

        @contextmanager
        def other(key, version):
            yield BytesIO(came)

        monkeypatch.setattr(adapter, "open_version", other)
        target = tmp_path / "a"
        target.write_bytes(b"there")
        with pytest.raises(IntegrityError):
            versions.fetch("a", only.version, target)
        assert target.read_bytes() == b"there"
        assert [path.name for path in tmp_path.iterdir()] == ["a"]

    def test_removing_one(self, adapter, versions):
        adapter.upload_file(b"1", "a")
        adapter.upload_file(b"2", "a")
        latest, _ = versions.list("a")
        versions.remove("a", latest.version)
        assert tree(adapter) == {"a": b"1"}


def test_what_is_our_own_is_not_brought_back(adapter, versions):
    adapter.upload_file(b"1", ".buckia-state/probe-1")
    adapter.upload_file(b"1", "a")
    adapter.delete_files([".buckia-state/probe-1", "a"])
    assert [each.key for each in versions.plan(recursive=True)] == ["a"]
