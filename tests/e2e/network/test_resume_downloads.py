"""Large downloads that break off: the next run goes on with the temporary file, if it still holds what it should."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from buckia_core.testing.fault_proxy.faults import Answer, Cut, Delay, Fault, Request
from tests.e2e.buckets import as_text

MIB = 1 << 20
RANGE = 16 * MIB
SIZE = 80 * MIB + 12345
FIRST = 3
"""Ranges that come before the connection breaks."""


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(2).randbytes(SIZE)


@pytest.fixture
def here(on_ceph, content) -> Any:
    on_ceph.configure(retry_attempts=1)
    on_ceph.bucket.put("large", content, mtime=1_700_000_000)
    return on_ceph


def is_behind(request: Request) -> bool:
    """Choose the ranges behind the first ones."""
    return request.kind == "get" and start_of(request) >= FIRST * RANGE


def start_of(request: Request) -> int:
    return int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])


def notes(here: Any) -> list[dict[str, str]]:
    """Return what the state keeps of unfinished transfers."""
    return [json.loads(path.read_text()) for path in here.state_dir.glob("unfinished/*/*.json")]


def temporary(here: Any) -> Path:
    """Return the one temporary file."""
    (found,) = Path(here.directory).glob(".buckia-tmp-*")
    return found


def cut_download(here: Any, fault: Fault = Answer(403)) -> None:  # noqa: B008  # it is frozen
    """Break a download off after some of its ranges."""
    here.bucket.proxy.fault(fault, when=is_behind)
    ran = here.sync()
    assert (ran.code, set(ran.failures)) == (1, {"large"}), ran
    here.bucket.proxy.clear_faults()
    assert temporary(here).stat().st_size >= FIRST * RANGE
    here.bucket.forget_requests()


def both_have(here: Any, content: bytes) -> None:
    """Make sure that both sides have the file, and nothing is left of its transfer."""
    assert here.tree() == {"large": as_text(content)}
    assert here.bucket.tree() == here.tree()
    assert notes(here) == []
    here.nothing_to_do(1)


def test_a_download_goes_on_where_it_ended(here, content):
    cut_download(here, Cut(0, "up"))
    proxy = here.bucket.proxy
    ran = here.sync()
    left = SIZE - FIRST * RANGE
    assert (ran.code, ran.actions(), ran.summary["bytes_down"]) == (0, {"large": "download"}, left)
    assert left < proxy.bytes_down < left + 10_000
    asked = [request for request in proxy.requests if request.kind == "get"]
    assert all("if-match" in request.headers for request in asked)
    assert (here.path("large").stat().st_mtime, len(asked)) == (1_700_000_000, 3)
    both_have(here, content)


def test_a_download_goes_on_after_its_process_was_killed(here, content):
    proxy = here.bucket.proxy
    proxy.fault(Delay(600), when=is_behind)
    running = here.start("sync", "--json")
    while not any(json.loads(note["text"])["bytes"] == FIRST * RANGE for note in notes(here)):
        assert running.process.poll() is None
    running.kill()
    proxy.clear_faults()
    here.bucket.forget_requests()
    ran = here.sync()
    assert (ran.code, ran.summary["bytes_down"]) == (0, SIZE - FIRST * RANGE)
    assert proxy.bytes_down < SIZE - FIRST * RANGE + 10_000
    both_have(here, content)


def hole(path: Path) -> None:
    """Do what a loss of power may do: the size is right, and bytes are missing."""
    with path.open("r+b") as file:
        file.seek(RANGE)
        file.write(bytes(RANGE))


@pytest.mark.parametrize(
    "spoil", [hole, lambda path: path.write_bytes(b""), Path.unlink], ids=["hole", "emptied", "gone"]
)
def test_a_temporary_file_that_does_not_hold_what_was_noted_begins_anew(here, content, spoil):
    cut_download(here)
    spoil(temporary(here))
    ran = here.sync()
    assert (ran.code, ran.summary["bytes_down"]) == (0, SIZE)
    both_have(here, content)


def test_an_object_that_was_replaced_in_between_begins_anew(here, content):
    cut_download(here)
    other = content[::-1]
    here.bucket.put("large", other)
    ran = here.sync()
    assert (ran.code, ran.summary["bytes_down"]) == (0, SIZE)
    both_have(here, other)


def test_an_object_that_is_gone_leaves_nothing_behind(here):
    cut_download(here)
    here.bucket.delete("large")
    assert here.sync().operations == []
    assert (here.tree(), notes(here)) == ({}, [])


def test_a_dry_run_keeps_what_is_to_go_on(here, content):
    cut_download(here)
    assert here.sync("--dry-run").actions("planned") == {"large": "download"}
    here.sync("elsewhere/")
    assert here.sync().summary["bytes_down"] == SIZE - FIRST * RANGE
    both_have(here, content)
