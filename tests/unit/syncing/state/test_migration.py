"""Migration of states of Buckia 0.6.0."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig, PathRule
from buckia_core.errors import LockHeld, StateError
from buckia_core.planning.policy import Direction
from buckia_core.planning.scope import Scope
from buckia_core.syncing.events import Finished
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.locations import StateFiles
from buckia_core.syncing.state.lock import RunLock
from buckia_core.syncing.state.migration import open_state, open_state_readonly
from buckia_core.syncing.state.resume_store import ResumeStore, TransferKind
from tests.earlier.building import build, settle


def rows(state: StateDatabase) -> int:
    return sum(1 for _ in state.baseline(Scope()))


KEYS = {
    "documents/edited.txt": "docs/edited.txt",
    "documents/guide.txt": "docs/guide.txt",
    "images/1.txt": "pictures/1.txt",
    "images/2.txt": "pictures/2.txt",
    "images/3.txt": "pictures/3.txt",
    "notes/current.txt": "notes.txt",
}
"""What was in step at the last sync of 0.6.0; `documents/prices.txt` was in conflict."""

OTHER = "site.sqlite3.20261130T074056389989.other"
"""The state of `bucket2`, which 0.6.0 put aside when the configuration was pointed at `bucket` again."""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with a project that 0.6.0 synced with the folder `bucket`, and once with `bucket2`."""
    project = build("folder", tmp_path)
    for name, bucket in (("site.sqlite3", "bucket"), (OTHER, "bucket2")):
        keys = KEYS if bucket == "bucket" else {key: path for key, path in KEYS.items() if "edited" not in key}
        local = {key: project / path for key, path in keys.items()}
        settle(project / ".buckia-state" / name, local, {key: tmp_path / bucket / key for key in keys})
    return tmp_path


def client(here: Path, bucket: str = "bucket", name: str = "site", **settings: Any) -> BuckiaClient:
    """Return a client as a `.buckia` in the project would make it."""
    config = BucketConfig(
        provider="file",
        name=name,
        base_dir=here / "project",
        conflict_resolution="ask",
        paths=(
            PathRule(local="pictures", remote="images/"),
            PathRule(local="docs", remote="documents/", direction=Direction.BOTH),
        ),
        files={"notes.txt": "notes/current.txt"},
        **{"root": here / bucket} | settings,
    )
    return BuckiaClient(config, state_dir=here / "project" / ".buckia-state")


def did(client: BuckiaClient, **options: Any) -> list[str]:
    """Sync, and return what it did."""
    events: list[Any] = []
    client.sync(events=events.append, **options)
    done = [event.operation for event in events if isinstance(event, Finished)]
    return sorted(f"{each.action.value} {each.key}" for each in done)


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def databases(here: Path) -> list[str]:
    return sorted(path.name for path in (here / "project" / ".buckia-state").glob("*.sqlite3*"))


# --- the baseline ------------------------------------------------------------------------------------------


def test_the_first_sync_transfers_nothing(here):
    assert did(client(here)) == ["conflict documents/prices.txt"]
    assert "site.sqlite3" not in databases(here)
    assert did(client(here)) == ["conflict documents/prices.txt"]


def test_deletes_and_edits_since_the_last_sync_propagate(here):
    (here / "project/pictures/1.txt").unlink()
    (here / "bucket/images/2.txt").unlink()
    (here / "project/docs/guide.txt").write_text("a longer guide")
    plan = [
        "conflict documents/prices.txt",
        "delete_local images/2.txt",
        "delete_remote images/1.txt",
        "upload documents/guide.txt",
    ]
    assert did(client(here), dry_run=True) == plan
    assert did(client(here)) == plan


def test_a_dry_run_changes_nothing(here):
    before = tree(here)
    assert did(client(here), dry_run=True) == ["conflict documents/prices.txt"]
    assert [each.key for each in client(here).conflicts()] == ["documents/prices.txt"]
    assert len(client(here).history()) == 2 and len(client(here).trash().list()) == 2
    assert tree(here) == before


@pytest.mark.parametrize(
    "spelling", ["../bucket", "bucket/", "./bucket", "link", "project/../bucket", "~/bucket"], ids=str
)
def test_the_bucket_is_the_same_in_another_spelling(here, spelling, monkeypatch):
    (here / "link").symlink_to("bucket", target_is_directory=True)
    monkeypatch.setenv("HOME", str(here))
    root = spelling if spelling.startswith(("..", "~")) else str(here) + "/" + spelling
    spelt = client(here, root=Path(root).expanduser() if root.startswith("~") else Path(root))
    monkeypatch.chdir(here / "project")
    assert did(spelt) == ["conflict documents/prices.txt"]
    assert did(client(here)) == ["conflict documents/prices.txt"]
    assert len([name for name in databases(here) if name.endswith(".sqlite3")]) == 1


def test_a_link_that_leads_elsewhere_now_is_another_bucket(here):
    link = here / "link"
    link.symlink_to("bucket", target_is_directory=True)
    client(here, "link").sync()
    link.unlink()
    (here / "empty").mkdir()
    link.symlink_to("empty", target_is_directory=True)
    assert {each.split()[0] for each in did(client(here, "link"))} == {"upload"}, (
        "nothing is deleted for the other bucket"
    )


def test_states_that_0_6_0_put_aside_are_found_by_their_bucket(here):
    """Two stages under one name: each goes on where it was left."""
    (here / "project/pictures/1.txt").unlink()
    assert "delete_remote images/1.txt" in did(client(here, "bucket2"))
    assert "delete_remote images/1.txt" in did(client(here, "bucket"))
    for bucket in ("bucket2", "bucket"):
        assert not (here / bucket / "images/1.txt").exists()


def test_the_newest_of_several_is_taken(here):
    """0.6.0 had put aside an older state of the same bucket, which knows a file that is gone since."""
    client(here).sync()
    state = StateFiles.for_adapter(here / "project/.buckia-state", "site", client(here).adapter)
    with closing(StateDatabase.open_readonly(state.database, state.identity)) as opened:
        assert {entry.key for entry in opened.baseline(Scope())} == {*KEYS, "documents/prices.txt"}


def test_a_state_under_another_name_is_found(here):
    assert did(client(here, name="renamed")) == ["conflict documents/prices.txt"]
    assert "site.sqlite3" not in databases(here)
    renamed = client(here, name="renamed")
    assert [each.key for each in renamed.conflicts()] == ["documents/prices.txt"]
    assert [run.bucket for run in renamed.history()] == ["renamed", "site", "site"]
    assert sorted(each.key for each in renamed.trash().list()) == ["documents/edited.txt", "documents/gone.txt"]


@pytest.mark.parametrize("name", ["site", "prod"])
def test_a_mirror_with_other_paths_deletes_nothing_of_what_0_6_0_had_in_step(here, name):
    (here / "project/new").mkdir()
    (here / "project/new/file").write_text("new")
    config = BucketConfig(
        provider="file",
        name=name,
        base_dir=here / "project",
        root=here / "bucket",
        paths=(PathRule(local="new", remote=""),),
        direction="up",
        delete_orphaned=True,
    )
    BuckiaClient(config, state_dir=here / "project" / ".buckia-state").sync(force=True)
    assert tree(here / "bucket").keys() >= {*KEYS, "file"}


def test_two_entries_for_one_bucket_each_bring_their_own(here):
    """0.6.0 kept a state for each name."""
    state_dir = here / "project/.buckia-state"
    shutil.copy(state_dir / "site.sqlite3", state_dir / "pictures.sqlite3")
    for name, gone in (("site", "pictures > images/"), ("pictures", "docs > documents/")):
        with closing(sqlite3.connect(state_dir / f"{name}.sqlite3")) as database, database:
            database.execute("DELETE FROM entries WHERE root = ?", (gone,))
            database.execute("DELETE FROM conflicts WHERE json_extract(record, '$.root') = ?", (gone,))
            database.execute("UPDATE runs SET record = json_set(record, '$.bucket', ?)", (name,))
    (here / "project/pictures/1.txt").unlink()
    (here / "project/docs/guide.txt").unlink()
    (here / "bucket/documents/prices.txt").write_text((here / "project/docs/prices.txt").read_text())
    config = client(here).config.with_changes(files={})
    (pictures_rule, docs_rule) = config.paths
    docs = BuckiaClient(config.with_changes(paths=(docs_rule,)), state_dir=state_dir)
    pictures = BuckiaClient(config.with_changes(paths=(pictures_rule,), name="pictures"), state_dir=state_dir)
    assert did(docs) == ["adopt documents/prices.txt", "delete_remote documents/guide.txt"]
    assert did(pictures) == ["delete_remote images/1.txt"]
    assert did(docs) == did(pictures) == []
    assert not {"site.sqlite3", "pictures.sqlite3"}.intersection(databases(here))


def test_a_0_6_0_that_is_used_once_more_is_heard(here):
    """What it wrote last counts; the next sync takes that over."""
    saved = (here / "project/.buckia-state/site.sqlite3").read_bytes()
    client(here).sync()
    path = here / "project/.buckia-state/site.sqlite3"
    path.write_bytes(saved)
    with closing(sqlite3.connect(path)) as database, database:
        later = {"bucket": "site", "started": "2999-01-01T00:00:00+00:00"}
        database.execute("INSERT INTO runs (record) VALUES (?)", (json.dumps(later),))
        database.execute("DELETE FROM entries WHERE key = 'images/3.txt'")
    assert did(client(here)) == ["adopt images/3.txt", "conflict documents/prices.txt"]
    assert not path.exists()


# --- what else there is ------------------------------------------------------------------------------------


@pytest.mark.parametrize("synced", [False, True])
def test_trash_conflicts_and_history_stay(here, synced):
    if synced:
        client(here).sync()
    now = client(here)
    conflict = now.conflicts()[0]
    assert (conflict.key, conflict.path, conflict.since.year) == ("documents/prices.txt", "docs/prices.txt", 2026)
    assert [run.adopted for run in now.history()][-2:] == [0, 8]
    gone = next(each for each in now.trash().list() if each.key == "documents/gone.txt")
    assert now.trash().restore(gone.id).read_text() == "gone\n"
    assert (here / "project/docs/gone.txt").read_text() == "gone\n"
    assert now.resolve(["documents/prices.txt"], "local").success
    assert now.conflicts() == []


def test_the_trash_can_be_emptied(here):
    client(here).sync()
    assert client(here).trash().empty()[0] == 2
    assert client(here).trash().list() == []


def test_the_trash_needs_no_adapter(here):
    """Neither before the upgrade's first sync nor after it."""
    lost = client(here).config.with_changes(provider="gone")
    state_dir = here / "project/.buckia-state"
    assert len(BuckiaClient(lost, state_dir=state_dir).trash().list()) == 2
    (here / "bucket/documents/guide.txt").write_text("a newer guide")
    client(here).sync()
    keys = {each.key for each in BuckiaClient(lost, state_dir=state_dir).trash().list()}
    assert keys == {"documents/edited.txt", "documents/gone.txt", "documents/guide.txt"}


def files_of_s3(tmp_path: Path, *, name: str = "photos", endpoint: str = "http://127.0.0.1:9") -> StateFiles:
    project = build("s3", tmp_path, endpoint=endpoint, bucket="photos")
    return StateFiles(project / ".buckia-state", name, f"s3:{endpoint}/photos/p/")


@pytest.mark.parametrize("name", ["photos", "renamed"])
def test_notes_of_unfinished_transfers_stay(tmp_path, name):
    files = files_of_s3(tmp_path, name=name)
    assert name == "renamed" or list(ResumeStore(files).upload_checkpoints()) == ["film.bin"]
    open_state(files).close()
    kept = ResumeStore(files).find(TransferKind.UPLOAD, "film.bin")
    assert kept is not None and kept.identity == files.identity and "upload_id" in kept.text
    assert list(ResumeStore(files).upload_checkpoints()) == ["film.bin"]
    assert not (files.directory / "unfinished/photos").exists()


def test_notes_of_another_bucket_are_left_to_it(tmp_path):
    files = files_of_s3(tmp_path)
    other = StateFiles(files.directory, files.bucket, "s3:http://127.0.0.1:9/another/")
    open_state(other).close()
    assert ResumeStore(other).upload_checkpoints() == {}
    open_state(files).close()
    assert list(ResumeStore(files).upload_checkpoints()) == ["film.bin"]


def test_an_identity_that_is_spelt_in_another_way_now_is_known(tmp_path):
    files = files_of_s3(tmp_path)
    now = StateFiles(files.directory, "photos", "s3:http://localhost:9/photos/p/", earlier_identities=(files.identity,))
    with closing(open_state(now)) as state:
        assert (rows(state), state.get_meta("identity")) == (2, now.identity)
    kept = ResumeStore(now).find(TransferKind.UPLOAD, "film.bin")
    assert kept is not None and kept.identity == now.identity


# --- what goes wrong ---------------------------------------------------------------------------------------


def test_a_0_6_0_that_is_syncing_right_now_is_waited_for(here):
    with RunLock(here / "project/.buckia-state/site.lock"), pytest.raises(LockHeld):
        client(here).sync()
    assert "site.sqlite3" in databases(here)


def test_a_damaged_state_of_the_same_name_is_put_aside(here, caplog):
    path = here / "project/.buckia-state/site.sqlite3"
    data = bytearray(path.read_bytes())
    data[4096:] = b"\x55" * len(data[4096:])
    path.write_bytes(bytes(data))
    for rest in path.parent.glob("site.sqlite3-*"):
        rest.unlink()
    did(client(here), conflict="keep_both", dry_run=True)
    assert path.read_bytes() == data
    client(here).sync()
    assert not path.exists() or path.read_bytes() == data
    assert [name for name in databases(here) if name.endswith(".broken")] and "can't be used" in caplog.text


def test_a_state_that_can_not_be_read_now_ends_the_run(here, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    before = tree(here)
    monkeypatch.setattr("buckia_core.syncing.state.database_file.connect_readonly", refuse)
    for dry_run in (False, True):
        with pytest.raises(StateError, match="site"):
            client(here).sync(dry_run=dry_run)
    monkeypatch.undo()
    after = tree(here)
    assert {name: after.get(name) for name in before} == before
    assert did(client(here)) == ["conflict documents/prices.txt"]


KILLED = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    from buckia_core.syncing.state import migration
    from buckia_core.syncing.state.locations import StateFiles

    name, identity, *directories = sys.argv[1:]
    STEPS = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "sqlite3.connect")

    def take_over(directory, left):
        def audit(event, args):
            nonlocal left
            path = args[0] if args and isinstance(args[0], (str, bytes, os.PathLike)) else ""
            if event in STEPS and os.fsdecode(path).startswith(directory):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(audit)
        migration.open_state(StateFiles(Path(directory), name, identity)).close()
        os._exit(0)

    for steps, directory in enumerate(directories):
        child = os.fork() or take_over(directory, steps)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
            print(steps)
            break
""")


@pytest.mark.skipif(os.name == "nt", reason="kills processes with a signal")
def test_killed_at_any_step_it_resumes(tmp_path):
    """Killed before each step in turn, until one take-over comes to its end."""
    every = [files_of_s3(tmp_path / str(steps)) for steps in range(50)]
    arguments = [every[0].bucket, every[0].identity, *(str(files.directory) for files in every)]
    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=True, capture_output=True, text=True)
    assert int(ended.stdout) > 10
    for steps, files in enumerate(every[: int(ended.stdout)]):
        with closing(open_state_readonly(files)) as state:
            assert (rows(state), len(state.runs(9))) == (2, 1), f"seen after a kill at step {steps}"
        with closing(open_state(files)) as state:
            assert (rows(state), len(state.runs(9)), state.get_meta("id")) == (2, 1, "c7f31e87")
        assert list(ResumeStore(files).upload_checkpoints()) == ["film.bin"]
        assert [path.name for path in files.directory.glob("*.sqlite3")] == [files.database.name]
