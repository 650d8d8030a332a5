"""Provisions without a journal, or with one of another command: other machines, other commands, keys made by hand."""

from __future__ import annotations

import pytest

from buckia_core import Access, KeyScope, Secret
from buckia_core.adapters.factory import open_bucket
from buckia_core.config import load
from buckia_core.errors import AlreadyExists, BucketNotConfigured, ConfigError, LockHeld
from buckia_core.provisioning.executor import StepUndone
from buckia_core.provisioning.journal import Journal
from buckia_core.provisioning.request import Action
from buckia_core.syncing.state.lock import RunLock
from tests.unit.provisioning.box import Killed


def forget(project) -> None:
    for path in project.journals():
        path.unlink()


def test_another_machine_rotates_and_destroys(project):
    project.run(Action.BUCKET)
    (old,) = project.world.keys
    forget(project)
    with pytest.raises(ConfigError, match="--vendor"):
        project.run(Action.ROTATE)
    project.run(Action.ROTATE, vendor="box")
    (new,) = project.world.keys
    assert new != old and len(project.world.chest) == 1
    with open_bucket(load(project.path).bucket("photos"), project.plugins) as adapter:
        assert list(adapter.list_files()) == []
    forget(project)
    project.run(Action.DESTROY, vendor="box", delete_bucket=True)
    assert (project.world.buckets, project.world.keys, project.world.chest) == ({}, {}, {})


def test_a_key_that_was_made_by_hand_is_replaced_and_not_revoked(project):
    project.run(Action.BUCKET)
    forget(project)
    (key_id,) = project.world.keys
    project.world.keys[key_id] = ("by hand", *project.world.keys[key_id][1:])
    project.run(Action.ROTATE, vendor="box")
    assert len(project.world.keys) == 2 and key_id in project.world.keys
    assert load(project.path).bucket("photos").settings["key_id"] != key_id


def test_the_keys_of_other_machines_stay_until_the_bucket_goes(project):
    project.run(Action.BUCKET)
    with project.provisioning().open_vendor("box") as vendor:
        bucket = vendor.find_bucket("photos")
        other = vendor.create_key(bucket, "buckia/photos/00000000", KeyScope(Access.READ_WRITE))
    project.run(Action.ROTATE)
    assert other.key.id in project.world.keys
    findings = project.provisioning().status("photos")
    assert [each.problem for each in findings if each.name == "buckia/photos/00000000"] == ["of another project"]
    project.run(Action.DESTROY, delete_bucket=False)
    assert list(project.world.keys) == [other.key.id]
    assert list(project.world.buckets) == ["photos"]


def test_an_interrupted_command_is_repeated_or_undone_before_another_one(project):
    project.world.arm(4, Killed())
    with pytest.raises(Killed):
        project.run(Action.BUCKET)
    project.world.arm(0)
    with pytest.raises(AlreadyExists, match="buckia provision destroy photos"):
        project.run(Action.BUCKET, bucket_name="other")
    finding = project.provisioning().status("photos", "box")[0]
    assert (finding.part, "was interrupted" in finding.problem) == ("journal", True)
    project.run(Action.DESTROY)
    with pytest.raises(BucketNotConfigured):
        project.run(Action.DESTROY)


def test_two_commands_for_one_entry_do_not_run_at_once(project):
    journal = Journal(project.directory, "photos")
    journal.prepare()
    with RunLock(journal.lock_path), pytest.raises(LockHeld, match="another command provisions this bucket"):
        project.run(Action.BUCKET)
    assert project.world.buckets == {}


def test_what_can_not_be_undone_is_told_and_stays_in_the_journal(project, monkeypatch):
    from tests.unit.provisioning import box

    undone: list[StepUndone] = []

    def listener(event: object) -> None:
        if isinstance(event, StepUndone):
            undone.append(event)

    def refuse(*_: object) -> None:
        raise ConfigError("not now")

    with monkeypatch.context() as patched:
        patched.setattr(box.KeyBoxProvisioner, "delete_bucket", refuse)
        patched.setattr(box.Chest, "write", refuse)
        with pytest.raises(ConfigError, match="not now"):
            project.run(Action.BUCKET, listener=listener)
    problems = {each.step.kind.value: each.problem for each in undone}
    assert problems == {"credentials": "", "bucket": "ConfigError: not now"}
    assert (list(project.world.buckets), project.world.keys, project.world.chest) == (["photos"], {}, {})
    project.run(Action.DESTROY)
    assert (project.world.buckets, project.journals()) == ({}, [])


def test_given_secrets_are_removed_if_the_entry_can_not_be_added(project):
    project.path.write_text("photos:\n  provider: file\n  root: photos\n")
    settings = {"provider": "box", "root": str(project.world.root / "photos")}
    given = {"key": Secret("a-secret-of-the-user")}
    with pytest.raises(AlreadyExists, match="'photos' already"):
        project.run(Action.REGISTER, store="chest", settings=settings, given=given)
    assert (project.world.chest, project.journals()) == ({}, [])


def test_a_damaged_journal_is_an_error_that_names_it(project):
    journal = Journal(project.directory, "photos")
    journal.prepare()
    for text in ("", "{}", '{"version": 99}', '{"version": 1, "request": {}}', "[]"):
        journal.path.write_text(text)
        with pytest.raises(Exception, match=r"photos\.json: it is not a journal"):
            project.run(Action.BUCKET)
