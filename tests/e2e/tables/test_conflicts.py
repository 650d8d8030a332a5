"""What each policy makes of a conflict, with the real command, on each kind of bucket."""

from __future__ import annotations

import os
import time

import pytest

from tests.e2e.table import check, copies, play

KEEP_BOTH = """
    untouched       old | old  old    |          | old    old
    both-edited     old | mine theirs | conflict | theirs theirs
    both-new        -   | mine theirs | conflict | theirs theirs
    edited-deleted  old | mine -      | upload   | mine   mine
    deleted-edited  old | -    theirs | download | theirs theirs
"""

LOCAL_WINS = """
    untouched       old | old  old    |               | old    old
    both-edited     old | mine theirs | upload        | mine   mine
    both-new        -   | mine theirs | upload        | mine   mine
    edited-deleted  old | mine -      | upload        | mine   mine
    deleted-edited  old | -    theirs | delete_remote | -      -
"""

REMOTE_WINS = """
    untouched       old | old  old    |              | old    old
    both-edited     old | mine theirs | download     | theirs theirs
    both-new        -   | mine theirs | download     | theirs theirs
    edited-deleted  old | mine -      | delete_local | -      -
    deleted-edited  old | -    theirs | download     | theirs theirs
"""

ASK = """
    untouched       old | old  old    |          | old    old
    both-edited     old | mine theirs | conflict | mine   theirs
    both-new        -   | mine theirs | conflict | mine   theirs
    edited-deleted  old | mine -      | upload   | mine   mine
    deleted-edited  old | -    theirs | download | theirs theirs
"""


def test_keep_both_is_what_happens_without_a_terminal(synced):
    ran = play(synced, KEEP_BOTH)
    assert (ran.code, ran.counts) == (0, {"uploaded": 3, "downloaded": 3, "conflicts": 2, "unchanged": 1})
    assert copies(synced.tree()) == {"both-edited.txt": ["mine"], "both-new.txt": ["mine"]}
    synced.nothing_to_do(7)


def test_local_wins(synced):
    ran = play(synced, LOCAL_WINS, "--conflict", "local_wins")
    assert (ran.code, ran.counts["uploaded"], ran.counts["deleted_remote"], ran.counts["unchanged"]) == (0, 3, 1, 1)
    assert copies(synced.tree()) == {}
    assert synced.kept().count("theirs") == 3
    synced.nothing_to_do(4)


def test_remote_wins(synced):
    ran = play(synced, REMOTE_WINS, "--conflict", "remote_wins")
    assert (ran.code, ran.counts["downloaded"], ran.counts["deleted_local"], ran.counts["unchanged"]) == (0, 3, 1, 1)
    assert copies(synced.tree()) == {}
    assert synced.trash().count("mine") == 3
    synced.nothing_to_do(4)


def test_ask_without_a_terminal_leaves_conflicts_and_says_so(synced):
    ran = play(synced, ASK, "--conflict", "ask")
    assert (ran.code, ran.counts) == (8, {"uploaded": 1, "downloaded": 1, "conflicts": 2, "unchanged": 1})
    shown = synced.run("conflicts", "--json")
    assert shown.code == 8
    assert [each["key"] for each in shown.records] == ["both-edited.txt", "both-new.txt"]
    # Nothing is settled by running it again.
    again = synced.sync("--conflict", "ask")
    assert (again.code, again.counts) == (8, {"conflicts": 2, "unchanged": 3})
    check(synced, _left(ASK), again)


def _left(table):
    """Return the rows of conflicts as they are, and of the others that nothing more is to be done."""
    return table.replace("| upload  ", "|         ").replace("| download", "|         ")


@pytest.mark.parametrize("kind", ["edited", "new"])
def test_newest_wins_and_a_tie_keeps_both(synced, kind):
    names = ("newer-here", "newer-there", "tie")
    now = int(time.time())
    if kind == "edited":
        for name in names:
            synced.write(name, "old")
        assert synced.sync().code == 0
    for name, later, theirs in zip(names, (60, -60, 0), (now - 60, now, now), strict=True):
        synced.bucket.put(name, "theirs", mtime=theirs)
        mine = synced.bucket.mtime_ns(name) + later * 10**9
        os.utime(synced.write(name, "mine"), ns=(mine, mine))
    ran = synced.sync("--conflict", "newest_wins")
    assert (ran.code, ran.counts) == (0, {"uploaded": 2, "downloaded": 2, "conflicts": 3})
    assert ran.actions() == {"newer-here": "upload", "newer-there": "download", "tie": "conflict"}
    tree = synced.tree()
    assert tree == synced.bucket.tree()
    (copy,) = tree.keys() - set(names)
    assert copy.startswith("tie.conflict-local-")
    assert tree == {"newer-here": "mine", "newer-there": "theirs", "tie": "theirs", copy: "mine"}
    assert {"mine", "theirs"} <= set(synced.kept())
    synced.nothing_to_do(4, "--conflict", "newest_wins")


@pytest.mark.parametrize(
    ("keep", "here", "there"), [("local", "mine", "mine"), ("remote", "theirs", "theirs"), ("both", "theirs", "theirs")]
)
def test_a_conflict_that_was_left_is_decided_later(on_folder, keep, here, there):
    table = "fought-over old | mine theirs | conflict | mine theirs"
    assert play(on_folder, table, "--conflict", "ask").code == 8
    decided = on_folder.run("conflicts", "resolve", "fought-over.txt", "--keep", keep)
    assert decided.code == 0, decided
    assert on_folder.tree()["fought-over.txt"] == here
    assert on_folder.bucket.tree()["fought-over.txt"] == there
    assert copies(on_folder.tree()) == copies(on_folder.bucket.tree())
    assert copies(on_folder.tree()) == ({"fought-over.txt": ["mine"]} if keep == "both" else {})
    assert on_folder.run("conflicts").code == 0
    on_folder.nothing_to_do(2 if keep == "both" else 1)
