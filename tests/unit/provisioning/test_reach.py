"""What a removal or a repeat reaches: the bucket of the entry, its own secrets, and nothing of others."""

from __future__ import annotations

import pytest

from buckia_core import BucketRecord, Secret
from buckia_core.config import load
from buckia_core.errors import AdapterError, AlreadyExists, ConfigError
from buckia_core.provisioning.executor import StepDone
from buckia_core.provisioning.request import Action, Request
from tests.unit.provisioning import box
from tests.unit.provisioning.conftest import Project


def forget(project: Project) -> None:
    for path in project.journals():
        path.unlink()


def copy_entry(project: Project) -> None:
    """Add an entry with the same key and secret."""
    text = project.text()
    project.path.write_text(f"{text}\n{text.replace('photos:', 'archive:', 1)}")


def fail(*_: object) -> None:
    raise ConfigError("locked")


@pytest.mark.parametrize("rotated", [False, True])
def test_a_bucket_that_was_there_before_stays_when_another_machine_destroys(project, rotated):
    path = project.world.root / "photos"
    path.mkdir()
    project.world.buckets["photos"], project.world.passwords["photos"] = path, "theirs"
    project.run(Action.BUCKET, existing=True)
    forget(project)
    if rotated:
        project.run(Action.ROTATE, vendor="box")
    project.run(Action.DESTROY, vendor="box")
    assert (list(project.world.buckets), project.world.keys, project.world.chest) == (["photos"], {}, {})


@pytest.mark.parametrize("told", [{"delete_bucket": True}, {"delete_content": True}], ids=str)
def test_another_machine_deletes_the_bucket_if_it_is_told_to(project, told):
    project.run(Action.BUCKET)
    forget(project)
    project.run(Action.DESTROY, vendor="box", **told)
    assert project.world.buckets == {}


@pytest.mark.parametrize("has_journal", [False, True])
@pytest.mark.parametrize("action", [Action.ROTATE, Action.DESTROY])
def test_a_bucket_that_is_not_the_one_of_the_entry_is_refused(project, has_journal, action):
    project.run(Action.BUCKET)
    project.path.write_text(project.text().replace(f"root: {project.world.root}/photos", "root: /a/photos"))
    if not has_journal:
        forget(project)
    before = (dict(project.world.buckets), dict(project.world.keys), dict(project.world.chest), project.text())
    with pytest.raises(ConfigError, match=r"root '/a/photos' .*another one, so nothing was done"):
        project.run(action, vendor="box", **({"delete_bucket": True} if action is Action.DESTROY else {}))
    assert (project.world.buckets, project.world.keys, project.world.chest, project.text()) == before


def test_a_bucket_with_another_id_than_in_the_journal_is_refused(project, monkeypatch):
    project.run(Action.BUCKET)
    other = BucketRecord("photos", "7", {"root": str(project.world.root / "photos")})
    with monkeypatch.context() as patched:
        patched.setattr(box.BoxProvisioner, "find_bucket", lambda *_: other)
        with pytest.raises(ConfigError, match=r"'photos', and the account has '7'"):
            project.run(Action.DESTROY)
    assert list(project.world.buckets) == ["photos"]
    project.run(Action.DESTROY)


def test_the_plan_names_the_place_and_the_secrets(project):
    project.run(Action.BUCKET)
    (name,) = project.world.chest
    provisioning = project.provisioning()
    plan = provisioning.plan(provisioning.complete(Request(action=Action.DESTROY, name="photos")))
    texts = {each.kind.value: each.summary for each in plan.steps}
    assert f"chest:{name}" in texts["delete-secrets"]
    assert str(project.world.root / "photos") in texts["empty"]
    assert str(project.world.root / "photos") in texts["delete-bucket"]


@pytest.mark.parametrize(
    ("action", "options"), [(Action.ROTATE, {}), (Action.DESTROY, {"delete_bucket": False})], ids=["rotate", "destroy"]
)
@pytest.mark.parametrize("has_journal", [False, True])
def test_a_key_and_a_secret_of_another_entry_stay(project, action, options, has_journal):
    project.run(Action.BUCKET)
    copy_entry(project)
    (key,), (secret,) = project.world.keys, project.world.chest
    if not has_journal:
        forget(project)
    provisioning = project.provisioning()
    if action is Action.DESTROY:
        request = provisioning.complete(Request(action=action, name="photos", vendor="box", **options))
        assert any("'archive' uses it, too" in note for note in provisioning.plan(request).notes)
    project.run(action, vendor="box", **options)
    assert key in project.world.keys and secret in project.world.chest
    assert load(project.path).bucket("archive").settings["key"] == f"chest:{secret}"


def test_a_registration_whose_removal_failed_can_be_removed(project, monkeypatch):
    settings = {"provider": "box", "root": str(project.world.root / "photos")}
    project.run(Action.REGISTER, store="chest", settings=settings, given={"key": Secret("a-secret")})
    with monkeypatch.context() as patched:
        patched.setattr(box.Chest, "delete", fail)
        with pytest.raises(ConfigError, match="locked"):
            project.run(Action.DESTROY)
    project.run(Action.DESTROY)
    assert (project.world.chest, project.journals(), "photos" in project.text()) == ({}, [], False)


@pytest.mark.parametrize("rotated", [False, True])
def test_an_entry_that_was_removed_is_added_again(project, rotated):
    project.run(Action.BUCKET)
    if rotated:
        project.run(Action.ROTATE)
    before = (project.text(), dict(project.world.keys), dict(project.world.chest))
    project.path.unlink()
    assert not project.run(Action.BUCKET).was_done
    assert load(project.path).bucket("photos").settings["key"] in before[0]
    assert (project.world.keys, project.world.chest) == before[1:]
    project.run(Action.DESTROY)
    assert (project.world.buckets, project.world.keys, project.world.chest) == ({}, {}, {})


def test_a_different_request_after_the_entry_was_removed_leaves_the_journal(project):
    project.run(Action.BUCKET)
    project.path.unlink()
    with pytest.raises(AlreadyExists):
        project.run(Action.BUCKET, prefix="a/")
    project.run(Action.DESTROY)
    assert (project.world.buckets, project.world.keys, project.world.chest) == ({}, {}, {})


def closed(_: object) -> None:
    raise BrokenPipeError


def test_a_listener_that_fails_does_not_stop_a_provision(project):
    seen = []

    def listener(event: object) -> None:
        seen.append(event)
        closed(event)

    with pytest.raises(BrokenPipeError):
        project.run(Action.BUCKET, listener=listener)
    assert len(seen) == 1 and isinstance(seen[0], StepDone)
    assert project.run(Action.BUCKET).was_done


def test_a_listener_that_fails_does_not_stop_what_undoes_a_provision(project, monkeypatch):
    monkeypatch.setattr(box.BoxSync, "__init__", lambda *_: (_ for _ in ()).throw(AdapterError("refused")))
    with pytest.raises(AdapterError, match="refused"):
        project.run(Action.BUCKET, listener=closed)
    assert (project.world.buckets, project.world.keys, project.world.chest) == ({}, {}, {})
    assert project.journals() == []
