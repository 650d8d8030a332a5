"""Runs that are interrupted, and two runs at once."""

from __future__ import annotations

import signal
import sqlite3
import sys
import time
from contextlib import closing

import pytest

from buckia_core.testing.fault_proxy.faults import Delay

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows can't send SIGINT to one other process")

SOON = 10.0
"""Seconds in which a command that ends at once has ended, however busy the machine is."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_what_is_in_flight_is_finished_and_the_next_run_does_the_rest(on_ceph, number):
    here, bucket = on_ceph, on_ceph.bucket
    for each in range(15):
        here.write(f"up {each}", f"up {each}")
        bucket.put(f"down {each}", f"down {each}")
    here.write("deleted", "deleted")
    everything = here.tree() | bucket.tree()
    bucket.proxy.fault(Delay(0.3), when=is_transfer)
    running = here.start("sync", "--json", "--max-workers", "3")
    eventually(lambda: len(transferred(bucket)) >= 7)
    running.process.send_signal(number)
    ran = running.wait()

    assert (ran.code, ran.failures) == (130, {}), ran
    assert "Finishing what is in flight" in ran.stderr
    begun = transferred(bucket)
    assert sorted(ran.actions()) == sorted(begun), "what was begun was finished, and nothing else"
    assert 7 <= len(begun) <= 12, "nothing new was begun"
    for key in begun:
        assert here.tree()[key] == bucket.tree()[key] == everything[key]

    bucket.proxy.clear_faults()
    bucket.forget_requests()
    ran = here.sync()
    rest = everything.keys() - set(begun)
    assert (ran.code, ran.actions().keys()) == (0, rest)
    assert sorted(transferred(bucket)) == sorted(rest), "each of them once"
    assert here.tree() == bucket.tree() == everything
    here.nothing_to_do(len(everything))


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_second_interruption_ends_it_at_once(on_ceph, direction):
    # `up`: the server knows of nothing. `down`: it has written what nobody here was told of.
    here, bucket = on_ceph, on_ceph.bucket
    for each in range(8):
        here.write(f"{each}", f"content {each}")
    bucket.proxy.fault(Delay(60, direction), when=is_transfer)
    running = here.start("sync", "--json", "--max-workers", "3")
    expected = 3 if direction == "down" else 0
    eventually(lambda: len(transferred(bucket)) == 3 and len(written(bucket)) == expected)
    running.process.send_signal(signal.SIGINT)
    # Signals of one kind that come before the first one is handled are one signal.
    eventually(lambda: any("Finishing" in line for line in running._stderr))
    assert running.process.poll() is None
    began = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    ran = running.wait()
    assert (ran.code, ran.operations) == (130, [])
    assert time.monotonic() - began < SOON

    bucket.proxy.clear_faults()
    bucket.forget_requests()
    ran = here.sync()
    assert (ran.code, ran.counts) == (0, {"uploaded": 8 - expected})
    assert len(transferred(bucket)) == 8 - expected
    assert here.tree() == written(bucket)
    here.nothing_to_do(8)


def test_a_run_that_is_interrupted_while_it_lists_does_nothing(on_ceph):
    here, bucket = on_ceph, on_ceph.bucket
    for each in "abcd":
        here.write(each, each)
    assert here.sync().code == 0
    here.write("a", "edited")
    here.delete("b")
    bucket.delete("c")
    before = here.tree(), bucket.tree(), remembered(here)
    bucket.forget_requests()
    bucket.proxy.fault(Delay(1.5, direction="down"), when=is_list)
    running = here.start("sync", "--json")
    eventually(lambda: bucket.requests()["list"])
    running.process.send_signal(signal.SIGINT)
    ran = running.wait()
    assert (ran.code, ran.operations) == (130, [])
    assert (here.tree(), bucket.tree(), remembered(here)) == before
    assert set(bucket.requests()) == {"list"}
    bucket.proxy.clear_faults()
    ran = here.sync()
    assert (ran.code, ran.actions()) == (0, {"a": "upload", "b": "delete_remote", "c": "delete_local"})
    here.nothing_to_do(2)


def test_half_of_a_plan_is_not_taken_for_a_whole_one(on_ceph):
    # What the deletion guard would refuse is not what the person wanted, who only saw half of it.
    here, bucket = on_ceph, on_ceph.bucket
    for each in range(1100):
        here.write(f"{each:04}", "x")
    assert here.sync().code == 0
    for each in range(12):
        bucket.delete(f"{each:04}")
    here.write("1099", "edited")
    before = here.tree(), remembered(here)
    bucket.forget_requests()
    bucket.proxy.fault(Delay(1.5, direction="down"), when=lambda request: is_list(request) and is_second_page(request))
    running = here.start("sync", "--json")
    eventually(lambda: bucket.requests()["list"] == 2)
    time.sleep(0.5)
    running.process.send_signal(signal.SIGINT)
    ran = running.wait()
    assert (ran.code, ran.operations) == (130, []), ran
    assert (here.tree(), remembered(here)) == before
    ran = here.sync()
    assert (ran.code, ran.counts) == (0, {"deleted_local": 12, "uploaded": 1, "unchanged": 1087})


def test_a_second_sync_is_turned_away_and_the_first_goes_on(on_ceph):
    here, bucket = on_ceph, on_ceph.bucket
    for each in range(4):
        here.write(f"{each}", f"{each}")
    bucket.proxy.fault(Delay(3), when=is_transfer)
    first = here.start("sync", "--json")
    eventually(lambda: transferred(bucket))
    began = time.monotonic()
    second = here.sync()
    assert first.process.poll() is None
    assert time.monotonic() - began < SOON
    assert (second.code, second.operations) == (9, [])
    assert second.error["error"] == "LockHeld"
    assert "another sync" in second.error["message"]
    assert f"process {first.process.pid}" in second.error["message"]
    ran = first.wait()
    assert (ran.code, ran.counts) == (0, {"uploaded": 4})
    assert sorted(transferred(bucket)) == list("0123"), "each of them once"
    here.nothing_to_do(4)


def test_a_dry_run_needs_no_lock(on_ceph):
    here, bucket = on_ceph, on_ceph.bucket
    here.write("a", "a")
    bucket.proxy.fault(Delay(3), when=is_transfer)
    first = here.start("sync", "--json")
    eventually(lambda: transferred(bucket))
    planned = here.sync("--dry-run")
    assert first.process.poll() is None
    assert (planned.code, planned.actions("planned")) == (0, {"a": "upload"})
    assert first.wait().code == 0


def test_the_lock_of_a_killed_run_is_no_lock(on_ceph):
    here, bucket = on_ceph, on_ceph.bucket
    for each in range(4):
        here.write(f"{each}", f"{each}")
        bucket.put(f"there {each}", f"there {each}")
    bucket.proxy.fault(Delay(60), when=is_transfer)
    killed = here.start("sync", "--json")
    eventually(lambda: len(transferred(bucket)) == 8)
    assert killed.kill().code == -signal.SIGKILL
    lock = here.state_file.with_suffix(".lock")
    assert lock.read_text() == str(killed.process.pid), "it was left there"
    bucket.proxy.clear_faults()
    ran = here.sync()
    assert (ran.code, ran.counts) == (0, {"uploaded": 4, "downloaded": 4})
    assert here.tree() == bucket.tree(), "and no temporary file"
    here.nothing_to_do(8)


def is_transfer(request):
    """Tell whether a request moves what is synced."""
    return request.kind in ("put", "get") and "/.buckia-state/" not in request.path


def is_list(request):
    """Tell whether a request is a page of a listing."""
    return request.kind == "list"


def is_second_page(request):
    """Tell whether a page of a listing is not the first one."""
    return "continuation-token" in request.query or "start-after" in request.query


def transferred(bucket):
    """Return the keys that Buckia has begun to transfer, in order."""
    paths = [request.path for request in bucket.proxy.requests if is_transfer(request)]
    return [path.split("/", 2)[2].replace("%20", " ") for path in paths]


def written(bucket):
    """Return the objects, without the probe that is not yet removed."""
    return {key: content for key, content in bucket.tree().items() if not key.startswith(".buckia-state/")}


def remembered(project):
    """Return the baseline of a project."""
    with closing(sqlite3.connect(project.state_file)) as state:
        return state.execute("SELECT * FROM entries ORDER BY key").fetchall()


def eventually(condition, seconds=30.0):
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
