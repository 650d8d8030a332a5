"""The deletion guard: what looks like a mishap is refused before anything is changed."""

from __future__ import annotations

import shutil

import pytest

from tests.e2e.project import Project


def delete_some(project, side, names):
    for name in names:
        (project if side == "here" else project.bucket).delete(name)


def refused(ran):
    """Make sure that a run was refused, with a sentence that tells what to do."""
    assert ran.code == 7, ran
    assert "--force" in ran.error["message"]
    assert ran.error["message"] in ran.stderr
    return ran.error["message"]


@pytest.mark.parametrize("side", ["here", "there"])
def test_more_than_half_and_at_least_ten(on_folder, side):
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        on_folder.write(name, name)
    assert on_folder.sync().code == 0
    delete_some(on_folder, side, names[:11])
    before = on_folder.tree(), on_folder.bucket.tree()
    for arguments in ((), ("--dry-run",), ("--max-delete", "10"), ("--max-delete", "50%")):
        message = refused(on_folder.sync(*arguments))
        assert "11 files would be deleted" in message
        assert ("in the bucket" if side == "here" else "deleted here") in message
        assert (on_folder.tree(), on_folder.bucket.tree()) == before
    # Half of them is not more than half. Looking is always allowed.
    (on_folder.write if side == "here" else on_folder.bucket.put)(names[0], names[0])
    assert on_folder.run("status").code == 0
    allowed = on_folder.sync()
    deleted = "deleted_remote" if side == "here" else "deleted_local"
    assert (allowed.code, allowed.counts[deleted]) == (0, 10)
    assert on_folder.tree().keys() == on_folder.bucket.tree().keys() == {names[0], *names[11:]}


@pytest.mark.parametrize("arguments", [("--force",), ("--max-delete", "11"), ("--max-delete", "55%")])
def test_a_person_can_allow_more(on_folder, arguments):
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        on_folder.write(name, name)
    on_folder.sync()
    delete_some(on_folder, "there", names[:11])
    ran = on_folder.sync(*arguments)
    assert (ran.code, ran.counts) == (0, {"deleted_local": 11, "unchanged": 9})
    assert on_folder.trash() == names[:11]


def test_fewer_can_be_allowed_too(on_folder):
    for number in range(20):
        on_folder.write(f"{number}", "x")
    on_folder.configure(max_delete=2)
    on_folder.sync()
    delete_some(on_folder, "here", ["0", "1", "2"])
    assert "--max-delete 2" in refused(on_folder.sync())
    assert on_folder.sync("--max-delete", "3").code == 0


def test_nine_of_ten_are_deleted_without_a_question(on_folder):
    for number in range(10):
        on_folder.write(f"{number}", "x")
    on_folder.sync()
    delete_some(on_folder, "here", map(str, range(9)))
    ran = on_folder.sync()
    assert (ran.code, ran.counts) == (0, {"deleted_remote": 9, "unchanged": 1})


@pytest.mark.parametrize("side", ["here", "there"])
def test_a_side_that_is_empty_all_of_a_sudden(synced, side):
    names = ["one", "two", "three"]
    for name in names:
        synced.write(name, name)
    assert synced.sync().code == 0
    delete_some(synced, side, names)
    kept = synced.bucket.tree() if side == "here" else synced.tree()
    for arguments in ((), ("--max-delete", "100%")):
        assert "is empty" in refused(synced.sync(*arguments))
        assert (synced.bucket.tree() if side == "here" else synced.tree()) == kept
    forced = synced.sync("--force")
    assert (forced.code, forced.counts) == (0, {"deleted_remote" if side == "here" else "deleted_local": 3})
    assert synced.tree() == synced.bucket.tree() == {}


def test_a_root_that_is_missing(synced):
    synced.configure(paths=["files/"])
    synced.write("files/one", "one")
    assert synced.sync().code == 0
    # A disk that is not mounted.
    synced.path("files").rename(synced.path("elsewhere"))
    message = refused(synced.sync())
    assert str(synced.path("files")) in message
    assert synced.bucket.tree() == {"one": "one"}
    synced.path("elsewhere").rename(synced.path("files"))
    synced.nothing_to_do(1)
    shutil.rmtree(synced.path("files"))
    assert synced.sync("--force").counts == {"deleted_remote": 1}


def test_a_first_run_in_an_empty_place_deletes_nothing(tmp_path, bucket):
    for number in range(12):
        bucket.put(f"{number}", "x")
    project = Project(tmp_path / "here", bucket)
    ran = project.sync()
    assert (ran.code, ran.counts) == (0, {"downloaded": 12})


def test_the_folder_that_is_the_bucket_is_gone(on_folder):
    on_folder.write("one", "one")
    assert on_folder.sync().code == 0
    shutil.move(on_folder.bucket.root, on_folder.bucket.root.with_name("unmounted"))
    ran = on_folder.sync()
    assert ran.code == 6
    assert str(on_folder.bucket.root) in ran.error["message"]
    assert on_folder.tree() == {"one": "one"}
    assert not on_folder.bucket.root.exists()
