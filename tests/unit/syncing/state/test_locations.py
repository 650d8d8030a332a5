"""The state directory: its owner, and links in it or in its place."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from buckia_core.client import BuckiaClient
from buckia_core.config.trust import consent, user_config
from buckia_core.errors import StateError
from buckia_core.syncing.scan.local import temporary_prefix
from buckia_core.syncing.state.locations import STATE_DIRECTORY, StateFiles, check_state_dir, prepare_state_dir
from buckia_core.syncing.state.migration import find_stems_by_name
from buckia_core.syncing.state.resume_store import ResumeStore
from tests.unit.conftest import NOBODY

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="owners are not looked at on Windows")
root_only = pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can give files away")


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(user_config.DIRECTORY_VARIABLE, str(tmp_path / "own"))
    monkeypatch.delenv("SUDO_UID", raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    (directory / "data").mkdir(parents=True)
    (directory / "data" / "a").write_text("x")
    (tmp_path / "bucket").mkdir()
    (directory / ".buckia").write_text(f"provider: file\nroot: {tmp_path / 'bucket'}\npaths: [data]\n")
    return directory


@pytest.fixture
def state_dir(project: Path) -> Path:
    directory = project / STATE_DIRECTORY
    directory.mkdir(mode=0o700)
    return directory


def acts(project: Path) -> list[Callable[[], object]]:
    """All that looks into a state directory."""
    client = BuckiaClient(project / ".buckia")
    files = StateFiles.for_adapter(client.state_dir, client.config.name, client.adapter)
    return [
        client.sync,
        lambda: client.sync(dry_run=True),
        client.conflicts,
        client.history,
        client.trash,
        ResumeStore(files).upload_checkpoints,
    ]


def refused(project: Path, match: str) -> None:
    for act in acts(project):
        with pytest.raises(StateError, match=match):
            act()


def test_the_state_of_another_user_is_neither_used_nor_read(project, state_dir, give_away):
    give_away(state_dir)
    refused(project, r"belongs to user .*Remove it, and the next sync compares both sides again.*To trust it")
    assert list(state_dir.iterdir()) == []


def test_a_state_that_everybody_can_write_is_not_used(project, state_dir):
    state_dir.chmod(0o777)
    refused(project, r"can be written by every user.*chmod o-w")
    state_dir.chmod(0o775)
    assert BuckiaClient(project / ".buckia").sync().success
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700


def test_who_is_trusted_to_configure_is_trusted_with_the_state(project, state_dir, give_away):
    give_away(state_dir)
    give_away(project / ".buckia")
    with pytest.raises(StateError, match=r"buckia trust .*buckia"):
        check_state_dir(state_dir)
    consent.trust_file(project / ".buckia")
    check_state_dir(state_dir)


@root_only
def test_trust_in_a_configuration_is_no_trust_in_the_state_of_a_third_user(project, state_dir, give_away):
    give_away(state_dir)
    os.chown(project / ".buckia", NOBODY - 1, NOBODY)
    consent.trust_file(project / ".buckia")
    with pytest.raises(StateError, match="name the directory in BUCKIA_TRUSTED_PATHS"):
        check_state_dir(state_dir)


def test_the_environment_can_trust_a_state(project, state_dir, give_away, monkeypatch):
    give_away(state_dir)
    monkeypatch.setenv(consent.TRUSTED_PATHS, str(state_dir))
    check_state_dir(state_dir)


@root_only
def test_the_user_who_called_sudo_is_trusted(project, state_dir, give_away, monkeypatch):
    give_away(state_dir)
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    check_state_dir(state_dir)


def test_a_directory_that_the_caller_chose_is_checked_and_left_as_it_is(project, give_away, tmp_path):
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    chosen.chmod(0o755)
    client = BuckiaClient(project / ".buckia", state_dir=chosen)
    assert client.sync().success
    assert stat.S_IMODE(chosen.stat().st_mode) == 0o755
    give_away(chosen)
    with pytest.raises(StateError, match="belongs to user"):
        client.sync()


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_no_state_directory(project, tmp_path, there):
    victim = tmp_path / "victim"
    if there:
        victim.mkdir()
        victim.chmod(0o755)
    (project / STATE_DIRECTORY).symlink_to(victim)
    refused(project, "it is a symbolic link, which Buckia does not follow here; remove it")
    assert not there or (stat.S_IMODE(victim.stat().st_mode) == 0o755 and list(victim.iterdir()) == [])
    assert there or not victim.exists()


@pytest.mark.parametrize("content", [None, ""])
def test_no_file_is_made_or_written_through_a_link(state_dir, tmp_path, content):
    victim = tmp_path / "victim"
    if content is not None:
        victim.write_text(content)
    (state_dir / ".gitignore").symlink_to(victim)
    with pytest.raises(StateError, match=r"\.gitignore: it is a symbolic link"):
        prepare_state_dir(state_dir)
    assert (victim.read_text() if victim.exists() else None) == content


def test_what_a_full_disk_left_of_the_ignore_file_is_mended_and_yours_stays(state_dir):
    (state_dir / ".gitignore").write_text("")
    prepare_state_dir(state_dir)
    assert (state_dir / ".gitignore").read_text() == "*\n"
    (state_dir / ".gitignore").write_text("mine")
    prepare_state_dir(state_dir)
    assert (state_dir / ".gitignore").read_text() == "mine"


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_no_database_is_opened_through_a_link_or_with_the_journal_of_another(project, tmp_path, suffix):
    """SQLite would write to what a link beside a database leads to."""
    client = BuckiaClient(project / ".buckia")
    client.sync()
    (database,) = (project / STATE_DIRECTORY).glob("*.sqlite3")
    victim = tmp_path / "victim"
    victim.write_bytes(database.read_bytes() if not suffix else b"precious")
    before = victim.read_bytes()
    link = database.with_name(database.name + suffix)
    link.unlink(missing_ok=True)
    link.symlink_to(victim)
    for act in (client.sync, client.history, lambda: client.sync(dry_run=True)):
        with pytest.raises(StateError, match=f"{suffix}: it is a symbolic link"):
            act()
    assert find_stems_by_name(client.state_dir, client.config.name) == []
    assert victim.read_bytes() == before
    link.unlink()


@pytest.mark.parametrize("planted", [["../../../victim"], ["..", ".", "", 3], "../victim", {"a": 1}])
def test_names_from_a_state_are_no_paths(project, tmp_path, planted):
    victim = tmp_path / "victim"
    victim.mkdir()
    for name in ("thesis", "thesis.json"):
        (victim / name).write_text("precious")
    client = BuckiaClient(project / ".buckia")
    client.sync()
    (project / STATE_DIRECTORY / "trash").mkdir()
    (database,) = (project / STATE_DIRECTORY).glob("*.sqlite3")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO meta VALUES ('former', ?)", (json.dumps(planted),))
    assert client.trash().list() == []
    assert client.trash().empty() == (0, 0)
    assert sorted(each.name for each in victim.iterdir()) == ["thesis", "thesis.json"]


def test_a_former_state_with_the_name_of_a_directory_is_none(project):
    client = BuckiaClient(project / ".buckia")
    client.sync()
    (database,) = (project / STATE_DIRECTORY).glob("*.sqlite3")
    database.rename(database.with_name("...sqlite3"))
    assert find_stems_by_name(client.state_dir, client.config.name) == []
    assert client.sync().success


@pytest.mark.parametrize("id", ["x/../../../victim/p", "..", "", "1234567", "ABCDEF01", "12345678\n", "\udc80"])
def test_an_id_that_is_none_is_not_in_the_names_of_temporary_files(id):
    assert re.fullmatch(r"\.buckia-tmp-[0-9a-f]{8}-", temporary_prefix(id))
    assert temporary_prefix("0123abcd") == ".buckia-tmp-0123abcd-"
