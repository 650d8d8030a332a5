"""Object lock: retention and legal hold, on servers that have it, and what is told where it stands in the way."""

from __future__ import annotations

import io
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from buckia_core.errors import NotFound, NotSupported, PermissionDenied
from buckia_s3.objects.object_lock import LockMode, object_lock_headers
from buckia_s3.operations.object_locks import ObjectLock
from tests.unit.s3.scripted_server import HELLO, Answer, error

GOVERNANCE, COMPLIANCE = LockMode.GOVERNANCE, LockMode.COMPLIANCE
LARGE = (6 << 20) + 1


@pytest.fixture(params=["ceph", "moto_server"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def adapter(server, bucket_name, adapter_on):
    """An adapter on a bucket with object lock."""
    return adapter_on(server, bucket_name(server, ObjectLockEnabledForBucket=True))


def tomorrow(days: int = 1) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)


class TestOnServers:
    def test_no_lock_without_locking(self, adapter):
        adapter.upload_file(b"1", "k")
        assert adapter.locks.get("k") == ObjectLock()

    def test_a_retention(self, adapter):
        adapter.upload_file(b"1", "k")
        until = tomorrow()
        adapter.locks.retain("k", GOVERNANCE, until)
        assert adapter.locks.get("k") == ObjectLock(GOVERNANCE, until)
        adapter.locks.retain("k", GOVERNANCE, tomorrow(2))
        assert adapter.locks.get("k").retain_until == tomorrow(2) or adapter.locks.get("k").retain_until > until

    def test_a_hold(self, adapter):
        adapter.upload_file(b"1", "ä k")
        adapter.locks.hold("ä k", on=True)
        assert adapter.locks.get("ä k") == ObjectLock(legal_hold=True)
        adapter.locks.hold("ä k", on=False)
        assert adapter.locks.get("ä k") == ObjectLock()

    def test_a_lock_is_one_of_a_version(self, adapter):
        for data in (b"1", b"2"):
            adapter.upload_file(data, "k")
        latest, first = adapter.list_versions()
        adapter.locks.hold("k", first.version, on=True)
        assert adapter.locks.get("k", first.version).legal_hold
        assert not adapter.locks.get("k", latest.version).legal_hold
        assert not adapter.locks.get("k").legal_hold
        with pytest.raises(PermissionDenied, match="a legal hold is on it"):
            adapter.delete_version("k", first.version)
        adapter.delete_version("k", latest.version)
        adapter.locks.hold("k", first.version, on=False)
        adapter.delete_version("k", first.version)
        assert list(adapter.list_versions()) == []

    def test_what_is_retained_is_not_deleted_and_loses_nothing(self, adapter):
        adapter.upload_file(b"1", "k")
        adapter.locks.retain("k", GOVERNANCE, tomorrow())
        (only,) = adapter.list_versions()
        with pytest.raises(PermissionDenied, match="in mode GOVERNANCE; --bypass-governance passes it"):
            adapter.delete_version("k", only.version)
        # To write over it, or to delete it as a sync does, hides it and no more.
        adapter.upload_file(b"2", "k")
        assert [each.error for each in adapter.delete_files(["k"])] == [None]
        assert [each.deleted for each in adapter.list_versions()] == [True, False, False]
        with adapter.open_version("k", only.version) as reader:
            assert reader.read() == b"1"
        adapter.versions.delete("k", only.version, bypass_governance=True)
        assert only.version not in {each.version for each in adapter.list_versions()}

    def test_compliance_is_not_bypassed(self, adapter):
        adapter.upload_file(b"1", "k")
        adapter.locks.retain("k", COMPLIANCE, tomorrow())
        (only,) = adapter.list_versions()
        with pytest.raises(PermissionDenied, match="can't be ended early"):
            adapter.versions.delete("k", only.version, bypass_governance=True)
        with adapter.open_file("k") as reader:
            assert reader.read() == b"1"

    def test_a_bucket_without_object_lock(self, server, bucket_name, adapter_on):
        adapter = adapter_on(server, bucket_name(server))
        adapter.upload_file(b"1", "k")
        with pytest.raises(NotSupported, match="switched on when a bucket is made"):
            adapter.locks.retain("k", GOVERNANCE, tomorrow())

    def test_an_object_that_is_not_there(self, adapter):
        with pytest.raises(NotFound):
            adapter.locks.get("none")

    @pytest.mark.parametrize("size", [1, 300_000, LARGE], ids=["small", "single", "parts"])
    def test_what_is_uploaded_is_locked(self, server, bucket_name, adapter_on, size):
        settings = {"object_lock_mode": GOVERNANCE, "object_lock_retain": 2, "object_lock_legal_hold": True}
        bucket = bucket_name(server, ObjectLockEnabledForBucket=True)
        adapter = adapter_on(server, bucket, **settings, multipart_threshold=5 << 20, part_size=5 << 20)
        adapter.upload_file(io.BytesIO(b"x" * size), "k")
        lock = adapter.locks.get("k")
        assert (lock.mode, lock.legal_hold) == (GOVERNANCE, True)
        assert lock.retain_until is not None
        assert timedelta(days=2) <= lock.retain_until - datetime.now(UTC) <= timedelta(days=3)

    def test_what_is_copied_or_brought_back_is_locked(self, server, bucket_name, adapter_on):
        if server.name == "moto":
            pytest.skip("moto wants an MD5 of the content with a copy, which has none")
        bucket = bucket_name(server, ObjectLockEnabledForBucket=True)
        plain = adapter_on(server, bucket)
        locking = adapter_on(server, bucket, object_lock_mode=GOVERNANCE, object_lock_retain=1)
        locking.copy_file(plain.upload_file(b"1", "k"), "copy")
        assert plain.locks.get("copy").mode is GOVERNANCE
        (only,) = plain.list_versions("k")
        plain.upload_file(b"2", "k")
        locking.restore_version("k", only.version)
        assert plain.locks.get("k").mode is GOVERNANCE
        assert plain.locks.get("k", only.version) == ObjectLock()


def test_a_bucket_that_locks_by_itself(moto_server, bucket_name, adapter_on):
    bucket = bucket_name(moto_server, ObjectLockEnabledForBucket=True)
    with closing(moto_server.client()) as client:
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
        client.put_object_lock_configuration(
            Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )
    adapter = adapter_on(moto_server, bucket, content_md5=True)
    for data in (b"1", b"1" * 300_000):
        adapter.upload_file(data, "k")
        assert adapter.locks.get("k").mode is GOVERNANCE


class TestRequests:
    def test_a_retention(self, connect):
        adapter, server = connect(lambda asked: Answer(200))
        until = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
        adapter.locks.retain("k", COMPLIANCE, until, "v")
        adapter.locks.retain("k", GOVERNANCE, until, bypass_governance=True)
        first, second = server.asked
        assert (first.method, first.query) == ("PUT", {"retention": "", "versionId": "v"})
        assert b"<Mode>COMPLIANCE</Mode><RetainUntilDate>2030-01-02T03:04:05Z</RetainUntilDate>" in first.body
        assert "content-md5" in first.headers
        assert "x-amz-bypass-governance-retention" not in first.headers
        assert second.headers["x-amz-bypass-governance-retention"] == "true"
        assert second.query == {"retention": ""}

    def test_without_permission_a_lock_does_not_count_as_missing(self, connect):
        adapter, _ = connect(lambda asked: error(403, "AccessDenied") if "retention" in asked.query else HELLO)
        with pytest.raises(PermissionDenied):
            adapter.locks.get("k")

    def test_a_retention_that_is_longer_already(self, connect):
        lock = {
            "x-amz-object-lock-mode": "COMPLIANCE",
            "x-amz-object-lock-retain-until-date": "2999-01-02T03:04:05Z",
        }
        adapter, _ = connect(
            lambda asked: error(403, "AccessDenied") if asked.method == "PUT" else Answer(200, b"", lock)
        )
        with pytest.raises(PermissionDenied, match="retained until 2999-01-02T03:04:05Z in mode COMPLIANCE"):
            adapter.locks.retain("k", COMPLIANCE, tomorrow())

    def test_the_md5_goes_with_each_part(self, connect):
        def script(asked):
            if "uploads" in asked.query:
                assert asked.headers["x-amz-object-lock-mode"] == "COMPLIANCE"
                return Answer(200, b"<UploadId>u</UploadId>")
            if asked.method == "PUT":
                assert "content-md5" in asked.headers
                return Answer(200, b"", {"ETag": '"e"'})
            if asked.method == "HEAD":
                lock = {
                    "x-amz-object-lock-mode": "COMPLIANCE",
                    "x-amz-object-lock-retain-until-date": "2999-01-01T00:00:00Z",
                }
                return Answer(200, b"", lock | {"ETag": '"whole-2"'}, claims=LARGE)
            return Answer(200, b"<X><ETag>whole-2</ETag></X>")

        adapter, server = connect(
            script,
            object_lock_mode=COMPLIANCE,
            object_lock_retain=1,
            multipart_threshold=5 << 20,
            part_size=5 << 20,
        )
        adapter.upload_file(b"x" * LARGE, "k")
        assert sum(asked.method == "PUT" for asked in server.asked) == 2


def test_retention_ends_at_the_end_of_a_day():
    morning = datetime(2026, 3, 31, 7, 30, tzinfo=UTC)
    evening = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
    expected = {
        "x-amz-object-lock-mode": "GOVERNANCE",
        "x-amz-object-lock-retain-until-date": "2026-04-02T00:00:00Z",
    }
    assert object_lock_headers(GOVERNANCE, 1, morning, hold=False) == expected
    assert object_lock_headers(GOVERNANCE, 1, evening, hold=False) == expected
    assert object_lock_headers(None, None, morning, hold=False) == {}


@pytest.mark.parametrize(
    ("lock", "holds"),
    [
        (ObjectLock(), False),
        (ObjectLock(legal_hold=True), True),
        (ObjectLock(GOVERNANCE, datetime(2026, 1, 1, tzinfo=UTC)), False),
        (ObjectLock(GOVERNANCE, datetime(2026, 1, 3, tzinfo=UTC)), True),
    ],
)
def test_a_retention_ends(lock, holds):
    assert lock.in_force(datetime(2026, 1, 2, tzinfo=UTC)) is holds


@pytest.mark.parametrize("given", [{"object_lock_mode": GOVERNANCE}, {"object_lock_retain": 1}])
def test_settings_that_go_together(connect, given):
    with pytest.raises(ValueError, match="go together"):
        connect(lambda asked: Answer(200), **given)


def test_a_lock_that_failed_is_reported(connect):
    copied = Answer(200, b"<CopyObjectResult><ETag>e</ETag></CopyObjectResult>")

    def script(asked):
        if "retention" in asked.query:
            return error(403, "AccessDenied")
        if asked.method == "HEAD":
            return HELLO if asked.path.startswith("/bucket/k") else Answer(404 if "versionId" in asked.query else 200)
        return copied

    adapter, _ = connect(script, object_lock_mode=GOVERNANCE, object_lock_retain=1)
    source = adapter.stat_file("k")
    with pytest.raises(PermissionDenied, match="it was written, and is not locked as the settings say"):
        adapter.copy_file(source, "k2")
