"""What goes wrong while a run reads: listings that do not finish, downloads that break, lie, or change on the way."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.testing.fault_proxy.faults import Answer, Corrupt, Cut, Delay, Reset, Stall, Truncate
from tests.e2e.buckets import S3Bucket, as_text
from tests.e2e.project import Project
from tests.servers.s3_faults import S3FaultProxy

HASTY = {"retry_attempts": 2, "retry_seconds": 5, "read_timeout": 2}
"""Settings under which a fault that stays is given up soon."""

COUNT = 1100
"""Objects of a listing that has two pages."""

MIB = 1 << 20

BROKEN_PAGES = {
    "refused": Answer(500),
    "reset": Reset(after=2000, direction="down"),
    "cut": Cut(after=2000),
    "promises more than it sends": Truncate(after=2000),
    "short, and says so": Truncate(after=2000, honest=True),
    "malformed": Answer(200, body=b"<ListBucketResult><Contents><Key>numbers/0</Key></Contents>"),
    "another page altogether": Answer(200, body=b"<html><body>Please log in</body></html>", content_type="text/html"),
    "empty": Answer(200, body=b""),
    "an error under success": Answer(200, body=b"<Error><Code>InternalError</Code><Message>no</Message></Error>"),
    "more to come, and no way to it": Answer(
        200, body=b"<ListBucketResult><IsTruncated>true</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>"
    ),
    "stalled": Stall(30, after=2000),
}
"""What the second page can be instead of what it should be."""

FILES = {
    "small": bytes(range(256)) * 100,
    "odd\nname": bytes(range(255)) * 100,
    "large": bytes(range(251)) * (20 * MIB // 251),
}
"""Read in three ways: in one request by each of two clients, and in two ranges."""

CONTENTS = {name: as_text(content) for name, content in FILES.items()}

BROKEN_BODIES = {
    "reset": Reset(after=5000, direction="down"),
    "cut": Cut(after=5000),
    "promises more than it sends": Truncate(after=5000),
    "short, and says so": Truncate(after=5000, honest=True),
    "one byte": Corrupt(at=5000),
    "stalled": Stall(30, after=5000),
    "late": Delay(30, direction="down"),
}
"""What can become of an object's bytes on the way."""


@pytest.fixture(scope="module")
def long_list(tmp_path_factory, ceph, bucket_name):
    """A project in step, whose listing has two pages. Each test leaves it in step."""
    with S3FaultProxy(ceph.endpoint) as proxy:
        bucket = S3Bucket(ceph, bucket_name(ceph, "e2e"), proxy)
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda number: bucket.put(f"numbers/{number:04}", f"{number}"), range(COUNT)))
        project = Project(tmp_path_factory.mktemp("long_list") / "here", bucket, **HASTY)
        assert project.sync().counts == {"downloaded": COUNT}
        yield project
        bucket.close()


@pytest.fixture(scope="module")
def in_step(tmp_path_factory, ceph, bucket_name):
    """A project in step, with `FILES`. Each test leaves it in step."""
    with S3FaultProxy(ceph.endpoint) as proxy:
        bucket = S3Bucket(ceph, bucket_name(ceph, "e2e"), proxy)
        put_files(bucket)
        project = Project(tmp_path_factory.mktemp("in_step") / "here", bucket, **HASTY)
        assert project.sync().code == 0
        yield project
        bucket.close()


@pytest.mark.parametrize("fault", BROKEN_PAGES.values(), ids=BROKEN_PAGES)
def test_a_listing_that_does_not_finish_changes_nothing(long_list, fault):
    here, bucket = long_list, long_list.bucket
    numbers = sorted(here.tree())
    deleted_here, edited_here, deleted_there = numbers[:3]
    here.delete(deleted_here)
    here.write(edited_here, f"{edited_here} edited")
    bucket.delete(deleted_there)
    before = (here.tree(), bucket.keys(), remembered(here), here.trash())
    bucket.forget_requests()
    bucket.proxy.fault(fault, when=is_a_later_page)
    with cleared(bucket.proxy):
        ran = here.sync()
    assert (ran.code, ran.operations) == (4, [])
    assert ran.error["bucket"] == "assets"
    assert "listing" in ran.error["message"]
    assert (here.tree(), bucket.keys(), remembered(here), here.trash()) == before
    assert set(bucket.requests()) == {"list"}, "nothing was written to the bucket"

    ran = here.sync()
    done = {deleted_here: "delete_remote", edited_here: "upload", deleted_there: "delete_local"}
    assert (ran.code, ran.actions()) == (0, done)
    assert sorted(here.tree()) == bucket.keys() == numbers[1:2] + numbers[3:]


@pytest.mark.parametrize("broken", ["refused", "reset", "short, and says so"])
def test_a_page_that_breaks_once_is_asked_for_again(long_list, broken):
    here = long_list
    rule = here.bucket.proxy.fault(BROKEN_PAGES[broken], when=is_a_later_page, times=1)
    with cleared(here.bucket.proxy):
        ran = here.sync()
    assert (ran.code, ran.counts, rule.chosen) == (0, {"unchanged": len(here.tree())}, 1)


@pytest.mark.parametrize("fault", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_a_download_that_breaks_is_right_in_the_end_or_fails_alone(in_step, fault):
    here, bucket = in_step, in_step.bucket
    before = here.tree()
    new = {name: f"{fault!r} {content}" for name, content in CONTENTS.items()}
    # One of them has no file here that could stay.
    here.delete("small")
    for key, content in new.items():
        bucket.put(key, content)
    bucket.put("good", repr(fault))
    for name in FILES:
        bucket.proxy.fault(fault, when=reads(name))
    here.configure(**HASTY | {"retry_attempts": 1})
    with cleared(bucket.proxy):
        ran = here.sync()
    assert (ran.code, ran.actions(), set(ran.failures)) == (1, {"good": "download"}, set(FILES))
    left = {name: content for name, content in before.items() if name != "small"}
    assert here.tree() == left | {"good": repr(fault)}, "no part of a file, and no temporary one"

    here.configure(**HASTY)
    rules = [bucket.proxy.fault(fault, when=reads(name), times=1) for name in (*FILES, "large, second range")]
    with cleared(bucket.proxy):
        ran = here.sync()
    assert (ran.code, ran.counts) == (0, {"downloaded": len(FILES), "unchanged": 1}), ran
    assert [rule.chosen for rule in rules] == [1, 1, 1, 1]
    assert here.tree() == new | {"good": repr(fault)}


def test_a_range_that_stays_broken_leaves_no_half_of_a_file(in_step):
    here, bucket = in_step, in_step.bucket
    before = here.tree()
    here.configure(**HASTY)
    bucket.put("large", FILES["large"][::-1])
    rule = bucket.proxy.fault(Reset(after=5000, direction="down"), when=reads("large, second range"))
    with cleared(bucket.proxy):
        ran = here.sync()
    assert (ran.code, set(ran.failures)) == (1, {"large"})
    # What has come stays for the next run, under a name that no sync looks at.
    assert {name: each for name, each in here.tree().items() if not name.startswith(TEMP_PREFIX)} == before
    assert rule.chosen > 1, "it was tried again"
    assert here.sync().code == 0
    assert here.tree() == bucket.tree()


def test_a_byte_that_changes_in_an_object_made_of_parts_is_found(tmp_path, s3_bucket):
    # Its ETag is no digest of the content: what Buckia wrote beside the content is.
    content = bytes(range(253)) * (6 * MIB // 253)
    there = Project(tmp_path / "there", s3_bucket, multipart_threshold=5 * MIB, part_size=5 * MIB)
    there.write("parts", content)
    assert there.sync().code == 0
    assert s3_bucket.requests()["complete_multipart"] == 1
    here = Project(tmp_path / "here", s3_bucket, **HASTY)
    rule = s3_bucket.proxy.fault(Corrupt(at=5 * MIB + 17), when=lambda request: request.kind == "get")
    ran = here.sync()
    assert (ran.code, set(ran.failures), here.tree()) == (1, {"parts"}, {})
    assert rule.chosen > 1, "it was tried again"
    s3_bucket.proxy.clear_faults()
    assert here.sync().code == 0
    assert here.tree() == {"parts": as_text(content)}


@pytest.mark.parametrize("name", [*FILES, "large, second range"])
def test_an_object_overwritten_between_list_and_read_comes_in_its_new_version(on_ceph, name):
    key = name.partition(",")[0]
    old, new = FILES[key], FILES[key][::-1]
    on_ceph.bucket.put(key, old)
    when_read(on_ceph, name, lambda: on_ceph.bucket.put(key, new))
    ran = on_ceph.sync()
    assert (ran.code, ran.counts) == (0, {"downloaded": 1}), ran
    assert on_ceph.tree() == {key: as_text(new)}
    on_ceph.nothing_to_do(1)


def test_an_edit_overwritten_between_list_and_read_replaces_the_file_once(on_ceph):
    on_ceph.write("small", "old")
    assert on_ceph.sync().code == 0
    on_ceph.bucket.put("small", "newer")
    when_read(on_ceph, "small", lambda: on_ceph.bucket.put("small", "newest"))
    ran = on_ceph.sync()
    assert (ran.code, ran.counts) == (0, {"downloaded": 1})
    assert (on_ceph.tree(), on_ceph.trash()) == ({"small": "newest"}, ["old"])
    on_ceph.nothing_to_do(1)


@pytest.mark.parametrize("name", [*FILES, "large, second range"])
def test_an_object_deleted_between_list_and_read_is_no_failure(on_ceph, name):
    key = name.partition(",")[0]
    on_ceph.bucket.put(key, FILES[key])
    on_ceph.bucket.put("other", "other")
    when_read(on_ceph, name, lambda: on_ceph.bucket.delete(key))
    ran = on_ceph.sync()
    assert (ran.code, ran.failures) == (0, {})
    assert on_ceph.tree() == {"other": "other"}
    on_ceph.nothing_to_do(1)


def test_an_edit_deleted_between_list_and_read_is_deleted_here_by_the_next_run(on_ceph):
    """The plan, which the guard saw, was to download it."""
    on_ceph.write("small", "old")
    on_ceph.write("other", "other")
    assert on_ceph.sync().code == 0
    on_ceph.bucket.put("small", "newer")
    when_read(on_ceph, "small", lambda: on_ceph.bucket.delete("small"))
    ran = on_ceph.sync()
    assert (ran.code, ran.counts.get("skipped"), on_ceph.tree()) == (0, 1, {"small": "old", "other": "other"})
    ran = on_ceph.sync()
    assert (ran.code, ran.actions()) == (0, {"small": "delete_local"})
    assert (on_ceph.tree(), on_ceph.trash()) == ({"other": "other"}, ["old"])
    on_ceph.nothing_to_do(1)


@contextmanager
def cleared(proxy):
    """End all faults at the end of the block, so that no other test suffers them."""
    try:
        yield
    finally:
        proxy.clear_faults()


def is_a_later_page(request):
    """Tell whether a request is for what comes after the first page, asked by token or by the last key."""
    return request.kind == "list" and ("continuation-token" in request.query or "start-after" in request.query)


def reads(name):
    """Return what tells whether a request reads one of `FILES`; of the large one, the first range or the second."""
    key, _, part = name.partition(", ")
    ending = "/" + key.replace("\n", "%0A")

    def chooses(request):
        is_second = not request.headers.get("range", "bytes=0-").startswith("bytes=0-")
        return request.kind == "get" and request.path.endswith(ending) and is_second == bool(part)

    return chooses


def when_read(project, name, act):
    """Do something in the moment when an object is first read: after the listing, before the server knows."""
    is_read = reads(name)
    project.bucket.proxy.fault(Delay(0), when=lambda request: is_read(request) and act() is None, times=1)


def put_files(bucket):
    """Put all `FILES` into a bucket."""
    for key, content in FILES.items():
        bucket.put(key, content)


def remembered(project):
    """Return all that a project's state holds."""
    with closing(sqlite3.connect(project.state_file)) as state:
        return list(state.iterdump())
