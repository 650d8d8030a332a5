"""Journals that somebody else wrote, as a checkout may bring them along: nothing follows from them."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from buckia_core.config.trust import user_config
from buckia_core.errors import StateDenied, StateError
from buckia_core.provisioning.journal import Journal
from buckia_core.provisioning.request import Action
from buckia_core.provisioning.seal import FILE_NAME, is_sealed, prepare_key, seal_of
from tests.unit.provisioning.conftest import Project


def rewrite(project: Project, **changes: object) -> Path:
    """Change the journal by hand, as whoever has no key would."""
    (path,) = project.journals()
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"bucket": {"name": "photos", "id": "/victim", "settings": {}}},
        {"references": ["file:/home/somebody/.ssh/id_ed25519"]},
        {"seal": None},
        {"seal": "é"},
        {"seal": "0" * 64},
    ],
    ids=str,
)
@pytest.mark.parametrize("action", [Action.DESTROY, Action.ROTATE, Action.BUCKET])
def test_a_journal_that_was_changed_is_refused_and_nothing_is_deleted(project, action, changes):
    project.run(Action.BUCKET)
    before = (dict(project.world.buckets), dict(project.world.keys), dict(project.world.chest), project.text())
    path = rewrite(project, **changes)
    with pytest.raises(StateDenied, match="not a journal that you wrote on this machine"):
        project.run(action)
    with pytest.raises(StateDenied, match="--vendor"):
        project.provisioning().status("photos")
    assert (project.world.buckets, project.world.keys, project.world.chest, project.text()) == before
    path.unlink()
    assert all(each.is_there for each in project.provisioning().status("photos", "box"))


def test_a_journal_of_a_user_without_a_key_or_with_another_one_is_refused(project, tmp_path, monkeypatch):
    project.run(Action.BUCKET)
    monkeypatch.setenv(user_config.DIRECTORY_VARIABLE, str(tmp_path / "own"))
    with pytest.raises(StateDenied):
        project.provisioning().status("photos")
    project.run(Action.BUCKET, "videos")
    with pytest.raises(StateDenied):
        project.run(Action.DESTROY)
    project.run(Action.DESTROY, "videos")


def test_the_key_is_private_and_stays(tmp_path, monkeypatch):
    monkeypatch.setenv(user_config.DIRECTORY_VARIABLE, str(tmp_path / "own"))
    assert not is_sealed({"a": 1}, seal_of({"a": 1}))
    prepare_key()
    seal = seal_of({"a": 1})
    prepare_key()
    assert (is_sealed({"a": 1}, seal), is_sealed({"a": 2}, seal)) == (True, False)
    assert os.name != "posix" or (tmp_path / "own" / FILE_NAME).stat().st_mode & 0o077 == 0


def test_a_journal_of_another_entry_is_refused(project):
    project.run(Action.BUCKET)
    (path,) = project.journals()
    path.rename(path.with_name("videos.json"))
    with pytest.raises(StateError, match="it is about 'photos'"):
        project.run(Action.DESTROY, "videos")
    assert list(project.world.buckets) == ["photos"]


def test_nothing_is_created_if_the_key_can_not_be_kept(project, tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setenv(user_config.DIRECTORY_VARIABLE, str(tmp_path / "own"))
    monkeypatch.setattr(user_config, "write", refuse)
    with pytest.raises(StateError, match=user_config.DIRECTORY_VARIABLE):
        project.run(Action.BUCKET)
    assert project.world.buckets == {}


def test_what_is_no_journal_ends_neither_in_a_wait_nor_in_a_traceback(project):
    journal = Journal(project.directory, "photos")
    journal.prepare()
    journal.path.write_text("[" * 100_000)
    with pytest.raises(StateError, match="not a journal"):
        journal.read()
    journal.path.write_bytes(b" " * (1 << 21))
    with pytest.raises(StateError, match="not a journal"):
        journal.read()
    journal.path.unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(journal.path)
        with pytest.raises(StateError, match="a pipe or a device"):
            journal.read()


def test_a_state_directory_of_somebody_else_is_refused_before_it_is_read(project, give_away):
    project.run(Action.BUCKET)
    give_away(project.directory / ".buckia-state")
    with pytest.raises(StateDenied):
        project.provisioning().status("photos")


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_in_place_of_the_directory_is_refused(project, tmp_path):
    (project.directory / ".buckia-state").mkdir(mode=0o700)
    (tmp_path / "elsewhere").mkdir()
    (project.directory / ".buckia-state" / "provision").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateError, match="symbolic link"):
        project.run(Action.BUCKET)
    assert (list((tmp_path / "elsewhere").iterdir()), project.world.buckets) == ([], {})
