"""`.env` files: what python-dotenv reads is what was written, and the rest of the file stays."""

from __future__ import annotations

import io
import os

import dotenv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.config.secrets.references import SecretStores
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.secrets.stores.dotenv import delete_entry, set_entry
from buckia_core.errors import ConfigError, MissingCredentials

FILE = """\
# Keys of the app.

export FIRST='one'   # from the first account
SECOND="two $HOME"
EMPTY=
NAKED
this is no assignment

DOUBLE=old
DOUBLE=new # the last one counts
LAST=end"""


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("FIRST", "export FIRST='one'   # from", "export FIRST=changed   # from"),
        ("SECOND", 'SECOND="two $HOME"\n', "SECOND=changed\n"),
        ("EMPTY", "EMPTY=\n", "EMPTY=changed\n"),
        ("DOUBLE", "DOUBLE=new #", "DOUBLE=changed #"),
        ("LAST", "LAST=end", "LAST=changed"),
        ("NEW", "LAST=end", "LAST=end\nNEW=changed\n"),
        ("NAKED", "LAST=end", "LAST=end\nNAKED=changed\n"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_only_the_value_changes(key, before, after, newline):
    text = FILE.replace("\n", newline)
    edited = set_entry(text, key, Secret("changed"), "dotenv:x")
    assert edited == text.replace(before.replace("\n", newline), after.replace("\n", newline))
    assert dotenv.dotenv_values(stream=io.StringIO(edited), interpolate=False)[key] == "changed"


def test_an_entry_is_deleted_alone():
    assert delete_entry(FILE, "FIRST", "x") == FILE.replace("export FIRST='one'   # from the first account\n", "")
    assert delete_entry(FILE, "DOUBLE", "x") == FILE.replace("DOUBLE=old\nDOUBLE=new # the last one counts\n", "")
    assert delete_entry(FILE, "NONE", "x") == FILE


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1))
def test_every_text_comes_back(text):
    edited = set_entry("A='x'\nB=y\n", "A", Secret(text), "x")
    assert dotenv.dotenv_values(stream=io.StringIO(edited, newline=""), interpolate=False) == {"A": text, "B": "y"}


def test_the_default_file_stands_beside_the_configuration(tmp_path):
    stores = SecretStores(tmp_path)
    (tmp_path / ".env").write_text(FILE)
    assert stores.read("dotenv:FIRST") == Secret("one")
    assert stores.read("dotenv:SECOND") == Secret("two $HOME")
    assert stores.read(f"dotenv:{tmp_path}/.env#DOUBLE") == Secret("new")


@pytest.mark.parametrize(
    ("reference", "kind", "message"),
    [
        ("dotenv:NONE", MissingCredentials, "'dotenv:NONE': the file has no 'NONE', or it is empty"),
        ("dotenv:EMPTY", MissingCredentials, "'dotenv:EMPTY': the file has no 'EMPTY', or it is empty"),
        ("dotenv:NAKED", MissingCredentials, "'dotenv:NAKED': the file has no 'NAKED'"),
        ("dotenv:gone#A", MissingCredentials, "'dotenv:gone#A': .*gone can't be read"),
        ("dotenv:#A", ConfigError, "'dotenv:#A' names no file"),
    ],
)
def test_an_entry_that_is_missing_is_named(tmp_path, reference, kind, message):
    (tmp_path / ".env").write_text(FILE)
    with pytest.raises(kind, match=message) as caught:
        SecretStores(tmp_path).read(reference)
    assert type(caught.value) is kind


def test_a_name_that_is_no_variable_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="'my key' can't be the name of a variable"):
        SecretStores(tmp_path).write("dotenv:my key", Secret("hunter2"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("secret", ["it's", "a\\b", "plain", 'q"', "two\nlines"])
def test_a_quote_that_is_not_closed_damages_nothing(tmp_path, secret):
    """Either the file then has all values, or it stays as it was."""
    pytest.importorskip("dotenv")
    env = tmp_path / ".env"
    env.write_text('A=1\nG="never closed\nB=2\n')
    before = env.read_text()
    try:
        SecretStores(tmp_path).write("dotenv:KEY", Secret(secret))
    except ConfigError as error:
        assert "a quote that is not closed" in str(error) and secret not in str(error)  # noqa: PT017
        assert env.read_text() == before
    else:
        assert dotenv.dotenv_values(env, interpolate=False)["KEY"] == secret
        assert dotenv.dotenv_values(env, interpolate=False)["B"] == "2"


def test_a_value_that_would_be_hidden_is_not_written(tmp_path):
    (tmp_path / ".env").write_text('G="never closed\n')
    with pytest.raises(ConfigError, match="a quote that is not closed"):
        SecretStores(tmp_path).write("dotenv:KEY", Secret("it's"))
    assert (tmp_path / ".env").read_text() == 'G="never closed\n'
