"""The executor: order, concurrency, and stops."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.syncing.events import Event, Finished
from buckia_core.syncing.execution.executor import phases
from buckia_core.testing import Fault, Faulty
from tests.unit.syncing.transfer.test_transfer import During


def operation(action: Action, key: str, *, waits: bool = False) -> Operation:
    return Operation(action, key, "", Reason.NEW_LOCAL, after_deletes=waits)


def test_transfers_come_first_then_deletes_then_what_waits_for_them():
    plan = [
        operation(Action.DELETE_LOCAL, "a"),
        operation(Action.DOWNLOAD, "a/b", waits=True),
        operation(Action.UPLOAD, "c"),
        operation(Action.DELETE_REMOTE, "d"),
        operation(Action.SKIP, "e"),
        operation(Action.UPLOAD, "d/x", waits=True),
    ]
    assert [[each.key for each in phase] for phase in phases(plan)] == [["c", "e"], ["a", "d"], ["a/b", "d/x"]]


def test_phases_without_anything_to_do_are_left_out():
    assert phases([]) == []
    assert [len(phase) for phase in phases([operation(Action.DELETE_LOCAL, "a")])] == [1]


# --- seen through a sync -----------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["here", "there"])
def test_n38_a_file_that_became_a_directory_and_back(sides, side):
    def write(*texts):
        for text in texts:
            getattr(sides, side)(text)

    def delete(*keys):
        getattr(sides, f"delete_{side}")(*keys)

    sides.in_step("a=1 b/x=1 b/y=1")
    delete("a", "b/x", "b/y")
    if side == "here":
        (sides.folder / "b").rmdir()
    write("a/x=2 b=2")
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"a/x": "2", "b": "2"}
    delete("a/x", "b")
    if side == "here":
        (sides.folder / "a").rmdir()
    write("a=3 b/x=3")
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"a": "3", "b/x": "3"}


def test_a_delete_that_fails_keeps_what_waits_for_it_back_and_loses_nothing(sides):
    sides.in_step("a=1").delete_here("a").here("a/x=2")
    sides.adapter = Faulty(sides.bucket, [Fault("delete_files")])
    assert sides.sync().failed == 1
    sides.adapter = None
    assert sides.sync().success
    assert sides.files() == sides.objects() == {"a/x": "2"}


def test_deletes_go_in_few_calls(sides):
    names = " ".join(f"k{index:02}=1" for index in range(30))
    sides.in_step(names + " stays=1").delete_here(*(f"k{index:02}" for index in range(30)))
    sides.settings = {"keep_replaced": "never"}
    sides.adapter = counted = Faulty(sides.bucket, [])
    assert sides.sync().deleted_remote == 30
    calls = [name for name, _ in counted.calls]
    # The first one is looked at by itself, because a listing begins after a key; all others are listed.
    assert calls.count("delete_files") == 1 and calls.count("stat_file") == 1 and calls.count("list_files") == 2


def test_a_batch_of_deletes_fails_key_by_key(sides):
    names = [f"k{index}" for index in range(5)]
    sides.in_step(" ".join(f"{name}=1" for name in names) + " stays=1").delete_here(*names)
    sides.adapter = Faulty(sides.bucket, [Fault("delete_files")])
    result = sides.sync()
    assert (result.deleted_remote, result.failed) == (0, 5)
    sides.adapter = None
    assert sides.sync().deleted_remote == 5


def test_no_more_at_once_than_the_user_said(sides):
    sides.here(" ".join(f"k{index}=1" for index in range(12)))
    running, most, lock = 0, 0, threading.Lock()

    class Watched(During):
        def upload_file(self, source, key, *, expect=None, info=None):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            threading.Event().wait(0.01)
            with lock:
                running -= 1
            return self.inner.upload_file(source, key, expect=expect, info=info)

    sides.adapter = Watched(sides.bucket, "", lambda: None)
    sides.sync(max_workers=3)
    assert 1 < most <= 3


def test_an_executor_that_is_handed_in_is_used_and_not_shut_down(sides):
    sides.here("a=1 b=1")
    with ThreadPoolExecutor(2, thread_name_prefix="mine") as executor:
        names = set()
        sides.adapter = During(sides.bucket, "upload_file", lambda: names.add(threading.current_thread().name), times=9)
        assert sides.sync(executor=executor).uploaded == 2
        assert all(name.startswith("mine") for name in names) and names
        assert executor.submit(lambda: 1).result() == 1


# --- ending early ------------------------------------------------------------------------------------------


def test_n43_a_run_that_is_stopped_finishes_what_is_under_way_and_writes_it_down(sides):
    sides.here(" ".join(f"k{index:02}=1" for index in range(30)))
    uploads = itertools.count(1)
    sides.adapter = During(sides.bucket, "upload_file", lambda: next(uploads) == 3 and client.stop(), times=30)
    client = sides.client()
    result = client.sync(max_workers=2, force=True)
    assert result.interrupted and not result.success
    assert result.failed == 0 and 3 <= result.uploaded <= 5
    assert len(sides.objects()) == len(sides.baseline()) == result.uploaded
    assert client.sync(force=True).uploaded == 30 - result.uploaded
    assert sides.client().history()[1].interrupted


def test_a_run_that_is_stopped_before_it_planned_does_nothing(sides):
    sides.here("a=1")
    client = sides.client()
    result = client.sync(events=lambda event: client.stop(), force=True)
    assert result.interrupted
    assert sides.objects() == {}


def test_conflicts_that_are_left_stay_if_the_run_is_stopped(sides):
    sides.here("a=1").there("a=2").sync(conflict="ask")
    client = sides.client()
    sides.here("b=1")
    client.sync(events=lambda event: client.stop(), conflict="ask", force=True)
    assert [conflict.key for conflict in sides.client().conflicts()] == ["a"]


def test_a_listener_that_raises_ends_the_run_and_what_happened_is_remembered(sides):
    sides.here(" ".join(f"k{index:02}=1" for index in range(10)))

    def fails(event: Event) -> None:
        if isinstance(event, Finished) and event.operation.key == "k04":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sides.client().sync(events=fails, max_workers=1, force=True)
    assert {"k00", "k01", "k02", "k03", "k04"} <= sides.baseline().keys() <= sides.objects().keys()


def test_what_is_about_no_file_ends_the_run_and_what_happened_is_remembered(sides):
    sides.here(" ".join(f"k{index:02}=1" for index in range(10)))

    def broken():
        raise MemoryError

    sides.adapter = Faulty(sides.bucket, [Fault("upload_file", broken, at=4)])
    with pytest.raises(MemoryError):
        sides.sync(max_workers=1)
    assert sides.baseline().keys() == {"k00", "k01", "k02"}
