"""`retry_call`: how often one request of many is made, and after which pauses."""

from __future__ import annotations

import pytest

from buckia_core.adapters.transfers.retry import RetryPolicy, retry_call
from buckia_core.errors import PermissionDenied, Throttled, Transient


class Failing:
    """Fails so many times, then gives its number of calls."""

    def __init__(self, times, error=Transient):
        self.calls, self.times, self.error = 0, times, error

    def __call__(self):
        self.calls += 1
        if self.calls <= self.times:
            raise self.error("x") if isinstance(self.error, type) else self.error
        return self.calls


@pytest.fixture
def waiting():
    """Make a backoff whose waits are as long as can be, and the list of those that were waited for."""
    waits: list[float] = []

    def make(**bounds):
        waits.clear()
        return RetryPolicy(clock=lambda: sum(waits), sleep=waits.append, random=lambda: 1.0, **bounds), waits

    return make


def test_until_it_succeeds_or_has_been_made_so_often(waiting):
    backoff, waits = waiting(max_attempts=3)
    assert retry_call(Failing(2), backoff) == 3
    assert waits == [0.5, 1.0]
    failing = Failing(3)
    with pytest.raises(Transient):
        retry_call(failing, backoff)
    assert failing.calls == 3


def test_one_attempt_is_never_repeated(waiting):
    backoff, waits = waiting(max_attempts=1)
    with pytest.raises(Transient):
        retry_call(Failing(1), backoff)
    assert waits == []


def test_waits_grow_up_to_the_longest(waiting):
    backoff, waits = waiting(initial_wait=0.5, multiplier=3.0, max_wait=10.0)
    retry_call(Failing(4), backoff)
    assert waits == [0.5, 1.5, 4.5, 10.0]


def test_waits_are_random_in_part():
    waits: list[float] = []
    retry_call(Failing(2), RetryPolicy(initial_wait=4.0, sleep=waits.append, random=iter([0.25, 0.75]).__next__))
    assert waits == [1.0, 6.0]


def test_a_wait_that_the_provider_asks_for(waiting):
    backoff, waits = waiting(max_wait=20.0)
    assert retry_call(Failing(1, Throttled("x", retry_after=9.0)), backoff) == 2
    assert waits == [9.0]


def test_a_longer_one_is_left_to_the_wrapper(waiting):
    backoff, waits = waiting(max_wait=5.0)
    with pytest.raises(Throttled):
        retry_call(Failing(1, Throttled("x", retry_after=9.0)), backoff)
    assert waits == []


def test_no_wait_ends_too_late(waiting):
    backoff, waits = waiting(max_attempts=9, time_limit=7.0, initial_wait=2.0)
    failing = Failing(9)
    with pytest.raises(Transient):
        retry_call(failing, backoff)
    assert (failing.calls, waits) == (3, [2.0, 4.0]), "the next one would begin after fourteen seconds"


def test_what_will_not_pass_is_not_repeated(waiting):
    backoff, _ = waiting()
    failing = Failing(1, PermissionDenied)
    with pytest.raises(PermissionDenied):
        retry_call(failing, backoff)
    assert failing.calls == 1
