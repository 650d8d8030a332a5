"""A provision that is killed or fails anywhere: a repeat leaves one of each, and an error leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buckia_core.adapters.factory import open_bucket
from buckia_core.config import load
from buckia_core.config.share_settings import ShareAccess
from buckia_core.errors import AdapterError, BuckiaError, Transient
from buckia_core.provisioning.request import Action
from tests.unit.provisioning.box import Killed, World
from tests.unit.provisioning.conftest import Project

CREATIONS: dict[str, tuple[Action, dict[str, Any]]] = {
    "a password": (Action.BUCKET, {"vendor": "pwbox"}),
    "a share bucket": (Action.SHARE_BUCKET, {"vendor": "box", "public": True, "share_for": "site"}),
}

SITE = "# My site\nsite:\n  provider: file\n  root: site\n"


def assert_whole(project: Project, name: str = "photos", *, published: bool = False) -> None:
    """One bucket, one key, its secret and no other, an entry that works, and nothing unfinished."""
    world = project.world
    assert list(world.buckets) == [name]
    assert list(world.buckets[name].iterdir()) == []
    assert world.public == ({name} if published else set())
    assert len(world.keys) <= 1
    valid = [each[2] for each in world.keys.values()] or [world.passwords[name]]
    assert list(world.chest.values()) == valid
    config = load(project.path).bucket(name)
    with open_bucket(config, project.plugins) as adapter:
        assert list(adapter.list_files()) == []
    assert valid[0] not in project.text()
    assert len(project.journals()) == 1
    assert valid[0] not in project.journals()[0].read_text()


def assert_nothing(project: Project) -> None:
    world = project.world
    assert (world.buckets, world.keys, world.chest, world.public) == ({}, {}, {}, set())
    assert "photos" not in project.text()
    assert project.journals() == []


def at_each_tick(world: World, error: BaseException, run: Callable[[], object], after: Callable[[str], None]) -> int:
    """Run once for each tick, with an error there; call `after` each time, with the name of the tick."""
    number = 0
    while True:
        number += 1
        world.arm(number, type(error)(*error.args))
        try:
            run()
        except (type(error), BuckiaError):
            where = world.ticks[number - 1]
        else:
            if number > len(world.ticks):
                world.arm(0)
                return number - 1
            # The error was handled: a second attempt worked.
            where = f"{world.ticks[number - 1]}, handled"
        world.arm(0)
        after(where)


@pytest.mark.parametrize(("action", "options"), CREATIONS.values(), ids=CREATIONS)
def test_a_creation_that_is_killed_anywhere_goes_on_when_it_is_repeated(project, action, options):
    def create() -> None:
        project.path.write_text(SITE)
        project.run(action, **options)

    def repeat(where: str) -> None:
        project.run(action, **options)
        assert_whole(project, published="public" in options)
        project.reset()

    assert at_each_tick(project.world, Killed(), create, repeat) > 8
    assert project.run(action, **options).was_done
    if "share_for" in options:
        share = load(project.path).bucket("site").share
        assert share is not None and (share.bucket, share.access) == ("photos", ShareAccess.PUBLIC)
    project.run(Action.DESTROY)
    assert_nothing(project)


@pytest.mark.parametrize("error", [AdapterError("refused"), Transient("lost")], ids=repr)
def test_a_creation_that_fails_anywhere_leaves_nothing_or_succeeds(project, error):
    action, options = CREATIONS["a share bucket"]

    def create() -> None:
        project.path.write_text(SITE)
        project.run(action, **options)

    def look(where: str) -> None:
        if where.endswith("handled"):
            assert_whole(project, published=True)
            project.reset()
        if project.journals():  # its last write failed
            project.run(Action.DESTROY)
        assert_nothing(project)

    at_each_tick(project.world, error, create, look)


@pytest.mark.parametrize("vendor", ["box", "pwbox"])
def test_a_rotation_that_is_killed_anywhere_goes_on_when_it_is_repeated(project, vendor):
    project.run(Action.BUCKET, vendor=vendor)

    def repeat(where: str) -> None:
        project.run(Action.ROTATE)
        assert_whole(project)

    assert at_each_tick(project.world, Killed(), lambda: project.run(Action.ROTATE), repeat) > 8
    before = dict(project.world.chest)
    project.run(Action.ROTATE)
    assert set(project.world.chest.values()).isdisjoint(before.values())


@pytest.mark.parametrize("vendor", ["box", "pwbox"])
def test_a_rotation_that_fails_can_be_repeated(project, vendor):
    project.run(Action.BUCKET, vendor=vendor)

    def look(where: str) -> None:
        project.run(Action.ROTATE)
        assert_whole(project)

    at_each_tick(project.world, AdapterError("refused"), lambda: project.run(Action.ROTATE), look)


@pytest.mark.parametrize("vendor", ["box", "pwbox"])
def test_a_destruction_that_is_killed_anywhere_goes_on_when_it_is_repeated(project, vendor):
    number, killed = 0, True
    while killed:
        number += 1
        project.world.arm(0)
        project.run(Action.BUCKET, vendor=vendor)
        (project.world.buckets["photos"] / "a.txt").write_text("a")
        project.world.arm(number, Killed())
        try:
            project.run(Action.DESTROY, delete_content=True)
        except Killed:
            project.world.arm(0)
            if project.journals():
                project.run(Action.DESTROY, delete_content=True)
        else:
            killed = False
        assert_nothing(project)
    assert number > 6


def test_an_interrupted_creation_can_be_destroyed_at_any_point(project):
    def destroy(where: str) -> None:
        if project.journals():
            project.run(Action.DESTROY)
        assert_nothing(project)

    at_each_tick(project.world, Killed(), lambda: project.run(Action.BUCKET), destroy)
    project.run(Action.DESTROY)
    assert_nothing(project)


def test_a_bucket_of_somebody_else_is_neither_used_nor_deleted(project):
    path = project.world.root / "photos"
    path.mkdir()
    project.world.buckets["photos"], project.world.passwords["photos"] = Path(path), "theirs"
    with pytest.raises(AdapterError, match="exists already; to use it as it is: --existing"):
        project.run(Action.BUCKET)
    assert list(project.world.buckets) == ["photos"]
    assert project.journals() == []

    # Killed before anything was begun, then destroyed.
    project.world.arm(1, Killed())
    with pytest.raises(Killed):
        project.run(Action.BUCKET)
    project.world.arm(0)
    project.run(Action.DESTROY)
    assert list(project.world.buckets) == ["photos"]

    project.run(Action.BUCKET, existing=True)
    assert len(project.world.keys) == 1
    project.run(Action.DESTROY)
    assert (list(project.world.buckets), project.world.keys, project.world.chest) == (["photos"], {}, {})
