"""An iterator that runs ahead in another thread."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from itertools import count

import pytest

from buckia_core.syncing.scan.prefetch import PrefetchIterator, in_batches


def test_all_items_come_in_order_and_batches_are_reported():
    taken: list[int] = []
    with closing(PrefetchIterator(in_batches(range(1234), 100), name="t", on_batch=taken.append)) as ahead:
        assert list(ahead) == list(range(1234))
    assert taken == [100] * 12 + [34]


@pytest.mark.parametrize("number", [0, 1, 100, 101, 250])
def test_an_error_comes_after_the_items_of_earlier_batches(number):
    def items():
        yield from range(number)
        raise ValueError("in the middle")

    seen: list[int] = []
    with (
        closing(PrefetchIterator(in_batches(items(), 100), name="t")) as ahead,
        pytest.raises(ValueError, match="in the middle"),
    ):
        seen.extend(ahead)
    assert seen == list(range(len(seen)))


def test_it_does_not_run_further_ahead_than_that():
    made = []

    def items():
        for number in count():
            made.append(number)
            yield number

    with closing(PrefetchIterator(in_batches(items(), 10), name="t", max_batches=2)) as ahead:
        next(iter(ahead))
        time.sleep(0.2)
        assert len(made) <= 10 * 4
    settled = len(made)
    time.sleep(0.05)
    assert len(made) == settled


def test_to_close_it_ends_its_thread_and_its_iterator():
    closed = threading.Event()

    def items():
        try:
            yield from count()
        finally:
            closed.set()

    ahead = PrefetchIterator(in_batches(items()), name="buckia-test-thread")
    ahead.close()
    assert closed.wait(5)
    assert "buckia-test-thread" not in [thread.name for thread in threading.enumerate()]
