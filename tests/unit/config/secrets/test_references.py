"""Secrets: that they do not show, and where they come from."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
import traceback
from types import SimpleNamespace

import pytest

from buckia_core.config.secrets.references import is_reference, resolve_reference
from buckia_core.config.secrets.secret import Secret, known_secrets
from buckia_core.config.secrets.stores import onepassword
from buckia_core.errors import ConfigError, MissingCredentials

TEXT = "hunter2-hunter2"


class TestSecret:
    @pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, "%s".__mod__, lambda each: repr([each])])
    def test_does_not_show(self, show):
        assert TEXT not in show(Secret(TEXT))

    def test_shows_when_asked(self):
        assert Secret(TEXT).reveal() == TEXT

    def test_can_not_be_pickled(self):
        with pytest.raises(TypeError, match="pickle the reference"):
            pickle.dumps(Secret(TEXT))

    def test_is_its_own_copy(self):
        secret = Secret(TEXT)
        assert copy.copy(secret) is secret
        assert copy.deepcopy([secret])[0] is secret

    def test_is_compared_by_its_text_and_is_no_text(self):
        assert Secret(TEXT) == Secret(TEXT)
        assert hash(Secret(TEXT)) == hash(Secret(TEXT))
        assert Secret(TEXT) != Secret("other")
        assert Secret(TEXT) != TEXT
        assert not Secret("")

    def test_is_known_as_long_as_it_lives(self):
        one, same = Secret("a secret of this test"), Secret("a secret of this test")
        assert [secret for secret in known_secrets() if secret == one] == [one, same]
        del one
        gc.collect()
        assert [secret for secret in known_secrets() if secret == same] == [same]
        del same
        gc.collect()
        assert "a secret of this test" not in [secret.reveal() for secret in known_secrets()]


def fetch(text, tmp_path=None, **arguments):
    return resolve_reference(text, base_dir=tmp_path, **({"environ": {}} | arguments)).reveal()


@pytest.mark.parametrize(
    "text", ["plain", "a:b", "environment:X", "opaque", "op:x", "ENV:X", ":x", "", "files:x", "a//b"]
)
def test_a_text_that_is_no_reference_is_the_secret(text):
    assert fetch(text) == text
    assert not is_reference(text)


@pytest.mark.parametrize("text", ["env:A", "file:a", "keyring:a/b", "op://v/i/f", "env:"])
def test_references_differ_from_secrets(text):
    assert is_reference(text)
    assert is_reference("vault:x", {"vault": str})
    assert not is_reference("vault:x")


def test_env(monkeypatch):
    assert fetch("env:A", environ={"A": TEXT}) == TEXT
    monkeypatch.setenv("BUCKIA_TEST_SECRET", TEXT)
    assert fetch("env:BUCKIA_TEST_SECRET", environ=None) == TEXT


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"text", "text"),
        (b"text\n", "text"),
        (b"text\r\n", "text"),
        (b"text\n\n", "text\n"),
        (b" text ", " text "),
        (b"\xef\xbb\xbftext", "text"),
        ("ключ".encode(), "ключ"),
    ],
)
def test_file(tmp_path, content, secret):
    (tmp_path / "key").write_bytes(content)
    assert fetch("file:key", tmp_path) == secret
    assert fetch(f"file:{tmp_path / 'key'}", tmp_path / "elsewhere") == secret


def test_file_below_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "key").write_text(TEXT)
    assert fetch("file:~/key", tmp_path / "x") == TEXT


@pytest.fixture
def keyring(monkeypatch):
    class KeyringError(Exception):
        pass

    def get_password(service, user):
        if service == "locked":
            raise KeyringError("the key ring is locked")
        return {("buckia/s3", "me"): TEXT}.get((service, user))

    errors = SimpleNamespace(KeyringError=KeyringError, NoKeyringError=type("NoKeyringError", (KeyringError,), {}))
    module = SimpleNamespace(get_password=get_password, errors=errors)
    monkeypatch.setitem(sys.modules, "keyring", module)


@pytest.mark.usefixtures("keyring")
def test_keyring():
    assert fetch("keyring:buckia/s3/me") == TEXT


@pytest.fixture
def op(tmp_path, monkeypatch):
    """A directory with a command `op` that answers as 1Password's does."""
    script = tmp_path / "op_script.py"
    script.write_text(
        "import os, sys\n"
        "assert sys.argv[1:3] == ['read', '--no-newline'], sys.argv\n"
        "reference = sys.argv[3]\n"
        "if 'gone' in reference:\n"
        "    sys.exit('[ERROR] could not find the item\\nin the vault')\n"
        "if 'empty' not in reference:\n"
        "    sys.stdout.write(os.environ['OP_TOKEN'] + '/' + reference)\n"
    )
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    if os.name == "nt":
        (bin_dir / "op.bat").write_text(f'@"{sys.executable}" "{script}" %*\n')
    else:
        (bin_dir / "op").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
        (bin_dir / "op").chmod(0o755)
    return {"PATH": str(bin_dir), "OP_TOKEN": "token"}


def test_1password(op):
    assert fetch("op://vault/item/field", environ=op) == "token/op://vault/item/field"


@pytest.mark.skipif(os.name == "nt", reason="batch files, which stand for `op` in this test, do their own expansion")
def test_1password_is_run_without_a_shell(op, tmp_path):
    reference = f"op://vault/a b;touch {tmp_path}/made/$(id)`id`/field"
    assert fetch(reference, environ=op) == f"token/{reference}"
    assert not (tmp_path / "made").exists()


def test_1password_that_does_not_answer_is_given_up(op, monkeypatch):
    def hang(*command, timeout, **options):
        assert timeout == onepassword.OP_SECONDS
        raise subprocess.TimeoutExpired("op", timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(ConfigError, match="'op://v/i/f': the command 'op' can't be run: TimeoutExpired"):
        fetch("op://v/i/f", environ=op)


def test_stores_of_plugins_have_their_schemes_but_not_the_built_in_ones():
    stores = {"vault": lambda rest: f"{rest}!", "env": lambda rest: "stolen", "op": lambda rest: f"op {rest}"}
    assert fetch("vault:a:b", stores=stores) == "a:b!"
    assert fetch("env:A", stores=stores, environ={"A": TEXT}) == TEXT
    assert fetch("op:x", stores=stores) == "op x"


def broken_store(rest):
    raise RuntimeError(f"no answer for {TEXT}")


def careful_store(rest):
    raise ConfigError("log in to the vault first")


@pytest.mark.usefixtures("keyring")
@pytest.mark.parametrize(
    ("reference", "kind", "message"),
    [
        ("env:GONE", MissingCredentials, "'env:GONE': the environment variable 'GONE' is not set, or is empty"),
        ("env:EMPTY", MissingCredentials, "'env:EMPTY': the environment variable 'EMPTY' is not set, or is empty"),
        ("env:", MissingCredentials, "'env:': the environment variable '' is not set"),
        ("file:gone", MissingCredentials, "'file:gone': {tmp}gone can't be read: No such file or directory"),
        ("file:empty", MissingCredentials, "'file:empty': {tmp}empty is empty"),
        ("file:binary", ConfigError, "'file:binary': {tmp}binary:1: is not text in UTF-8"),
        ("keyring:a/b", MissingCredentials, "'keyring:a/b': the key ring has no entry for it; add it with"),
        ("keyring:locked/b", ConfigError, "'keyring:locked/b': the key ring can't be read: KeyringError: the"),
        ("keyring:a", ConfigError, "'keyring:a' must have the form keyring:SERVICE/USER"),
        ("keyring:/b", ConfigError, "'keyring:/b' must have the form keyring:SERVICE/USER"),
        ("op://v/gone/f", MissingCredentials, "'op://v/gone/f': op read failed with code 1: [ERROR] could not"),
        ("op://v/empty/f", MissingCredentials, "'op://v/empty/f': op read returned an empty string"),
        ("broken:x", ConfigError, "'broken:x': the secret store failed with RuntimeError"),
        ("careful:x", ConfigError, "log in to the vault first"),
        ("none:x", MissingCredentials, "'none:x': the secret store returned no string"),
        ("nothing:x", MissingCredentials, "'nothing:x': the secret store returned no string"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(tmp_path, op, reference, kind, message):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"hunter2-hunter2\xff")
    stores = {"broken": broken_store, "careful": careful_store, "none": lambda rest: None, "nothing": lambda rest: ""}
    with pytest.raises(kind) as caught:
        resolve_reference(reference, base_dir=tmp_path, environ={"EMPTY": ""} | op, stores=stores)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(message.replace("{tmp}", str(tmp_path) + os.sep))
    assert TEXT not in str(caught.value)
    if reference.startswith("file:"):
        assert TEXT not in "".join(traceback.format_exception(caught.value))


def test_without_the_package_keyring_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match=r'not installed: pip install "buckia-core\[keyring\]"'):
        fetch("keyring:a/b")


def test_without_the_command_op_the_error_says_so(tmp_path):
    with pytest.raises(ConfigError, match="'op://v/i/f' needs the 1Password command line: there is no command 'op'"):
        fetch("op://v/i/f", environ={"PATH": str(tmp_path)})
