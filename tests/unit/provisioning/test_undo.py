"""What a failed run undoes is what it made: nothing that was there before, and nothing that the user changed since."""

from __future__ import annotations

import pytest

from buckia_core.errors import AdapterError, AlreadyExists, ConfigError
from buckia_core.provisioning.request import Action
from tests.unit.provisioning import box
from tests.unit.provisioning.box import Killed


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_key(*_: object) -> None:
        raise AdapterError("no more keys", provider="box")

    monkeypatch.setattr(box.KeyBoxProvisioner, "create_key", create_key)


@pytest.mark.parametrize("was_public", [True, False])
def test_an_existing_bucket_stays_as_public_as_it_was(project, refused, was_public):
    world = project.world
    path = world.buckets["photos"] = world.root / "photos"
    path.mkdir()
    world.public = {"photos"} if was_public else set()
    before = set(world.public)
    # Killed anywhere, the run fails when it is repeated.
    for number in range(1, 10):
        world.arm(number, Killed())
        with pytest.raises((Killed, AdapterError)):
            project.run(Action.SHARE_BUCKET, existing=True, public=True)
        reached = list(world.ticks)
        world.arm(0)
        if project.journals():
            with pytest.raises(AdapterError, match="no more keys"):
                project.run(Action.SHARE_BUCKET, existing=True, public=True)
        assert (world.public, project.journals(), list(world.buckets)) == (before, [], ["photos"]), reached
    assert "after publish" in reached


def credentials(project) -> list[str]:
    return [each.strip() for each in project.text().splitlines() if each.strip().startswith("key")]


@pytest.mark.parametrize("where", ["key", "before write .buckia", "after write .buckia"])
def test_a_failed_rotation_keeps_the_reference_that_the_user_changed(project, monkeypatch, where):
    project.run(Action.BUCKET)
    (reference,) = project.world.chest
    project.world.chest["/moved/key"] = project.world.chest.pop(reference)
    project.path.write_text(project.text().replace(f"chest:{reference}", "chest:/moved/key"))
    before = credentials(project)
    assert "key: chest:/moved/key" in before
    if where == "key":
        monkeypatch.setattr(box.BoxSync, "list_files", lambda *_, **__: iter([1 / 0]))
    else:
        real = box.World.tick

        def tick(world: box.World, what: str) -> None:
            real(world, what)
            if what == where:
                monkeypatch.undo()
                raise ZeroDivisionError

        monkeypatch.setattr(box.World, "tick", tick)
    with pytest.raises(ZeroDivisionError):
        project.run(Action.ROTATE)
    assert credentials(project) == before
    assert list(project.world.chest) == ["/moved/key"]


def test_a_failed_creation_keeps_what_the_user_wrote_about_the_bucket(project):
    site = "site:\n  provider: file\n  root: site\n  share:\n    bucket: photos\n    access: public\n"
    project.path.write_text(site)
    with pytest.raises(ConfigError, match="nosuch"):
        project.run(Action.BUCKET, settings={"nosuch": "1"})
    assert project.text() == site
    assert (project.world.buckets, project.world.keys, project.journals()) == ({}, {}, [])


def test_an_entry_that_the_user_adds_meanwhile_is_kept(project, monkeypatch):
    theirs = "photos:\n  provider: file\n  root: theirs\n"
    monkeypatch.setattr(box.BoxSync, "list_files", lambda *_, **__: iter([][: project.path.write_text(theirs)]))
    with pytest.raises(AlreadyExists, match="'photos' already"):
        project.run(Action.BUCKET)
    assert project.text() == theirs


def test_a_share_bucket_makes_its_project_known_to_the_user(project, world, monkeypatch, tmp_path):
    from buckia_core.config.user import load_user_config, register_project
    from buckia_core.localfs import replace
    from buckia_core.provisioning import seal
    from buckia_core.sharing.config import ShareConfig

    monkeypatch.setenv("BUCKIA_CONFIG_DIR", str(tmp_path / "own"))
    monkeypatch.setattr(replace, "replace_file", lambda path, data, **_: path.write_bytes(data))
    seal.prepare_key()
    project.path.write_text("# mine\nphotos:\n  provider: memory\n  bucket_name: photos\n")
    project.run(Action.SHARE_BUCKET, "photos-shared", share_for="photos", public=True)
    assert ShareConfig.from_project("photos").bucket.name == "photos-shared"
    text = (tmp_path / "own" / "config.toml").read_text()
    assert project.run(Action.SHARE_BUCKET, "photos-shared", share_for="photos", public=True).was_done
    assert (tmp_path / "own" / "config.toml").read_text() == text
    project.run(Action.DESTROY, "photos-shared")
    other = tmp_path / "other" / ".buckia"
    assert not register_project("photos", other, ["photos"])
    assert load_user_config().project("photos").config == project.path
