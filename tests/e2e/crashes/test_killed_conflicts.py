"""Runs that are killed, at moments of the clock, while they settle conflicts or do anything else."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
from collections.abc import Iterator

from tests.e2e.killing import TEMPORARY, Struggle
from tests.e2e.project import Project

SEED = int(os.environ.get("BUCKIA_KILL_SEED", "1"))
"""Where chance comes from: the contents, and the moments within their parts of a run."""

KILLED = 1 if sys.platform == "win32" else -signal.SIGKILL
"""The exit code of a process that was killed."""

KILLS = {"file": 6, "ceph": 3}

COPY = re.compile(r"(.*)\.conflict-local-\d{8}T\d{6}Z(?:-\d+)?\.txt")

KEYS = [f"{number % 7}/{number}.txt" for number in range(60)]


def duration(project: Project) -> float:
    """Run once to a good end, and return how many seconds that took."""
    begun = time.monotonic()
    ran = project.sync("--max-workers", "4")
    assert ran.code == 0, ran
    return time.monotonic() - begun


def killed(project: Project, *, operations: int = 0, seconds: float) -> bool:
    """Start a run, kill it so many seconds after it told of so many operations, and tell whether it was not done."""
    running = project.start("sync", "--json", "--max-workers", "4", PYTHONUNBUFFERED="1")
    for _ in range(operations):
        running.read_line()
    time.sleep(seconds)
    ran = running.kill()
    # Which conditions a server honours is tried out on an object of Buckia's own, and a kill may leave that behind.
    for key in project.bucket.tree():
        if key.startswith(".buckia-state/probe-"):
            project.bucket.delete(key)
    return ran.code == KILLED


def moments(chance: random.Random, kills: int, seconds: float) -> Iterator[float]:
    """Yield moments that are spread over a run, each at random in its own part of it."""
    for number in range(kills):
        yield seconds * (number + chance.random()) / kills


def without_leftovers(tree: dict[str, str]) -> dict[str, str]:
    """Return what of the bucket is not a temporary file of a run that died; a folder keeps those for a day."""
    return {name: content for name, content in tree.items() if not TEMPORARY.fullmatch(name)}


def fight(project: Project, chance: random.Random) -> dict[str, tuple[str, str]]:
    """Edit every key on both sides; return the two contents of each. No two contents are alike."""
    versions = {}
    for key in KEYS:
        mine, theirs = (
            f"{side} {key} {chance.getrandbits(64):016x}\n" * chance.choice([1, 700, 5000])
            for side in ("mine", "theirs")
        )
        project.write(key, mine)
        project.bucket.put(key, theirs)
        project.bucket.expect(mine)
        versions[key] = (mine, theirs)
    return versions


def nothing_lost(project: Project, versions: dict[str, tuple[str, str]]) -> None:
    """Both versions of each key are there, whole, and nothing else; no side has two conflict copies of one key."""
    sides = project.tree(), without_leftovers(project.bucket.tree())
    found = {content for side in sides for name, content in side.items() if not TEMPORARY.fullmatch(name)}
    assert found == {version for both in versions.values() for version in both}
    for side in sides:
        assert len(copies(side)) == sum(".conflict-" in name for name in side)


def copies(tree: dict[str, str]) -> dict[str, str]:
    """Return the conflict copies of a side: the key that each is of, to its content."""
    return {f"{found[1]}.txt": tree[found[0]] for found in map(COPY.fullmatch, tree) if found}


def settle(project: Project, versions: dict[str, tuple[str, str]]) -> None:
    """Both sides are equal: what was in the bucket has the name, what was here is its one copy. Drop the copies."""
    tree = project.tree()
    assert without_leftovers(project.bucket.tree()) == tree
    assert copies(tree) == {key: mine for key, (mine, _) in versions.items()}
    assert {key: tree[key] for key in KEYS} == {key: theirs for key, (_, theirs) in versions.items()}
    assert len(tree) == 2 * len(KEYS)
    project.nothing_to_do(len(tree))
    for name in tree.keys() - KEYS:
        project.delete(name)
        project.bucket.delete(name)


def test_killed_while_it_keeps_both(synced):
    chance = random.Random(SEED)
    print(f"BUCKIA_KILL_SEED={SEED}")
    versions = fight(synced, chance)
    seconds = duration(synced)
    settle(synced, versions)
    at_work = 0
    for moment in moments(chance, KILLS[synced.bucket.kind], seconds):
        versions = fight(synced, chance)
        killed(synced, seconds=moment)
        nothing_lost(synced, versions)
        # A second run dies as well, amid what the first one left.
        at_work += killed(synced, operations=chance.randrange(1, len(KEYS) // 2), seconds=chance.random() * 0.02)
        nothing_lost(synced, versions)
        ran = synced.sync()
        assert ran.code == 0, ran
        settle(synced, versions)
    assert at_work, "no run was killed while it was at work"


def test_killed_at_any_moment(on_folder):
    game = Struggle(on_folder, SEED)
    game.edit(450)
    seconds = duration(on_folder)
    game.edit(200)
    before_its_end = 0
    for moment in moments(game.random, KILLS["file"], seconds):
        before_its_end += killed(on_folder, seconds=moment)
        game.nothing_half_written()
        assert game.finish() == (game.expected, {})
        game.edit(200)
    assert before_its_end, "no run was killed before its end"


def test_killed_while_it_keeps_the_version_that_loses(synced):
    key, theirs = "big", "theirs\n" * (1 << 19)
    synced.write(key, "mine")
    synced.bucket.put(key, theirs)
    arguments = ["--conflict", "local_wins", "--bwlimit", "2M"]
    running = synced.start("sync", "--json", *arguments)
    wait_for_a_part(synced, len(theirs))
    assert running.kill().code == KILLED
    # What came in part only is not offered as if it were all of it.
    assert synced.run("trash", "list", "--json").records == []
    assert synced.bucket.tree()[key] == theirs
    ran = synced.sync(*arguments[:2])
    assert (ran.code, ran.actions()) == (0, {key: "upload"})
    assert synced.bucket.tree()[key] == "mine"
    (kept,) = synced.run("trash", "list", "--json").records
    assert kept["size"] == len(theirs)
    restored = synced.run("trash", "restore", kept["id"], "--to", "restored")
    assert restored.code == 0, restored
    assert synced.tree()["restored"] == theirs
    # The part goes when the trash is emptied and no run can be at it any more.
    (part,) = (synced.state_dir / "trash").rglob("*.part")
    for age, left in ((0, True), (2, False)):
        os.utime(part, (time.time() - age * 86_400,) * 2)
        assert synced.run("trash", "empty", "--yes").code == 0
        assert part.exists() is left
    assert [path for path in (synced.state_dir / "trash").rglob("*") if path.is_file()] == []


def wait_for_a_part(project: Project, size: int) -> None:
    """Return once some of the bytes of a file, but not all of them, are below the directory of the state."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for path in (project.state_dir / "trash").rglob("*"):
            if path.suffix != ".json" and path.is_file() and 0 < path.stat().st_size < size:
                return
        time.sleep(0.01)
    raise AssertionError("nothing was fetched in part")
