"""Stores that can be written: one contract for all of them."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from buckia_core.config.secrets.references import PluginStores, SecretStores
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import ConfigError, MissingCredentials

SECRETS = ["hunter2-hunter2", "with space and\n line", "quote\"'$HOME `id` \\n #", "ключ", "ends in a line\n"]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def stores(tmp_path, op, keyring_file, age_identity):
    environ = op.environ | {"BUCKIA_AGE_IDENTITY": str(age_identity)}
    return SecretStores(tmp_path, environ, {"memory": MemoryStore()})


class MemoryStore:
    """Store of a plugin."""

    def __init__(self):
        self.entries = {}

    def read(self, name):
        if name not in self.entries:
            raise MissingCredentials(f"no entry {name}")
        return self.entries[name]

    def write(self, name, secret):
        self.entries[name] = secret.reveal()

    def delete(self, name):
        return self.entries.pop(name, None) is not None

    def new_name(self, place, bucket, setting):
        return f"{place}{bucket}/{setting}"


PLACES = {
    "keyring": "keyring:buckia/my photos/api_key",
    "keyring:work": "keyring:work/my photos/api_key",
    "file": "file:.buckia-secrets/my-photos-d3522f7d.api_key",
    "file:keys/": "file:keys/my-photos-d3522f7d.api_key",
    "dotenv": "dotenv:.env#B_MY_PHOTOS_12DBF6EB__API_KEY",
    "dotenv:conf/app.env": "dotenv:conf/app.env#B_MY_PHOTOS_12DBF6EB__API_KEY",
    "age": "age:.buckia-secrets.age#B_MY_PHOTOS_12DBF6EB__API_KEY",
    "age:team.age": "age:team.age#B_MY_PHOTOS_12DBF6EB__API_KEY",
    "op://Private": "op://Private/buckia my photos/api_key",
    "op://Private/Keys": "op://Private/Keys/api_key",
    "memory": "memory:my photos/api_key",
}


@pytest.mark.parametrize(("place", "reference"), PLACES.items())
def test_a_secret_is_written_replaced_and_deleted(stores, place, reference):
    assert stores.new_reference(place, "my photos", "api_key") == reference
    assert stores.is_writable(place)
    assert not stores.exists(reference)
    assert stores.delete(reference) is False
    for text in SECRETS[:2] if place.startswith("op:") else SECRETS:
        stores.write(reference, Secret(text))
        assert stores.read(reference) == Secret(text)
    other = stores.new_reference(place, "my photos", "other")
    stores.write(other, Secret("another-secret"))
    assert stores.delete(reference) is True
    assert not stores.exists(reference)
    assert stores.read(other) == Secret("another-secret")
    with pytest.raises(MissingCredentials):
        stores.read(reference)


@pytest.mark.parametrize("place", ["file", "dotenv", "age", "op://Private"])
def test_names_that_differ_have_different_places(stores, place):
    buckets = ("a/b", "a-b", "a_b", "a b", "A-B", "A", "a", "ключ", "", "b-a")
    names = {stores.new_reference(place, bucket, "api_key") for bucket in buckets}
    assert len({name.upper() for name in names}) == len(buckets) if place == "dotenv" else len(names) == len(buckets)
    assert all(re.fullmatch(r"[a-z]+:[/A-Za-z0-9_.# -]+", name) for name in names)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("env:A", "'env:A': the secret store 'env' can only be read"),
        ("reader:a", "'reader:a': the secret store 'reader' can only be read"),
        ("keyring:a", "'keyring:a' must have the form keyring:SERVICE/USER"),
        ("op://Private/item", "'op://Private/item' must have the form op://VAULT/ITEM/FIELD"),
        ("op://Private/-h/field", "'op://Private/-h/field' must have the form"),
        ("op://Nowhere/item/field", "op item create failed with code 1: .*isn't a vault"),
        ("file:", "'file:' names no file"),
        ("hunter2-hunter2", "this is no reference to a secret.*known stores: age, dotenv, env, file, .*reader"),
        ("forgetful:a", "'forgetful:a': the secret store does not return what was written to it"),
        ("failing:a", "'failing:a': the secret store failed with RuntimeError"),
    ],
)
def test_a_secret_that_can_not_be_written_is_not_shown(stores, op, reference, message):
    class Forgetful(MemoryStore):
        def read(self, name):
            return "something else"

    class Failing(MemoryStore):
        def write(self, name, secret):
            raise RuntimeError(secret.reveal())

    plugins: PluginStores = {"reader": lambda name: "text", "forgetful": Forgetful(), "failing": Failing()}
    stores = SecretStores(stores.base_dir, op.environ, plugins)
    with pytest.raises(ConfigError, match=message) as caught:
        stores.write(reference, Secret("hunter2-hunter2"))
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None or "hunter2" not in str(caught.value.__cause__)


def test_an_empty_secret_is_refused(stores):
    with pytest.raises(ConfigError, match="'keyring:a/b': a secret can't be empty"):
        stores.write("keyring:a/b", Secret(""))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_files_are_private_whatever_they_were(stores, tmp_path):
    key = tmp_path / "key"
    key.write_text("old")
    key.chmod(0o644)
    stores.write("file:key", Secret("hunter2-hunter2"))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    stores.write("file:new/deep/key", Secret("hunter2-hunter2"))
    assert stat.S_IMODE((tmp_path / "new/deep/key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".buckia")) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_a_file_that_others_can_write_is_not_written(stores, tmp_path):
    (tmp_path / "key").write_text("old")
    (tmp_path / "key").chmod(0o666)
    with pytest.raises(ConfigError, match=r"^'file:key': .*can be written by every user"):
        stores.write("file:key", Secret("hunter2-hunter2"))
    assert (tmp_path / "key").read_text() == "old"


def test_a_file_that_git_tracks_is_not_written(stores, tmp_path):
    def git(*arguments):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "key").write_text("old")
    (tmp_path / ".env").write_text("A=b")
    git("add", "key", ".env")
    with pytest.raises(ConfigError, match=r"'dotenv:C': git tracks .*run: git rm --cached \.env"):
        stores.write("dotenv:C", Secret("hunter2-hunter2"))
    with pytest.raises(ConfigError, match=r"'file:key': git tracks .*run: git rm --cached key"):
        stores.write("file:key", Secret("hunter2-hunter2"))
    assert (tmp_path / "key").read_text() == "old"
    # The default directory is ignored by git.
    stores.write(stores.new_reference("file", "photos", "key"), Secret("hunter2-hunter2"))
    git("add", "-A")
    listed = subprocess.run(["git", "ls-files"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert ".buckia-secrets" not in listed


@pytest.mark.skipif(os.name == "nt", reason="the command is a shell script")
def test_the_configuration_of_a_repository_runs_no_command(stores, tmp_path):
    ran = tmp_path / "ran"
    monitor = tmp_path / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch '{ran}'\n")
    monitor.chmod(0o755)
    for arguments in (["init", "-q"], ["config", "core.fsmonitor", str(monitor)]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "other").write_text("x")
    subprocess.run(["git", "-c", "core.fsmonitor=false", "add", "other"], cwd=tmp_path, check=True)
    stores.write("file:key", Secret("hunter2-hunter2"))
    assert not ran.exists()


def test_a_file_of_which_git_can_not_tell_is_not_written(stores, tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / ".git" / "index").write_bytes(b"damaged")
    with pytest.raises(ConfigError, match=r"'file:key': git does not tell whether it tracks .*index"):
        stores.write("file:key", Secret("hunter2-hunter2"))
    assert not (tmp_path / "key").exists()


def test_a_directory_that_is_no_repository_takes_secrets(stores, tmp_path):
    (tmp_path / ".git").mkdir()
    stores.write("file:key", Secret("hunter2-hunter2"))
    assert stores.exists("file:key")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
@pytest.mark.parametrize("scheme", ["file", "age"])
def test_a_link_is_not_deleted_in_place_of_the_secret(stores, tmp_path, scheme):
    stores.write(f"{scheme}:real", Secret("hunter2-hunter2"))
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(ConfigError, match=r"is a symbolic link to .*real, which has the secret"):
        stores.delete(f"{scheme}:link")
    assert stores.read(f"{scheme}:link") == Secret("hunter2-hunter2")


class TestOnePassword:
    def test_secrets_are_not_arguments(self, stores, op):
        for text in ("hunter2-hunter2", "another-secret-2"):
            stores.write("op://Private/Keys/My section/api.key", Secret(text))
        stores.write("op://Private/Keys/other", Secret("hunter2-hunter3"))
        assert stores.delete("op://Private/Keys/My section/api.key")
        argv = str([call["argv"] for call in op.calls])
        assert "hunter2" not in argv
        assert "another-secret-2" not in argv
        assert "hunter2-hunter2" in str([call["stdin"] for call in op.calls])

    def test_other_fields_of_an_item_are_kept(self, stores, op):
        field = {"id": "username", "label": "username", "type": "STRING", "value": "me"}
        op.items = [
            {"id": "x1", "title": "Mine", "vault": {"name": "Private"}, "fields": [field], "tags": [], "notes": "kept"}
        ]
        stores.write("op://Private/Mine/key", Secret("hunter2-hunter2"))
        assert op.items[0]["fields"][0] == field
        assert op.items[0]["notes"] == "kept"
        assert stores.delete("op://Private/Mine/key")
        assert op.items[0]["fields"] == [field]

    def test_a_built_in_field_is_emptied(self, stores, op):
        fields = [
            {"id": "credential", "label": "credential", "type": "CONCEALED", "value": "hunter2-hunter2"},
            {"id": "username", "label": "username", "type": "STRING", "value": "me"},
        ]
        op.items = [{"id": "x1", "title": "Mine", "vault": {"name": "Private"}, "fields": fields}]
        assert stores.delete("op://Private/Mine/credential")
        assert [each["value"] for each in op.items[0]["fields"]] == ["", "me"]
        assert not stores.exists("op://Private/Mine/credential")

    def test_an_item_of_buckia_is_archived_with_its_last_secret(self, stores, op):
        stores.write("op://Private/New/key", Secret("hunter2-hunter2"))
        assert stores.delete("op://Private/New/key")
        assert op.items == []

    def test_an_item_with_hidden_values_is_not_edited(self, stores, op):
        field = {"id": "a", "label": "a", "type": "CONCEALED", "value": "[use 'op item get x1 --reveal' to reveal]"}
        op.items = [{"id": "x1", "title": "Mine", "vault": {"name": "Private"}, "fields": [field]}]
        with pytest.raises(ConfigError, match="update the command 'op'"):
            stores.write("op://Private/Mine/key", Secret("hunter2-hunter2"))
        assert op.items[0]["fields"] == [field]

    @pytest.mark.parametrize("use", [lambda s, r: s.read(r), lambda s, r: s.write(r, Secret("x")), SecretStores.exists])
    def test_a_locked_vault_is_no_missing_secret(self, stores, op, use):
        op.lock("You are not currently signed in. Please run `op signin --help` for instructions")
        with pytest.raises(ConfigError, match="Unlock 1Password, or run: op signin") as caught:
            use(stores, "op://Private/New/key")
        assert not isinstance(caught.value, MissingCredentials)

    def test_a_place_without_a_vault_is_refused(self, stores):
        for place in ("op://", "op://a/b/c"):
            with pytest.raises(ConfigError, match="must name a vault, such as op://Private"):
                stores.new_reference(place, "photos", "key")


def test_a_real_key_ring_without_a_backend_says_so(tmp_path, monkeypatch):
    keyring = pytest.importorskip("keyring")
    from keyring.backends import fail

    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    try:
        with pytest.raises(ConfigError, match=r"'keyring:a/b': .*: this machine has none; use another store"):
            SecretStores(tmp_path).write("keyring:a/b", Secret("hunter2-hunter2"))
    finally:
        keyring.set_keyring(before)


def test_nothing_is_left_beside_the_file(stores, tmp_path):
    before = {path.name for path in Path(tmp_path).iterdir()}
    for reference in ("file:key", "age:key"):
        stores.write(reference, Secret("hunter2-hunter2"))
        stores.delete(reference)
    assert {path.name for path in Path(tmp_path).iterdir()} == before
