"""A file that was moved here is moved in the bucket, on the server: its content is not sent again."""

from __future__ import annotations

import hashlib
import random
from collections import Counter

import pytest

from buckia_core.testing.fault_proxy.faults import Answer
from tests.e2e.buckets import as_text

SOME = 100_000
IN_PARTS = (16 << 20) + 12_345
"""More than `multipart_threshold`."""

MARGIN = 5_000
"""Bytes that the bodies of other requests have: those of deletes and of the probe."""


def content(size, seed=1):
    return random.Random(seed).randbytes(size)


def move(project, source, target):
    path = project.path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    project.path(source).rename(path)


@pytest.fixture
def project(on_ceph):
    """A project with a small file and a large one, both in the bucket."""
    for name, size in (("small.bin", SOME), ("large.bin", IN_PARTS)):
        data = content(size)
        on_ceph.bucket.expect(data)
        on_ceph.write(name, data, mtime=1_700_000_000.5)
    assert on_ceph.sync().counts == {"uploaded": 2}
    on_ceph.bucket.forget_requests()
    return on_ceph


def sent(project):
    return project.bucket.proxy.bytes_up


def kinds(project):
    """Count the requests, without those of a probe."""
    return Counter(each.kind for each in project.bucket.proxy.requests if "/.buckia-state/" not in each.path)


@pytest.mark.parametrize("name", ["small.bin", "large.bin"])
def test_a_moved_file_is_copied_and_deleted_on_the_server(project, name):
    before = project.bucket.client.head_object(Bucket=project.bucket.name, Key=name)
    move(project, name, f"deep/ä b+/{name}")
    planned = project.sync("-n")
    assert planned.actions("planned") == {f"deep/ä b+/{name}": "move_remote"}

    project.bucket.forget_requests()
    ran = project.sync()

    assert ran.code == 0, ran
    assert ran.actions() == {f"deep/ä b+/{name}": "move_remote"}
    assert ran.summary["bytes_up"] == 0
    assert sent(project) < MARGIN
    assert kinds(project)["copy"] == 1
    assert not {"put", "upload_part", "create_multipart", "get"} & kinds(project).keys()
    assert project.bucket.tree() == project.tree()
    after = project.bucket.client.head_object(Bucket=project.bucket.name, Key=f"deep/ä b+/{name}")
    assert (after["Metadata"], after["ContentType"]) == (before["Metadata"], before["ContentType"])
    assert after["Metadata"]["mtime"] == "1700000000.500000000"
    project.nothing_to_do(2)


def test_a_moved_directory(on_ceph):
    for number in range(12):
        on_ceph.write(f"old/{number}.bin", content(SOME, seed=number))
    assert on_ceph.sync().counts == {"uploaded": 12}
    move(on_ceph, "old", "new/place")
    on_ceph.bucket.forget_requests()

    ran = on_ceph.sync()

    assert set(ran.actions().values()) == {"move_remote"}
    assert (ran.summary["moved"], ran.summary["bytes_up"]) == (12, 0)
    assert on_ceph.bucket.requests()["copy"] == 12
    assert sent(on_ceph) < MARGIN
    assert on_ceph.bucket.tree() == on_ceph.tree()


def test_what_was_moved_and_edited_is_sent(project):
    move(project, "small.bin", "moved.bin")
    edited = content(SOME, seed=2)
    project.write("moved.bin", edited)

    ran = project.sync()

    assert ran.actions() == {"moved.bin": "upload", "small.bin": "delete_remote"}
    assert ran.summary["bytes_up"] == SOME
    assert project.bucket.requests()["copy"] == 0
    assert project.bucket.tree()["moved.bin"] == as_text(edited)


def test_a_source_that_changed_in_the_bucket_is_not_moved(project):
    data = project.path("small.bin").read_bytes()
    move(project, "small.bin", "moved.bin")
    project.bucket.put("small.bin", "somebody else's")

    ran = project.sync()

    assert ran.code == 0, ran
    assert project.bucket.requests()["copy"] == 0
    assert project.bucket.tree()["moved.bin"] == as_text(data)
    assert project.bucket.tree()["small.bin"] == "somebody else's"
    assert project.tree()["small.bin"] == "somebody else's"


def test_a_copy_that_stays_is_no_move(project):
    project.write("copy.bin", project.path("small.bin").read_bytes())
    ran = project.sync()
    assert ran.actions() == {"copy.bin": "upload"}
    assert project.bucket.tree() == project.tree()


def test_a_copy_that_the_server_refuses_loses_nothing(project):
    data = hashlib.sha256(project.path("small.bin").read_bytes()).hexdigest()
    move(project, "small.bin", "moved.bin")
    rule = project.bucket.proxy.fault(Answer(403), when=lambda request: request.kind == "copy")
    ran = project.sync()
    # A copy only saves the upload: what it would have done is done without it.
    assert ran.code == 0, ran
    assert ran.summary["uploaded"] == 1
    assert rule.chosen >= 1
    project.bucket.proxy.clear_faults()
    project.sync()
    assert project.bucket.tree() == project.tree()
    assert hashlib.sha256(project.path("moved.bin").read_bytes()).hexdigest() == data
