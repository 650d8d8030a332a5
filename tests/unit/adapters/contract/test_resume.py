"""Wrappers around an adapter whose transfers go on where they ended."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from buckia_core.adapters.contract.protocols import ResumableDownload, ResumableUpload
from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload, PartLayout, resume_by_open
from buckia_core.adapters.contract.types import IfAbsent, UploadInfo
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.adapters.wrappers import BandwidthLimit, CallLogging, RequestCounting, Retry, wrap
from buckia_core.config.bandwidth import BandwidthTimetable
from buckia_core.errors import IntegrityError, PreconditionFailed, Transient
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject

PART = 100
CONTENT = bytes(range(250)) * 4


class InParts(MemorySync):
    """Keeps parts in the note, and fails after each part that it is told to fail after."""

    def __init__(self, fails_after: list[int] | None = None) -> None:
        super().__init__(MemorySettings())
        self.fails_after = fails_after or []
        self.sent: list[int] = []
        self.started: list[int] = []
        self.abandoned: list[str] = []
        self.loses_reply = False

    def part_layout(self, size: int) -> PartLayout | None:
        return PartLayout(PART, "md5") if size > PART else None

    def upload_parts(self, source: MultipartSource, key, *, expect=None, info=None) -> RemoteObject:
        done = json.loads(source.checkpoint.read() or "[]")
        for number in range(1, len(source.digests) + 1):
            if number not in done:
                source.on_bytes_sent(source.part_range(number)[1])
                self.sent.append(number)
                done.append(number)
                source.checkpoint.write(json.dumps(done))
            if number in self.fails_after:
                self.fails_after.remove(number)
                raise Transient("cut")
        found = self.upload_file(source.path.read_bytes(), key, expect=expect, info=info)
        if self.loses_reply:
            self.loses_reply = False
            raise Transient("no answer")
        return found

    def abort_upload(self, key: str, text: str) -> None:
        self.abandoned.append(text)

    def resume_download(self, key: str, landing: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        self.started.append(landing.start)
        if self.fails_after:
            end = self.fails_after.pop(0)
            with landing.target.open("r+b") as file:
                file.seek(landing.start)
                file.write(CONTENT[landing.start : end])
            landing.on_progress(end)
            raise Transient("cut")
        return resume_by_open(self, key, landing, expect)


class Uncounted(InParts):
    request_count = None  # type: ignore[assignment]  # as adapters that do not count


class MemoryCheckpoint:
    text: str | None = None

    def read(self):
        return self.text

    def write(self, text):
        self.text = text

    def clear(self):
        self.text = None


def retrying(inner, attempts: int = 3, clock=lambda: 0.0, seconds: float = 10.0) -> Retry:
    return Retry(inner, policy=RetryPolicy(attempts, seconds, clock=clock, sleep=lambda _: None))


@pytest.fixture
def source(tmp_path: Path) -> MultipartSource:
    path = tmp_path / "f"
    path.write_bytes(CONTENT)
    return MultipartSource(path, len(CONTENT), PartLayout(PART, "md5"), ["-"] * 10, MemoryCheckpoint(), lambda _: None)


def test_abilities_are_passed_on_where_they_are():
    with_them, without = (
        wrap(InParts(), bwlimit=BandwidthTimetable.parse(10**9), rate_limit=1e9),
        wrap(MemorySync(MemorySettings())),
    )
    assert isinstance(with_them, ResumableUpload)
    assert isinstance(with_them, ResumableDownload)
    assert not isinstance(without, ResumableUpload)
    assert not isinstance(without, ResumableDownload)
    assert with_them.part_layout(1000) == PartLayout(PART, "md5")
    assert with_them.part_layout(1) is None


def test_a_retried_upload_sends_only_what_is_missing(source):
    inner = InParts([3, 7])
    assert retrying(inner).upload_parts(source, "k").size == len(CONTENT)
    assert inner.sent == list(range(1, 11))


def test_bytes_that_go_over_give_an_upload_its_time_back(source):
    now = [0.0]
    inner = InParts([3, 6])

    def clock() -> float:
        now[0] += 6.0
        return now[0]

    # Each look at the clock costs six seconds of ten, so that only what began just now may be repeated.
    assert retrying(inner, clock=clock).upload_parts(source, "k").size == len(CONTENT)


def test_an_upload_gets_no_more_attempts_for_its_parts(source):
    with pytest.raises(Transient):
        retrying(InParts([2, 4, 6])).upload_parts(source, "k")


def test_an_upload_whose_reply_was_lost_is_found_to_be_ours(source, tmp_path):
    inner = InParts()
    inner.loses_reply = True
    digest = inner.upload_file(CONTENT, "other").digests
    found = retrying(inner).upload_parts(source, "k", expect=IfAbsent(), info=UploadInfo(digests=digest))
    assert found == inner.stat_file("k")


def test_an_object_of_somebody_else_is_not_taken_for_ours(source):
    inner = InParts([2])
    inner.upload_file(b"theirs", "k")
    info = UploadInfo(digests=(Digest("sha256", hashlib.sha256(CONTENT).hexdigest()),))
    with pytest.raises(PreconditionFailed):
        retrying(inner).upload_parts(source, "k", expect=IfAbsent(), info=info)


def test_progress_of_a_download_resets_its_attempts(tmp_path):
    inner = InParts([100, 200, 300, 400])
    expect = inner.upload_file(CONTENT, "k")
    target = tmp_path / "t"
    target.write_bytes(CONTENT[:50])
    reached: list[int] = []
    retrying(inner, attempts=2).resume_download("k", PartialDownload(target, 50, reached.append), expect=expect)
    assert target.read_bytes() == CONTENT
    assert inner.started == [50, 100, 200, 300, 400]
    assert reached == [100, 200, 300, 400, 1000]


def test_content_that_was_passed_on_is_progress_and_does_not_come_again(tmp_path):
    class Losing(InParts):
        def resume_download(self, key: str, landing: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
            self.started.append(landing.start)
            if not self.fails_after:
                return resume_by_open(self, key, landing, expect)
            end = self.fails_after.pop(0)
            with landing.target.open("r+b") as file:
                file.seek(landing.start)
                file.write(CONTENT[landing.start : end])
            landing.on_content(CONTENT[landing.start : end])
            raise Transient("cut")

    inner = Losing([100, 200, 300])
    expect = inner.upload_file(CONTENT, "k")
    target, passed_on, reached = tmp_path / "t", bytearray(), list[int]()
    target.touch()
    download = PartialDownload(target, 0, reached.append, passed_on.extend)
    retrying(inner, attempts=2).resume_download("k", download, expect=expect)
    assert target.read_bytes() == passed_on == CONTENT
    assert (inner.started, reached) == ([0, 100, 200, 300], [1000])


def test_a_download_that_does_not_move_has_its_attempts_and_no_more(tmp_path):
    inner = InParts([100, 100, 100])
    expect = inner.upload_file(CONTENT, "k")
    target = tmp_path / "t"
    target.touch()
    with pytest.raises(Transient):
        retrying(inner, attempts=2).resume_download("k", PartialDownload(target, 0, lambda _: None), expect=expect)
    assert inner.started == [0, 100]


def test_both_ways_are_held_back(source, tmp_path):
    slept = [0.0]

    def sleep(seconds: float) -> None:
        slept[0] += seconds

    inner = InParts()
    throttled = BandwidthLimit(inner, BandwidthTimetable.parse(100), clock=lambda: slept[0], sleep=sleep)
    passed: list[int] = []
    expect = throttled.upload_parts(
        MultipartSource(source.path, source.size, source.layout, source.digests, MemoryCheckpoint(), passed.append), "k"
    )
    assert sum(passed) == 1000
    assert slept[0] == pytest.approx(9.75)
    target = tmp_path / "t"
    target.write_bytes(CONTENT[:500])
    throttled.resume_download("k", PartialDownload(target, 500, lambda _: None), expect=expect)
    assert target.read_bytes() == CONTENT
    assert slept[0] == pytest.approx(14.75)


def test_calls_are_counted_and_logged(source, caplog):
    caplog.set_level("DEBUG")
    counting = RequestCounting(Uncounted())
    logged = CallLogging(counting)
    logged.upload_parts(source, "k")
    logged.abort_upload("k", "text")
    assert counting.request_count == 2
    lines = [record.getMessage().partition(" ")[2].rpartition(",")[0] for record in caplog.records]
    assert lines == ["upload_parts 'k': 1000 bytes", "abort_upload 'k': done"]


def test_an_object_that_does_not_end_where_it_should(tmp_path):
    inner = MemorySync(MemorySettings())
    expect = inner.upload_file(CONTENT, "k")
    target = tmp_path / "t"
    target.touch()
    with pytest.raises(IntegrityError, match="more bytes came where there should be 10"):
        resume_by_open(inner, "k", PartialDownload(target, 0, lambda _: None), expect._replace(size=10))
    assert target.stat().st_size <= 10


def test_an_object_that_ends_too_soon(tmp_path):
    inner = MemorySync(MemorySettings())
    expect = inner.upload_file(CONTENT, "k")
    target = tmp_path / "t"
    target.touch()
    with pytest.raises(IntegrityError, match="1000 bytes where there should be 2000"):
        resume_by_open(inner, "k", PartialDownload(target, 0, lambda _: None), expect._replace(size=2000))


def test_an_object_that_changes_after_its_last_byte_is_not_described_by_the_new_one(tmp_path):
    class Changing(MemorySync):
        def stat_file(self, key):
            self.upload_file(b"other", key)
            return super().stat_file(key)

    inner = Changing(MemorySettings())
    expect = inner.upload_file(CONTENT, "k")._replace(metadata=None)
    target = tmp_path / "t"
    target.touch()
    with pytest.raises(PreconditionFailed, match="it changed while it was downloaded"):
        resume_by_open(inner, "k", PartialDownload(target, 0, lambda _: None), expect)
