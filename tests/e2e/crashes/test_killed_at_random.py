"""A first sync, both ways, that is killed eight times at moments of chance; then one run, and nothing else is left."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.e2e.project import Project

SEED = int(os.environ.get("BUCKIA_KILL_SEED", "1"))
"""Where chance comes from: the contents, and the moments at which a run is killed."""

KILLS = 8
UP, DOWN = 300, 100


def content(chance: random.Random, name: str) -> str:
    # Most files are small; one in fifty goes over in parts, or as a stream.
    return f"{name} {chance.getrandbits(64):016x}\n" * (30_000 if chance.random() < 0.02 else chance.choice([1, 20]))


def fill(project: Project, chance: random.Random) -> dict[str, str]:
    """Write files on both sides, and return what both have to be in the end."""
    up = {f"up/{number % 9}/{number}": content(chance, f"up {number}") for number in range(UP - 1)}
    up["up/large"] = f"{chance.getrandbits(64):016x}" * (20 << 16)
    down = {f"down/{number % 9}/{number}": content(chance, f"down {number}") for number in range(DOWN)}
    for name, text in up.items():
        project.write(name, text)
        project.bucket.expect(text)
    for name, text in down.items():
        project.bucket.put(name, text)
    return up | down


def kill_eight_times(project: Project, *arguments: str) -> None:
    chance = random.Random(SEED)
    print(f"BUCKIA_KILL_SEED={SEED}")
    expected = fill(project, chance)
    at_work = 0
    for _ in range(KILLS):
        running = project.start("sync", "--json", *arguments, PYTHONUNBUFFERED="1")
        # After some operations, so that each run comes a bit further; or while it starts, lists, plans or begins.
        operations = chance.choice([0, 5, 20, 35])
        for _ in range(operations):
            if (line := running.read_line()) is None or '"summary"' in line:
                break
        time.sleep(chance.random() * (0.03 if operations else 0.6))
        killed = running.kill()
        at_work += bool(killed.operations) and not killed.summaries
        here, there = project.tree(), project.bucket.tree()
        for tree in (here, there):
            assert {name: text for name, text in tree.items() if name in expected and text != expected[name]} == {}
    assert at_work, "no run was killed while it was at work"
    ran = project.sync(*arguments)
    assert (ran.code, ran.failures) == (0, {}), ran
    assert "conflicts" not in ran.counts
    assert project.tree() == expected, "and no temporary file"


def test_on_ceph(on_ceph):
    kill_eight_times(on_ceph, "--max-workers", "8")
    bucket = on_ceph.bucket
    assert len(bucket.keys()) == UP + DOWN
    assert bucket.tree() == on_ceph.tree(), "nothing of Buckia's own either, such as what it tries a server out with"
    assert bucket.client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", []) == []
    on_ceph.nothing_to_do(UP + DOWN)


@pytest.mark.long
def test_on_a_folder(on_folder):
    kill_eight_times(on_folder, "--max-workers", "2", "--bwlimit", "20M")
    # A folder may be shared: what a dead run left there is taken away a day later, when nobody can be at it. It is no
    # object, and no listing has it.
    listed = {each["key"] for each in on_folder.run("ls", "--recursive", "--json").records if each["type"] == "object"}
    assert listed == on_folder.tree().keys()
    on_folder.nothing_to_do(UP + DOWN)


@pytest.mark.long
def test_on_b2(tmp_path, b2_bucket):
    project = Project(tmp_path / "here", b2_bucket)
    kill_eight_times(project, "--max-workers", "8")
    assert b2_bucket.tree() == project.tree()
    assert [each.file_name for each in b2_bucket.api.list_unfinished_large_files()] == []
    project.nothing_to_do(UP + DOWN)
