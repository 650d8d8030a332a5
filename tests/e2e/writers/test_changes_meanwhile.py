"""Files that change here while a run goes on: nothing is replaced or deleted that the plan did not know of."""

from __future__ import annotations

import time

import pytest

from tests.e2e.holding import held


@pytest.fixture
def project(on_ceph):
    """Two files in step; `first` is what runs are held at, `second` is what changes meanwhile."""
    for name in ("first", "second"):
        on_ceph.write(name, "old")
    assert on_ceph.sync().code == 0
    return on_ceph


def both_sides_are(project, expected):
    assert project.tree() == project.bucket.tree() == expected
    project.nothing_to_do(len(expected))


def test_a_file_is_edited_before_it_is_replaced(project):
    project.bucket.put("first", "theirs")
    project.bucket.put("second", "theirs")
    with held(project, "get", "second", "--max-workers", "1") as run:
        project.write("second", "mine")
    ran = run().wait()
    assert (ran.code, ran.actions()) == (0, {"first": "download", "second": "conflict"})
    copy = next(name for name in project.tree() if ".conflict-local-" in name)
    both_sides_are(project, {"first": "theirs", "second": "theirs", copy: "mine"})


def test_a_file_is_edited_before_it_is_deleted(project):
    project.bucket.put("first", "theirs")
    project.bucket.delete("second")
    with held(project, "get", "first", "--max-workers", "1") as run:
        project.write("second", "mine")
    ran = run().wait()
    assert (ran.code, ran.actions()) == (0, {"first": "download", "second": "upload"})
    both_sides_are(project, {"first": "theirs", "second": "mine"})


def test_a_file_appears_where_a_new_one_is_to_come(project):
    project.bucket.put("third", "theirs")
    with held(project, "get", "third") as run:
        project.write("third", "mine")
    ran = run().wait()
    assert (ran.code, ran.actions()) == (0, {"third": "conflict"})
    assert sorted(project.tree().values()) == ["mine", "old", "old", "theirs"]
    assert project.tree() == project.bucket.tree()


def test_a_file_vanishes_before_its_upload(project):
    project.write("first", "mine")
    project.write("second", "mine")
    project.write("third", "mine")
    with held(project, "put", "first", "--max-workers", "1") as run:
        project.delete("second")
        project.delete("third")
    assert run().wait().code == 0
    assert project.sync().code == 0
    both_sides_are(project, {"first": "mine"})


def test_a_file_that_grows_all_the_time_is_taken_later(on_folder):
    on_folder.configure(retry_attempts=2)
    on_folder.write("steady", "steady")
    growing = on_folder.write("growing.log", "x" * (9 << 20))
    running = on_folder.start("sync", "--json", "--bwlimit", "4M")
    with growing.open("ab", buffering=0) as file:
        while running.process.poll() is None:
            file.write(b"more\n")
            time.sleep(0.02)
    ran = running.wait()
    assert ran.code in (0, 1)
    assert on_folder.bucket.tree()["steady"] == "steady"
    after = on_folder.sync()
    assert after.code == 0
    assert "conflicts" not in ran.counts | after.counts
    assert on_folder.tree() == on_folder.bucket.tree()
