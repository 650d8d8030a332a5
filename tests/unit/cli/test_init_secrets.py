"""`buckia init` with secrets in a store, and with a first check."""

import io
import sys
from types import SimpleNamespace

import pytest

from buckia_core.cli.setup import first_config
from buckia_core.config import load
from buckia_core.config.secrets.secret import Secret

pytest.importorskip("buckia_s3.config.settings")

TEXT = "hunter2-hunter2-hunter2"
S3 = ("init", "--provider", "s3", "--name", "photos", "--set", "bucket_name=my-photos", "--set", "access_key_id=AKIA")
SECRET = ("--secret", "secret_access_key", "--store", "file:keys")


@pytest.fixture
def project(tmp_path, monkeypatch):
    directory = tmp_path / "project"
    directory.mkdir()
    monkeypatch.setenv("BUCKIA_CONFIG_DIR", str(tmp_path / "own"))
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture(autouse=True)
def pipe(monkeypatch):
    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False))

    give(TEXT.encode() + b"\n")
    return give


def files(project):
    return sorted(path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())


def test_a_secret_goes_to_the_store_and_its_reference_into_the_file(buckia, project):
    ran = buckia(*S3, *SECRET)
    assert ran.code == 0, ran.err
    text = (project / ".buckia").read_text()
    assert TEXT not in text + ran.out + ran.err
    assert "secret_access_key: file:keys/" in text
    assert "To be set" not in ran.err
    assert buckia("token", "get", "secret_access_key").out.strip() == TEXT
    assert load(project / ".buckia").buckets["photos"].bucket_name == "my-photos"


def test_references_are_relative_to_the_file(buckia, project):
    (project / "sub").mkdir()
    assert buckia(*S3, *SECRET, "-c", "sub/.buckia").code == 0
    assert [each for each in files(project) if "keys" in each] == [
        "sub/keys/photos.secret_access_key",
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((*SECRET, "--set", "secret_access_key=env:KEY"), "given with --set"),
        ((*SECRET, "--secret", "session_token"), "buckia token set"),
        (("--secret", "secret_acces_key"), "'secret_access_key'"),
        (("--store", "keyring"), "--secret SETTING"),
        (("--secret", "secret_access_key", "--store", "env"), "can only be read"),
        ((*SECRET, "--set", "direction=sideways"), "direction"),
    ],
)
def test_nothing_is_stored_for_what_can_not_be_used(buckia, project, arguments, complaint):
    ran = buckia(*S3, *arguments)
    assert ran.code == 2
    assert complaint in ran.err
    assert TEXT not in ran.out + ran.err
    assert files(project) == []


def test_an_empty_pipe_stores_nothing(buckia, project, pipe):
    pipe(b"")
    assert buckia(*S3, *SECRET).code == 2
    assert files(project) == []


def test_a_secret_without_a_file_is_deleted(buckia, project, monkeypatch):
    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(first_config, "write_config", fail)
    assert buckia(*S3, *SECRET).code != 0
    assert files(project) == []


def test_a_secret_of_somebody_else_is_not_replaced_unasked(buckia, project, pipe):
    assert buckia(*S3, *SECRET).code == 0
    (project / ".buckia").unlink()
    pipe(b"another-secret-here\n")
    ran = buckia(*S3, *SECRET)
    assert ran.code == 2 and "--force" in ran.err
    assert TEXT in (project / "keys" / "photos.secret_access_key").read_text()
    assert not (project / ".buckia").exists()
    assert buckia(*S3, *SECRET, "--force").code == 0
    assert "another-secret-here" in (project / "keys" / "photos.secret_access_key").read_text()


def test_a_terminal_asks_which_secret_a_store_is_for(buckia, project, monkeypatch):
    pytest.importorskip("buckia_bunny.settings")
    asked = []

    def prompt(question, default=None, **options):
        asked.append((question, options.get("hide_input", False)))
        if question == "Secret to store":
            assert "storage_api_key" in options["type"].choices
            return "storage_api_key"
        return TEXT if options.get("hide_input") else default or ""

    for module in ("setup.first_config", "setup.new_secrets", "terminal.prompts"):
        monkeypatch.setattr(f"buckia_core.cli.{module}.can_ask", lambda _: True)
    monkeypatch.setattr("click.prompt", prompt)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    ran = buckia("init", "--provider", "bunny", "--name", "photos", "--set", "bucket_name=m", "--store", "file:keys")
    assert ran.code == 0, ran.err
    assert [question for question, hidden in asked if hidden] == ["Secret for photos: storage_api_key"]
    assert TEXT not in (project / ".buckia").read_text()
    assert Secret(TEXT) == Secret((project / "keys" / "photos.storage_api_key").read_text().strip())


def test_check_runs_doctor_and_shows_a_first_sync(buckia, project):
    (project / "files").mkdir()
    (project / "files" / "a").write_text("x")
    (project / "bucket").mkdir()
    given = ("init", "--provider", "file", "--name", "n", "--set", "root=bucket", "--set", "paths=[files/]", "--json")
    ran = buckia(*given, "--check")
    assert ran.code == 0, ran.err
    kinds = [each["type"] for each in ran.records]
    assert kinds[0] == "written" and "diagnosis" in kinds and kinds[-1] == "summary"
    assert ran.records[-1]["dry_run"] and ran.records[-1]["uploaded"] == 1
    assert list((project / "bucket").iterdir()) == []
    ran = buckia(*given, "--force")
    assert [each["type"] for each in ran.records] == ["written"]


def test_a_check_that_finds_a_problem_shows_no_sync(buckia, project):
    ran = buckia("init", "--provider", "file", "--name", "n", "--set", "root=missing", "--check", "--json")
    assert ran.code != 0
    assert (project / ".buckia").exists()
    assert "summary" not in [each["type"] for each in ran.records]
