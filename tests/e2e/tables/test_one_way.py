"""Every row of the one-way tables, up and down, with the real command, on each kind of bucket."""

from __future__ import annotations

import pytest

from tests.e2e.table import copies, play

UP = """
    untouched       old | old    old    |          | old    old
    edited-here     old | mine   old    | upload   | mine   mine
    new-here        -   | mine   -      | upload   | mine   mine
    edited-deleted  old | mine   -      | upload   | mine   mine
    deleted-there   lost | lost  -      | upload   | lost   lost
    edited-alike    old | equal  equal  | adopt    | equal  equal
    edited-there    old | old    theirs | conflict | old    theirs
    both-edited     old | mine   theirs | conflict | mine   theirs
    both-new        -   | mine   theirs | conflict | mine   theirs
    deleted-here    old | -      old    |          | -      old
    deleted-edited  old | -      theirs | conflict | -      theirs
    new-there       -   | -      theirs |          | -      theirs
    deleted-both    old | -      -      | forget   | -      -
"""

UP_MIRRORED = """
    untouched       old | old    old    |               | old    old
    edited-here     old | mine   old    | upload        | mine   mine
    new-here        -   | mine   -      | upload        | mine   mine
    edited-deleted  old | mine   -      | upload        | mine   mine
    deleted-there   lost | lost  -      | upload        | lost   lost
    edited-alike    old | equal  equal  | adopt         | equal  equal
    edited-there    old | old    theirs | upload        | old    old
    both-edited     old | mine   theirs | upload        | mine   mine
    both-new        -   | mine   theirs | upload        | mine   mine
    deleted-here    old | -      old    | delete_remote | -      -
    deleted-edited  old | -      theirs | delete_remote | -      -
    new-there       -   | -      theirs | delete_remote | -      -
    deleted-both    old | -      -      | forget        | -      -
"""

_SIDES = {"here": "there", "there": "here", "upload": "download", "download": "upload"}
_SIDES |= {"delete_remote": "delete_local", "mine": "theirs", "theirs": "mine"}


def mirrored(table):
    """Return a table with both sides changed for one another."""
    turned = []
    for line in filter(str.strip, table.splitlines()):
        begin, middle, action, end = line.split("|")
        (here, there), (here_after, there_after) = middle.split(), end.split()
        name, before = begin.split()
        turned.append(
            f"{name} {before} | {_swap(there)} {_swap(here)} | {_swap(action.strip())} | "
            f"{_swap(there_after)} {_swap(here_after)}"
        )
    return "\n".join(turned)


def _swap(word):
    return _SIDES.get(word, word)


@pytest.mark.parametrize("orphans", [(), ("--no-delete-orphaned",)])
def test_up_reports_edits_there_and_deletes_nothing(synced, orphans):
    ran = play(synced, UP, "--direction", "up", *orphans)
    assert (ran.code, ran.counts) == (8, {"uploaded": 4, "conflicts": 4, "unchanged": 1})
    assert (synced.trash(), copies(synced.tree())) == (["old"] if synced.bucket.kind == "file" else [], {})


def test_up_mirrors_where_that_is_wanted(synced):
    mirror = ("--direction", "up", "--delete-orphaned", "--conflict", "local_wins")
    ran = play(synced, UP_MIRRORED, *mirror)
    assert (ran.code, ran.counts["uploaded"], ran.counts["deleted_remote"], ran.counts["unchanged"]) == (0, 7, 3, 1)
    assert synced.kept().count("theirs") == 5, "what a person wrote there can be had again"
    synced.nothing_to_do(9, *mirror)


def test_down_reports_edits_here_and_deletes_nothing(synced):
    ran = play(synced, mirrored(UP), "--direction", "down")
    assert (ran.code, ran.counts) == (8, {"downloaded": 4, "conflicts": 4, "unchanged": 1})
    assert copies(synced.tree()) == {}


def test_down_mirrors_where_that_is_wanted(synced):
    mirror = ("--direction", "down", "--delete-orphaned", "--conflict", "remote_wins")
    ran = play(synced, mirrored(UP_MIRRORED), *mirror)
    assert (ran.code, ran.counts["downloaded"], ran.counts["deleted_local"], ran.counts["unchanged"]) == (0, 7, 3, 1)
    assert synced.trash().count("mine") == 5, "what a person wrote here is in the trash"
    synced.nothing_to_do(9, *mirror)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_mirror_reports_edits_of_the_other_side_where_no_policy_decides(synced, direction):
    table = """
        edited-there    old | old theirs | conflict      | old theirs
        deleted-edited  old | -   theirs | conflict      | -   theirs
        deleted-here    old | -   old    | delete_remote | -   -
        new-there       -   | -   theirs | delete_remote | -   -
    """
    table = table if direction == "up" else mirrored(table)
    ran = play(synced, table, "--direction", direction, "--delete-orphaned")
    deleted = "deleted_remote" if direction == "up" else "deleted_local"
    assert (ran.code, ran.counts) == (8, {deleted: 2, "conflicts": 2})
