"""Downloads by ranges: which are asked for, where they land, and what is told of them."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.adapters.transfers.part_pool import THREADS, PartPool
from buckia_core.adapters.transfers.ranged_download import RangedDownload, RangedResult, RangeStream
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.errors import IntegrityError, PreconditionFailed, Transient
from buckia_core.planning.manifest import RemoteObject

CONTENT = bytes(range(10))
OBJECT = RemoteObject("k", len(CONTENT), "e")


class Server:
    """One object, and which ranges of it were asked for."""

    def __init__(self, content=CONTENT):
        self.content = content
        self.asked = []
        self.losing = 0
        self.cut = 0
        self.breaks = False

    @contextmanager
    def opened(self, key, expect, start, end):
        self.asked.append((start, end))
        if self.losing and start:
            self.losing -= 1
            raise Transient("lost")
        if expect is not None and expect.fingerprint != "e":
            raise PreconditionFailed("changed")
        end = len(self.content) if end is None else end
        yield RangeStream(RemoteObject(key, len(self.content), "e"), self.chunks(start, end - self.cut))

    def chunks(self, start, end):
        yield (self.content + b"!")[start:end]
        if self.breaks:
            raise Transient("broken")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("buckia_core.adapters.transfers.ranged_download.RANGE_BYTES", 4)
    return Server()


@pytest.fixture
def ranged(server):
    pieces = PartPool(RetryPolicy(initial_wait=0.0))
    yield RangedDownload(pieces, server.opened)
    pieces.close()


@pytest.mark.parametrize(
    ("expect", "start", "end", "asked", "complete"),
    [
        pytest.param(None, 0, None, [(0, 4), (4, 8), (8, 10)], True, id="of unknown size"),
        pytest.param(OBJECT, 0, None, [(0, 4), (4, 8), (8, 10)], True, id="of known size"),
        pytest.param(OBJECT, 3, None, [(3, 7), (7, 10)], False, id="from somewhere"),
        pytest.param(OBJECT, 0, 6, [(0, 4), (4, 6)], False, id="up to somewhere"),
        pytest.param(OBJECT, 8, None, [(8, 10)], False, id="an end"),
        pytest.param(None, 0, 99, [(0, 4), (4, 8), (8, 10)], True, id="past the end"),
        pytest.param(None, 2, 5, [(2, 5)], False, id="of one range"),
    ],
)
def test_what_is_asked_for(ranged, server, tmp_path, expect, start, end, asked, complete):
    came = ranged.download("k", tmp_path / "f", expect, start, end)
    assert (tmp_path / "f").read_bytes() == CONTENT[start:end]
    assert sorted(server.asked) == asked
    assert (came.object, came.complete, came.request_count, came.ranged) == (OBJECT, complete, len(asked), True)


def test_a_small_object_is_fetched_without_a_range(ranged, server, tmp_path):
    server.content = b"abcd"
    came = ranged.download("k", tmp_path / "f", OBJECT._replace(size=4), 0, None)
    assert (server.asked, came.ranged, came.complete) == ([(0, None)], False, True)


def test_a_lost_range_is_asked_for_again(ranged, server, tmp_path):
    server.losing = 1
    assert ranged.download("k", tmp_path / "f", OBJECT, 0, None).request_count == 3
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert len(server.asked) == 4


def test_another_version_is_not_mixed_in(ranged, tmp_path):
    with pytest.raises(PreconditionFailed):
        ranged.download("k", tmp_path / "f", OBJECT._replace(fingerprint="old"), 0, None)


def test_going_on(ranged, server, tmp_path):
    target = tmp_path / "f"
    reached: list[int] = []
    target.write_bytes(CONTENT[:3] + b"xyz")
    came = ranged.resume("k", PartialDownload(target, 3, reached.append), OBJECT)
    assert came == RangedResult(OBJECT, complete=False, request_count=2, ranged=True)
    assert target.read_bytes() == CONTENT
    assert (sorted(server.asked), reached) == ([(3, 7), (7, 10)], [7, 10])


def assemble(ranged, target, start):
    """Resume; return the result, the content that was passed on, and the progress with its length at that time."""
    content, reached = bytearray(), []
    download = PartialDownload(target, start, lambda size: reached.append((size, start + len(content))), content.extend)
    return ranged.resume("k", download, OBJECT), bytes(content), reached


@pytest.mark.parametrize(("start", "buffer"), [(6, 99), (6, 4), (6, 3), (9, 1)])
def test_content_of_one_request_is_passed_on_in_order(ranged, server, monkeypatch, tmp_path, start, buffer):
    monkeypatch.setattr("buckia_core.adapters.transfers.ranged_download._BUFFER_BYTES", buffer)
    target = tmp_path / "f"
    target.write_bytes(CONTENT[:start])
    came, content, reached = assemble(ranged, target, start)
    assert target.read_bytes() == CONTENT
    assert (content, reached) == (CONTENT[start:], [(10, 10)])
    assert came == RangedResult(OBJECT, complete=False, request_count=1, ranged=True)


def test_a_small_object_is_resumed_from_its_start_without_a_range(ranged, server, monkeypatch, tmp_path):
    monkeypatch.setattr("buckia_core.adapters.transfers.ranged_download.RANGE_BYTES", 10)
    (tmp_path / "f").touch()
    assert assemble(ranged, tmp_path / "f", 0)[0] == RangedResult(OBJECT, complete=True, request_count=1, ranged=False)
    assert server.asked == [(0, None)]


def test_slow_ranges_are_fetched_by_more_threads(ranged, monkeypatch, tmp_path):
    limits, run = [], ranged.pool.run

    def watched(tasks, ahead):
        for result in run(tasks, ahead=ahead):
            yield result
            limits.append(ahead())

    monkeypatch.setattr(ranged.pool, "run", watched)
    for seconds in (1e9, -1.0):
        monkeypatch.setattr("buckia_core.adapters.transfers.ranged_download._FAST_RANGE_SECONDS", seconds)
        ranged.download("k", tmp_path / "f", OBJECT, 0, None)
    assert limits == [THREADS // 2, THREADS // 2, THREADS, THREADS]


@pytest.mark.parametrize("missing", [-1, 1])
@pytest.mark.parametrize("start", [0, 7])
def test_a_stream_of_another_length_is_refused(ranged, server, tmp_path, start, missing):
    server.cut = missing
    (tmp_path / "f").write_bytes(CONTENT[:start])
    with pytest.raises(IntegrityError):
        assemble(ranged, tmp_path / "f", start)


def test_the_last_bytes_are_passed_on_when_the_stream_has_ended_well(ranged, server, tmp_path):
    server.breaks = True
    (tmp_path / "f").write_bytes(CONTENT[:7])
    passed_on = bytearray()
    with pytest.raises(Transient):
        ranged.resume("k", PartialDownload(tmp_path / "f", 7, lambda _: None, passed_on.extend), OBJECT)
    assert passed_on == b""


def test_going_on_where_nothing_is_missing(ranged, server, tmp_path):
    (tmp_path / "f").write_bytes(CONTENT)
    assert ranged.resume("k", PartialDownload(tmp_path / "f", 10, lambda _: None), OBJECT) is None
    assert server.asked == []
