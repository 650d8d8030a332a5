"""A run that is held at one of its requests, so that something can happen meanwhile."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from buckia_core.testing.fault_proxy.faults import Delay, Request
from buckia_core.testing.fault_proxy.proxy import FaultProxy
from tests.e2e.buckets import S3Bucket
from tests.e2e.project import Project
from tests.e2e.ran import Running

SECONDS = 1.5

TRANSFER = re.compile(r"/(here|there)/\d+$")


@contextmanager
def held(project: Project, kind: str, key: str, *arguments: str) -> Iterator[Callable[[], Running]]:
    """Start a sync, and give control while its first request of this kind for this key waits before the server.

    The run goes on when the block has ended; what is given returns it.
    """
    bucket = project.bucket
    assert isinstance(bucket, S3Bucket)
    rule = bucket.proxy.fault(
        Delay(SECONDS),
        when=lambda request: request.kind == kind and request.path.endswith(f"/{key}"),
        times=1,
    )
    running = project.start("sync", "--json", *arguments)
    _wait_for(bucket, running, lambda request: request.fault is rule.fault)
    begun = time.monotonic()
    yield lambda: running
    assert time.monotonic() - begun < SECONDS, "the run was let go before the test was ready"


@contextmanager
def unreachable(project: Project, proxy: FaultProxy, transfers: int, *arguments: str) -> Iterator[Running]:
    """Start a sync, and during the block, all requests after so many transfers are refused.

    The files and objects are `here/NUMBER` and `there/NUMBER`.
    """
    reached, seen = threading.Event(), itertools.count()

    def is_later(request: Request) -> bool:
        is_transfer = request.method in ("PUT", "GET") and TRANSFER.search(request.path)
        if not is_transfer or next(seen) < transfers:
            return False
        reached.set()
        return True

    proxy.fault(Delay(60), when=is_later)
    running = project.start("sync", "--json", *arguments)
    assert reached.wait(60), running.wait()
    with proxy.refusing():
        yield running
    proxy.clear_faults()


def _wait_for(bucket: S3Bucket, running: Running, condition: Callable[[Request], bool]) -> None:
    end = time.monotonic() + 60
    while not any(map(condition, bucket.proxy.requests)):
        assert time.monotonic() < end and running.process.poll() is None, running.wait()
        time.sleep(0.01)
