"""Versions, locks and unfinished uploads of real servers, through the command."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime

import pytest

from buckia_core.testing.fault_proxy.faults import Answer
from tests.e2e.buckets import S3Bucket
from tests.e2e.project import Project
from tests.servers.s3_faults import S3FaultProxy

IN_PARTS = (9 << 20) + 1
"""More than what is read into memory and sent whole, and two parts."""

PARTS = {"multipart_threshold": 5 << 20, "part_size": 5 << 20}


@pytest.fixture
def project(tmp_path, ceph, bucket_name):
    """A project on a bucket of Ceph with object lock, which keeps versions."""
    with S3FaultProxy(ceph.endpoint) as proxy:
        bucket = S3Bucket(ceph, bucket_name(ceph, "e2e", ObjectLockEnabledForBucket=True), proxy)
        with closing(bucket):
            yield Project(tmp_path / "here", bucket)


def versions(project, *arguments):
    ran = project.run("versions", "--json", *arguments)
    assert ran.code == 0, ran
    return ran.records


def moment_after(project):
    """Return a time after all that was done, by the clock of this machine, which is the server's too."""
    latest = max(each["modified"] for each in versions(project))
    now = datetime.now(UTC)
    assert now > datetime.fromisoformat(latest)
    # Servers tell milliseconds, and no version of the same one may come before this one is over.
    threading.Event().wait(0.01)
    return now.isoformat()


def test_a_tree_after_an_accident(project):
    contents = {"docs/a.txt": "plan", "docs/ü b+.txt": "list", "img/c.bin": "picture", "docs-old/d": "other"}
    for name, content in contents.items():
        project.write(name, content)
    assert project.sync().counts == {"uploaded": 4}
    before = moment_after(project)

    # Somebody encrypts all, under new names, and the sync does what it is there for.
    for name in ("docs/a.txt", "docs/ü b+.txt"):
        project.delete(name)
        project.write(f"{name}.locked", "pay!")
    project.write("img/c.bin", "garbage")
    assert project.sync("--force").code == 0

    # What was tried out before the first write has left nothing.
    assert {each["key"] for each in versions(project, "--deleted")} == {"docs/a.txt", "docs/ü b+.txt"}
    restore = ("restore", "-r", "--at", before, "--delete-new")
    planned = project.run(*restore, "--json", "-n")
    assert {(each["action"], each["key"], each["status"]) for each in planned.records} == {
        ("restore", "docs/a.txt", "planned"),
        ("restore", "docs/ü b+.txt", "planned"),
        ("restore", "img/c.bin", "planned"),
        ("delete", "docs/a.txt.locked", "planned"),
        ("delete", "docs/ü b+.txt.locked", "planned"),
    }
    assert "docs/a.txt" not in project.bucket.tree()

    project.bucket.forget_requests()
    ran = project.run(*restore, "--yes")
    assert ran.code == 0, ran
    assert "3 objects restored, 2 deleted" in ran.stdout
    assert not {"get", "upload_part"} & project.bucket.requests().keys()
    assert project.bucket.tree() == contents
    assert project.sync("--force").code == 0
    assert project.tree() == contents
    project.nothing_to_do(4)
    # What came after is kept too, and a second time there is nothing left to restore.
    kept = {each["key"] for each in versions(project) if not each["deleted"] and not each["latest"]}
    assert {"docs/a.txt.locked", "img/c.bin"} <= kept
    assert "nothing to restore" in project.run(*restore, "--yes").stderr


def test_a_part_of_the_tree(project):
    for name in ("docs/a", "docs-old/a"):
        project.bucket.put(name, "old")
    before = moment_after(project)
    for name in ("docs/a", "docs-old/a"):
        project.bucket.put(name, "new")
    assert project.run("restore", "docs/", "-r", "--at", before, "--yes").code == 0
    assert project.bucket.tree() == {"docs/a": "old", "docs-old/a": "new"}


def test_one_version_is_fetched_brought_back_and_deleted(project):
    for content in ("one", "two", "three"):
        project.bucket.put("a.txt", content, mtime=1_700_000_000)
    third, second, first = (each["version"] for each in versions(project, "a.txt"))

    assert project.run("get", "a.txt", "old.txt", "--version", first).code == 0
    assert project.path("old.txt").read_text() == "one"
    assert project.path("old.txt").stat().st_mtime == 1_700_000_000
    assert project.run("restore", "a.txt", "--version", second, "--yes").code == 0
    assert project.bucket.tree() == {"a.txt": "two"}
    assert project.run("rm", "a.txt", "--version", first, "--yes").code == 0
    left = [each["version"] for each in versions(project, "a.txt")]
    assert left[1:] == [third, second]
    ran = project.run("restore", "a.txt", "--version", first, "--yes", "--json")
    assert (ran.code, ran.error["error"]) == (6, "NotFound")


def test_a_bucket_that_keeps_no_versions(tmp_path, s3_bucket):
    project = Project(tmp_path / "here", s3_bucket)
    s3_bucket.put("a", "1")
    (only,) = versions(project)
    assert (only["version"], only["latest"]) == ("null", True)
    assert "nothing to restore" in project.run("restore", "-r", "--yes").stderr


def test_a_locked_version_is_kept(project):
    project.bucket.put("a.txt", "one")
    (only,) = versions(project)
    project.bucket.put("other.txt", "other")
    ran = project.run("s3", "lock", "retain", "a.txt", "--mode", "governance", "--until", "2d", "--json")
    assert ran.code == 0, ran
    (told,) = ran.records
    assert (told["mode"], told["hold"]) == ("GOVERNANCE", False)
    assert "until" in project.run("s3", "lock", "show", "a.txt").stdout

    ran = project.run("rm", "a.txt", "--version", only["version"], "--yes")
    assert ran.code == 5
    assert "retained until" in ran.stderr
    # A sync goes on as always: what it overwrites and deletes is hidden, and kept.
    assert project.sync().counts == {"downloaded": 2}
    project.write("a.txt", "two!")
    assert project.sync().counts == {"uploaded": 1, "unchanged": 1}
    project.delete("a.txt")
    assert project.sync().counts == {"deleted_remote": 1, "unchanged": 1}
    assert only["version"] in {each["version"] for each in versions(project)}
    ran = project.run("s3", "delete-version", "a.txt", only["version"], "--bypass-governance", "--yes")
    assert ran.code == 0, ran
    assert only["version"] not in {each["version"] for each in versions(project)}


def test_a_legal_hold(project):
    project.bucket.put("a.txt", "one")
    (only,) = versions(project)
    assert "on" in project.run("s3", "lock", "hold", "a.txt", "on").stdout
    ran = project.run("s3", "delete-version", "a.txt", only["version"], "--bypass-governance", "--yes")
    assert ran.code == 5
    assert "a legal hold is on it" in ran.stderr
    assert project.run("s3", "lock", "hold", "a.txt", "off", "--version", only["version"]).code == 0
    assert project.run("s3", "delete-version", "a.txt", only["version"], "--yes").code == 0
    assert versions(project) == []


def test_compliance_is_asked_for_twice(project):
    project.bucket.put("a.txt", "one")
    retain = ("s3", "lock", "retain", "a.txt", "--mode", "COMPLIANCE", "--until", "1d")
    ran = project.run(*retain)
    assert ran.code == 2
    assert "cannot be deleted by anyone" in ran.stderr
    assert '"mode": null' in project.run("s3", "lock", "show", "a.txt", "--json").stdout
    assert project.run(*retain, "--yes").code == 0
    assert project.run("s3", "lock", "retain", "a.txt", "--mode", "COMPLIANCE", "--until", "soon", "--yes").code == 2


def test_what_a_sync_uploads_is_locked(project):
    project.configure(object_lock_mode="GOVERNANCE", object_lock_retain=1, object_lock_legal_hold=True, **PARTS)
    project.write("small.txt", "s")
    project.write("large.bin", b"x" * IN_PARTS)
    assert project.sync().counts == {"uploaded": 2}
    for name in ("small.txt", "large.bin"):
        (told,) = project.run("s3", "lock", "show", name, "--json").records
        assert (told["mode"], told["hold"]) == ("GOVERNANCE", True), name
    project.nothing_to_do(2)


class TestUnfinishedUploads:
    @pytest.fixture(params=["ceph", "moto_server"])
    def project(self, request, tmp_path, bucket_name):
        server = request.getfixturevalue(request.param)
        with S3FaultProxy(server.endpoint) as proxy:
            bucket = S3Bucket(server, bucket_name(server, "e2e"), proxy)
            with closing(bucket):
                yield Project(tmp_path / "here", bucket)

    def begin(self, project, key, data=b"abc"):
        client, bucket = project.bucket.client, project.bucket.name
        upload_id = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        client.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=1, Body=data)
        return upload_id

    def test_listed_and_aborted(self, project):
        begun = {key: self.begin(project, key) for key in ("a/big.bin", "b ü+.bin")}
        ran = project.run("s3", "uploads", "--sizes", "--json")
        assert ran.code == 0, ran
        assert {each["key"]: each["upload_id"] for each in ran.records} == begun
        assert {(each["size"], each["resumable"]) for each in ran.records} == {(3, False)}

        assert project.run("s3", "uploads", "--abort").code == 2
        ran = project.run("s3", "uploads", "a/", "--abort", "--yes", "--json")
        assert [(each["type"], each["key"]) for each in ran.records] == [("upload_aborted", "a/big.bin")]
        (left,) = project.run("s3", "uploads", "--json").records
        assert left["key"] == "b ü+.bin"

    def test_only_old_ones(self, project):
        if project.bucket.server.name == "moto":
            pytest.skip("moto says that all uploads began in 2010")
        self.begin(project, "a")
        ran = project.run("s3", "uploads", "--older-than", "1h", "--abort", "--yes")
        assert (ran.code, ran.stdout) == (0, "")
        assert "no unfinished uploads" in ran.stderr
        assert len(project.run("s3", "uploads", "--json").records) == 1

    def test_what_a_sync_would_go_on_with_is_spared(self, project):
        project.configure(**PARTS, retry_attempts=1, retry_config={"max_retries": 0})
        project.write("large.bin", b"x" * IN_PARTS)
        project.bucket.proxy.fault(Answer(503), when=lambda request: request.query.get("partNumber") == "2")
        assert project.sync().code == 1
        project.bucket.proxy.clear_faults()
        other = self.begin(project, "other.bin")

        told = {each["key"]: each["resumable"] for each in project.run("s3", "uploads", "--json").records}
        assert told == {"large.bin": True, "other.bin": False}
        ran = project.run("s3", "uploads", "--abort", "--yes", "--json")
        assert [each["upload_id"] for each in ran.records] == [other]
        ran = project.run("s3", "uploads")
        assert ("large.bin" in ran.stdout, ran.stderr) == (True, ""), "that there are none would be wrong"
        ran = project.run("s3", "uploads", "--abort", "--yes")
        assert (ran.stdout, "--resumable aborts them" in ran.stderr) == ("", True)
        project.bucket.forget_requests()
        assert project.sync().counts == {"uploaded": 1}
        assert project.bucket.requests()["upload_part"] == 1

    def test_what_a_sync_would_go_on_with_is_aborted_on_request(self, project):
        project.configure(**PARTS, retry_attempts=1, retry_config={"max_retries": 0})
        project.write("large.bin", b"x" * IN_PARTS)
        project.bucket.proxy.fault(Answer(503), when=lambda request: request.query.get("partNumber") == "2")
        assert project.sync().code == 1
        project.bucket.proxy.clear_faults()
        assert project.run("s3", "uploads", "--abort", "--resumable", "--yes").code == 0
        assert project.run("s3", "uploads", "--json").records == []
        assert project.sync().counts == {"uploaded": 1}

    def test_there_are_none(self, project):
        ran = project.run("s3", "uploads")
        assert (ran.code, ran.stdout) == (0, "")
        assert project.run("s3", "uploads", "--resumable").code == 2
        assert project.run("s3", "uploads", "--older-than", "soon").code == 2
