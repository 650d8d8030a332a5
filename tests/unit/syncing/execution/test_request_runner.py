"""Small objects on an event loop: what is sent at once, fails alone, ends a run, and is left after it."""

from __future__ import annotations

import asyncio
import itertools
import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from buckia_core.errors import IntegrityError, NotFound, PermissionDenied, Throttled, Transient, Unauthenticated
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject
from buckia_core.syncing.execution import request_runner
from buckia_core.syncing.execution.concurrency import AdaptiveConcurrency
from buckia_core.syncing.execution.request_runner import RequestRunner
from buckia_core.syncing.transfer import download
from tests.unit.syncing.execution.on_loop import OnLoop, threads_of_runs
from tests.unit.syncing.sides import Sides

MANY = " ".join(f"k{number:03}={number}" for number in range(100))


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    """A folder, and a bucket whose requests wait a moment."""
    return Sides(tmp_path / "folder", OnLoop(0.001))


@pytest.fixture(autouse=True)
def nothing_left(sides):
    """After each run, there is no thread of it, no task and no connection."""
    before = threads_of_runs()
    yield
    assert threads_of_runs() <= before
    assert sides.bucket.running == 0 and sides.bucket.left == []
    assert not sides.bucket.calls or sides.bucket.closed


def count(sides, operation: str) -> int:
    return sum(name == operation for name, _ in sides.bucket.calls)


# --- what goes through the loop ----------------------------------------------------------------------------


def test_uploads_and_downloads_are_sent_at_once_by_one_thread(sides):
    assert sides.here(MANY).sync().uploaded == 100
    assert sides.files() == sides.objects() and len(sides.baseline()) == 100
    assert count(sides, "upload_file") == 100
    other = Sides(sides.folder.with_name("other"), sides.bucket)
    assert other.sync().downloaded == 100
    assert other.files() == sides.objects() and len(other.baseline()) == 100
    assert count(sides, "read_file") == 100
    assert list(sides.bucket.threads) == ["buckia-loop"] and sides.bucket.most > 8
    assert sides.sync().unchanged == other.sync().unchanged == 100


def test_few_files_need_no_loop(sides):
    assert sides.here("a=1 b=2 c=3").sync().uploaded == 3
    assert sides.bucket.calls == [] and sides.bucket.closed == 0


def test_a_run_that_needs_no_loop_does_not_import_it(tmp_path):
    code = (
        "import sys\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from buckia_core.adapters.memory.settings import MemorySettings\n"
        "from buckia_core.adapters.memory.sync import MemorySync\n"
        "from buckia_core.client import BuckiaClient\n"
        "from buckia_core.config import BucketConfig\n"
        "class OnLoop(MemorySync):\n"
        "    capabilities = property(lambda self: replace(self._capabilities, coroutines=True))\n"
        "    stat_file_async = upload_file_async = read_file_async = delete_files_async = close_async = None\n"
        "config = BucketConfig(provider='memory', base_dir=Path(sys.argv[1]))\n"
        "with BuckiaClient(config, adapter=OnLoop(MemorySettings())) as client:\n"
        "    assert client.sync().uploaded == 3\n"
        "    assert client.sync().unchanged == 3\n"
        "assert 'asyncio' not in sys.modules\n"
    )
    for name in "abc":
        (tmp_path / name).write_text(name)
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_large_objects_are_not_sent_by_the_loop(sides):
    sides.here(MANY)
    (sides.folder / "large").write_bytes(bytes((1 << 20) + 1))
    assert sides.sync().uploaded == 101
    assert ("upload_file", "large") not in sides.bucket.calls and count(sides, "upload_file") == 100


def test_what_replaces_an_object_that_is_kept_is_not_delayed_by_others(sides):
    sides.in_step(MANY).here(MANY.replace("=", "=new"))
    sides.settings = {"keep_replaced": "always"}
    sides.bucket.calls.clear()
    assert sides.sync().uploaded == 100
    assert len(sides.trashed()) == 100 and sides.bucket.calls == []


def test_a_given_executor_gets_the_calls(sides):
    with ThreadPoolExecutor(2) as executor:
        assert sides.here(MANY).sync(executor=executor).uploaded == 100
    assert sides.bucket.calls == []


def test_a_pickle_has_no_loop(sides):
    with RequestRunner(threading.Event(), sides.bucket) as runner:

        async def answer() -> int:
            return 42

        assert runner.concurrent and runner.run([answer] * 3) == [42] * 3
        other = pickle.loads(pickle.dumps(runner))
        assert not other.concurrent and other.run([lambda: 42] * 3) == [42] * 3
    assert sides.bucket.closed == 1


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_at_once_than_the_user_said(sides, workers):
    sides.here(MANY)
    for number in range(6):
        (sides.folder / f"large{number}").write_bytes(bytes((1 << 20) + 1))
    in_threads, most = 0, 0
    plain = sides.bucket.upload_file

    def upload_file(source, key, *, expect=None, info=None):
        nonlocal in_threads, most
        in_threads += 1
        most = max(most, in_threads + sides.bucket.running)
        try:
            threading.Event().wait(0.01)
            return plain(source, key, expect=expect, info=info)
        finally:
            in_threads -= 1

    sides.bucket.upload_file = upload_file
    assert sides.sync(max_workers=workers).uploaded == 106
    assert 1 <= most <= workers and sides.bucket.most == workers


# --- what fails, fails alone -------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["here", "there"])
def test_errors_of_a_group_are_those_of_their_keys(sides, side):
    errors = {
        "k007": PermissionDenied("it is not for you"),
        "k042": IntegrityError("damaged on its way"),
        "k050": Transient("no answer"),
        "k077": ZeroDivisionError("a defect"),
        "k099": OSError(5, "Input/output error"),
    }

    def happens(_: str, key: str) -> None:
        if key in errors:
            raise errors[key]

    getattr(sides, side)(MANY)
    sides.bucket.happens = happens
    result = sides.sync()
    assert [error.key for error in result.errors] == sorted(errors)
    assert result.uploaded + result.downloaded == 95 and len(sides.baseline()) == 95
    sides.bucket.happens = lambda *_: None
    assert sides.sync().success and sides.files() == sides.objects()


def test_files_that_change_meanwhile_are_planned_again(sides):
    sides.here(MANY)
    changes: dict[str, Callable[[], object]] = {
        "k000": (sides.folder / "k090").unlink,
        "k001": lambda: sides.here("k091=edited"),
        "k002": lambda: (sides.folder / "k002").write_text("edited after it was read"),
        "k003": lambda: sides.there("k092=theirs"),
    }
    sides.bucket.happens = lambda _, key: changes.pop(key, lambda: None)()
    result = sides.sync(max_workers=4)
    assert result.failed == 0 and result.conflicts == 1 and not changes
    assert "k090" not in sides.objects() and sides.objects()["k091"] == "edited"
    assert sides.sync().success
    assert sides.files() == sides.objects() and sides.files()["k002"] == "edited after it was read"
    assert "theirs" in sides.files().values() and "92" in sides.files().values()


def test_objects_that_change_meanwhile_are_planned_again(sides):
    sides.there(MANY)
    changes: dict[str, Callable[[], object]] = {
        "k000": lambda: sides.delete_there("k090"),
        "k001": lambda: sides.there("k091=overwritten"),
        "k002": lambda: sides.here("k092=mine"),
    }
    sides.bucket.happens = lambda _, key: changes.pop(key, lambda: None)()
    result = sides.sync(max_workers=4)
    assert result.failed == 0 and result.conflicts == 1 and not changes
    assert "k090" not in sides.files() and sides.files()["k091"] == "overwritten"
    assert sides.sync().success and sides.files() == sides.objects()
    assert "mine" in sides.files().values() and "92" in sides.files().values()


def test_wrong_content_is_downloaded_again(sides):
    class Damaging(OnLoop):
        async def read_file_async(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
            found, data = await super().read_file_async(key, expect=expect)
            return found, b"x" * len(data) if key == "k050" else data

    sides.there(MANY)
    sides.adapter = Damaging(bucket=sides.bucket.bucket)
    assert sides.sync().downloaded == 100
    assert sides.files() == sides.objects()


def test_what_arrives_damaged_in_the_bucket_is_an_error(sides):
    class Damaging(OnLoop):
        async def upload_file_async(self, source, key, *, expect=None, info=None):
            found = await super().upload_file_async(source, key, expect=expect, info=info)
            return found._replace(digests=(Digest("sha256", "0" * 64),)) if key == "k050" else found

    sides.adapter = Damaging(bucket=sides.bucket.bucket)
    result = sides.here(MANY).sync()
    assert [error.key for error in result.errors] == ["k050"] and result.uploaded == 99


def test_a_group_that_can_not_be_flushed_is_not_committed(sides, monkeypatch):
    def refuse(*_: object) -> bool:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(download, "syncfs", refuse)
    result = sides.there(MANY).sync(max_workers=64)
    assert result.failed + result.downloaded == 100 and result.failed > 50
    assert len(os.listdir(sides.folder)) == result.downloaded
    monkeypatch.undo()
    assert sides.sync().success and sides.files() == sides.objects()


# --- deletes -----------------------------------------------------------------------------------------------


def test_deletes_are_checked_at_once(sides):
    sides.settings = {"keep_replaced": "never"}
    between = " ".join(f"{key}-{number}=x" for key in ("k010", "k020") for number in range(1500))
    sides.in_step(f"{MANY} {between}")
    sides.delete_here(*(f"k{number:03}" for number in range(100)))
    sides.bucket.calls.clear()
    sides.bucket.most = 0
    sides.there("k030=new")
    result = sides.sync()
    assert (result.deleted_remote, result.downloaded) == (99, 1)
    # The listing is given up, because most of it are other keys.
    assert count(sides, "stat_file") > 50 and count(sides, "delete_files") == 1 and sides.bucket.most > 8


# --- what ends a run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["here", "there"])
def test_a_run_that_is_stopped_finishes_what_is_under_way(sides, side):
    getattr(sides, side)(MANY)
    calls = itertools.count(1)
    client = sides.client()
    sides.bucket.happens = lambda *_: next(calls) == 20 and client.stop()
    result = client.sync(max_workers=8, force=True)
    assert result.interrupted and result.failed == 0
    done = result.uploaded + result.downloaded
    assert 20 <= done < 60 and len(sides.baseline()) == done == len(sides.bucket.calls)
    assert sides.client().sync(force=True).success and sides.files() == sides.objects()


@pytest.mark.parametrize("side", ["here", "there"])
def test_rejected_credentials_end_a_run(sides, side):
    def reject(_: str, key: str) -> None:
        if key >= "k020":
            raise Unauthenticated("who are you")

    getattr(sides, side)(MANY)
    sides.bucket.happens = reject
    with pytest.raises(Unauthenticated):
        sides.sync(max_workers=8)
    assert len(sides.baseline()) == 20 and len(sides.bucket.calls) < 40


def test_rejected_credentials_end_the_requests_of_all_groups(sides):
    sent: list[str] = []

    async def answer(key: str) -> str:
        sent.append(key)
        await asyncio.sleep(0.01)
        if key == "first 2":
            raise Unauthenticated("who are you")
        return key

    runner = RequestRunner(threading.Event(), sides.bucket)
    runner.limit = 4
    groups = [[partial(answer, f"{name} {number}") for number in range(8)] for name in ("first", "second", "third")]
    with runner, ThreadPoolExecutor(3) as executor:
        first = executor.submit(runner.run, groups[0])
        while not sent:
            threading.Event().wait(0.001)
        others = [executor.submit(runner.run, group) for group in groups[1:]]
        assert len(first.result()) <= 6
        assert [future.result() for future in others] == [[], []]
    assert len(sent) <= 6


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt, SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("side", ["here", "there"])
def test_errors_of_the_process_end_a_run_and_what_was_done_is_recorded(sides, side, error):
    def fail(_: str, key: str) -> None:
        if key == "k020":
            raise error

    getattr(sides, side)(MANY)
    sides.bucket.happens = fail
    with pytest.raises(error):
        sides.sync(max_workers=1)
    assert sides.baseline().keys() == {f"k{number:03}" for number in range(20)}
    sides.bucket.happens = lambda *_: None
    assert sides.sync().success and sides.files() == sides.objects()


def test_a_listener_that_raises_ends_a_run(sides):
    def fails(_: object) -> None:
        if sides.bucket.calls:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sides.here(MANY).client().sync(events=fails, force=True)
    assert sides.baseline().keys() == sides.objects().keys() and sides.objects()


def test_a_group_that_takes_long_gives_the_rest_back(sides, monkeypatch):
    monkeypatch.setattr(request_runner, "_MAX_SECONDS", -1.0)
    assert sides.here(MANY).sync(max_workers=1).uploaded == 100
    assert sides.files() == sides.objects() and count(sides, "upload_file") == 100


def test_throttling_lowers_the_number_of_requests(sides, monkeypatch):
    told: list[int] = []
    monkeypatch.setattr(AdaptiveConcurrency, "record_throttling", lambda pace: told.append(pace.limit))

    def refuse(_: str, key: str) -> None:
        if key == "k020":
            raise Throttled("slow down")

    sides.bucket.happens = refuse
    assert sides.here(MANY).sync().failed == 1
    assert len(told) == 1


def test_waiting_for_a_processor_counts_as_using_it(sides, monkeypatch):
    busy: list[float] = []
    monkeypatch.setattr(AdaptiveConcurrency, "record", lambda pace, size, now, used, count: busy.append(used))
    monkeypatch.setattr(RequestRunner, "seconds_delayed", lambda runner: 1e6)
    assert sides.here(MANY).sync().uploaded == 100
    assert busy and min(busy) > 1e6


def test_connections_that_can_not_be_closed_do_not_fail_a_run(sides):
    class Stuck(OnLoop):
        async def close_async(self) -> None:
            raise NotFound("gone")

    sides.adapter = Stuck(bucket=sides.bucket.bucket)
    assert sides.here(MANY).sync().uploaded == 100
    sides.bucket.closed = 1


# --- killed ------------------------------------------------------------------------------------------------

CHILD = """
import os, sys
from dataclasses import replace
from pathlib import Path
from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig
from buckia_core.syncing.execution import batch, recorder
from buckia_core.syncing.execution.worker import Worker
from buckia_core.syncing.state.database import StateDatabase

here, there, where, number = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])

def killing(holder, name):
    plain, calls = getattr(holder, name), iter(range(1, 10**6))
    def call(*args, **options):
        if next(calls) == number:
            os._exit(9)
        return plain(*args, **options)
    setattr(holder, name, call)

class OnLoop(DirectorySync):
    capabilities = property(lambda self: replace(super().capabilities, coroutines=True))
    async def stat_file_async(self, key): return self.stat_file(key)
    async def upload_file_async(self, source, key, **given): return self.upload_file(source, key, **given)
    async def read_file_async(self, key, **given): return self.read_file(key, **given)
    async def delete_files_async(self, keys): return self.delete_files(keys)
    async def close_async(self): pass

config = BucketConfig(provider="file", name="bucket", base_dir=here)
client = BuckiaClient(config, adapter=OnLoop(DirectorySettings(root=there)), state_dir=here.with_name("state"))
if where != "nowhere":
    holder, name = {"request": (DirectorySync, "upload_file"), "answer": (DirectorySync, "read_file"),
        "flush": (batch, "flush_group"), "commit": (Worker, "commit_download"), "finish": (Worker, "finish_upload"),
        "record": (StateDatabase, "commit")}[where]
    killing(holder, name)
assert client.sync(force=True).success
"""


@pytest.mark.parametrize(
    ("where", "number"),
    [("request", 30), ("answer", 30), ("flush", 2), ("commit", 30), ("finish", 30), ("record", 1), ("record", 2)],
)
def test_killed_between_the_steps(tmp_path, where, number):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    for index in range(60):
        (here / f"up{index:02}").write_text(f"up {index}")
        (there / f"down{index:02}").write_text(f"down {index}")

    def run(*given: str) -> int:
        return subprocess.run([sys.executable, "-c", CHILD, here, there, *given], check=False).returncode

    assert run(where, str(number)) == 9
    assert run("nowhere", "0") == 0
    contents = {path.name: path.read_text() for path in here.iterdir()}
    assert contents == {path.name: path.read_text() for path in there.iterdir() if not path.name.startswith(".")}
    assert len(contents) == 120


# --- memory ------------------------------------------------------------------------------------------------


class Endless(OnLoop):
    """Keeps no content: whatever is uploaded is forgotten, and each download is made anew."""

    async def upload_file_async(self, source, key, *, expect=None, info=None):
        stored = await super().upload_file_async(b"", key)
        return stored._replace(size=len(source), digests=info.digests)

    async def read_file_async(self, key, *, expect=None):
        await super().read_file_async(key)
        return expect, bytes(expect.size)

    def list_files(self, prefix="", *, start_after=None, end_at=None):
        for found in super().list_files(prefix, start_after=start_after, end_at=end_at):
            yield found._replace(size=1 << 20, digests=())


@pytest.mark.long
@pytest.mark.parametrize("side", ["here", "there"])
def test_memory_is_bounded_whatever_the_sizes(sides, side):
    sides.bucket = Endless(0.01)
    for number in range(300):
        if side == "here":
            with (sides.folder / f"k{number:03}").open("wb") as file:
                file.truncate(1 << 20)
        else:
            sides.there(f"k{number:03}=")
    tracemalloc.start()
    try:
        result = sides.sync()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.uploaded + result.downloaded == 300
    # 32 MiB are in flight, and in a download as much may have arrived.
    assert peak < 100 << 20, peak
