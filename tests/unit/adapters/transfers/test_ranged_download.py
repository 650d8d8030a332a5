"""Downloads by ranges: which are asked for, where they land, and what is told of them."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.adapters.transfers.ranged_download import RangedDownload, RangeStream
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.errors import PreconditionFailed, Transient
from buckia_core.planning.manifest import RemoteObject

CONTENT = bytes(range(10))
OBJECT = RemoteObject("k", len(CONTENT), "e")


class Server:
    """One object, and which ranges of it were asked for."""

    def __init__(self, content=CONTENT):
        self.content = content
        self.asked = []
        self.losing = 0

    @contextmanager
    def opened(self, key, expect, start, end):
        self.asked.append((start, end))
        if self.losing and start:
            self.losing -= 1
            raise Transient("lost")
        if expect is not None and expect.fingerprint != "e":
            raise PreconditionFailed("changed")
        yield RangeStream(RemoteObject(key, len(self.content), "e"), iter([self.content[start:end]]))


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
    assert ranged.resume("k", PartialDownload(target, 3, reached.append), OBJECT) == OBJECT
    assert target.read_bytes() == CONTENT
    assert (sorted(server.asked), reached) == ([(3, 7), (7, 10)], [7, 10])


def test_going_on_where_nothing_is_missing(ranged, server, tmp_path):
    (tmp_path / "f").write_bytes(CONTENT)
    assert ranged.resume("k", PartialDownload(tmp_path / "f", 10, lambda _: None), OBJECT) is None
    assert server.asked == []
