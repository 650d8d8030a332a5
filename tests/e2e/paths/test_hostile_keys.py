"""Keys are hostile input on their way to a disk: nothing is written outside of the root, and nothing stops for them."""

from __future__ import annotations

import sys

import pytest

from tests.e2e.project import Project

CLIMBING = ["../x", "../canary", "..", ".", "a/../../canary", "a/../x", "a/./x", "./x"]
EMPTY_PARTS = ["/canary", "/x", "a//b", "//x", "b/", "c//"]

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")


@pytest.fixture
def outside(tmp_path):
    """A folder beside the project with a file that nobody may touch."""
    (tmp_path / "outside").mkdir()
    canary = tmp_path / "outside" / "canary"
    canary.write_text("alive")
    (tmp_path / "canary").write_text("alive")
    yield canary
    assert canary.read_text() == "alive"
    assert (tmp_path / "canary").read_text() == "alive"
    assert [path.name for path in canary.parent.iterdir()] == ["canary"]
    assert {path.name for path in tmp_path.iterdir()} <= {"outside", "canary", "here", "bucket"}


def test_keys_that_lead_elsewhere_are_refused_and_the_rest_comes(tmp_path, s3_bucket, outside):
    hostile = [*CLIMBING, *EMPTY_PARTS]
    for key in hostile:
        s3_bucket.put(key, "hostile")
    for key in ("good", "a/good", "z/good"):
        s3_bucket.put(key, key)
    # What consoles make to show a folder is no file, and nothing that could fail.
    s3_bucket.put("marker/", "")
    here = Project(tmp_path / "here", s3_bucket)
    for _ in range(2):
        ran = here.sync()
        assert ran.code == 1
        assert set(ran.failures) == set(hostile)
        assert here.tree() == {"good": "good", "a/good": "a/good", "z/good": "z/good"}
    assert all(reason.startswith("refused") for reason in ran.failures.values())
    assert set(s3_bucket.keys()) == {*hostile, "good", "a/good", "z/good", "marker/"}, "nothing is lost there"


def test_our_own_files_are_never_replaced_from_the_bucket(tmp_path, s3_bucket):
    here = Project(tmp_path / "here", s3_bucket)
    before = here.path(".buckia").read_text()
    for key in (".buckia", ".buckia-state/assets.sqlite3", ".buckia-state/lock", "sub/.buckia", ".buckia-tmp-1"):
        s3_bucket.put(key, "hostile")
    s3_bucket.put("good", "good")
    ran = here.sync()
    assert (ran.code, ran.counts) == (0, {"downloaded": 1})
    assert here.path(".buckia").read_text() == before
    assert here.tree() == {"good": "good"}
    assert len(s3_bucket.keys()) == 6


@posix_only
def test_no_way_goes_through_a_link(synced, outside):
    here, bucket = synced, synced.bucket
    here.path("folder").symlink_to(outside.parent, target_is_directory=True)
    here.path("file").symlink_to(outside)
    here.path("dangling").symlink_to(outside.parent / "not-there")
    here.write("good", "good")
    for key in ("folder/canary", "folder/new", "file", "dangling"):
        bucket.put(key, "hostile")
    bucket.put("also-good", "also good")
    links = {name: content for name, content in here.tree().items() if content.startswith("->")}
    for _ in range(2):
        ran = here.sync()
        assert ran.code == 1
        assert set(ran.failures) == {"folder/canary", "folder/new", "file", "dangling"}
        assert all("symbolic link" in reason for reason in ran.failures.values())
    assert here.tree() == links | {"good": "good", "also-good": "also good"}
    assert bucket.tree().keys() == {"folder/canary", "folder/new", "file", "dangling", "good", "also-good"}


@posix_only
def test_a_directory_that_becomes_a_link_deletes_nothing(synced, outside):
    here, bucket = synced, synced.bucket
    here.write("folder/canary", "mine")
    here.write("good", "good")
    assert here.sync().code == 0
    here.delete("folder/canary")
    here.path("folder").rmdir()
    here.path("folder").symlink_to(outside.parent, target_is_directory=True)
    bucket.put("folder/canary", "edited")
    ran = here.sync()
    assert (ran.code, set(ran.failures)) == (1, {"folder/canary"})
    assert bucket.tree() == {"folder/canary": "edited", "good": "good"}
    bucket.delete("folder/canary")
    here.sync()
    assert here.tree()["good"] == "good"


@posix_only
def test_links_in_a_folder_that_is_a_bucket_lead_nowhere(on_folder, outside):
    root = on_folder.bucket.root
    (root / "folder").symlink_to(outside.parent, target_is_directory=True)
    (root / "file").symlink_to(outside)
    on_folder.write("folder/new", "x")
    on_folder.write("file", "x")
    on_folder.write("good", "good")
    ran = on_folder.sync()
    assert (ran.code, set(ran.failures)) == (1, {"folder/new", "file"})
    assert on_folder.bucket.tree() == {"good": "good"}
    assert on_folder.tree() == {"folder/new": "x", "file": "x", "good": "good"}
