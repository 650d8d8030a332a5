"""`buckia token`, and that no secret gets out of it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from buckia_core.cli.terminal import prompts
from buckia_core.config import load
from buckia_core.config.secrets.references import SecretStores
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import ConfigError, MissingCredentials

pytest.importorskip("dotenv")
pytest.importorskip("buckia_s3.config.settings")

TEXT = "hunter2-hunter2-hunter2"
FILE = """\
# Ours.
photos:
  provider: s3
  bucket_name: my-photos
  access_key_id: dotenv:KEY_ID
  secret_access_key: dotenv:SECRET   # in .env
shared:
  provider: s3
  bucket_name: b
  access_key_id: plain-id
  secret_access_key: another-plain-secret
  session_token: ${TOKEN}
env: {provider: s3, bucket_name: c, session_token: env:TOKEN}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("BUCKIA_CONFIG_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("TOKEN", "token-of-the-environment")
    directory = tmp_path / "project"
    (directory / "sub").mkdir(parents=True)
    (directory / ".buckia").write_text(FILE)
    monkeypatch.chdir(directory / "sub")
    return directory


@pytest.fixture
def pipe(monkeypatch):
    def give(data: bytes) -> None:
        stdin = SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False)
        monkeypatch.setattr(sys, "stdin", stdin)

    return give


def test_a_secret_is_stored_printed_listed_and_deleted(buckia, project, pipe):
    pipe(TEXT.encode() + b"\n")
    assert buckia("token", "set", "dotenv:SECRET", "--json").records == [
        {"type": "secret_stored", "reference": "dotenv:SECRET"}
    ]
    assert (project / ".env").read_text() == f"SECRET={TEXT}\n"
    for target in (["dotenv:SECRET"], ["secret_access_key", "-b", "photos"]):
        assert buckia("token", "get", *target).out == f"{TEXT}\n"
    assert buckia("token", "get", "dotenv:SECRET", "--json").records == [
        {"type": "secret", "reference": "dotenv:SECRET", "value": TEXT}
    ]
    assert buckia("token", "delete", "dotenv:SECRET").code == 2
    ran = buckia("token", "delete", "dotenv:SECRET", "--yes")
    assert (ran.code, ran.out) == (0, "deleted: dotenv:SECRET\n")
    ran = buckia("token", "delete", "dotenv:SECRET", "--yes")
    assert (ran.code, ran.out) == (6, "there is no secret dotenv:SECRET\n")
    assert buckia("token", "get", "dotenv:SECRET").code == 3


def test_the_references_in_use_are_listed_without_secrets(buckia, project):
    (project / ".env").write_text(f"SECRET={TEXT}\n")
    ran = buckia("token", "list", "--json")
    assert [(each["bucket"], each["setting"], each["reference"], each["resolves"]) for each in ran.records] == [
        ("photos", "access_key_id", "dotenv:KEY_ID", False),
        ("photos", "secret_access_key", "dotenv:SECRET", True),
        ("shared", "secret_access_key", None, None),
        ("shared", "session_token", "${TOKEN}", True),
        ("env", "session_token", "env:TOKEN", True),
    ]
    assert ran.code == 3
    assert "'dotenv:KEY_ID': the file has no 'KEY_ID'" in ran.records[0]["problem"]
    assert "buckia -b shared token set secret_access_key" in ran.records[2]["problem"]
    plain = buckia("token", "list", "-b", "shared")
    assert plain.code == 0
    for secret in (TEXT, "another-plain-secret", "token-of-the-environment"):
        assert secret not in ran.out + ran.err + plain.out + plain.err


def test_references_of_accounts_are_listed_too(buckia, project, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.toml").write_text(
        "[accounts.work]\nprovider = 's3'\nregion = 'eu'\ntoken = 'env:TOKEN'\nother_key = 'file:gone'\n"
    )
    rows = [each for each in buckia("token", "list", "--json").records if each["bucket"] is None]
    assert [(each["setting"], each["reference"], each["resolves"]) for each in rows] == [
        ("accounts.work.token", "env:TOKEN", True),
        ("accounts.work.other_key", "file:gone", False),
    ]
    assert str(tmp_path / "own" / "gone") in rows[1]["problem"]
    assert [each["bucket"] for each in buckia("token", "list", "--json", "-b", "env").records] == ["env"]


def test_secrets_are_not_read_with_no_check(buckia, project):
    ran = buckia("token", "list", "--no-check", "--json", "-b", "photos")
    assert (ran.code, [each["resolves"] for each in ran.records]) == (0, [None, None])


def test_a_secret_moves_from_the_file_into_a_store(buckia, project, pipe):
    pipe(TEXT.encode())
    ran = buckia("-b", "shared", "token", "set", "secret_access_key", "--store", "dotenv", "--json")
    reference = "dotenv:.env#SHARED__SECRET_ACCESS_KEY"
    assert ran.records == [{"type": "secret_stored", "reference": reference}]
    assert (project / ".buckia").read_text() == FILE.replace("another-plain-secret", reference)
    assert SecretStores(project).read(reference) == Secret(TEXT)


def test_a_setting_with_a_reference_gets_a_new_secret_and_the_file_stays(buckia, project, pipe):
    pipe(TEXT.encode())
    assert buckia("-b", "photos", "token", "set", "secret_access_key").code == 0
    assert (project / ".buckia").read_text() == FILE
    assert SecretStores(project).read("dotenv:SECRET") == Secret(TEXT)


def test_a_setting_without_a_value_goes_into_the_default_store(buckia, project, pipe, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.toml").write_text('default_store = "file:keys"\n')
    pipe(TEXT.encode())
    assert buckia("-b", "photos", "token", "set", "session_token").code == 0
    assert load(project / ".buckia").buckets["photos"].settings["session_token"] == "file:keys/photos.session_token"
    assert (project / "keys" / "photos.session_token").read_text() == TEXT


@pytest.mark.parametrize(
    ("arguments", "data", "code", "message"),
    [
        (["set", "env:A"], b"x", 2, "'env:A': the secret store 'env' can only be read"),
        (["set", "valt:A"], b"x", 2, "this is no reference to a secret"),
        (["set", "dotenv:A"], b"", 2, "Standard input is empty, or is not text in UTF-8"),
        (["set", "dotenv:A"], b"\xff", 2, "Standard input is empty, or is not text in UTF-8"),
        (["set", "dotenv:A"], b"x" * 70_000, 2, "Standard input is larger than 64 KiB"),
        (["set", "dotenv:A", "--store", "keyring"], b"x", 2, "--store chooses the store of a SETTING"),
        (["set", "secret_access_kee", "-b", "photos"], b"x", 2, "Did you mean 'secret_access_key'"),
        (["set", "session_token", "-b", "shared"], b"x", 2, "'session_token' is ${TOKEN}, so set that variable"),
        (["set", "session_token", "-b", "env"], b"x", 2, "is env:TOKEN, which can only be read; --store moves"),
        (["set", "session_token"], b"x", 2, "Choose it with --bucket: photos, shared, env"),
        (["get", "secret_access_key", "-b", "shared"], b"", 2, "is no reference to a store"),
        (["get", "session_token", "-b", "photos"], b"", 2, "bucket 'photos' has no secret setting 'session_token'"),
    ],
)
def test_what_can_not_be_is_refused(buckia, project, pipe, arguments, data, code, message):
    pipe(data)
    ran = buckia("token", *arguments)
    assert (ran.code, message in ran.err) == (code, True), ran.err
    assert (project / ".buckia").read_text() == FILE


def test_a_secret_can_not_be_an_argument(buckia, project):
    assert buckia("token", "set", "dotenv:SECRET", TEXT).code == 2
    assert not (project / ".env").exists()


def test_at_a_terminal_the_secret_is_asked_for_without_echo(buckia, project, monkeypatch):
    asked = []

    def prompt(text, **options):
        asked.append((text, options["hide_input"]))
        return TEXT

    monkeypatch.setattr(prompts, "can_ask", lambda output: True)
    monkeypatch.setattr("click.prompt", prompt)
    ran = buckia("token", "set", "dotenv:SECRET")
    assert asked == [("Secret for dotenv:SECRET", True)]
    assert TEXT not in ran.out + ran.err


def test_nothing_of_a_secret_is_left_anywhere(project, tmp_path):
    """Everything that a store and a failing sync write and print is searched, also with -vvv and a log file."""
    (project / ".buckia").write_text(
        "photos: {provider: s3, bucket_name: b, region: x, endpoint_url: 'http://127.0.0.1:1', retry_attempts: 1, "
        "access_key_id: AKIA0000, secret_access_key: 'dotenv:SECRET'}\n"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    spied = tmp_path / "spied"
    spied.mkdir()
    # Each process writes down how it was called, as `ps` would show it.
    (spied / "sitecustomize.py").write_text(
        f"import os, sys\nwith open({str(tmp_path / 'argv')!r}, 'a') as log: print(sys.orig_argv, file=log)\n"
    )
    environment |= {"PYTHONPATH": str(spied), "HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    shown = ""
    for arguments, given, code in (
        (["token", "set", "secret_access_key", "-vvv"], TEXT, 0),
        (["token", "set", "file:/dev/null/no", "-vvv"], TEXT, 2),
        (["sync", "--yes", "-vvv", "--json", "--log-file", str(tmp_path / "log")], "", 4),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "buckia", *arguments],
            input=given, capture_output=True, text=True, check=False, cwd=project, env=environment, timeout=60,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        shown += done.stdout + done.stderr
    assert TEXT not in shown
    assert "hunter2" not in shown
    holders = set()
    for directory, _, names in os.walk(tmp_path):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                if b"hunter2" in file.read():
                    holders.add(os.path.relpath(path, tmp_path))
    assert holders == {os.path.join("project", ".env")}
    assert "buckia" in (tmp_path / "argv").read_text()


@pytest.mark.parametrize("store", ["file:{}/shared", "dotenv:{}/shared.env"])
def test_projects_with_a_bucket_of_the_same_name_have_secrets_of_their_own(buckia, project, pipe, tmp_path, store):
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        config = tmp_path / name / ".buckia"
        config.write_text("photos: {provider: s3, bucket_name: b}\n")
        for secret in (f"{name}-old", f"{name}-new"):
            pipe(secret.encode())
            named = [str(each) for each in load(config).buckets["photos"].settings.values() if "shared" in str(each)]
            target = named or ["session_token", "--store", store.format(tmp_path)]
            assert buckia("--config", str(config), "token", "set", *target).code == 0
        found.append(str(load(config).buckets["photos"].settings["session_token"]))
    assert [SecretStores(tmp_path).read(each).reveal() for each in found] == ["one-new", "two-new"]


def test_a_name_that_is_taken_is_refused_where_there_is_no_other(project):
    class OneName:
        """Store of a plugin whose names have no bucket."""

        def read(self, name):
            if name != "key":
                raise MissingCredentials(name)
            return "of another project"

        def write(self, name, secret):
            raise NotImplementedError

        def delete(self, name):
            raise NotImplementedError

        def new_name(self, place, bucket, setting):
            return setting

    stores = SecretStores(project, plugins={"one": OneName()})
    with pytest.raises(ConfigError, match="there is a secret one:key already; choose another place"):
        stores.free_reference("one", "photos", "key")
    assert stores.free_reference("one", "photos", "other") == "one:other"


@pytest.mark.parametrize(
    ("file", "bucket"),
    [
        ("a: &x {provider: s3, bucket_name: m}\nb: *x\n", "b"),
        ("a: &x {provider: s3, bucket_name: m}\nb: *x\n", "a"),
    ],
)
def test_no_secret_is_stored_if_the_file_can_not_refer_to_it(buckia, project, pipe, file, bucket):
    (project / ".buckia").write_text(file)
    pipe(TEXT.encode())
    ran = buckia("-b", bucket, "token", "set", "session_token", "--store", "file:keys")
    assert ran.code != 0
    assert not (project / "keys").exists()
    assert (project / ".buckia").read_text() == file


def test_a_secret_is_deleted_again_if_the_file_can_not_be_written(buckia, project, pipe, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("buckia_core.config.editor.edit_config", fail)
    pipe(TEXT.encode())
    assert buckia("-b", "photos", "token", "set", "session_token", "--store", "file:keys").code != 0
    assert list((project / "keys").iterdir()) == []


def test_the_name_of_a_single_bucket_may_be_a_variable(buckia, project, pipe, monkeypatch):
    monkeypatch.setenv("MYB", "realname")
    (project / ".buckia").write_text("provider: s3\nbucket_name: ${MYB}\n")
    pipe(TEXT.encode())
    assert buckia("token", "set", "session_token", "--store", "file:keys").code == 0
    assert (project / ".buckia").read_text() == (
        "provider: s3\nbucket_name: ${MYB}\nsession_token: file:keys/realname.session_token\n"
    )


@pytest.mark.parametrize("scheme", ["file:{}", "file:../outside/bashrc", "file:link", "dotenv:{}#A", "age:{}"])
def test_a_file_outside_of_the_project_changes_only_if_the_user_names_it(
    buckia, project, pipe, tmp_path, monkeypatch, scheme
):
    outside = tmp_path / "outside" / "bashrc"
    outside.parent.mkdir()
    outside.write_text("A=1\n")
    (project / "link").symlink_to(outside)
    reference = scheme.format(outside)
    (project / ".buckia").write_text(f"photos: {{provider: s3, bucket_name: b, session_token: '{reference}'}}\n")
    pipe(TEXT.encode())
    for arguments in (["set", "session_token"], ["delete", "session_token", "--yes"]):
        ran = buckia("token", *arguments)
        assert (ran.code, "is outside of the project" in ran.err) == (2, True), ran.err
        assert f"buckia token {arguments[0]} " in ran.err
    asked = []
    monkeypatch.setattr("buckia_core.cli.commands.token.can_ask", lambda output: True)
    monkeypatch.setattr("buckia_core.cli.context.CliContext.confirm", lambda self, text, yes: asked.append((text, yes)))
    assert buckia("token", "set", "session_token").code == 0
    assert asked == [(f"{reference} is {outside}, outside of the project. Change this file?", False)]
    assert outside.read_text() == "A=1\n"


def test_a_file_outside_of_the_project_is_changed_if_it_is_named(buckia, project, pipe, tmp_path):
    (tmp_path / "secret").write_text("old")
    pipe(TEXT.encode())
    assert buckia("token", "set", f"file:{tmp_path / 'secret'}").code == 0
    assert (tmp_path / "secret").read_text() == TEXT
