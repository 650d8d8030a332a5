"""Beside other tools on one bucket: they read what Buckia wrote, and what they wrote is taken over as it is."""

from __future__ import annotations

import hashlib
import os
import random
from base64 import b64decode
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from tests.e2e.peers import PEERS, Aws, Rclone
from tests.e2e.project import Project

MIB = 1 << 20

LARGE = 11 * MIB + 4321
"""Several parts with the smallest parts of rclone, and with those that aws-cli takes."""

HUGE = 50 * MIB + 1
"""Two parts with those of s5cmd."""

TIME = 1_600_000_000.123456789


def fill(folder: Path) -> dict[str, bytes]:
    """Write files of many kinds below a folder, and return their contents."""
    seed = random.Random(7)
    contents = {
        "index.html": b"<html></html>",
        "data/empty": b"",
        "data/blob.bin": seed.randbytes(70_000),
        "data/large.bin": seed.randbytes(LARGE),
        "data/huge.bin": seed.randbytes(MIB) * (HUGE // MIB) + b"x",
        "with space/and ünïcode.txt": "grüße".encode(),
        "with+plus&more.css": b"a { }",
    }
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (TIME, TIME))
    return contents


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", PEERS, ids=lambda kind: kind.name)
def test_a_bucket_that_another_tool_filled_is_taken_over_without_a_transfer(kind, ceph, s3_bucket, tmp_path):
    project = Project(tmp_path / "here", s3_bucket)
    source = tmp_path / "source"
    contents = fill(source)
    fill(project.directory)
    kind(ceph, s3_bucket.name, tmp_path).upload(source)
    s3_bucket.forget_requests()
    ran = project.sync()
    assert ran.code == 0, ran
    assert ran.actions() == dict.fromkeys(contents, "adopt")
    assert (ran.summary["bytes_up"], ran.summary["bytes_down"]) == (0, 0)
    # Not even for a look at what the listing told enough of.
    assert set(s3_bucket.requests()) <= {"list"}
    project.nothing_to_do(len(contents))


def test_what_only_looks_alike_is_not_taken_over(ceph, s3_bucket, tmp_path):
    project = Project(tmp_path / "here", s3_bucket)
    source = tmp_path / "source"
    contents = fill(source)
    fill(project.directory)
    changed = bytearray(contents["data/large.bin"])
    changed[LARGE // 2] ^= 1
    (source / "data/large.bin").write_bytes(changed)
    Rclone(ceph, s3_bucket.name, tmp_path).upload(source)
    ran = project.sync("--conflict", "keep_both")
    assert ran.actions()["data/large.bin"] == "conflict"
    assert project.tree()["data/large.bin"] == bytes(changed).decode("latin-1")


@pytest.fixture
def written(on_ceph):
    """A bucket that Buckia filled; the contents of its objects."""
    contents = fill(on_ceph.directory)
    ran = on_ceph.sync()
    assert ran.actions() == dict.fromkeys(contents, "upload"), ran
    return contents


@pytest.mark.parametrize("kind", PEERS, ids=lambda kind: kind.name)
def test_another_tool_reads_what_was_written(kind, ceph, on_ceph, written, tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    kind(ceph, on_ceph.bucket.name, tmp_path).download(folder)
    readable = {name: content for name, content in written.items() if kind is not Aws or content}
    assert files(folder) == readable


def rewrite(client, bucket, key, change):
    """Replace an object's content and keep its metadata, as some tools do."""
    was = client.get_object(Bucket=bucket, Key=key)
    body = change(was["Body"].read())
    client.put_object(Bucket=bucket, Key=key, Body=body, Metadata=was["Metadata"], ContentType=was["ContentType"])
    return body


def test_content_that_another_tool_replaced_comes_although_the_stored_digests_were_kept(ceph, on_ceph):
    on_ceph.configure(multipart_threshold=5 * MIB, part_size=5 * MIB)
    old = {"small": b"0123456789", "large": bytes(6 * MIB)}
    for name, content in old.items():
        on_ceph.write(name, content)
    assert on_ceph.sync().code == 0
    with closing(ceph.client()) as client:
        new = {name: rewrite(client, on_ceph.bucket.name, name, lambda data: b"NEW" + data[3:]) for name in old}
    ran = on_ceph.sync()
    assert ran.actions() == dict.fromkeys(old, "download"), ran
    assert {name: on_ceph.path(name).read_bytes() for name in old} == new
    on_ceph.nothing_to_do(len(old))


def test_a_local_edit_does_not_overwrite_what_another_tool_replaced(ceph, on_ceph):
    on_ceph.configure(multipart_threshold=5 * MIB, part_size=5 * MIB)
    on_ceph.write("large", bytes(6 * MIB))
    assert on_ceph.sync().code == 0
    with closing(ceph.client()) as client:
        theirs = rewrite(client, on_ceph.bucket.name, "large", lambda data: b"NEW" + data[3:])
    mine = b"MINE" + bytes(6 * MIB - 4)
    on_ceph.write("large", mine)
    assert on_ceph.sync().actions()["large"] == "conflict"
    versions = {path.read_bytes() for path in on_ceph.directory.glob("large*")}
    assert versions == {theirs, mine}


def test_rclone_sees_times_and_types_and_finds_nothing_to_do(ceph, on_ceph, written, tmp_path):
    rclone = Rclone(ceph, on_ceph.bucket.name, tmp_path)
    listing = rclone.listing()
    assert set(listing) == set(written)
    page = listing["index.html"]
    assert page["MimeType"] == "text/html"
    assert datetime.fromisoformat(page["ModTime"]).timestamp() == pytest.approx(TIME, abs=1e-3)
    assert len(page["Metadata"]["buckia-sha256"]) == 64
    # It compares sizes and times, which it takes from the metadata.
    filters = ["--exclude", "/.buckia", "--exclude", "/.buckia-state/**"]
    plan = rclone.call("copy", str(on_ceph.directory), rclone.root, "--dry-run", "--use-json-log", "-v", *filters)
    assert "Skipped copy" not in plan
    rclone.call("check", str(on_ceph.directory), rclone.root, "--download", *filters)


@pytest.mark.parametrize("stored", [True, False])
def test_rclone_verifies_large_objects_by_the_md5_that_was_stored(ceph, on_ceph, tmp_path, stored):
    on_ceph.configure(multipart_threshold=5 * MIB, part_size=5 * MIB, md5chksum=stored)
    content = random.Random(3).randbytes(11 * MIB)
    on_ceph.write("large", content)
    assert on_ceph.sync().code == 0
    rclone = Rclone(ceph, on_ceph.bucket.name, tmp_path)
    assert rclone.check(on_ceph.directory) == ["= large"]
    on_ceph.write("large", content[:-1] + bytes([content[-1] ^ 1]))
    # Without a digest it compares sizes only.
    assert rclone.check(on_ceph.directory) == ["* large" if stored else "= large"]


def test_the_md5_that_rclone_stored_verifies_a_download(ceph, s3_bucket, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "large").write_bytes(random.Random(3).randbytes(11 * MIB))
    Rclone(ceph, s3_bucket.name, tmp_path).upload(source)
    with closing(ceph.client()) as client:
        stored = client.head_object(Bucket=s3_bucket.name, Key="large")["Metadata"]
    assert b64decode(stored["md5chksum"]) == hashlib.md5((source / "large").read_bytes()).digest()
    project = Project(tmp_path / "here", s3_bucket)
    assert project.sync().code == 0
    assert project.path("large").read_bytes() == (source / "large").read_bytes()


def test_aws_sees_types_and_metadata(ceph, on_ceph, written, tmp_path):
    told = Aws(ceph, on_ceph.bucket.name, tmp_path).head("index.html")
    assert told["ContentType"] == "text/html"
    assert told["ContentLength"] == len(written["index.html"])
    assert told["Metadata"].keys() == {"mtime", "buckia-sha256"}
    assert float(told["Metadata"]["mtime"]) == pytest.approx(TIME, abs=1e-6)
