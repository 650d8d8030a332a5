"""Large transfers that break off: the next run goes on where they ended, and what is of no use any more is removed."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from buckia_core.testing.fault_proxy.faults import Answer, Cut, Delay, Fault, LoseReply, Request
from tests.e2e.buckets import as_text

MIB = 1 << 20
PART = 5 * MIB
SIZE = 40 * MIB + 12345
PARTS = 9
FIRST = 6
"""Parts that arrive before the connection breaks."""


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(1).randbytes(SIZE)


@pytest.fixture
def here(on_ceph) -> Any:
    on_ceph.configure(retry_attempts=1, part_size=PART, multipart_threshold=PART)
    return on_ceph


class After:
    """Chooses all requests of a kind but the first ones; `happens` at the first that it chooses."""

    def __init__(self, number: int, kind: str, happens: Callable[[], object] = lambda: None) -> None:
        self._left = number
        self._kind = kind
        self._happens = happens

    def __call__(self, request: Request) -> bool:
        if request.kind != self._kind:
            return False
        self._left -= 1
        if self._left == -1:
            self._happens()
        return self._left < 0


def uploads_left(here: Any) -> list[str]:
    """Return the keys of uploads that the server holds unfinished."""
    found = here.bucket.client.list_multipart_uploads(Bucket=here.bucket.name)
    return [each["Key"] for each in found.get("Uploads", ())]


def notes(here: Any) -> list[dict[str, str]]:
    """Return what the state keeps of unfinished transfers."""
    return [json.loads(path.read_text()) for path in here.state_dir.glob("unfinished/*/*.json")]


def temporaries(here: Any) -> list[str]:
    return [path.name for path in here.directory.glob(".buckia-tmp-*")]


def cut_upload(here: Any, content: bytes, fault: Fault = Answer(403)) -> None:  # noqa: B008  # it is frozen
    """Break an upload off after some of its parts."""
    proxy = here.bucket.proxy
    here.write("large", content)
    proxy.fault(fault, when=After(FIRST, "upload_part"))
    ran = here.sync()
    assert (ran.code, set(ran.failures)) == (1, {"large"}), ran
    proxy.clear_faults()
    assert uploads_left(here) == ["large"]
    here.bucket.forget_requests()


def both_have(here: Any, content: bytes) -> None:
    """Make sure that both sides have the file, and nothing is left of its transfer."""
    here.bucket.expect(content)
    assert here.tree() == {"large": as_text(content)}
    assert here.bucket.tree() == here.tree()
    assert (uploads_left(here), notes(here)) == ([], [])
    here.nothing_to_do(1)


def test_an_upload_goes_on_with_the_parts_that_are_missing(here, content):
    cut_upload(here, content, Cut(0, "up"))
    proxy = here.bucket.proxy
    ran = here.sync()
    left = SIZE - FIRST * PART
    assert (ran.code, ran.actions(), ran.summary["bytes_up"]) == (0, {"large": "upload"}, left)
    counts = proxy.counts()
    assert (counts["upload_part"], counts["list_parts"], counts["create_multipart"]) == (PARTS - FIRST, 1, 0)
    assert left < proxy.bytes_up < left + 10_000
    both_have(here, content)


def test_an_upload_goes_on_after_its_process_was_killed(here, content):
    proxy = here.bucket.proxy
    here.write("large", content)
    started = threading.Event()

    def kill() -> None:
        started.wait()
        running.process.kill()

    proxy.fault(Cut(0, "up"), when=After(FIRST, "upload_part", kill))
    running = here.start("sync", "--json")
    started.set()
    running.wait()
    proxy.clear_faults()
    here.bucket.forget_requests()
    ran = here.sync()
    assert (ran.code, ran.actions()) == (0, {"large": "upload"})
    assert proxy.counts()["create_multipart"] == 0
    # Of those that were on their way some may have been lost.
    assert ran.summary["bytes_up"] <= SIZE
    # Bytes of the one that was killed may still have been on their way through the proxy.
    assert proxy.bytes_up < ran.summary["bytes_up"] + PART
    both_have(here, content)


def test_a_file_that_was_changed_in_between_is_sent_anew(here, content):
    cut_upload(here, content)
    other = content[::-1]
    here.write("large", other)
    ran = here.sync()
    assert (ran.code, ran.summary["bytes_up"]) == (0, SIZE)
    counts = here.bucket.proxy.counts()
    assert (counts["abort_multipart"], counts["create_multipart"], counts["upload_part"]) == (1, 1, PARTS)
    both_have(here, other)


def test_a_file_that_is_gone_leaves_no_parts_behind(here, content):
    cut_upload(here, content)
    here.delete("large")
    ran = here.sync()
    assert (ran.code, ran.operations) == (0, [])
    assert (uploads_left(here), notes(here)) == ([], [])


def test_an_upload_that_the_server_has_forgotten_begins_anew(here, content):
    cut_upload(here, content)
    (left,) = here.bucket.client.list_multipart_uploads(Bucket=here.bucket.name)["Uploads"]
    here.bucket.client.abort_multipart_upload(Bucket=here.bucket.name, Key="large", UploadId=left["UploadId"])
    ran = here.sync()
    assert (ran.code, ran.summary["bytes_up"]) == (0, SIZE)
    both_have(here, content)


def test_a_part_that_holds_something_else_is_sent_again(here, content):
    cut_upload(here, content)
    (left,) = here.bucket.client.list_multipart_uploads(Bucket=here.bucket.name)["Uploads"]
    here.bucket.client.upload_part(
        Bucket=here.bucket.name, Key="large", UploadId=left["UploadId"], PartNumber=2, Body=b"x" * PART
    )
    ran = here.sync()
    assert ran.code == 0
    assert here.bucket.proxy.counts()["upload_part"] == PARTS - FIRST + 1
    both_have(here, content)


class Deaf:
    """Chooses what could tell of an upload that was put together, from then on."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def __call__(self, request: Request) -> bool:
        if request.kind == "complete_multipart":
            self.ended.set()
            return False
        return self.ended.is_set() and request.kind in ("head", "abort_multipart", "list_parts")


@pytest.mark.parametrize("kill", [False, True], ids=["lost", "killed"])
def test_an_upload_whose_completion_was_not_heard_of_is_not_sent_again(here, content, kill):
    proxy, deaf = here.bucket.proxy, Deaf()
    here.write("large", content)
    proxy.fault(Answer(403), when=deaf)
    proxy.fault(Delay(600, "down") if kill else LoseReply(), when=lambda request: request.kind == "complete_multipart")
    running = here.start("sync", "--json")
    if kill:
        assert deaf.ended.wait(60)
        while not here.bucket.keys():
            assert running.process.poll() is None
        running.kill()
    else:
        assert set(running.wait().failures) == {"large"}
    proxy.clear_faults()
    here.bucket.forget_requests()
    ran = here.sync()
    assert (ran.code, ran.actions(), ran.summary["bytes_up"]) == (0, {"large": "adopt"}, 0)
    assert proxy.bytes_up < 10_000
    both_have(here, content)
