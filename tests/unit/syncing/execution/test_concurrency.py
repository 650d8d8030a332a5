"""Adaptive concurrency."""

from __future__ import annotations

from buckia_core.syncing.execution.concurrency import MAX_WORKERS, AdaptiveConcurrency


def run(
    pace: AdaptiveConcurrency, rate_at, start: float = 100.0, seconds: float = 60.0, share: float = 0.1
) -> list[int]:
    """Let operations finish as fast as `rate_at` says for a limit; return the limits that were tried.

    `share` is how much of a processor they take.
    """
    now, limits = start, [pace.limit]
    while now < start + seconds:
        now += 1 / rate_at(pace.limit)
        pace.record(0, now, now * share)
        if pace.limit != limits[-1]:
            limits.append(pace.limit)
    return limits


def test_it_rises_as_long_as_that_helps():
    pace = AdaptiveConcurrency(16)
    limits = run(pace, lambda limit: 20 * limit)
    assert limits == sorted(limits) and pace.limit == MAX_WORKERS


def test_it_begins_with_few_and_rises_to_the_default_of_the_provider():
    assert run(AdaptiveConcurrency(32), lambda limit: 20 * limit)[:3] == [8, 32, 48]
    assert run(AdaptiveConcurrency(4), lambda limit: 20 * limit)[:2] == [4, 6]


def test_it_stays_where_this_machine_has_all_it_can_do():
    assert run(AdaptiveConcurrency(32), lambda limit: 1000.0 + limit, share=0.9) == [8]


def test_large_files_may_keep_this_machine_busy():
    pace = AdaptiveConcurrency(32)
    for number in range(1, 200):
        pace.record(100 << 20, 100 + number / 10, number / 10)
    assert pace.limit >= 32


def test_it_stays_where_more_does_not_help():
    pace = AdaptiveConcurrency(8)
    run(pace, lambda limit: 20 * min(limit, 16))
    assert 16 <= pace.limit <= 40


def test_it_falls_where_the_provider_slows_down():
    pace = AdaptiveConcurrency(16)
    run(pace, lambda limit: 20 * limit)
    run(pace, lambda limit: 50.0, start=160)
    assert pace.limit < MAX_WORKERS


def test_it_never_stops():
    pace = AdaptiveConcurrency(16)
    speed = 10_000.0

    def slower_and_slower(limit: int) -> float:
        nonlocal speed
        speed = max(1.0, speed * 0.97)
        return speed

    assert min(run(pace, slower_and_slower)) >= 4


def test_large_files_count_by_their_bytes():
    small, large = AdaptiveConcurrency(8), AdaptiveConcurrency(8)
    for number in range(1, 200):
        small.record(100, 100 + number / 10, 0)
        large.record(100 << 20 if number > 20 else 100, 100 + number / 10, 0)
    assert large.limit > small.limit


def test_what_the_user_said_is_not_adapted():
    pace = AdaptiveConcurrency(3, fixed=True)
    run(pace, lambda limit: 1000.0, seconds=5)
    assert pace.limit == 3


# --- requests on an event loop -----------------------------------------------------------------------------


def requests() -> AdaptiveConcurrency:
    return AdaptiveConcurrency.for_requests(32, fixed=False, maximum=256)


def test_requests_rise_fast_while_they_wait():
    limits = run(requests(), lambda limit: limit / 0.03, seconds=0.1)
    assert limits[:2] == [64, 128]
    assert run(requests(), lambda limit: limit / 0.03, seconds=0.5)[-1] == 256


def test_requests_stay_where_this_machine_has_all_it_can_do():
    assert run(requests(), lambda limit: 3000.0 + limit, share=0.9) == [64]


def test_requests_do_not_fall_because_other_programs_have_the_processors():
    pace = requests()
    run(pace, lambda limit: 3000.0, share=0.9)
    run(pace, lambda limit: 300.0, start=200.0, share=0.9)
    assert pace.limit == 64


def test_requests_stay_where_the_provider_has_all_it_can_do():
    pace = requests()
    run(pace, lambda limit: min(limit, 128) / 0.03)
    assert 96 <= pace.limit <= 256


def test_a_lower_limit_is_not_lowered_for_its_lower_throughput():
    pace = requests()
    run(pace, lambda limit: limit / 0.03)
    now = 200.0
    for number in range(400):
        # One second in which the server is busy with something else.
        now += 0.02 if number < 50 else 0.03 / pace.limit
        pace.record(0, now, 0)
    run(pace, lambda limit: limit / 0.03, start=now)
    assert pace.limit >= 96


def test_throttling_lowers_the_limit_once_for_all_requests_that_were_under_way():
    pace = requests()
    for _ in range(10):
        pace.record_throttling()
    assert pace.limit == 48
    for number in range(65):
        pace.record(0, 100 + number / 1000, 0)
    pace.record_throttling()
    assert pace.limit == 36


def test_many_operations_are_recorded_as_one_by_one():
    one, many = requests(), requests()
    for number in range(1, 200):
        for _ in range(16):
            one.record(100, 100 + number / 100, 0)
        many.record(1600, 100 + number / 100, 0, count=16)
    assert one.limit == many.limit > 64
