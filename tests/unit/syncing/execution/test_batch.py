"""Batches of small operations."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from buckia_core.errors import AdapterError, PermissionDenied, Unauthenticated
from buckia_core.localfs.directory import Directory
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.syncing.execution import request_runner
from buckia_core.syncing.execution.executor import WorkQueue
from buckia_core.syncing.transfer import download, download_staging
from buckia_core.testing import Fault, Faulty
from tests.unit.syncing.transfer.test_transfer import During


def upload(key: str, size: int = 4) -> Operation:
    return Operation(Action.UPLOAD, key, "", Reason.NEW_LOCAL, LocalEntry(key, "", size, 0, 0, 0))


def delete(key: str) -> Operation:
    seen = RemoteObject(key, 4, "x", 0)
    return Operation(Action.DELETE_REMOTE, key, "", Reason.DELETED_LOCAL, remote=seen)


def sizes(jobs: WorkQueue, workers: int) -> Iterator[int]:
    while job := jobs.take(workers):
        yield len(job)


# --- what makes a group ------------------------------------------------------------------------------------


def test_groups_get_smaller_towards_the_end():
    found = list(sizes(WorkQueue([upload(f"{number:03}") for number in range(200)], 1000), 4))
    assert sum(found) == 200
    assert found[:5] == [16] * 5 and found[-4:] == [1] * 4
    assert found == sorted(found, reverse=True)


def test_few_operations_go_one_to_each_worker():
    assert list(sizes(WorkQueue([upload("a"), upload("b"), upload("c")], 1000), 4)) == [1, 1, 1]


def test_a_group_holds_no_more_bytes_than_a_file_that_comes_into_memory():
    half = download_staging.BUFFERED_DOWNLOAD_MAX // 2
    operations = [
        upload("a", half),
        upload("b", half),
        upload("c", half),
        upload("d", download_staging.BUFFERED_DOWNLOAD_MAX + 1),
        upload("e"),
    ]
    assert list(sizes(WorkQueue(operations * 10, 1000), 1))[:4] == [2, 1, 1, 2]


def test_deletes_in_the_bucket_are_batches_of_their_own():
    operations = [upload("a"), delete("b"), upload("c"), delete("d"), delete("e"), upload("f"), upload("g")]
    jobs = WorkQueue(operations, 2)
    assert [[each.key for each in job] for job in iter(lambda: jobs.take(1), ())] == [
        ["a", "c", "f", "g"],
        ["b", "d"],
        ["e"],
    ]


def test_what_can_be_anything_stays_alone():
    conflict = Operation(Action.CONFLICT, "b", "", Reason.CONFLICT)
    assert list(sizes(WorkQueue([upload("a"), conflict, upload("c"), upload("d")] * 5, 1000), 1))[:4] == [1, 1, 3, 1]


def test_what_a_worker_did_not_come_to_is_next():
    jobs = WorkQueue([upload(key) for key in "abcdefgh"], 1000)
    first = jobs.take(1)
    jobs.requeue(first[3:])
    assert [each.key for each in jobs.take(1)][:3] == ["d", "e", "f"]


# --- what becomes of it ------------------------------------------------------------------------------------

MANY = " ".join(f"k{number:02}={number}" for number in range(40))


def test_batches_are_downloaded_completely(sides):
    assert sides.there(MANY).sync(max_workers=2).downloaded == 40
    assert sides.files() == sides.objects()
    sides.sync()
    assert sides.did == []


def test_one_of_a_group_that_fails_fails_alone(sides):
    sides.there(MANY)
    sides.adapter = Faulty(
        sides.bucket, [Fault("download_file", lambda: PermissionDenied("it is not for you"), key="k07", times=None)]
    )
    result = sides.sync(max_workers=1)
    assert [error.key for error in result.errors] == ["k07"]
    assert result.downloaded == 39 and sides.files().keys() == sides.objects().keys() - {"k07"}


def test_n41_one_of_a_group_that_is_overwritten_is_fetched_as_it_is_then(sides):
    sides.there(MANY)
    sides.adapter = During(sides.bucket, "download_file", lambda: sides.there("k09=new"))
    assert sides.sync(max_workers=1).downloaded == 40
    assert sides.files() == sides.objects() and sides.files()["k09"] == "new"


def test_p16_a_file_that_appears_while_the_rest_of_its_group_is_fetched_is_not_overwritten(sides):
    sides.there(MANY)
    sides.adapter = During(sides.bucket, "download_file", lambda: sides.here("k05=mine"), after=True)
    result = sides.sync(max_workers=1)
    assert result.conflicts == 1
    assert sorted(sides.files().values()).count("mine") == 1 and sides.files() == sides.objects()


def test_a_slow_batch_gives_the_rest_back(sides, monkeypatch):
    monkeypatch.setattr(request_runner, "_MAX_SECONDS", -1.0)
    assert sides.there(MANY).here("a=1 b=2 c=3").sync(max_workers=1).downloaded == 40
    assert sides.files() == sides.objects()


@pytest.mark.parametrize("side", ["here", "there"])
def test_credentials_that_are_refused_end_a_group(sides, side):
    def refused() -> AdapterError:
        return Unauthenticated("who are you")

    getattr(sides, side)(MANY)
    faults = [Fault("upload_file", refused, at=5, times=None), Fault("download_file", refused, at=5, times=None)]
    sides.adapter = Faulty(sides.bucket, faults)
    with pytest.raises(Unauthenticated):
        sides.sync(max_workers=1)
    assert sorted(event.status.value for event in sides.finished) == ["done"] * 4 + ["failed"]


def test_no_staging_file_is_left_if_a_batch_is_interrupted(sides):
    def broken():
        raise MemoryError

    sides.there(MANY)
    sides.adapter = Faulty(sides.bucket, [Fault("download_file", broken, at=4)])
    with pytest.raises(MemoryError):
        sides.sync(max_workers=1)
    assert sides.files().keys() == sides.baseline().keys() == {"k00", "k01", "k02"}


# --- to the disk -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("can", [True, False], ids=["at once", "one by one"])
def test_p5_all_of_a_group_is_on_the_disk_before_it_has_its_name(sides, monkeypatch, can: bool):
    settled: list[str] = []

    def at_once(device: int, directory: Directory) -> bool:
        settled.extend(sorted(set(os.listdir(sides.folder)) - set(settled)) if can else ())
        return can

    def one(descriptor: int) -> None:
        settled.extend(name for name in os.listdir(sides.folder) if is_it(sides.folder / name, descriptor))

    def is_it(path: os.PathLike[str], descriptor: int) -> bool:
        mine, other = os.lstat(path), os.fstat(descriptor)
        return bool((mine.st_dev, mine.st_ino) == (other.st_dev, other.st_ino))

    def placed(aside: str, path: str, **more) -> None:
        assert os.path.basename(aside) in settled
        link(aside, path, **more)

    link = os.link
    monkeypatch.setattr(download, "syncfs", at_once)
    monkeypatch.setattr(os, "fsync", one)
    monkeypatch.setattr(os, "link", placed)
    assert sides.there(MANY).sync(max_workers=1).downloaded == 40
    assert len({name for name in settled if ".buckia-tmp-" in name}) == 40


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process can't list its open files")
def test_no_file_of_a_group_stays_open_until_the_others_are_there(sides, monkeypatch):
    looks = []

    def look(device: int, directory: Directory) -> bool:
        looks.append([name for name in map(target_of, os.listdir("/proc/self/fd")) if ".buckia-tmp-" in name])
        return False

    def target_of(number: str) -> str:
        try:
            return os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            return ""

    monkeypatch.setattr(download, "syncfs", look)
    sides.there(MANY).sync(max_workers=1)
    assert looks and not any(looks)
    assert sides.files() == sides.objects()
