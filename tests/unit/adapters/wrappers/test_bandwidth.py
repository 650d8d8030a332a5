"""`BandwidthLimit`: rates of each direction and timetable, on both faces, by a clock of the tests' own."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from buckia_core.adapters.contract.protocols import Coroutines
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.wrappers import BandwidthLimit, limit_bandwidth, wrap
from buckia_core.config.bandwidth import BandwidthTimetable, Rates
from buckia_core.http import blocking

MONDAY = datetime(2026, 3, 2)  # noqa: DTZ001  # local time, as in a timetable


class Time:
    """A clock that only waiting moves."""

    def __init__(self):
        self.now = 0.0
        self._lock = threading.Lock()

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        with self._lock:
            self.now += seconds

    def local(self):
        return MONDAY + timedelta(hours=8) + timedelta(seconds=self.now)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def limited(time):
    def make(text):
        memory = MemorySync(MemorySettings())
        table = BandwidthTimetable.parse(text)
        return BandwidthLimit(memory, table, clock=time, sleep=time.sleep, now=time.local)

    return make


@pytest.fixture(params=["blocking", "coroutine"])
def face(request):
    """Calls by one face; coroutines wait by the clock of the test."""

    def call(adapter, name, *args, **kwargs):
        if request.param == "blocking":
            return getattr(adapter, name)(*args, **kwargs)
        # No loop: what waits then uses the `sleep` that it was given.
        return blocking.run_blocking(getattr(adapter, f"{name}_async")(*args, **kwargs))

    return call


@pytest.mark.parametrize(
    ("text", "up", "down"),
    [("100", 10.0, 20.0), ("100:off", 10.0, 10.0), ("off:100", 0.0, 10.0), ("100:50", 10.0, 30.0), ("off", 0.0, 0.0)],
)
def test_each_direction_has_its_rate_on_both_faces(limited, time, face, text, up, down):
    each = limited(text)
    for number in range(20):
        face(each, "upload_file", bytes(50), f"{number:02}")
    assert time.now == pytest.approx(up, rel=0.05)
    for listed in each.list_files():
        face(each, "read_file", listed.key, expect=listed)
    assert time.now == pytest.approx(down, rel=0.05)


def test_both_faces_readers_and_downloads_share_a_rate(limited, time, tmp_path):
    each = limited("1000:2000")
    each.upload_file(bytes(2000), "a")
    each.upload_file(io.BytesIO(bytes(3000)), "b")
    blocking.run_blocking(each.upload_file_async(bytes(5000), "c"))
    assert time.now == pytest.approx(10.0, rel=0.05)
    each.download_file("c", tmp_path / "file")
    with each.open_file("b") as reader:
        reader.read()
    blocking.run_blocking(each.read_file_async("a"))
    assert time.now == pytest.approx(15.0, rel=0.05)


def test_threads_share_a_rate(limited, time):
    each = limited("1000:off")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: each.upload_file(bytes(100), f"{number}"), range(100)))
    # Each thread moves the clock for itself, so that less time passes than for one after another, but never none.
    assert time.now >= 9.5


def test_rates_change_at_the_time_of_the_table(limited, time):
    each = limited("08:00,100 08:01,1000:off 08:02,off")
    for number in range(120):
        each.upload_file(bytes(50), f"{number}")
    assert time.now == pytest.approx(60.0, abs=2.0)
    for number in range(1200):
        each.upload_file(bytes(50), f"{number}")
    assert time.now == pytest.approx(120.0, abs=2.0)
    at = time.now
    each.upload_file(bytes(10**6), "large")
    assert time.now - at < 2.0


def test_who_waits_notices_that_the_limit_ends(limited, time):
    each = limited("08:00,10 08:01,off")
    each.upload_file(bytes(10**5), "three hours")
    assert time.now == pytest.approx(60.0, abs=2.0)


def test_a_limit_of_a_run_takes_the_place_of_that_of_the_configuration():
    configured = wrap(MemorySync(MemorySettings()), bwlimit=BandwidthTimetable.parse("1k"))
    with limit_bandwidth(configured, BandwidthTimetable.parse("off")) as adapter:
        assert adapter is configured
        adapter.upload_file(bytes(10**6), "a")
    inner = configured.inner  # type: ignore[attr-defined]  # that of `Retry`
    assert str(inner.timetable) == "1k"


def test_a_limit_of_a_run_where_there_is_none():
    memory = MemorySync(MemorySettings())
    with limit_bandwidth(memory, BandwidthTimetable.parse("10M")) as adapter:
        assert isinstance(adapter, BandwidthLimit)
        assert isinstance(adapter, Coroutines), "a limit leaves small objects on the event loop"
        assert adapter.capabilities.coroutines


@pytest.mark.parametrize(
    ("text", "time", "rates"),
    [
        ("08:00,1k 20:00,off", MONDAY.replace(hour=7, minute=59), Rates()),
        ("08:00,1k 20:00,off", MONDAY.replace(hour=8), Rates(total=1024)),
        ("08:00,1k 20:00,off", MONDAY.replace(hour=23), Rates()),
        ("Mon-08:00,1k:2k Sat-00:00,off:1M", MONDAY, Rates(None, 1024**2)),
        ("Mon-08:00,1k:2k Sat-00:00,off:1M", MONDAY + timedelta(days=4, hours=23), Rates(1024, 2048)),
        ("Mon-08:00,1k:2k Sat-00:00,off:1M", MONDAY + timedelta(days=6), Rates(None, 1024**2)),
        ("5", MONDAY, Rates(total=5)),
    ],
)
def test_rates_of_a_time(text, time, rates):
    table = BandwidthTimetable.parse(text)
    assert table.rates_at(time) == rates
    assert BandwidthTimetable.parse(str(table)).rates_at(time) == rates
