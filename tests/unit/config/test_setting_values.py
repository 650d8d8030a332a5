"""Settings of adapters: declared once, read from what is given, the environment and defaults."""

from __future__ import annotations

import dataclasses
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest

from buckia_core.config import BucketConfig, Secret
from buckia_core.config.bucket import COMMON_SETTING_NAMES
from buckia_core.config.settings import read_settings, setting, setting_fields
from buckia_core.errors import ConfigError, InvalidSetting, MissingCredentials, UnknownSetting
from tests.setting_docs import describe_settings


class Tier(StrEnum):
    HOT = "hot"
    COLD = "cold"


class Colour(Enum):
    RED = "red"


def even(value: object) -> int:
    if not isinstance(value, int | str) or not str(value).isdigit() or int(value) % 2:
        raise ValueError("an even number")
    return int(value)


def long_enough(value: Secret) -> Secret:
    if len(value.reveal()) < 4:
        raise ValueError("at least four characters long")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    bucket_name: str | None = setting(help="The bucket.")
    prefix: str = setting(help="The root.", default="")
    region: str = setting(help="Where.", default="de", env=("BOX_REGION", "REGION"), aliases=("location",))
    port: int = setting(help="Port.", default=443, minimum=1, env=("BOX_PORT",))
    timeout: float | None = setting(help="Seconds.")
    tls: bool = setting(help="Encrypt.", default=True, env=("BOX_TLS",))
    root: Path | None = setting(help="Directory.", env=("BOX_ROOT",))
    token: Secret | None = setting(help="Token.", env=("BOX_TOKEN",))
    tier: Tier = setting(help="Tier.", default=Tier.HOT)
    colour: Colour | None = setting(help="Colour.")
    style: Literal["path", "virtual"] = setting(help="Style.", default="path")
    level: Literal[1, 2] = setting(help="Level.", default=1)
    tags: tuple[str, ...] = setting(help="Tags.", default=(), env=("BOX_TAGS",))
    headers: Mapping[str, str] = setting(help="Headers.", default=dict, env=("BOX_HEADERS",))
    parts: int | None = setting(help="Parts.", parse=even, schema={"type": "integer", "multipleOf": 2})
    pin: Secret | None = setting(help="Pin.", parse=long_enough)
    internal: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Needy:
    token: Secret = setting(help="Token.", required=True, env=("NEEDY_TOKEN", "TOKEN"))
    host: str = setting(help="Host.", required=True)
    key: Secret = setting(help="Key.", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooted:
    root: Path = setting(help="Directory.", required=True)
    name: str | None = setting(help="Name.", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fussy:
    user: str | None = setting(help="User.")
    password: Secret | None = setting(help="Password.")

    def __post_init__(self) -> None:
        if (self.user is None) != (self.password is None):
            raise ValueError(f"'user' and 'password' go together, got {self.password and self.password.reveal()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Large:
    size: int = setting(help="Bytes.", default=5_000_000, minimum=5_000_000)
    share: float = setting(help="Share.", default=0.5, minimum=0.001)
    keys: tuple[str, ...] = setting(help="Any of them.", default=("k",))

    def __post_init__(self) -> None:
        if not self.keys:
            raise MissingCredentials("give one of the keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    a: int | str = setting(help="Two types.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strange:
    a: complex | None = setting(help="No type of a setting.")


def read(cls=Box, values=None, **arguments):
    defaults: dict[str, Any] = {"provider": "box", "base_dir": Path("/base"), "environ": {}}
    return read_settings(cls, values or {}, **(defaults | arguments))


def test_without_anything_every_setting_has_its_default():
    assert read() == Box()
    assert read().headers == {}


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("bucket_name", "b", "b"),
        ("prefix", "p/", "p/"),
        ("region", "us", "us"),
        ("region", Colour.RED, "red"),
        ("port", 80, 80),
        ("port", " 80 ", 80),
        ("timeout", 2, 2.0),
        ("timeout", "1.5e1", 15.0),
        ("timeout", "-.5", -0.5),
        ("tls", False, False),
        ("tls", "Yes", True),
        ("tls", "off", False),
        ("root", "sub/dir", Path("/base/sub/dir")),
        ("root", Path("/other"), Path("/other")),
        ("root", "~", Path.home()),
        ("token", "plain", Secret("plain")),
        ("token", Secret("env:NOT_A_REFERENCE"), Secret("env:NOT_A_REFERENCE")),
        ("tier", "cold", Tier.COLD),
        ("tier", Tier.COLD, Tier.COLD),
        ("colour", "red", Colour.RED),
        ("style", "virtual", "virtual"),
        ("level", "2", 2),
        ("level", 2, 2),
        ("tags", ["a", "b"], ("a", "b")),
        ("tags", "a, b", ("a, b",)),
        ("headers", {"a": "b"}, {"a": "b"}),
        ("parts", "4", 4),
        ("pin", "12345", Secret("12345")),
    ],
)
def test_values_become_their_declared_type(name, given, kept):
    found = getattr(read(values={name: given}), name)
    assert found == kept
    assert type(found) is type(kept) or name == "headers"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("region", 5, "setting 'region' is 5, but must be text (put it in quotes: \"…\")"),
        ("region", ["de"], "setting 'region' is ['de'], but must be text"),
        ("port", "0", "setting 'port' is '0', but must be a whole number of at least 1"),
        ("port", "http", "setting 'port' is 'http', but must be a whole number of at least 1"),
        ("port", 1.5, "setting 'port' is 1.5, but must be a whole number of at least 1"),
        ("port", True, "setting 'port' is True, but must be a whole number of at least 1"),
        ("timeout", "nan", "setting 'timeout' is 'nan', but must be a number"),
        ("timeout", float("nan"), "setting 'timeout' is nan, but must be a number"),
        ("timeout", "-1e300", "setting 'timeout' is '-1e300', but must be a number"),
        ("timeout", "1e300", "setting 'timeout' is '1e300', but must be a number, and at most 2147483"),
        pytest.param("timeout", 10**400, "setting 'timeout' is 100", id="no float"),
        pytest.param("timeout", -(10**400), "setting 'timeout' is -100", id="no negative float"),
        pytest.param(
            "timeout",
            10**5000,
            "setting 'timeout' is too large, but must be a number, and at most 2147483",
            id="thousands of digits",
        ),
        pytest.param("port", -(10**400), "setting 'port' is -100", id="no port"),
        ("timeout", "x" * 500, "setting 'timeout' is 'xxx"),
        ("tls", 1, "setting 'tls' is 1, but must be true or false"),
        ("tls", "1", "setting 'tls' is '1', but must be true or false"),
        ("root", "", "setting 'root' is '', but must be a path"),
        ("root", "a\0b", "setting 'root' is 'a\\x00b', but must be a path, and a path has no NUL character"),
        ("root", "~nobody-of-this-name/x", "setting 'root' is '~nobody-of-this-name/x', but must be a path"),
        ("tier", "warm", "setting 'tier' is 'warm', but must be one of hot, cold"),
        ("tier", Colour.RED, "setting 'tier' is 'red', but must be one of hot, cold"),
        ("style", "PATH", "setting 'style' is 'PATH', but must be one of path, virtual"),
        ("level", 3, "setting 'level' is 3, but must be one of 1, 2"),
        ("tags", {"a": "b"}, "setting 'tags' is {'a': 'b'}, but must be a list of strings"),
        ("tags", ["a", 5], "setting 'tags[1]' is 5, but must be text"),
        ("headers", "a=b", "setting 'headers' is 'a=b', but must be a mapping of strings to strings"),
        ("headers", {"a": 5}, "setting 'headers.a' is 5, but must be text"),
        ("parts", "3", "setting 'parts' is '3', but must be an even number"),
        ("token", 1234, "setting 'token' must be text (put it in quotes), or a reference to a secret"),
        ("pin", "123", "setting 'pin' is Secret('***'), but must be at least four characters long"),
    ],
)
def test_values_that_can_not_are_refused(name, value, message):
    with pytest.raises(InvalidSetting) as caught:
        read(values={name: value})
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("values", "environ", "region"),
    [
        ({"region": "given"}, {"BOX_REGION": "first", "REGION": "second"}, "given"),
        ({}, {"BOX_REGION": "first", "REGION": "second"}, "first"),
        ({}, {"REGION": "second"}, "second"),
        ({}, {"BOX_REGION": "", "REGION": "second"}, "second"),
        ({"region": None}, {"REGION": "second"}, "second"),
        ({"location": "alias"}, {"REGION": "second"}, "alias"),
        ({}, {}, "de"),
    ],
)
def test_a_given_value_comes_before_the_environment_before_the_default(values, environ, region):
    assert read(values=values, environ=environ).region == region


@pytest.mark.parametrize(
    ("variable", "text", "name", "kept"),
    [
        ("BOX_PORT", "80", "port", 80),
        ("BOX_TLS", "0", "tls", False),
        ("BOX_TLS", "1", "tls", True),
        ("BOX_TLS", "no", "tls", False),
        ("BOX_ROOT", "sub", "root", Path("/base/sub")),
        ("BOX_TOKEN", "file:not-read", "token", Secret("file:not-read")),
        ("BOX_TAGS", "a, b,,c", "tags", ("a", "b", "c")),
        ("BOX_HEADERS", "a=1, b=x=y", "headers", {"a": "1", "b": "x=y"}),
    ],
)
def test_environment_variables_become_their_declared_type(variable, text, name, kept):
    assert getattr(read(environ={variable: text}), name) == kept


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"BOX_PORT": "x"}, "^environment variable BOX_PORT \\(setting 'port'\\) is 'x', but must be a whole number"),
        ({"BOX_HEADERS": "a"}, "^environment variable BOX_HEADERS .* of the form name=value,name=value$"),
        ({"BOX_TLS": "2"}, "^environment variable BOX_TLS .* is '2', but must be true or false$"),
    ],
)
def test_a_wrong_environment_variable_is_named(environ, message):
    with pytest.raises(InvalidSetting, match=message):
        read(environ=environ, source="f", lines={"": 1})


def test_the_environment_of_the_process_is_the_default(monkeypatch):
    monkeypatch.setenv("BOX_REGION", "from-the-process")
    assert read_settings(Box, {}, provider="box", base_dir=Path()).region == "from-the-process"


def test_an_empty_secret_counts_as_not_given():
    assert read(values={"token": ""}, environ={"BOX_TOKEN": "t"}).token == Secret("t")
    assert read(values={"token": ""}).token is None


def test_a_setting_under_two_names_is_refused():
    with pytest.raises(InvalidSetting, match="'region' and 'location' are the same setting; remove one"):
        read(values={"region": "a", "location": "b"})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("regoin", "Did you mean 'region'?"),
        ("locaton", "Did you mean 'location'?"),
        ("Tokens", "Did you mean 'token'?"),
        ("max_worker", "Did you mean 'max_workers'?"),
        ("conflict_resolutoin", "Did you mean 'conflict_resolution'?"),
        ("qqq", "Known are: app, bucket_name, bwlimit, "),
        ("internal", "Known are: "),
    ],
)
def test_an_unknown_setting_is_named_with_the_nearest(name, hint):
    with pytest.raises(UnknownSetting) as caught:
        read(
            values={"region": "x", name: None},
            source="/p/.buckia",
            lines={"": 1, "region": 2, name: 9},
            other_names=COMMON_SETTING_NAMES,
        )
    assert str(caught.value).startswith(f"/p/.buckia:9: provider 'box' has no setting {name!r}. {hint}")


def test_a_bucket_name_that_an_adapter_has_no_use_for_is_no_error_but_a_prefix_is():
    rooted = read(Rooted, {"root": "r", "name": "n", "bucket_name": "b", "prefix": ""})
    assert rooted.root == Path("/base/r")
    with pytest.raises(UnknownSetting, match="provider 'box' has no setting 'prefix'"):
        read(Rooted, {"root": "r", "name": "n", "prefix": "p/"})


@pytest.mark.parametrize(("name", "bound"), [("size", "5000000"), ("share", "0.001")])
def test_a_bound_is_shown_as_a_person_writes_it(name, bound):
    with pytest.raises(InvalidSetting, match=f"of at least {bound}$"):
        read(Large, {name: 0})


def test_a_class_can_say_which_of_several_keys_it_needs():
    with pytest.raises(MissingCredentials, match=r"^f:3: provider 'box': give one of the keys$"):
        read(Large, {"keys": []}, source="f", lines={"": 3})


def test_missing_secrets_are_missing_credentials_that_say_where_they_can_be_set():
    with pytest.raises(MissingCredentials) as caught:
        read(Needy, {"host": "h"}, provider="needy", source="f", lines={"": 3})
    assert str(caught.value) == (
        "f:3: provider 'needy' needs 'token' (environment variable NEEDY_TOKEN or TOKEN) and 'key': "
        "set it in the configuration, such as env:NAME, or in the environment"
    )


@pytest.mark.parametrize("values", [{}, {"root": None, "name": ""}])
def test_other_missing_settings_are_invalid(values):
    with pytest.raises(InvalidSetting, match=r"provider 'box' needs 'root' and 'name': set it in the configuration$"):
        read(Rooted, values)


def test_secrets_are_fetched_with_what_is_handed_in(tmp_path):
    (tmp_path / "key").write_text("from-file\n")
    needy = read(
        Needy,
        {"token": "env:OTHER", "host": "h", "key": "file:key"},
        base_dir=tmp_path,
        environ={"OTHER": "from-env"},
    )
    assert (needy.token.reveal(), needy.key.reveal()) == ("from-env", "from-file")
    stored = read(values={"token": "vault:a/b"}, secret_stores={"vault": lambda rest: f"<{rest}>"})
    assert stored.token == Secret("<a/b>")


def test_a_setting_that_may_be_read_by_others_is_kept_as_an_open_secret():
    @dataclass(frozen=True)
    class Settings:
        name: Secret = setting(help="A name.", public=True)
        other: Secret = setting(help="Another.")

    read = read_settings(Settings, {"name": Secret("a"), "other": "b"}, provider="p", base_dir=Path())
    assert (read.name.is_public, read.other.is_public) == (True, False)


def test_a_secret_that_can_not_be_had_is_named_with_its_setting_and_location():
    with pytest.raises(MissingCredentials) as caught:
        read(values={"token": "env:GONE"}, source="f", lines={"": 1, "token": 4})
    assert str(caught.value).startswith("f:4: setting 'token': 'env:GONE': the environment variable 'GONE' is not set")
    with pytest.raises(ConfigError, match=r"^setting 'token': 'keyring:x' must have the form"):
        read(values={"token": "keyring:x"})


def test_values_that_do_not_go_together_are_refused_without_showing_a_secret():
    values = {"password": "hunter2-hunter2"}
    with pytest.raises(InvalidSetting, match=r"^f:2: provider 'box': 'user' and 'password' go together") as caught:
        read(Fussy, values, source="f", lines={"": 2})
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert read(Fussy, {"user": "u", "password": "p"}).user == "u"


def test_a_class_that_declares_what_can_not_be_is_a_mistake_of_its_author():
    with pytest.raises(TypeError, match=r"Wrong.a: a setting has one type, and not"):
        read(Wrong, {"a": "1"})
    with pytest.raises(TypeError, match="a setting can't be of type <class 'complex'>"):
        read(Strange, {"a": "1"})


def test_a_bucket_reads_the_settings_of_its_adapter():
    made = BucketConfig(provider="box", bucket_name="b", prefix="p", region="us", tags=["x"], headers={"h": "v"})
    box = made.adapter_settings(Box, environ={"BOX_TOKEN": "t"})
    assert (box.bucket_name, box.prefix, box.region, box.tags) == ("b", "p/", "us", ("x",))
    assert (box.headers, box.token) == ({"h": "v"}, Secret("t"))
    wrong = BucketConfig.from_mapping({"provider": "box", "regoin": "x"}, source="f", lines={"regoin": 7})
    with pytest.raises(UnknownSetting, match=r"^f:7: provider 'box' has no setting 'regoin'"):
        wrong.adapter_settings(Box)


def test_settings_can_be_copied_and_compared_but_do_not_show_their_secrets():
    box = read(values={"token": "hunter2"})
    assert dataclasses.replace(box, region="us").token == Secret("hunter2")
    assert "hunter2" not in repr(box) + repr(dataclasses.asdict(box))


def test_what_documentation_tells():
    rows = {row.name: row for row in describe_settings(Box)}
    assert list(rows) == list(setting_fields(Box))
    assert "internal" not in rows
    types = {name: row.type for name, row in rows.items()}
    assert types == {
        "bucket_name": "text",
        "prefix": "text",
        "region": "text",
        "port": "whole number",
        "timeout": "number",
        "tls": "true or false",
        "root": "path",
        "token": "secret",
        "tier": "`hot` or `cold`",
        "colour": "`red`",
        "style": "`path` or `virtual`",
        "level": "`1` or `2`",
        "tags": "list",
        "headers": "map",
        "parts": "whole number",
        "pin": "secret",
    }
    region, token = rows["region"], rows["token"]
    assert (region.default, region.env, region.aliases) == ("de", ("BOX_REGION", "REGION"), ("location",))
    assert region.help == "Where."
    assert (token.secret, token.required, token.default) == (True, False, "")
    assert [rows[name].default for name in ("tls", "tier", "port", "tags")] == ["true", "hot", "443", ""]
    assert describe_settings(Needy)[0].required


def test_defaults_made_by_a_factory_are_made_anew():
    each = setting_fields(Box)["headers"]
    assert each.default_value == {}
    assert each.default_value is not each.default_value


def test_a_message_shows_no_password_of_an_address():
    with pytest.raises(InvalidSetting) as caught:
        read(values={"port": "https://me:hunter2@host"})
    assert "hunter2" not in str(caught.value)
    assert re.search(r"https://me:\*\*\*@host", str(caught.value))
