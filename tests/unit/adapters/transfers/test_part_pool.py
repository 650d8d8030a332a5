"""`PartPool`: how many are on their way, in which order they end, and what is left after an error."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from buckia_core.adapters.transfers.part_pool import THREADS, PartPool
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.errors import PermissionDenied, Transient

WAIT = 30.0


@pytest.fixture
def pool():
    made = PartPool(RetryPolicy(max_attempts=3, initial_wait=0.0))
    yield made
    made.close()


def test_results_come_in_order(pool):
    second = threading.Event()

    def first():
        assert second.wait(WAIT), "the second one waits for the first"
        return 1

    def after():
        second.set()
        return 2

    assert list(pool.run([first, after])) == [1, 2]


@pytest.mark.parametrize("ahead", [1, 3, THREADS])
def test_no_more_than_so_many_at_once(pool, ahead):
    lock, running, most = threading.Lock(), 0, 0

    def task(number):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
        return number

    assert list(pool.run((partial(task, number) for number in range(50)), ahead=ahead)) == list(range(50))
    assert 1 <= most <= ahead


def test_a_task_is_created_when_a_thread_is_free(pool):
    """Of all objects together: what waits for a thread would be held in memory."""
    made, go, started = [], threading.Event(), threading.Semaphore(0)

    def task():
        started.release()
        assert go.wait(WAIT)

    def source():
        for number in range(THREADS):
            made.append(number)
            yield task

    runs = [threading.Thread(target=lambda: list(pool.run(source()))) for _ in range(2)]
    for run in runs:
        run.start()
    for _ in range(THREADS):
        assert started.acquire(timeout=WAIT)
    assert len(made) == THREADS
    go.set()
    for run in runs:
        run.join(WAIT)
    assert len(made) == 2 * THREADS


def test_a_failed_task_is_retried_alone(pool):
    calls = {0: 0, 1: 0}

    def task(number):
        calls[number] += 1
        if number and calls[number] < 3:
            raise Transient("x")
        return number

    assert list(pool.run([partial(task, 0), partial(task, 1)])) == [0, 1]
    assert calls == {0: 1, 1: 3}


def test_after_an_error_no_task_runs_or_starts(pool):
    began, ended, refused = threading.Event(), threading.Event(), threading.Event()

    def slow():
        began.set()
        assert refused.wait(WAIT)
        ended.set()

    def refusing():
        assert began.wait(WAIT)
        refused.set()
        raise PermissionDenied("no")

    taken = []

    def source():
        for task in (refusing, slow, *[lambda: None] * 20):
            taken.append(task)
            yield task

    with pytest.raises(PermissionDenied):
        list(pool.run(source(), ahead=2))
    assert ended.is_set()
    assert len(taken) == 2
    assert list(pool.run([lambda: 1] * 2 * THREADS)) == [1] * 2 * THREADS, "no thread was lost"


def test_an_error_of_the_iterable_of_tasks_loses_no_thread(pool):
    def source():
        yield lambda: None
        raise OSError("it can't be read")

    for _ in range(2 * THREADS):
        with pytest.raises(OSError, match="can't be read"):
            list(pool.run(source()))


def test_none_at_all(pool):
    assert list(pool.run([])) == []


def test_closing_before_anything_came_and_twice():
    made = PartPool(RetryPolicy())
    made.close()
    list(made.run([lambda: None]))
    made.close()
    made.close()
