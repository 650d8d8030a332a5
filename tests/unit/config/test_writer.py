"""`render`: the file that `buckia init` writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.config import Secret, load
from buckia_core.config.settings import setting
from buckia_core.config.writer import render
from buckia_core.config.yaml_reader import parse_yaml
from buckia_core.errors import InvalidSetting
from buckia_core.planning.policy import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    region: str = setting(help="Where the box stands.", default="de")
    token: Secret | None = setting(help="Access token.", env=("BOX_TOKEN",), aliases=("key",))


def test_the_rendered_file():
    values = {"bucket_name": "media-1", "region": "us", "token": "env:T", "x": None}
    assert (
        render("box", "media", values, settings=Box)
        == """\
# yaml-language-server: $schema=https://raw.githubusercontent.com/thepian/buckia/main/docs/buckia.schema.json
# Buckets to sync, each under a name of your choice. Paths are relative to this
# file. Keep secrets out of it: write env:NAME, file:PATH, keyring:SERVICE/USER
# or op://VAULT/ITEM/FIELD instead.
media:
  provider: box
  # Name of the bucket at the provider.
  bucket_name: media-1
  # Where the box stands.
  region: us
  # Access token.
  token: env:T

  # Without paths, this whole folder is synced with the whole bucket. A folder in
  # paths stands for the root of the bucket: with `paths: [images/]`,
  # images/cat.png is stored as cat.png. This keeps images/ in the key:
  # paths: [{local: images/, remote: images/}]
  # exclude: ["*.tmp"]   # .gitignore patterns, also in a file .buckiaignore
  # direction: up        # or down; both ways by default
"""
    )


def test_it_loads_as_what_was_given(tmp_path):
    values = {"bucket_name": "b", "paths": ["a/", {"local": "b", "remote": "c"}], "direction": Direction.UP,
              "delete_orphaned": True, "max_workers": 4, "root": Path("x"), "exclude": ("*.tmp",)}  # fmt: skip
    path = tmp_path / ".buckia"
    path.write_text(render("box", "media", values), encoding="utf-8")
    bucket = load(path).bucket("media")
    assert (bucket.bucket_name, bucket.direction) == ("b", Direction.UP)
    assert (bucket.delete_orphaned, bucket.max_workers) == (True, 4)
    assert [(rule.local, rule.remote) for rule in bucket.paths] == [("a/", ""), ("b", "c/")]
    assert (bucket.exclude, bucket.settings["root"]) == (("*.tmp",), "x")


def test_its_examples_are_valid_when_they_are_taken_in(tmp_path):
    lines = render("box", "media", {}).splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("  # paths:"))
    taken_in = lines[:first] + [line.replace("# ", "", 1) for line in lines[first:]]
    path = tmp_path / ".buckia"
    path.write_text("\n".join(taken_in))
    bucket = load(path).bucket("media")
    assert [(rule.local, rule.remote) for rule in bucket.paths] == [("images/", "images/")]
    assert (bucket.exclude, bucket.direction) == (("*.tmp",), Direction.UP)


def test_examples_of_what_is_given_are_left_out():
    text = render("box", "media", {"paths": ["a"], "exclude": ["b"], "direction": "up"})
    assert text.endswith("direction: up\n")
    rest = text.split("provider:")[1].replace("# Local", "").replace("# Leave out", "")
    assert "#" not in rest.replace("# Direction", "")


TEXTS = st.text(min_size=1, max_size=200)


@given(provider=TEXTS, name=TEXTS, value=TEXTS, nested=st.dictionaries(TEXTS, TEXTS, max_size=2))
def test_any_text_is_written_as_it_is(provider, name, value, nested):
    text = render(provider, name, {"a": value, "b": [value], "c": nested})
    assert parse_yaml(text, "f").value == {name: {"provider": provider, "a": value, "b": [value], "c": nested}}


@pytest.mark.parametrize(
    "name", ["<<", "no", "null", "~", "1", "a: b", "#", "provider", "- a", "'", "\n", "☃", "x" * 300, "=", "..."]
)
def test_names_that_mean_something_in_yaml(tmp_path, name):
    path = tmp_path / ".buckia"
    path.write_text(render("box", name, {"bucket_name": name}), encoding="utf-8")
    assert load(path).bucket(name).bucket_name == name


@pytest.mark.parametrize("reference", ["env:T", "file:t", "keyring:a/b", "op://a/b/c", "${T}", "vault:x"])
@pytest.mark.parametrize("name", ["token", "key"])
def test_references_to_secrets_are_written(name, reference):
    text = render("box", "b", {name: reference}, settings=Box, secret_stores={"vault": str})
    assert parse_yaml(text, "f").value == {"b": {"provider": "box", name: reference}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", "hunter2"),
        ("token", Secret("hunter2")),
        ("key", "hunter2"),
        ("region", Secret("hunter2")),
        ("token", "${T}hunter2"),
        ("token", "https://hunter2"),
        ("token", "vault:hunter2"),
        ("token", 5),
    ],
)
def test_secrets_are_not(name, value):
    with pytest.raises(InvalidSetting, match=f"^setting '{name}' is a secret, and secrets are not written") as caught:
        render("box", "b", {name: value}, settings=Box)
    assert "hunter2" not in str(caught.value)


def test_an_open_secret_may_stand_in_the_file():
    """An access key's id may come from a secret store, but nothing is given away by writing it down."""

    @dataclass(frozen=True)
    class Settings:
        key_id: Secret | None = setting(help="Key.", public=True)
        key: Secret | None = setting(help="Secret.")

    assert "AKIA" in render("s3", "assets", {"key_id": "AKIA"}, settings=Settings)
    with pytest.raises(InvalidSetting):
        render("s3", "assets", {"key": "AKIA"}, settings=Settings)
