"""The other wrappers: limits by a clock of our own, the log, the count, and what all of them hand on."""

from __future__ import annotations

import io
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from buckia_core.adapters.contract.protocols import PublicUrl, ServerCopy, SignedUrl
from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.adapters.wrappers import BandwidthLimit, CallLogging, RateLimit, RequestCounting, Retry, Wrapper, wrap
from buckia_core.adapters.wrappers.token_bucket import TokenBucket
from buckia_core.config.bandwidth import BandwidthTimetable
from buckia_core.errors import IntegrityError, NotFound, Throttled
from buckia_core.testing import Fault, Faulty


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def rate(bytes_per_second):
    return BandwidthTimetable.parse(bytes_per_second)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def memory():
    return MemorySync(MemorySettings())


# --- the token bucket --------------------------------------------------------------------------------------


def test_tokens_pass_at_the_rate(time):
    bucket = TokenBucket(10, burst=5, clock=time, sleep=time.sleep)
    for _ in range(105):
        bucket.acquire()
    assert time.now == pytest.approx(10.0)


def test_pause_allows_a_burst_and_no_more(time):
    bucket = TokenBucket(10, burst=5, clock=time, sleep=time.sleep)
    time.now = 100.0
    for _ in range(5):
        bucket.acquire()
    assert time.now == 100.0
    bucket.acquire()
    assert time.now == pytest.approx(100.1)


def test_large_amounts_go_into_debt(time):
    bucket = TokenBucket(10, burst=5, clock=time, sleep=time.sleep)
    bucket.acquire(25)
    assert time.now == pytest.approx(2.0)


def test_threads_share_the_rate():
    waits: list[float] = []
    bucket = TokenBucket(10, burst=1, clock=lambda: 0.0, sleep=waits.append)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: bucket.acquire(), range(11)))
    assert sorted(waits) == pytest.approx([number / 10 for number in range(1, 11)])


@pytest.mark.parametrize("limits", [{"rate_limit": 0}, {"rate_limit": float("nan")}])
def test_senseless_limits_are_refused(memory, limits):
    with pytest.raises(ValueError, match="greater than zero"):
        wrap(memory, **limits)


# --- rate limit and throttle -------------------------------------------------------------------------------


def test_calls_wait_for_their_turn(memory, time):
    limited = RateLimit(memory, 2, clock=time, sleep=time.sleep)
    for number in range(10):
        limited.upload_file(b"", str(number))
    assert time.now == pytest.approx(4.0)
    limited.delete_files(["0"])
    assert time.now == pytest.approx(4.5)


def test_pages_of_a_listing_wait_as_well(memory, time):
    for number in range(2500):
        memory.upload_file(b"", f"{number:04d}")
    limited = RateLimit(memory, 1, clock=time, sleep=time.sleep)
    assert len(list(limited.list_files())) == 2500
    assert time.now == pytest.approx(2.0)


class Declaring(Wrapper):
    """An adapter that declares how many requests its provider allows, and learns more by its probe."""

    rate = 2.0

    @property
    def capabilities(self):
        return replace(self.inner.capabilities, requests_per_second=self.rate)

    def probe(self):
        self.rate = 10.0
        return self.capabilities


def test_a_declared_rate_follows_the_probe(memory, time):
    limited = RateLimit(Declaring(memory), 2.0, declared=True, clock=time, sleep=time.sleep)
    for number in range(6):
        limited.upload_file(b"", str(number))
    assert time.now == pytest.approx(2.0)
    assert limited.probe().requests_per_second == 10.0
    at = time.now
    for number in range(10):
        limited.upload_file(b"", str(number))
    assert time.now - at == pytest.approx(1.0)


def test_a_rate_of_the_configuration_stays(memory, time):
    limited = RateLimit(Declaring(memory), 2.0, clock=time, sleep=time.sleep)
    limited.probe()
    for number in range(6):
        limited.upload_file(b"", str(number))
    assert time.now == pytest.approx(2.0), "this probe costs no request"


class InThree(Wrapper):
    """An adapter whose every call takes three requests, of which the last may fail once."""

    def __init__(self, inner, *, shown):
        super().__init__(inner)
        self.counter = RequestCounter()
        self.shown = shown
        self.failures = 0

    @property
    def request_count(self):
        return self.counter.total

    def limit_requests(self, wait):
        if self.shown:
            self.counter.limit(wait)
        return self.shown

    async def intercept(self, call):
        await self.counter.add_async(3)
        if self.failures:
            self.failures -= 1
            raise Throttled("busy")
        return await call()


@pytest.mark.parametrize(("shown", "seconds"), [(True, 2.0), (False, 0.0)])
def test_every_request_counts_where_the_adapter_shows_its_requests(memory, time, shown, seconds):
    limited = RateLimit(InThree(memory, shown=shown), 2, clock=time, sleep=time.sleep)
    for number in range(2):
        limited.upload_file(b"", str(number))
    assert limited.request_count == 6
    assert time.now == pytest.approx(seconds)


def test_requests_that_are_repeated_count_as_well(memory, time):
    inner = InThree(memory, shown=True)
    inner.failures = 3
    limited = RateLimit(CallLogging(RequestCounting(inner)), 1, clock=time, sleep=time.sleep)
    retrying = Retry(limited, policy=RetryPolicy(clock=time, sleep=lambda _: None))
    retrying.upload_file(b"", "k")
    assert inner.request_count == 12
    assert time.now == pytest.approx(11.0)


@pytest.mark.parametrize(("rate_limit", "rate"), [(None, 2.0), (7.0, 7.0)])
def test_a_rate_that_the_adapter_declares_is_kept_to_where_none_is_configured(memory, rate_limit, rate):
    each = wrap(Declaring(memory), rate_limit=rate_limit)
    while not isinstance(each, RateLimit):
        assert isinstance(each, Wrapper)
        each = each.inner
    assert each._bucket.rate == rate


@pytest.mark.parametrize("kind", ["bytes", "path", "reader"])
def test_uploads_are_held_back(memory, time, tmp_path, kind):
    data = bytes(range(256)) * 4000
    (tmp_path / "source").write_bytes(data)
    source = {"bytes": data, "path": tmp_path / "source", "reader": io.BytesIO(data)}[kind]
    throttled = BandwidthLimit(memory, rate(100_000), clock=time, sleep=time.sleep)
    assert throttled.upload_file(source, "k").size == len(data)
    assert time.now == pytest.approx((len(data) - 25_000) / 100_000)
    with memory.open_file("k") as reader:
        assert reader.read() == data


def test_downloads_are_held_back(memory, time, tmp_path):
    memory.upload_file(bytes(1_000_000), "k")
    throttled = BandwidthLimit(memory, rate(100_000), clock=time, sleep=time.sleep)
    assert throttled.download_file("k", tmp_path / "file").size == 1_000_000
    assert time.now == pytest.approx(9.75)
    assert (tmp_path / "file").read_bytes() == bytes(1_000_000)
    throttled.download_file("k", tmp_path / "file", start=10, end=100_010)
    assert time.now == pytest.approx(10.75)


class Shortened(Wrapper):
    """An adapter that loses bytes on the way."""

    def open_file(self, key, *, expect=None, start=0, end=None):
        return super().open_file(key, expect=expect, start=start + 1, end=end)


def test_bytes_that_are_missing_are_noticed(memory, tmp_path):
    memory.upload_file(bytes(1000), "k")
    with pytest.raises(IntegrityError, match="999 bytes came where there should be 1000"):
        BandwidthLimit(Shortened(memory), rate(10**9)).download_file("k", tmp_path / "file")


def test_held_back_reader_can_seek_if_its_source_can(memory):
    seen = []

    class Looking(Wrapper):
        def upload_file(self, source, key, *, expect=None, info=None):
            seen.append((source.seekable(), hasattr(source, "fileno") and not _has_number(source)))
            source.seek(0, io.SEEK_END)
            seen.append(source.tell())
            source.seek(2)
            return super().upload_file(source, key, expect=expect, info=info)

    source = io.BytesIO(b"012345")
    assert BandwidthLimit(Looking(memory), rate(10**9)).upload_file(source, "k").size == 4
    assert seen == [(True, True), 6]
    assert not source.closed


def _has_number(reader):
    try:
        reader.fileno()
    except OSError:
        return False
    return True


# --- the log -----------------------------------------------------------------------------------------------


def test_calls_are_logged(memory, caplog, time):
    logged = CallLogging(memory, clock=time)
    with caplog.at_level(logging.DEBUG, "buckia_core.adapters.wrappers.call_logging"):
        logged.upload_file(b"12345", "k\n2", info=UploadInfo(metadata={"token": "hush"}))
        list(logged.list_files("k"))
        logged.delete_files(["k\n2", "none"])
        with pytest.raises(NotFound):
            logged.stat_file("none")
    assert [record.getMessage() for record in caplog.records] == [
        "memory upload_file 'k\\n2': 5 bytes, 0.000 s",
        "memory list_files 'k': 1 entries, 0.000 s",
        "memory delete_files: 2 keys, 0 failed, 0.000 s",
        "memory stat_file 'none': NotFound: 'none': there is no such object, 0.000 s",
    ]
    assert "hush" not in caplog.text


def test_listing_that_fails_is_logged_with_what_came(memory, caplog):
    for key in "abc":
        memory.upload_file(b"", key)
    logged = CallLogging(Faulty(memory, [Fault("list_files", entries=2)]), clock=lambda: 0.0)
    with (
        caplog.at_level(logging.DEBUG, "buckia_core.adapters.wrappers.call_logging"),
        pytest.raises(Exception, match="fault"),
    ):
        list(logged.list_files())
    assert "Transient: injected fault" in caplog.text
    assert "2 entries" in caplog.text


# --- the count ---------------------------------------------------------------------------------------------


def test_adapter_that_counts_is_believed(memory):
    wrapped = wrap(memory)
    for number in range(1500):
        memory.upload_file(b"", f"{number:04d}")
    list(wrapped.list_files())
    assert wrapped.request_count == 1500 + 2


def test_calls_are_counted_where_the_adapter_does_not(tmp_path):
    directory = DirectorySync(DirectorySettings(root=tmp_path))
    assert directory.request_count is None
    wrapped = wrap(directory)
    wrapped.upload_file(b"1", "k")
    wrapped.stat_file("k")
    list(wrapped.list_files())
    wrapped.probe()
    assert wrapped.request_count == 3


def test_repeated_calls_are_counted_each(tmp_path):
    directory = DirectorySync(DirectorySettings(root=tmp_path))
    directory.upload_file(b"1", "k")
    counting = RequestCounting(Faulty(directory, [Fault("stat_file", times=2)]))
    Retry(counting).stat_file("k")
    assert counting.request_count == 3


# --- what wrappers hand on ---------------------------------------------------------------------------------


class Addressed(MemorySync):
    """An adapter with every optional ability."""

    closed = 0

    def public_url(self, key):
        return f"https://example.com/{key}"

    def signed_url(self, key, *, seconds, method="GET"):
        return f"https://example.com/{key}?for={seconds}&method={method}"

    def close(self):
        self.closed += 1


class Bare(Wrapper):
    """An adapter without any."""

    copy_file = public_url = None  # type: ignore[assignment]  # it has none


def test_abilities_are_those_of_the_inner_adapter(memory):
    full = wrap(Addressed(MemorySettings()), rate_limit=1e6, bwlimit=rate(10**9))
    assert isinstance(full, ServerCopy)
    assert isinstance(full, PublicUrl)
    assert isinstance(full, SignedUrl)
    assert full.public_url("k") == "https://example.com/k"
    assert full.signed_url("k", seconds=5, method="PUT") == "https://example.com/k?for=5&method=PUT"
    copied = full.copy_file(full.upload_file(b"1", "a"), "b")
    assert copied.key == "b"
    plain = wrap(memory)
    assert isinstance(plain, ServerCopy)
    assert not isinstance(plain, SignedUrl)
    assert not isinstance(wrap(Bare(memory)), (ServerCopy, PublicUrl))


def test_closing_goes_all_the_way_down():
    inner = Addressed(MemorySettings())
    with wrap(inner, rate_limit=1.0, bwlimit=rate(1)):
        pass
    assert inner.closed == 1


def test_order_of_the_wrappers(memory):
    each = wrap(Uncounted(memory), rate_limit=1.0, bwlimit=rate(1))
    assert wrappers(each) == ["Retry", "RateLimit", "BandwidthLimit", "CallLogging", "RequestCounting", "Uncounted"]


def test_what_is_not_needed_is_not_there(memory):
    assert wrappers(wrap(memory)) == ["Retry", "CallLogging"]


class Uncounted(Wrapper):
    """An adapter that does not count its requests."""

    request_count = None


def wrappers(adapter):
    """Return the names of the classes, from the outside in."""
    found = []
    while isinstance(adapter, Wrapper):
        found.append(type(adapter).__name__)
        adapter = adapter.inner
    return found
