"""Uploads that break off or arrive changed, answers that never come, and a server that goes away for good."""

from __future__ import annotations

import pytest

from buckia_core.testing.fault_proxy.faults import Corrupt, Cut, LoseReply, Reset
from tests.e2e.holding import unreachable

BROKEN = [Reset(0, "up"), Reset(5000, "up"), Cut(5000, "up"), Corrupt(5000, "up")]
"""What can become of a body on its way to the server."""


def puts_of(*names):
    """Return what tells whether a request uploads one of these files."""
    endings = tuple(f"/{name}" for name in names)
    return lambda request: request.kind == "put" and request.path.endswith(endings)


@pytest.mark.parametrize("fault", BROKEN, ids=repr)
def test_an_upload_that_breaks_is_sent_again_or_fails_alone(on_ceph, fault):
    here, bucket = on_ceph, on_ceph.bucket
    contents = {name: f"old {name} " * 2000 for name in ("one", "two", "three")}
    for name in contents:
        here.write(name, "old")
    assert here.sync().code == 0
    for name, content in contents.items():
        here.write(name, content)

    here.configure(retry_attempts=1)
    bucket.proxy.fault(fault, when=puts_of("one", "two"))
    bucket.forget_requests()
    ran = here.sync()
    assert (ran.code, ran.actions(), set(ran.failures)) == (1, {"three": "upload"}, {"one", "two"})
    assert sum(request.fault is fault for request in bucket.proxy.requests) >= 2
    assert bucket.tree() == {"one": "old", "two": "old", "three": contents["three"]}, "no part of an object"

    here.configure()
    bucket.proxy.clear_faults()
    rule = bucket.proxy.fault(fault, when=puts_of("one", "two"), times=2)
    ran = here.sync()
    assert (ran.code, ran.counts, rule.chosen) == (0, {"uploaded": 2, "unchanged": 1}, 2)
    assert bucket.tree() == contents
    here.nothing_to_do(3)


def test_an_answer_that_is_lost_with_the_run_is_no_conflict_in_the_next(on_ceph):
    here, proxy = on_ceph, on_ceph.bucket.proxy
    here.configure(retry_attempts=1)
    here.write("edited", "old")
    assert here.sync().code == 0
    for name in ("edited", "new"):
        here.write(name, f"mine {name} " * 1000)
    proxy.fault(LoseReply(), when=puts_of("edited", "new"))
    first = here.sync()
    assert (first.code, set(first.failures)) == (1, {"edited", "new"})
    proxy.clear_faults()
    proxy.reset_counts()
    ran = here.sync()
    assert (ran.code, ran.actions(), ran.summary["bytes_up"]) == (0, {"edited": "adopt", "new": "adopt"}, 0)
    assert proxy.bytes_up < 1000, "nothing is sent again"
    assert here.tree() == here.bucket.tree()
    here.nothing_to_do(2)


def test_a_server_that_goes_away_for_good(on_ceph):
    here = on_ceph
    here.configure(retry_attempts=2)
    for number in range(20):
        here.write(f"here/{number}", f"here {number}")
        here.bucket.put(f"there/{number}", f"there {number}")
    with unreachable(here, here.bucket.proxy, 5, "--max-workers", "2") as running:
        ran = running.wait()
    assert ran.code == 1
    assert len(ran.actions()) >= 4, "at most the other worker had not finished"
    assert len(ran.actions()) + len(ran.failures) == 40
    # What was done is remembered, and not done again.
    after = here.sync()
    assert after.code == 0
    assert after.counts["unchanged"] >= len(ran.actions())
    assert here.tree() == here.bucket.tree()
    here.nothing_to_do(40)
