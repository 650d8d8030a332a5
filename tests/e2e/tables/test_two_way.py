"""Every row of the two-way table, with the real command, on each kind of bucket."""

from __future__ import annotations

import pytest

from tests.e2e.table import copies, play

WITHOUT_CONFLICTS = """
    untouched       old | old    old    |               | old    old
    touched         old | old*   old    |               | old    old
    rewritten       old | old    old*   |               | old    old
    edited-here     old | mine   old    | upload        | mine   mine
    edited-there    old | old    theirs | download      | theirs theirs
    new-here        -   | mine   -      | upload        | mine   mine
    new-there       -   | -      theirs | download      | theirs theirs
    deleted-here    old | -      old    | delete_remote | -      -
    deleted-there   old | old    -      | delete_local  | -      -
    deleted-both    old | -      -      | forget        | -      -
    edited-alike    old | equal  equal  | adopt         | equal  equal
    new-alike       -   | equal  equal  | adopt         | equal  equal
    edited-deleted  old | mine   -      | upload        | mine   mine
    deleted-edited  old | -      theirs | download      | theirs theirs
"""


@pytest.mark.parametrize("orphans", [(), ("--delete-orphaned",)])
def test_without_conflicts(synced, orphans):
    ran = play(synced, WITHOUT_CONFLICTS, *orphans)
    transfers = {"uploaded": 3, "downloaded": 3, "deleted_local": 1, "deleted_remote": 1}
    assert (ran.code, ran.counts) == (0, transfers | {"unchanged": 3})
    assert (ran.summary["adopted"], ran.summary["moved"]) == (2, 0)
    assert (ran.summary["bytes_up"], ran.summary["bytes_down"]) == (3 * 4, 3 * 6)
    assert copies(synced.tree()) == {}
    synced.nothing_to_do(11, *orphans)


def test_nothing_is_deleted_from_the_bucket_where_that_is_not_wanted(synced):
    table = """
        untouched      old | old old    |              | old    old
        deleted-here   old | -   old    |              | -      old
        deleted-there  old | old -      | delete_local | -      -
        edited-after   old | -   theirs | download     | theirs theirs
    """
    ran = play(synced, table, "--no-delete-orphaned")
    assert (ran.code, ran.counts) == (0, {"deleted_local": 1, "downloaded": 1, "unchanged": 1})
    assert synced.trash() == ["old"]
    # It is remembered that it is not wanted here: it does not come back.
    for _ in range(2):
        synced.nothing_to_do(2, "--no-delete-orphaned")
    assert "deleted-here.txt" not in synced.tree()


def test_what_is_deleted_or_replaced_is_in_the_trash(synced):
    table = """
        deleted-there  one   | one   -      | delete_local | -      -
        edited-there   two   | two   theirs | download     | theirs theirs
    """
    assert play(synced, table).code == 0
    assert synced.trash() == ["one", "two"]


def test_a_file_here_and_a_directory_there_are_reported_and_left(synced):
    synced.write("a", "file")
    synced.write("good", "good")
    assert synced.sync().code == 0
    synced.delete("a")
    synced.write("a/b", "inside")
    synced.bucket.delete("a")
    synced.bucket.put("a", "edited")
    ran = synced.sync()
    assert ran.code == 8
    assert ran.actions("planned") == {"a": "conflict", "a/b": "conflict"}
    assert synced.tree() == {"a/b": "inside", "good": "good"}
    assert synced.bucket.tree() == {"a": "edited", "good": "good"}
    # A person moves one of them out of the way, and the rest follows.
    synced.bucket.delete("a")
    assert synced.sync().code == 0
    assert synced.tree() == synced.bucket.tree() == {"a/b": "inside", "good": "good"}


@pytest.mark.parametrize("turned", ["here", "there"])
def test_a_file_becomes_a_directory_and_a_directory_a_file(synced, turned):
    synced.configure(**synced.bucket.freeing_names)
    synced.write("file", "one")
    synced.write("folder/x", "two")
    assert synced.sync().code == 0
    delete, put = (synced.delete, synced.write) if turned == "here" else (synced.bucket.delete, synced.bucket.put)
    delete("file")
    put("file/y", "three")
    delete("folder/x")
    if turned == "here":
        synced.path("folder").rmdir()
    else:
        synced.bucket.delete_directory("folder")
    put("folder", "four")
    ran = synced.sync()
    assert ran.code == 0, ran
    assert synced.tree() == synced.bucket.tree() == {"file/y": "three", "folder": "four"}
    synced.nothing_to_do(2)
