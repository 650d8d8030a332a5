"""Downloads that are not what B2 says, copies in parts, deletes for good, listings of many pages."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from buckia_b2.operations.list import list_objects
from buckia_b2.settings import Deletion
from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.config.object_rules import ObjectAttributes
from buckia_core.errors import AdapterError, IntegrityError, Transient
from buckia_core.objects.bucket_copy import BucketCopier
from buckia_core.planning.digest import Digest
from buckia_core.testing.fault_proxy.faults import Corrupt
from tests.servers.s3_faults import S3FaultProxy
from tests.unit.b2.conftest import PART


@pytest.fixture
def behind(b2_account, connect):
    """An adapter behind a proxy, and the proxy."""
    with S3FaultProxy(b2_account.endpoint) as proxy:
        yield connect(api_url=proxy.endpoint), proxy


def test_a_byte_that_was_changed_on_the_way_up(behind, raw_bucket, tmp_path):
    b2, proxy = behind
    (tmp_path / "file").write_bytes(bytes(1_000_000))
    for source in (b"content", tmp_path / "file"):
        proxy.fault(Corrupt(at=3, direction="up"), when=lambda request: "/b2_upload_file/" in request.path, times=1)
        with pytest.raises(IntegrityError) as caught:
            b2.upload_file(source, "k")
        assert caught.value.retryable
    assert list(raw_bucket.ls()) == []


def test_a_byte_that_was_changed_on_the_way_down(behind, tmp_path):
    b2, proxy = behind
    b2.upload_file(bytes(1_000_000), "k")
    proxy.fault(Corrupt(at=500_000), when=lambda request: request.path.startswith("/file/"), times=2)
    with pytest.raises(IntegrityError, match="SHA-1"):
        b2.read_file("k")
    with pytest.raises(IntegrityError, match="SHA-1"):
        b2.download_file("k", tmp_path / "file")
    assert b2.download_file("k", tmp_path / "file").size == 1_000_000


def test_a_file_that_changes_while_it_is_sent(b2, raw_bucket, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(1_000_000))
    info = UploadInfo(digests=(Digest("sha256", hashlib.sha256(b"other").hexdigest()),))
    with pytest.raises(IntegrityError) as caught:
        b2.upload_file(path, "k", info=info)
    assert not caught.value.retryable
    path.write_bytes(bytes(PART + 5))
    with pytest.raises(IntegrityError):
        b2.upload_file(path, "k", info=info)
    assert list(raw_bucket.ls(latest_only=False)) == list(raw_bucket.list_unfinished_large_files()) == []


def test_a_large_file_is_copied_in_parts(b2, b2_account, tmp_path):
    b2_account.set(maximum_part_size=PART)
    data = bytes(range(256)) * (2 * PART // 256) + b"end"
    (tmp_path / "file").write_bytes(data)
    info = UploadInfo(1_000_000, metadata={"a": "ü"}, content_type="text/x-special")
    source = b2.upload_file(tmp_path / "file", "k", info=info)
    with pytest.raises(AdapterError):
        b2.copy_file(source, "whole")
    b2._copier = replace(b2._copier, max_copy_size=PART, part_size=PART)
    copied = b2.copy_file(source, "copy")
    assert (copied.size, copied.digests, copied.metadata) == (source.size, source.digests, {"a": "ü"})
    assert b2.stat_file("copy").content_type == "text/x-special"
    assert b2.read_file("copy")[1] == data


@pytest.mark.parametrize("size", [5, 2 * PART + 3], ids=["one request", "parts"])
@pytest.mark.parametrize("changes", [None, ObjectAttributes(cache_control="no-store")], ids=["same", "changed"])
def test_a_copy_from_another_bucket(b2, connect, b2_account, tmp_path, monkeypatch, size, changes):
    monkeypatch.setattr(BucketCopier, "stream", None)
    b2_account.set(maximum_part_size=PART)
    (tmp_path / "file").write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    info = UploadInfo(1_700_000_000_000_000_000, metadata={"a": "ü"}, content_type="text/x-special")
    b2.upload_file(tmp_path / "file", "k", info=info)
    found = b2.stat_file("k")
    target = connect(bucket_name=b2_account.new_bucket(), prefix="out/")
    target._copier = replace(target._copier, max_copy_size=PART, part_size=PART)
    BucketCopier(b2, target).copy(found, "copy", changes=changes)
    now, data = target.read_file("copy")
    assert data == (tmp_path / "file").read_bytes()
    assert (now.mtime_ns, now.content_type, now.metadata) == (info.mtime_ns, "text/x-special", {"a": "ü"})
    assert target.read_attributes("copy").cache_control == (changes.cache_control if changes else None)
    assert (now.digests, [each.key for each in target.list_files()]) == (found.digests, ["copy"])


def test_a_copy_that_fails_leaves_nothing(b2, b2_account, raw_bucket):
    source = b2.upload_file(bytes(2 * PART), "k")
    b2._copier = replace(b2._copier, max_copy_size=PART, part_size=PART)
    b2_account.fail("b2_copy_part", status=403, code="access_denied")
    with pytest.raises(AdapterError):
        b2.copy_file(source, "copy")
    assert list(raw_bucket.list_unfinished_large_files()) == []


def test_one_lost_part_of_many_costs_that_part(b2, b2_account, tmp_path):
    (tmp_path / "file").write_bytes(bytes(4 * PART))
    b2_account.fail("b2_upload_part", status=500, code="internal_error", times=2)
    b2.upload_file(tmp_path / "file", "k")
    assert b2_account.calls()["b2_upload_part"] == 6


def test_deletes_hide(b2, raw_bucket):
    b2.upload_file(b"1", "k")
    b2.delete_files(["k", "none"])
    assert [each.action for each in raw_bucket.list_file_versions("k")] == ["hide", "upload"]
    assert b2.probe().versions


def test_deletes_for_good_take_all_versions(b2, connect, raw_bucket):
    for data in (b"1", b"22"):
        b2.upload_file(data, "k")
    b2.delete_files(["k"])
    b2.upload_file(b"333", "k")
    b2.upload_file(b"4", "k/below")
    final = connect(deletion=Deletion.VERSION)
    assert not final.capabilities.versions
    assert [outcome.error for outcome in final.delete_files(["k", "none"])] == [None, None]
    assert [each.file_name for each, _ in raw_bucket.ls(latest_only=False, recursive=True)] == ["k/below"]


def test_the_newest_version_goes_last(b2, b2_account, connect, raw_bucket):
    """A delete that ends halfway must not bring an old version back to light."""
    for data in (b"1", b"22", b"333"):
        b2.upload_file(data, "k")
    final = connect(deletion=Deletion.VERSION)
    b2_account.fail("b2_delete_file_version", status=403, code="access_denied", share=0.5, seed=3)
    while any(outcome.error for outcome in final.delete_files(["k"])):
        assert [found.size for found in b2.list_files()] == [3]
    assert list(raw_bucket.ls(latest_only=False)) == []


def test_listings_of_many_pages(b2, b2_account, bucket):
    b2_account.fill(bucket, "d/{:05d}", 2500)
    names = [f"d/{number:05d}" for number in range(2500)]
    b2_account.forget_calls()
    assert [found.key for found in list_objects(b2._bucket, "", None, None, page=1000)] == names
    assert b2_account.calls()["b2_list_file_names"] == 3
    after = [found.key for found in list_objects(b2._bucket, "d/", names[998], names[2001], page=1000)]
    assert after == names[999:2002]
    assert [found.metadata for found in b2.list_files(end_at=names[0])] == [None]


def test_a_listing_that_breaks_off_raises(b2, b2_account, bucket):
    b2_account.fill(bucket, "d/{:05d}", 2500)
    pages = list_objects(b2._bucket, "", None, None, page=1000)
    next(pages)
    b2_account.fail("b2_list_file_names", status=500, code="internal_error", times=1)
    with pytest.raises(Transient):
        list(pages)


def test_versions_of_many_pages(b2):
    for number in range(7):
        b2.upload_file(b"x" * number, "k")
    b2.upload_file(b"", "z")
    b2.versions = replace(b2.versions, page=2)
    found = list(b2.list_versions())
    assert [(each.key, each.size, each.latest) for each in found] == [
        *(("k", number, number == 6) for number in range(6, -1, -1)),
        ("z", 0, True),
    ]
