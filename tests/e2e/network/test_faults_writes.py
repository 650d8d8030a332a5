"""What goes wrong while a run writes: refusals, lost replies, and others who write at the same time."""

from __future__ import annotations

import json
import os
import time

import pytest

from buckia_core.testing.fault_proxy.faults import Answer, Cut, Delay, LoseReply, Reset
from buckia_core.testing.fault_proxy.ports import free_port

HASTY = {"retry_attempts": 2, "retry_seconds": 2}
"""Settings under which a fault that stays is given up soon."""

STUBBORN = {"retry_attempts": 12}
"""Settings under which nothing that only happens often is given up."""

MIB = 1 << 20

PARTS = {"multipart_threshold": 5 * MIB, "part_size": 5 * MIB}
"""Settings under which small files are large ones."""

SIZES = {"small": 1000, "middle": 300 << 10, "large": 9 * MIB}
"""Sent in three ways: in one request by each of two clients, and with `PARTS`, in two parts."""

WAYS = {"small": "put", "middle": "put", "large": "complete_multipart"}
"""The request that writes each of `SIZES`."""

STORMS = {
    "refusals": [Answer(503), Answer(503, retry_after=1), Answer(429), Answer(500)],
    "silence": [Reset(), LoseReply(), LoseReply(reset=True), Cut(0)],
}
"""Faults of which each strikes one request in twenty."""

WRONG_KEY = Answer(403, body=b"<Error><Code>InvalidAccessKeyId</Code><Message>unknown</Message></Error>")


@pytest.mark.parametrize("faults", STORMS.values(), ids=STORMS)
def test_a_fifth_of_all_requests_fails_and_both_sides_are_equal(on_ceph, faults):
    here, bucket = on_ceph, on_ceph.bucket
    here.configure(**STUBBORN, **PARTS)
    for number in range(10):
        here.write(f"old/{number}", f"old {number}")
    assert here.sync().code == 0
    for number in range(3):
        here.delete(f"old/{number}")
        bucket.delete(f"old/{number + 3}")
    here.write("old/6", "edited here")
    bucket.put("old/7", "edited there")
    here.write("large", bytes(9 * MIB))
    for number in range(20):
        here.write(f"here/{number}", f"here {number}")
        bucket.put(f"there/{number}", f"there {number}")
    rules = [bucket.proxy.fault(fault, probability=0.05, seed=seed) for seed, fault in enumerate(faults)]

    ran = here.sync()

    bucket.proxy.clear_faults()
    assert (ran.code, ran.failures) == (0, {}), ran
    assert all(rule.chosen for rule in rules), [rule.chosen for rule in rules]
    done = {"uploaded": 22, "downloaded": 21, "deleted_remote": 3, "deleted_local": 3, "unchanged": 2}
    assert ran.counts == done
    assert here.tree() == bucket.tree()
    assert len(here.tree()) == 45
    here.nothing_to_do(45)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("before", ["new", "edited"])
def test_an_upload_whose_reply_is_lost_is_sent_once(on_ceph, name, before):
    here, bucket = on_ceph, on_ceph.bucket
    here.configure(**PARTS)
    if before == "edited":
        here.write(name, "old")
    assert here.sync().code == 0
    content = here.write(name, "x" * SIZES[name]).read_text()
    rule = bucket.proxy.fault(LoseReply(), when=writes(name, WAYS[name]), times=1)
    bucket.forget_requests()
    ran = here.sync()
    assert (ran.code, ran.counts, rule.chosen) == (0, {"uploaded": 1}, 1), ran
    sent = sum(each.bytes_in for each in bucket.proxy.requests if each.path.endswith(name) and each.method == "PUT")
    assert sent == SIZES[name]
    assert bucket.tree() == {name: content}
    here.nothing_to_do(1)


def test_a_probe_that_goes_wrong_is_removed_all_the_same(on_ceph):
    here, bucket = on_ceph, on_ceph.bucket
    here.write("small", "content")
    rules = [
        bucket.proxy.fault(LoseReply(), when=lambda request: is_probe(request, "put"), times=1),
        bucket.proxy.fault(Answer(503), when=lambda request: is_probe(request, "delete"), times=1),
    ]
    ran = here.sync()
    assert (ran.code, ran.counts, [rule.chosen for rule in rules]) == (0, {"uploaded": 1}, [1, 1])
    assert bucket.keys() == ["small"]


@pytest.mark.parametrize(("count", "kind"), [(1, "delete"), (5, "delete_many")])
def test_a_delete_whose_reply_is_lost_is_done(on_ceph, count, kind):
    here, bucket = on_ceph, on_ceph.bucket
    for number in range(8):
        here.write(f"{number}", f"{number}")
    assert here.sync().code == 0
    for number in range(count):
        here.delete(f"{number}")
    rule = bucket.proxy.fault(LoseReply(), when=is_delete, times=1)
    bucket.forget_requests()
    ran = here.sync()
    assert (ran.code, ran.counts) == (0, {"deleted_remote": count, "unchanged": 8 - count})
    assert rule.chosen == 1
    assert bucket.requests()[kind]
    assert here.tree() == bucket.tree() == {f"{number}": f"{number}" for number in range(count, 8)}
    here.nothing_to_do(8 - count)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("before", ["new", "edited"])
def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(on_ceph, name, before):
    here, bucket = on_ceph, on_ceph.bucket
    here.configure(**PARTS)
    if before == "edited":
        here.write(name, "old")
        assert here.sync().code == 0
    mine = here.write(name, "mine" * (SIZES[name] // 4)).read_text()
    # The last moment at which a server can tell. Of parts Ceph can't: Buckia looks once more before they are joined.
    moment = "put" if name != "large" else "upload_part"
    meanwhile(here, writes(name, moment), lambda: bucket.put(name, "theirs"))
    ran = here.sync()
    assert (ran.code, ran.counts["conflicts"], ran.failures) == (0, 1, {}), ran
    assert here.tree() == bucket.tree()
    assert here.tree()[name] == "theirs"
    (copy,) = here.tree().keys() - {name}
    assert copy.startswith(f"{name}.conflict-local-")
    assert here.tree()[copy] == mine
    here.nothing_to_do(2)


def test_what_somebody_else_edits_meanwhile_is_not_deleted(on_ceph):
    here, bucket = on_ceph, on_ceph.bucket
    for number in range(8):
        here.write(f"{number}", f"{number}")
    assert here.sync().code == 0
    for number in range(5):
        here.delete(f"{number}")
    # One of several is seen in the listing before the batch, a single one by a look at it.
    lists = iter(range(2))
    meanwhile(here, lambda request: request.kind == "list" and next(lists) == 1, lambda: bucket.put("3", "theirs"))
    ran = here.sync()
    assert (ran.code, ran.counts) == (0, {"deleted_remote": 4, "downloaded": 1, "unchanged": 3})
    assert here.tree() == bucket.tree() == {"3": "theirs", "5": "5", "6": "6", "7": "7"}
    here.delete("3")
    meanwhile(here, lambda request: request.kind == "head", lambda: bucket.put("3", "theirs again"))
    ran = here.sync()
    assert (ran.code, ran.actions()) == (0, {"3": "download"})
    assert here.tree() == bucket.tree() == {"3": "theirs again", "5": "5", "6": "6", "7": "7"}
    here.nothing_to_do(4)


def grow(path):
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path):
    os.truncate(path, 6 * MIB)


def rewrite(path):
    path.write_bytes(bytes(reversed(path.read_bytes())))


def replace(path):
    aside = path.with_name("aside")
    aside.write_bytes(b"another file")
    aside.replace(path)


def delete(path):
    path.unlink()


@pytest.mark.parametrize("change", [grow, shrink, rewrite, replace, delete])
@pytest.mark.parametrize("moment", ["read", "sent"])
def test_a_file_that_changes_while_it_is_uploaded(on_ceph, change, moment):
    here, bucket = on_ceph, on_ceph.bucket
    here.configure(**PARTS, bwlimit="12M")
    here.write("other", "other")
    path = here.write("large", bytes(range(251)) * (12 * MIB // 251))
    size, before = path.stat().st_size, here.tree()["large"]
    # With the first part on its way, most of the file is still unread; with all parts sent, it has been read.
    is_moment = writes("large", "upload_part" if moment == "read" else "complete_multipart")
    meanwhile(here, is_moment, lambda: change(path))

    first = here.sync()

    assert (first.code, first.failures) == (0, {}), first
    assert bucket.proxy.bytes_up < 2 * size + MIB, "once as it was, once as it is"
    # A delete that was not planned waits for the next run.
    were = {*here.tree().values(), *([] if path.exists() else [before])}
    assert set(bucket.tree().values()) <= were, "an object that no file ever was"
    here.configure(**PARTS)
    second = here.sync()
    assert (second.code, second.failures) == (0, {})
    assert here.tree() == bucket.tree()
    assert set(here.tree()) == ({"large", "other"} if path.exists() else {"other"})
    third = here.sync()
    assert (third.code, third.operations) == (0, [])


def test_a_small_file_that_changes_while_it_is_uploaded(on_ceph):
    path = on_ceph.write("small", "first")
    meanwhile(on_ceph, writes("small", "put"), lambda: path.write_text("final"))
    first = on_ceph.sync()
    assert first.code == 0
    assert on_ceph.sync().code == 0
    assert on_ceph.tree() == on_ceph.bucket.tree() == {"small": "final"}
    on_ceph.nothing_to_do(1)


def test_credentials_that_are_refused_from_the_middle_on(on_ceph):
    here, bucket = on_ceph, on_ceph.bucket
    for number in range(30):
        here.write(f"{number}", f"content {number}")
    seen = iter(range(10_000))
    refused = []

    def from_the_middle_on(request):
        if is_put(request) and next(seen) >= 12:
            refused.append(request)
        return bool(refused)

    bucket.proxy.fault(WRONG_KEY, when=from_the_middle_on)
    ran = here.sync("--max-workers", "4")
    assert ran.code == 3
    assert ran.error["error"] == "Unauthenticated"
    assert "access key" in ran.error["message"]
    done = set(ran.actions())
    assert done == set(bucket.tree())
    assert 12 <= len(done) < 20
    assert len(ran.failures) <= 4, "nothing new was begun"

    bucket.proxy.clear_faults()
    bucket.forget_requests()
    ran = here.sync()
    assert (ran.code, ran.counts) == (0, {"uploaded": 30 - len(done), "unchanged": len(done)})
    assert {request.path.rpartition("/")[2] for request in bucket.proxy.requests if is_put(request)} == (
        set(here.tree()) - done
    )
    assert here.tree() == bucket.tree()


WHOLE_RUNS = {
    "wrong secret": (3, "SignatureDoesNotMatch|secret", {"secret_access_key": "w" * 40}),
    "wrong key": (3, "access key", {"access_key_id": "W" * 20}),
    "no bucket": (6, "bucket does not exist", {"bucket_name": "never-made-by-anybody"}),
}


@pytest.mark.parametrize(("code", "said", "settings"), WHOLE_RUNS.values(), ids=WHOLE_RUNS)
def test_a_run_that_can_not_begin(on_ceph, code, said, settings):
    check_refused(on_ceph, code, said, settings)


def test_nobody_listens(on_ceph):
    address = f"http://127.0.0.1:{free_port()}"
    began = time.monotonic()
    check_refused(on_ceph, 4, address.removeprefix("http://"), {"endpoint_url": address})
    assert time.monotonic() - began < 20


def test_a_server_that_comes_back_in_time(on_ceph):
    on_ceph.write("small", "content")
    with on_ceph.bucket.proxy.refusing():
        running = on_ceph.start("sync", "--json")
        time.sleep(1)
    ran = running.wait()
    assert (ran.code, ran.counts) == (0, {"uploaded": 1})


def test_access_is_denied(on_ceph, ceph, bucket_name):
    name = bucket_name(ceph, "e2e")
    on_ceph.bucket.client.put_bucket_policy(Bucket=name, Policy=denial(name, "s3:ListBucket"))
    check_refused(on_ceph, 5, "denied", {"bucket_name": name})


def test_writing_is_denied(on_ceph):
    bucket = on_ceph.bucket
    bucket.put("there", "there")
    bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=denial(bucket.name, "s3:PutObject"))
    on_ceph.write("here", "here")
    ran = on_ceph.sync()
    assert (ran.code, set(ran.failures), ran.actions()) == (1, {"here"}, {"there": "download"})
    assert "denied" in ran.failures["here"]
    bucket.client.delete_bucket_policy(Bucket=bucket.name)
    ran = on_ceph.sync()
    assert (ran.code, ran.actions()) == (0, {"here": "upload"})
    on_ceph.nothing_to_do(2)


def check_refused(project, code, said, settings):
    """Sync with settings that can't work: nothing changes, and a clear sentence says why, without the secret."""
    project.write("small", "content")
    project.configure(**HASTY | settings)
    ran = project.sync()
    assert ran.code == code, ran
    assert ran.error["bucket"] == "assets"
    assert any(words in ran.error["message"] for words in said.split("|")), ran.error
    secrets = {project.bucket.server.secret_key, settings.get("secret_access_key", "")} - {""}
    assert not any(secret in ran.said for secret in secrets)
    assert project.tree() == {"small": "content"}
    assert project.bucket.keys() == []


def denial(bucket, action):
    """Return a bucket policy under which nobody may do `action`."""
    of = f"arn:aws:s3:::{bucket}"
    rule = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": [of, f"{of}/*"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [rule]})


def writes(name, kind):
    """Return what tells whether a request is of this kind, and for this key."""
    return lambda request: request.kind == kind and request.path.endswith(f"/{name}")


def is_probe(request, kind):
    """Tell whether a request is of this kind, and for the object by which Buckia tries out what the server honours."""
    return request.kind == kind and "/.buckia-state/probe-" in request.path


def is_put(request):
    """Tell whether a request writes what is synced."""
    return request.kind == "put" and not is_probe(request, "put")


def is_delete(request):
    """Tell whether a request deletes what is synced."""
    return request.kind in ("delete", "delete_many") and not is_probe(request, "delete")


def meanwhile(project, when, act):
    """Do something in the moment when a request has been sent, and the server does not know of it yet."""
    project.bucket.proxy.fault(Delay(0), when=lambda request: when(request) and act() is not act, times=1)
