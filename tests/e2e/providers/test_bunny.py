"""Syncs of a storage zone of bunny.net: names, faults, keys, caches. Its tables are in `tests/e2e/tables`."""

from __future__ import annotations

import os

import pytest

from buckia_core.testing.fault_proxy.faults import Corrupt, Cut, LoseReply
from tests.e2e.holding import unreachable
from tests.e2e.project import Project


@pytest.fixture
def here(tmp_path, bunny_bucket) -> Project:
    """A project on a fresh zone."""
    return Project(tmp_path / "here", bunny_bucket)


def test_a_download_has_the_time_of_the_upload(here, tmp_path):
    path = here.write("k", "content", mtime=1_600_000_000)
    assert here.sync().code == 0
    assert path.stat().st_mtime == 1_600_000_000
    there = Project(tmp_path / "there", here.bucket)
    assert there.sync().code == 0
    assert abs(there.path("k").stat().st_mtime - os.stat(there.directory).st_mtime) < 3600
    assert there.nothing_to_do(1)
    assert here.nothing_to_do(1)


def test_names_that_a_zone_can_not_hold_are_told(here):
    for name in ("good", " leading", "dir/trailing "):
        here.write(name, name)
    ran = here.sync()
    assert (ran.code, set(ran.failures)) == (1, {" leading", "dir/trailing "})
    assert all("escape_names" in words for words in ran.failures.values())
    assert here.bucket.tree() == {"good": "good"}


def test_names_that_are_escaped_come_back(here, tmp_path):
    here.configure(escape_names=True)
    names = [" leading", "100%", "a#b?/c", ".hidden", "a=41", "dir/trailing "]
    for name in names:
        here.write(name, name)
    assert here.sync().code == 0
    assert "a=3D41" in here.bucket.tree()
    there = Project(tmp_path / "there", here.bucket, escape_names=True)
    assert there.sync().code == 0
    assert there.tree() == {name: name for name in names}


@pytest.mark.parametrize("command", [("sync",), ("ls",), ("put", "file", "assets:k"), ("rm", "--yes", "there")])
def test_a_wrong_key_is_told_in_clear_words(here, command):
    here.bucket.put("there", "there")
    here.write("file", "file")
    here.configure(storage_api_key="not-the-password")
    ran = here.run(*command)
    assert ran.code == 3, ran
    assert "storage_api_key" in ran.stderr
    assert "region" in ran.stderr
    assert "not-the-password" not in ran.said
    assert here.bucket.tree() == {"there": "there"}
    assert here.tree() == {"file": "file"}


def test_a_key_that_becomes_wrong_in_the_middle(here):
    for number in range(12):
        here.write(f"{number}", "old")
    here.configure(max_workers=1)
    account = here.bucket.account
    account.hold("upload")
    running = here.start("sync")
    account.wait_for_held("upload", 1)
    here.bucket.zone = account.replace_password(here.bucket.zone)
    account.let_go("upload")
    ran = running.wait()
    assert ran.code == 3 and len(here.bucket.tree()) <= 1
    here.configure()
    assert here.sync().code == 0
    assert here.tree() == here.bucket.tree()


def test_one_call_in_five_fails(here):
    account = here.bucket.account
    here.configure(retry_seconds=3)
    for number in range(12):
        here.write(f"here/{number % 2}/{number}", f"here {number}")
        here.bucket.put(f"there/{number % 2}/{number}", f"there {number}")
    account.fail(status=429, message="Too Many Requests", share=0.07, seed=1)
    account.fail(status=503, share=0.07, seed=2)
    account.over_limit(share=0.07, seed=3)
    first = here.sync()
    assert first.code in (0, 1, 4)
    assert {"400", "429", "503"} <= account.seen()["refusals"].keys()
    account.stop_failing()
    assert here.sync().code == 0
    assert here.tree() == here.bucket.tree()
    assert len(here.tree()) == 24
    assert here.trash() == []
    here.nothing_to_do(24)


def test_the_server_goes_away_in_the_middle(here):
    here.configure(retry_attempts=1)
    for number in range(20):
        here.write(f"here/{number}", f"here {number}")
        here.bucket.put(f"there/{number}", f"there {number}")
    with unreachable(here, here.bucket.proxy, 5, "--max-workers", "2") as running:
        ran = running.wait()
    assert ran.code == 1
    assert len(ran.actions()) + len(ran.failures) == 40
    after = here.sync()
    assert (after.code, after.counts["unchanged"] >= len(ran.actions())) == (0, True)
    assert here.tree() == here.bucket.tree()
    here.nothing_to_do(40)


def test_a_directory_that_can_not_be_listed_ends_the_run_and_deletes_nothing(here):
    for number in range(6):
        here.write(f"{number}/a", "content")
    assert here.sync().code == 0
    before = here.tree()
    here.bucket.account.fail("list", status=400, message="Out of order", share=0.5, times=1)
    ran = here.sync("--force")
    assert ran.code == 4
    assert "Out of order" in ran.error["message"]
    assert here.tree() == here.bucket.tree() == before
    here.nothing_to_do(6)


@pytest.mark.parametrize("fault", [Corrupt(5000, "up"), Cut(5000, "up"), LoseReply()], ids=repr)
def test_an_upload_that_goes_wrong_once(here, fault):
    here.write("k", "content " * 2000)
    here.bucket.proxy.fault(fault, when=lambda request: request.kind == "put", times=1)
    ran = here.sync()
    assert (ran.code, ran.counts) == (0, {"uploaded": 1}), ran
    assert here.bucket.tree() == here.tree()
    here.nothing_to_do(1)


@pytest.mark.parametrize("fault", [Corrupt(5000, "down"), Cut(5000, "down")], ids=repr)
def test_a_download_that_goes_wrong_once(here, fault):
    here.bucket.put("k", "content " * 2000)
    here.bucket.proxy.fault(fault, when=lambda request: request.kind == "get", times=1)
    ran = here.sync()
    assert (ran.code, ran.counts) == (0, {"downloaded": 1}), ran
    assert here.bucket.tree() == here.tree()


def test_what_is_said_to_be_stored_and_is_not_is_no_upload(here):
    here.write("k", "content")
    here.bucket.account.fail("upload", status=201, message="File uploaded.", times=1)
    assert here.sync().code == 0
    assert here.bucket.tree() == {"k": "content"}


@pytest.mark.parametrize(("limit", "purges"), [(100, {"purge": 2}), (0, {"purge_zone": 1})])
@pytest.mark.parametrize("client", ["direct", "bunnycdnpython"])
def test_what_a_sync_changed_is_purged(here, limit, purges, client):
    account, bucket = here.bucket.account, here.bucket
    front = account.new_pull_zone(bucket.zone)

    def served(key):
        return account.fetch(f"https://{front.hostname}/{key}")[:2]

    here.configure(
        client=client, api_key=account.api_key, api_url=account.core_url, pull_zone=str(front.id), purge_urls=limit
    )
    for name in ("edited", "deleted", "same"):
        here.write(name, "old")
    assert here.sync().code == 0
    assert [served(name) for name in ("edited", "deleted", "same")] == [(200, b"old")] * 3
    here.write("edited", "new one")
    here.delete("deleted")
    account.forget_calls()
    ran = here.sync()
    assert ran.code == 0, ran
    calls = account.seen()["calls"]
    assert {name: count for name, count in calls.items() if name.startswith("purge")} == purges
    assert served("edited") == (200, b"new one")
    assert served("deleted")[0] == 404
    account.forget_calls()
    here.nothing_to_do(2)
    assert not any(name.startswith("purge") for name in account.seen()["calls"])


def test_a_purge_that_fails_is_told_and_changes_nothing(here):
    account = here.bucket.account
    here.configure(api_key="wrong", api_url=account.core_url, pull_zone="media")
    here.write("k", "content")
    ran = here.run("sync")
    assert ran.code == 0
    assert "media could not be purged" in ran.stderr
    assert "buckia bunny purge --all" in ran.stderr
    assert here.bucket.tree() == {"k": "content"}


def test_a_large_download_goes_on_in_the_next_run(here):
    content = os.urandom(40 << 20)
    here.bucket.put("large", content)
    here.configure(retry_attempts=1)
    here.bucket.proxy.fault(Cut(30 << 20, "down"), when=lambda request: request.kind == "get")
    assert here.sync().code == 1
    here.bucket.proxy.clear_faults()
    here.bucket.forget_requests()
    ran = here.sync()
    assert ran.code == 0
    assert here.path("large").read_bytes() == content
    assert here.bucket.proxy.bytes_down < 30 << 20
    here.nothing_to_do(1)
