"""`buckia provision …`: what it says, its JSON, and that no secret is in its options or output."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Protocol

import pytest

from tests.unit.commands import Ran, ran

SECRET = "k7Zq-very-secret-value-9912"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "buckets").mkdir()
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


class Run(Protocol):
    def __call__(self, *words: str, stdin: str = "", code: int = 0) -> Ran: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_command(*words: str, stdin: str = "", code: int = 0) -> Ran:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        result = ran(capsys, "provision", *words)
        assert result.code == code, result.out + result.err
        return result

    return run_command


CREATE = ("bucket", "photos", "--vendor", "file", "--account", "parent=../buckets")


def test_a_dry_run_shows_the_plan_and_writes_nothing(project, run):
    (plan,) = run(*CREATE, "-n", "--json").records
    assert plan["type"] == "provision_plan" and plan["bucket"] == "photos"
    assert [each["step"] for each in plan["steps"]] == ["bucket", "verify", "entry"]
    assert os.listdir(project) == []
    assert os.listdir(project.parent / "buckets") == []


def test_a_bucket_is_created_shown_repeated_and_destroyed(project, run):
    *steps, done = run(*CREATE, "--bucket-name", "my-photos", "--json").records
    assert [each["step"] for each in steps] == ["bucket", "verify", "entry"]
    assert (done["type"], done["was_done"]) == ("provisioned", False)
    assert (project.parent / "buckets" / "my-photos").is_dir()
    assert "this was done before" in run(*CREATE, "--bucket-name", "my-photos").out
    status = run("status", "photos", "--json").records
    assert {(each["part"], each["is_there"]) for each in status} == {("entry", True), ("bucket", True)}

    (project.parent / "buckets" / "my-photos" / "a.txt").write_text("a")
    assert "is not empty" in run("destroy", "photos", "--yes", code=1).err
    assert "give --yes" in run("destroy", "photos", "--delete-content", code=2).err
    run("destroy", "photos", "--delete-content", "--yes")
    assert not (project.parent / "buckets" / "my-photos").exists()
    assert "photos" not in (project / ".buckia").read_text()
    assert "no bucket 'photos'" in run("status", "photos", code=2).err


def test_given_secrets_come_from_standard_input_and_go_to_the_store(project, run):
    words = ("register", "videos", "--provider", "s3", "--secret", "secret_access_key", "--store", "file:secrets")
    more = ("--set", "bucket_name=videos", "--set", "access_key_id=AKIAEXAMPLE")
    result = run(*words, *more, "--json", stdin=f"\nsecret_access_key={SECRET}\n")
    (secret,) = (project / "secrets").glob("*secret_access_key")
    assert secret.read_text().strip() == SECRET
    assert os.name != "posix" or secret.stat().st_mode & 0o077 == 0
    text = (project / ".buckia").read_text()
    assert f"file:secrets/{secret.name}" in text
    seen = [text, result.out + result.err, *(each.read_text() for each in project.rglob("provision/*.json"))]
    assert all(SECRET not in each for each in seen)
    assert run("status", "videos", code=1).out.count("yes") == 2
    run("destroy", "videos", "--yes")
    assert (list((project / "secrets").glob("*key")), (project / ".buckia").read_text().count("videos")) == ([], 0)


def test_given_secrets_go_to_the_default_store_of_the_user(project, run, monkeypatch):
    (project / "user").mkdir()
    (project / "user" / "config.toml").write_text('default_store = "file:secrets"\n')
    monkeypatch.setenv("BUCKIA_CONFIG_DIR", str(project / "user"))
    words = ("register", "videos", "--provider", "s3", "--secret", "secret_access_key")
    assert "file:secrets" in run(*words, "--dry-run").out
    run(*words, stdin=f"secret_access_key={SECRET}\n")
    (secret,) = (project / "secrets").glob("*secret_access_key")
    assert secret.read_text().strip() == SECRET


@pytest.mark.parametrize("stdin", ["", SECRET, f"other={SECRET}", "secret_access_key="])
def test_wrong_lines_are_refused_without_showing_them(project, run, stdin):
    words = ("register", "videos", "--provider", "s3", "--secret", "secret_access_key", "--store", "file:secrets")
    result = run(*words, stdin=stdin, code=2)
    assert "as NAME=VALUE: secret_access_key" in result.err and SECRET not in result.out + result.err
    assert not (project / ".buckia").exists()


def test_a_secret_among_the_options_is_refused(project, run):
    words = ("bucket", "photos", "--vendor", "ceph", "--account", f"secret_access_key={SECRET}")
    result = run(*words, code=2)
    assert "such as env:NAME" in result.err and SECRET not in result.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("bucket", "photos", "--vendor", "nowhere"), 2, "no vendor 'nowhere'"),
        ((*CREATE, "--key-prefix", "a"), 2, "can't limit a key"),
        (("share-bucket", *CREATE[1:], "--public"), 2, "can't serve a bucket to everybody"),
        (("share-bucket", *CREATE[1:], "--for", "site"), 2, "no bucket 'site' that could share"),
        (("rotate", "photos", "--yes"), 2, "no bucket 'photos'"),
        (("register", "videos", "--provider", "file"), 2, "with --secret"),
        (("register", "videos", "--provider", "s3", "--secret", "secret"), 2, "with --secret"),
    ],
)
def test_a_wrong_request_is_refused_with_its_reason(project, run, words, code, message):
    result = run(*words, code=code)
    assert message in result.out + result.err
    assert os.listdir(project.parent / "buckets") == []


def test_a_secret_store_that_can_only_be_read_is_refused_before_anything_is_created(project, run, monkeypatch):
    monkeypatch.setenv("CEPH_SECRET_ACCESS_KEY", SECRET)
    account = ("--account", "endpoint_url=http://127.0.0.1:9", "--account", "access_key_id=a")
    result = run("bucket", "photos", "--vendor", "ceph", *account, "--store", "env", code=2)
    assert "can only be read" in result.err
    assert not list(project.glob(".buckia-state/provision/*.json"))
