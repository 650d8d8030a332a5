"""The state follows the bucket: not the name of its entry, nor the spelling of its address."""

from __future__ import annotations

import json
import subprocess

import pytest

from buckia_core.testing.fault_proxy.faults import Delay
from tests.e2e.project import NAME, Project
from tests.earlier.building import build, settle


def edit_and_delete(project: Project, name: str) -> None:
    """Make two changes that only a baseline tells from new files on the other side."""
    project.write(f"{name} edited", "newer")
    project.delete(f"{name} deleted")


def prepared(project: Project, *names: str) -> None:
    for name in names:
        project.write(f"{name} edited", "old")
        project.write(f"{name} deleted", "old")


DONE = {"x edited": "upload", "x deleted": "delete_remote"}


def test_stages_in_turn_under_one_name(on_folder, tmp_path):
    for stage in ("dev", "prod"):
        (tmp_path / stage).mkdir()
    on_folder.configure(root="../${STAGE:-dev}")
    prepared(on_folder, "x", "y")
    for stage in ("dev", "prod"):
        assert on_folder.sync(STAGE=stage).counts == {"uploaded": 4}
    edit_and_delete(on_folder, "x")
    for stage in ("prod", "dev"):
        assert on_folder.sync(STAGE=stage).actions() == DONE
    for stage in ("dev", "prod"):
        assert on_folder.sync(STAGE=stage).counts == {"unchanged": 3}
    aside = [path.name for path in on_folder.state_dir.iterdir() if path.name.endswith((".other", ".broken"))]
    assert aside == [] and len(list(on_folder.state_dir.glob("*.sqlite3"))) == 2


def test_another_configuration_file_with_the_same_names(on_folder, tmp_path):
    (tmp_path / "staging").mkdir()
    settings = on_folder.bucket.settings() | {"root": "../staging"}
    (on_folder.directory / ".buckia-staging").write_text(json.dumps({NAME: settings}))
    prepared(on_folder, "x")
    for arguments in ([], ["-c", ".buckia-staging"]):
        assert on_folder.run(*arguments, "sync", "--json").counts == {"uploaded": 2}
    edit_and_delete(on_folder, "x")
    for arguments in (["-c", ".buckia-staging"], []):
        assert on_folder.run(*arguments, "sync", "--json").actions() == DONE


def test_an_entry_that_gets_another_name(synced):
    prepared(synced, "x")
    assert synced.sync().code == 0
    edit_and_delete(synced, "x")
    synced.configure_all({"renamed": synced.bucket.settings()})
    ran = synced.sync()
    assert (ran.actions(), ran.summary["bucket"]) == (DONE, "renamed")
    runs = [run["bucket"] for run in synced.run("--json", "history").records]
    assert runs == ["renamed", NAME]


def test_the_trash_is_found_under_every_name_of_the_bucket_and_only_of_the_bucket(synced, tmp_path):
    """It lies below the name in the `.buckia`, where a person looks, and is the bucket's whatever its name is now."""
    (tmp_path / "elsewhere").mkdir()
    other = {"provider": "file", "root": "../elsewhere"}
    prepared(synced, "x")
    assert synced.sync().code == 0
    for name in ("first", "second"):
        synced.configure_all({name: synced.bucket.settings()})
        synced.bucket.put("x edited", f"under {name}")
        assert synced.sync().summary["downloaded"] == 1
    assert {path.name for path in (synced.state_dir / "trash").iterdir()} == {"first", "second"}
    assert [each["key"] for each in synced.run("--json", "trash", "list").records] == ["x edited", "x edited"]
    synced.configure_all({"second": other})
    assert synced.run("--json", "trash", "list").records == []


def test_what_two_entries_for_one_bucket_have_in_common_is_listed_once(synced):
    synced.configure_all({name: synced.bucket.settings() for name in ("one", "two")})
    synced.write("a", "mine")
    assert synced.run("-b", "one", "sync").code == 0
    synced.bucket.put("a", "theirs")
    assert synced.run("-b", "one", "sync").code == 0
    assert [each["key"] for each in synced.run("--json", "trash", "list").records] == ["a"]
    assert [run["bucket"] for run in synced.run("--json", "history").records] == ["one", "one"]


@pytest.mark.parametrize("spell", [str.upper, "{}/".format, "{}//".format], ids=["case", "slash", "slashes"])
def test_an_endpoint_in_another_spelling(on_ceph, spell):
    prepared(on_ceph, "x")
    assert on_ceph.sync().code == 0
    edit_and_delete(on_ceph, "x")
    scheme, _, rest = on_ceph.bucket.settings()["endpoint_url"].partition("://")
    on_ceph.configure(endpoint_url=f"{scheme}://{spell(rest)}")
    assert on_ceph.sync().actions() == DONE
    assert len(list(on_ceph.state_dir.glob("*.sqlite3"))) == 1


def test_a_folder_in_another_spelling(on_folder, tmp_path):
    (tmp_path / "link").symlink_to("bucket", target_is_directory=True)
    prepared(on_folder, *"abcde")
    assert on_folder.sync().code == 0
    for name, root in zip("abcd", ["../bucket", f"{tmp_path}/bucket/", "../link", "../here/../bucket"], strict=True):
        edit_and_delete(on_folder, name)
        on_folder.configure(root=root)
        assert on_folder.sync().actions() == {f"{name} edited": "upload", f"{name} deleted": "delete_remote"}
    edit_and_delete(on_folder, "e")
    on_folder.configure(root="~/bucket")
    ran = on_folder.sync(HOME=str(tmp_path))
    assert ran.actions() == {"e edited": "upload", "e deleted": "delete_remote"}
    assert len(list(on_folder.state_dir.glob("*.sqlite3"))) == 1


# --- two entries for one bucket ----------------------------------------------------------------------------


def two_entries(project: Project) -> None:
    """Configure an entry for each of two directories, both of which lead to the same keys of one bucket."""
    common = project.bucket.settings() | {"conflict_resolution": "ask"}
    project.configure_all({name: common | {"paths": [{"local": name, "direction": "both"}]} for name in ("one", "two")})


def test_what_two_entries_have_in_step_is_kept_apart(synced):
    """Both have a file of the same name; what one of them deletes is no delete by the other."""
    two_entries(synced)
    synced.write("one/a", "same")
    synced.write("two/a", "same")
    synced.write("one/b", "b")
    assert synced.sync().code == 0
    assert synced.sync("-b", "two").code == 0
    assert synced.tree() == {"one/a": "same", "two/a": "same", "one/b": "b", "two/b": "b"}
    synced.delete("one/a")
    assert synced.run("-b", "one", "sync", "--json").actions() == {"a": "delete_remote"}
    # The bucket lost what this entry had in step with it.
    assert synced.run("-b", "two", "sync", "--json").actions() == {"a": "delete_local"}
    assert synced.bucket.tree() == {"b": "b"}


def test_conflicts_and_history_are_those_of_an_entry(synced):
    two_entries(synced)
    synced.write("one/a", "mine")
    synced.bucket.put("a", "theirs")
    assert synced.sync().code == 8
    conflicts = synced.run("--json", "-b", "one", "conflicts").records
    assert [record["key"] for record in conflicts] == ["a"]
    assert synced.run("--json", "-b", "two", "conflicts").records == []
    for name in ("one", "two"):
        runs = synced.run("--json", "-b", name, "history").records
        assert [run["bucket"] for run in runs] == [name]


def test_two_entries_have_one_lock(on_ceph):
    two_entries(on_ceph)
    on_ceph.write("one/a", "a")
    on_ceph.write("two/b", "b")
    on_ceph.bucket.proxy.fault(Delay(5), when=lambda request: request.kind == "put")
    first = on_ceph.start("-b", "one", "sync", "--json")
    while not on_ceph.bucket.proxy.requests:
        assert first.process.poll() is None
    second = on_ceph.run("-b", "two", "sync", "--json")
    assert (second.code, second.error["error"]) == (9, "LockHeld"), second
    assert f"process {first.process.pid}" in second.error["message"]
    on_ceph.bucket.proxy.clear_faults()
    assert first.wait().code == 0
    assert on_ceph.run("-b", "two", "sync").code == 0


# --- states of 0.6.0 ---------------------------------------------------------------------------------------


def test_a_state_of_0_6_0_on_s3_goes_on(tmp_path, s3_bucket):
    """Without a transfer, and with the delete since; the upload that a kill cut short stays known."""
    names = {"endpoint": s3_bucket.proxy.endpoint.replace("localhost", "127.0.0.1"), "bucket": s3_bucket.name}
    directory = build("s3", tmp_path, **names)
    settle(
        directory / ".buckia-state/photos.sqlite3",
        {f"{n}.txt": directory / f"albums/{n}.txt" for n in ("one", "two")},
        {},
    )
    for name in ("one", "two"):
        s3_bucket.put(f"p/{name}.txt", f"{name}\n")
    project = Project(directory, s3_bucket)
    settings = s3_bucket.settings() | {"prefix": "p", "paths": [{"local": "albums"}], "endpoint_url": names["endpoint"]}
    project.configure_all({"photos": settings})
    (directory / "albums/one.txt").unlink()
    ran = project.sync("--dry-run")
    assert ran.actions("planned") == {"one.txt": "delete_remote"}
    assert (project.state_dir / "photos.sqlite3").exists()
    ran = project.sync()
    assert (ran.actions(), ran.counts) == ({"one.txt": "delete_remote"}, {"deleted_remote": 1, "unchanged": 1})
    assert [path.name for path in project.state_dir.glob("*.sqlite3")] == [project.state_file.name]
    assert project.sync().counts == {"unchanged": 1}


def test_the_command_shows_what_0_6_0_left(tmp_path):
    directory = build("folder", tmp_path)
    rules = [{"local": "pictures", "remote": "images/"}, {"local": "docs", "remote": "documents/"}]
    entry = {"provider": "file", "root": "../bucket", "conflict_resolution": "ask", "paths": rules}
    (directory / ".buckia").write_text(json.dumps({"site": entry}))

    def said(*arguments: str) -> str:
        ran = subprocess.run([*Project.command, *arguments], cwd=directory, check=False, capture_output=True, text=True)
        assert ran.returncode in (0, 8), ran
        return ran.stdout

    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    assert "documents/prices.txt" in said("conflicts")
    assert said("trash").count("documents/") == 2
    assert said("history").count("  site  ") == 2
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before
    restored = said("trash", "restore", "20261130T074056-b9547394")
    assert "docs/gone.txt" in restored and (directory / "docs/gone.txt").read_text() == "gone\n"
