"""The JSON Schema of the `.buckia` file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped, unused-ignore]  # with or without its types

from buckia_core.config import Secret
from buckia_core.config.bucket import COMMON_SETTING_NAMES
from buckia_core.config.schema import json_schema
from buckia_core.config.settings import setting


class Tier(StrEnum):
    HOT = "hot"
    COLD = "cold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    bucket_name: str = setting(help="The bucket.", required=True)
    prefix: str = setting(help="The root.", default="")
    token: Secret = setting(help="Token.", required=True)
    account: str = setting(help="Account.", required=True, env=("BOX_ACCOUNT",))
    port: int = setting(help="Port.", default=443, minimum=1)
    tls: bool = setting(help="Encrypt.", default=True)
    tier: Tier = setting(help="Tier.", default=Tier.HOT)
    style: Literal["path", "virtual"] = setting(help="Style.", default="path", aliases=("addressing",))
    tags: tuple[str, ...] = setting(help="Tags.", default=())
    headers: Mapping[str, str] = setting(help="Headers.", default=dict)
    parts: int | None = setting(help="Parts.", parse=int, schema={"type": "integer", "multipleOf": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    root: Path = setting(help="Directory.", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strange:
    a: complex | None = setting(help="No type of a setting.")


SCHEMA = json_schema({"box": Box, "folder": Folder})
VALIDATOR = Draft202012Validator(SCHEMA)


def test_it_is_a_schema_of_draft_2020_12():
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMA)


def test_every_common_setting_is_described():
    common = SCHEMA["$defs"]["common"]["properties"]
    assert set(common) == {*COMMON_SETTING_NAMES, "credentials"}
    assert all(each["description"] for each in common.values())


def test_settings_of_providers_are_described_and_their_secrets_marked():
    box = SCHEMA["$defs"]["provider-box"]
    assert box["properties"]["token"] == {"description": "Token.", "type": "string", "writeOnly": True}
    assert [name for name, each in box["properties"].items() if each.get("writeOnly")] == ["token"]
    assert box["properties"]["port"]["default"] == 443
    assert box["properties"]["tier"]["default"] == "hot"
    assert box["properties"]["tls"]["default"] is True
    assert box["properties"]["addressing"] == box["properties"]["style"]
    assert "default" not in box["properties"]["tags"]


@pytest.mark.parametrize(
    "content",
    [
        {"provider": "folder", "root": "x"},
        {"one": {"provider": "folder", "root": "x"}, "two": {"provider": "box", "bucket_name": "b"}},
        {"provider": {"provider": "folder", "root": "x"}},
        {"provider": "unheard-of", "anything": [1, {"goes": None}]},
        {"provider": "box", "bucket_name": "b", "credentials": {"token": "env:T", "account": "a"}},
        {"provider": "box", "bucket_name": "b", "port": 80, "tls": False, "tier": "cold", "addressing": "path"},
        {"provider": "box", "bucket_name": "b", "tags": ["a"], "headers": {"a": "b"}, "parts": 4, "prefix": "p"},
        {"provider": "box", "bucket_name": "b", "port": "${PORT}", "tls": "${TLS:-no}", "tier": "${T}"},
        {"provider": "folder", "root": "x", "paths": ["a", {"local": "b", "direction": "up", "include": ["*"]}]},
        {"provider": "folder", "root": "x", "max_delete": 5, "bwlimit": "4M", "rate_limit": 0.5, "folders": "f"},
        {"provider": "folder", "root": "x", "max_delete": "5%", "files": {"a": "b"}, "checksum_algorithm": "md5"},
    ],
)
def test_what_is_right_is_valid(content):
    assert list(VALIDATOR.iter_errors(content)) == []


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        {"region": "de"},
        {"one": {"region": "de"}},
        {"one": None},
        {"provider": "folder"},
        {"provider": "box"},
        {"provider": "folder", "root": "x", "regoin": "de"},
        {"provider": "box", "bucket_name": "b", "root": "x"},
        {"provider": "box", "bucket_name": "b", "port": 0},
        {"provider": "box", "bucket_name": "b", "port": "80x"},
        {"provider": "box", "bucket_name": "b", "tls": "maybe"},
        {"provider": "box", "bucket_name": "b", "tier": "warm"},
        {"provider": "box", "bucket_name": "b", "style": "other"},
        {"provider": "box", "bucket_name": "b", "parts": 3},
        {"provider": "box", "bucket_name": "b", "headers": {"a": 1}},
        {"provider": "box", "bucket_name": "b", "token": 5},
        {"provider": "unheard-of", "max_workers": 0},
        {"provider": "folder", "root": "x", "direction": "sideways"},
        {"provider": "folder", "root": "x", "paths": [{"remote": "b"}]},
        {"provider": "folder", "root": "x", "paths": [{"local": "b", "lokal": "c"}]},
        {"provider": "folder", "root": "x", "files": ["a"]},
        {"provider": "folder", "root": "x", "rate_limit": 0},
        {"provider": "folder", "root": "x", "checksum_algorithm": "crc32"},
    ],
)
def test_what_is_wrong_is_not(content):
    assert list(VALIDATOR.iter_errors(content))


def test_without_providers_the_common_settings_are_judged():
    validator = Draft202012Validator(json_schema({}))
    Draft202012Validator.check_schema(validator.schema)
    assert validator.is_valid({"provider": "s3", "region": "de"})
    assert not validator.is_valid({"provider": "s3", "follow_symlinks": 3})


def test_a_class_that_declares_what_can_not_be_is_a_mistake_of_its_author():
    with pytest.raises(TypeError, match="a setting can't be of type <class 'complex'>"):
        json_schema({"strange": Strange})
