"""`docs/configuration.md` and the published schema say what the code does."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped, unused-ignore]  # with or without its types

from buckia_core.adapters.plugins.registry import registry
from buckia_core.config import load
from buckia_core.config.bucket import CommonSettings, KeepReplaced
from buckia_core.config.schema import json_schema
from buckia_core.errors import AdapterNotInstalled, InvalidSetting, UnknownSetting
from buckia_core.planning.policy import ConflictPolicy
from tests.setting_docs import describe_settings

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "configuration.md").read_text(encoding="utf-8")
SCHEMA = json.loads((DOCS / "buckia.schema.json").read_text(encoding="utf-8"))

EXAMPLES = re.findall(r"^```yaml\n(# file: \.buckia\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ENVIRON = {"MEDIA_KEY_ID": "id", "MEDIA_SECRET": "secret"}


def test_every_yaml_block_is_an_example_that_is_loaded():
    assert len(EXAMPLES) == PAGE.count("```yaml\n") > 10


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_load_and_their_adapters_take_the_settings(tmp_path, monkeypatch, text):
    keyring = SimpleNamespace(get_password=lambda service, user: "from the key ring")
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    path = tmp_path / ".buckia"
    path.write_text(text, encoding="utf-8")
    for bucket in load(path, environ=ENVIRON).buckets.values():
        if bucket.provider == "s3":
            pytest.importorskip("buckia_s3.config.settings")
        settings = registry().spec(bucket.provider).settings_class()
        assert isinstance(bucket.adapter_settings(settings, environ=ENVIRON), settings)


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_valid_by_the_published_schema(text):
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(text))] == []


def test_the_published_schema_has_the_common_settings_as_they_are_now():
    now = json.loads(json.dumps(json_schema({})))
    assert SCHEMA["$defs"]["common"] == now["$defs"]["common"]


PROVIDERS = [name.removeprefix("provider-") for name in SCHEMA["$defs"] if name.startswith("provider-")]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_published_schema_has_the_settings_of_a_provider_as_they_are_now(provider):
    try:
        settings = registry().spec(provider).settings_class()
    except AdapterNotInstalled:
        pytest.skip(f"the adapter for {provider} is not installed")
    now = json.loads(json.dumps(json_schema({provider: settings})))
    assert SCHEMA["$defs"][f"provider-{provider}"] == now["$defs"][f"provider-{provider}"]


def test_the_table_of_common_settings_is_complete_and_true():
    rows = re.findall(r"^\| `(\w+)` \| *(.*?) *\| *(.*?) *\| (.*) \|$", PAGE, re.MULTILINE)
    expected = [
        (
            row.name,
            row.type.replace(" or `", ", `"),
            f"`{row.default}`" if row.default else "required" if row.required else "",
            row.help,
        )
        for row in describe_settings(CommonSettings)
    ]
    assert [row for row in rows if row[0] in {each[0] for each in expected}] == expected


@pytest.mark.parametrize("kind", [ConflictPolicy, KeepReplaced])
def test_every_value_is_explained(kind):
    first_columns = re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE)
    explained = set(re.findall(r"`(\w+)`", " ".join(first_columns)))
    assert {each.value for each in kind} <= explained


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a:\n  provider: s3\n  bucket_name: b\n  regoin: de\n",
            "provider 's3' has no setting 'regoin'. Did you mean 'region'?",
        ),
        (
            "a:\n  provider: s3\n  bucket_name: b\n  region: de\n  paths: [p]\n\n  direction: upp\n",
            "setting 'direction' is 'upp', but must be one of up, down, both",
        ),
    ],
)
def test_the_messages_on_the_page_are_those_that_come(tmp_path, text, message):
    path = tmp_path / ".buckia"
    path.write_text(text)
    with pytest.raises((UnknownSetting, InvalidSetting)) as caught:
        load(path).bucket("a").adapter_settings(pytest.importorskip("buckia_s3.config.settings").S3Settings, environ={})
    shown = str(caught.value).removeprefix(f"{path}:")
    assert shown.endswith(message)
    assert f"/home/me/site/.buckia:{shown}" in PAGE
