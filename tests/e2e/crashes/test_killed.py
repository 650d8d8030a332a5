"""Runs that are killed in the middle, over and over: nothing is half written, and the next one goes on."""

from __future__ import annotations

import os

import pytest

from tests.e2e.killing import TEMPORARY, Struggle

SEED = int(os.environ.get("BUCKIA_KILL_SEED", "1"))
"""Where chance comes from: which files are edited, and after how many operations a run is killed."""


def kill_and_finish(game: Struggle, kills: int) -> None:
    """Kill three runs in a row, and let one finish; again and again."""
    in_the_middle = 0
    game.edit(450)
    for number in range(kills):
        in_the_middle += game.sync_and_kill()
        game.nothing_half_written()
        if number % 3 == 2:
            there, copies = game.finish()
            assert (there, copies) == (game.expected, {}), "no conflict appears that nobody made"
            game.edit(200)
    assert in_the_middle, "no run was killed while it was at work"
    there, copies = game.finish()
    assert (there, copies) == (game.expected, {})


@pytest.mark.parametrize("part", [0, 1])
def test_killed_on_a_folder(on_folder, part):
    kill_and_finish(Struggle(on_folder, SEED + part), 10)


def test_killed_on_ceph(on_ceph):
    kill_and_finish(Struggle(on_ceph, SEED), 5)


def test_edits_between_a_kill_and_the_next_run_are_never_lost(on_folder):
    """A file that went over, unrecorded, and is then edited again looks like a conflict; that costs a copy at most."""
    game = Struggle(on_folder, SEED)
    game.edit(450)
    for _ in range(5):
        game.sync_and_kill()
        game.nothing_half_written()
        game.edit(100)
    there, copies = game.finish()
    for name, content in game.expected.items():
        assert content in (there[name], *(copies[copy] for copy in copies if copy.startswith(f"{name}.")))


def test_a_killed_run_is_taken_up_where_it_ended(on_folder):
    for number in range(300):
        on_folder.write(f"{number}", f"content {number}")
    running = on_folder.start("sync", "--json", "--max-workers", "4", PYTHONUNBUFFERED="1")
    for _ in range(150):
        assert running.read_line()
    running.kill()
    left = on_folder.sync()
    assert left.code == 0
    # What went over, but was not written down before the end, is found equal and not sent again.
    sent = [each["size"] for each in left.operations if each["action"] == "upload"]
    assert 0 < len(sent) <= 150
    assert left.summary["bytes_up"] == sum(sent)
    there = {name: content for name, content in on_folder.bucket.tree().items() if not TEMPORARY.fullmatch(name)}
    assert there == on_folder.tree()
    on_folder.nothing_to_do(300)
