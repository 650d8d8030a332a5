"""`buckia provision` with directories: what it refuses before it does anything, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from buckia_core.provisioning.journal import Journal
from tests.unit.commands import Ran, ran

ACCOUNT = ("--vendor", "file", "--account", "parent=../buckets")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    (tmp_path / "buckets").mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def run_command(*words: str, code: int = 0) -> Ran:
        result = ran(capsys, *words)
        assert result.code == code, result.out + result.err
        return result

    return run_command


def test_a_bucket_with_shares_is_not_destroyed_before_they_are_removed(project, run):
    buckets = project.parent / "buckets"
    run("provision", "bucket", "early", *ACCOUNT)
    run("provision", "share-bucket", "links", *ACCOUNT, "--for", "early")
    text = (project / ".buckia").read_text()
    (project / ".buckia").write_text(text.replace("access: protected", "access: public"))
    (buckets / "early" / "pay.txt").write_text("pay")
    run("--bucket", "early", "share", "add", "pay.txt")
    destroy = ("provision", "destroy", "early", "--delete-content", "--yes")

    refused = run(*destroy, code=1).err
    assert "1 share, whose copy would stay" in refused and "buckia --bucket early share remove" in refused
    assert (buckets / "early" / "pay.txt").exists()

    # Without the setting, nothing could remove the copies either.
    shared = (project / ".buckia").read_text()
    (project / ".buckia").write_text(shared.partition("  share:")[0] + "links:" + shared.partition("links:")[2])
    assert "1 share, whose copy would stay" in run(*destroy, code=1).err
    (project / ".buckia").write_text(shared)

    run("--bucket", "early", "share", "remove", "pay.txt")
    run(*destroy)
    assert not (buckets / "early").exists()
    assert [path for path in (buckets / "links").rglob("*") if path.is_file()] == []


def test_a_bucket_whose_shares_went_with_their_bucket_can_be_destroyed(project, run):
    run("provision", "bucket", "early", *ACCOUNT)
    run("provision", "share-bucket", "links", *ACCOUNT, "--for", "early")
    text = (project / ".buckia").read_text()
    (project / ".buckia").write_text(text.replace("access: protected", "access: public"))
    (project.parent / "buckets" / "early" / "pay.txt").write_text("pay")
    run("--bucket", "early", "share", "add", "pay.txt")
    run("provision", "destroy", "links", "--delete-content", "--yes")
    destroy = ("provision", "destroy", "early", "--delete-content", "--yes")
    assert "rm -r .buckia-shares" in run(*destroy, code=1).err
    run("--bucket", "early", "rm", "-r", ".buckia-shares/", "--yes")
    run(*destroy)
    assert not (project.parent / "buckets" / "early").exists()


@pytest.mark.parametrize("action", ["bucket", "share-bucket"])
@pytest.mark.parametrize("more", [(), ("-n",)])
@pytest.mark.parametrize(
    ("parent", "message"),
    [
        ("inside", "is inside the synced path"),
        ("../..", "is inside the folder that is the bucket"),
        ("missing", "there is no directory"),
        (None, "vendor 'file' needs 'parent': set it with --account parent=VALUE"),
    ],
)
def test_a_directory_that_could_not_be_synced_is_refused_before_it_is_created(
    project, run, action, more, parent, message
):
    (project / "inside").mkdir()
    name = project.parent.name if parent == "../.." else "photos"
    account = () if parent is None else ("--account", f"parent={parent}")
    result = run("provision", action, name, "--vendor", "file", *account, *more, code=2)
    assert message in result.err and "undone" not in result.out + result.err
    assert "no such object" not in result.err and "--account parent=" in result.err
    assert list((project / "inside").iterdir()) == [] and not (project / ".buckia").exists()


def test_a_directory_that_is_excluded_may_be_inside(project, run):
    (project / "inside").mkdir()
    run("provision", "bucket", "photos", "--vendor", "file", "--account", "parent=inside", "--set", "exclude=inside/")
    run("sync", "-n")


def test_what_is_said_after_a_destroy_is_still_true(project, run):
    run("provision", "bucket", "photos", *ACCOUNT)
    journal = Journal(project, "photos")
    progress = journal.read()
    assert progress is not None
    progress.public_url = "https://old.example"
    journal.write(progress)
    destroyed = run("provision", "destroy", "photos", "--yes", "--json")
    assert destroyed.records[-1]["public_url"] is None
    assert "buckia init --force" in run("status", code=2).err
    run("init", "--provider", "file", "--set", "root=../buckets", "--no-check", "--force")
    run("status")
