"""`docs/bunny.md` says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from buckia_bunny.regions import REGIONS
from buckia_bunny.settings import BunnySettings
from buckia_core.config import BucketConfig
from tests.setting_docs import describe_settings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "bunny.md").read_text("utf-8")


def section(title):
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def test_every_setting_is_there_with_its_variables_its_default_and_its_other_names():
    rows = re.findall(r"^\| `(\w+)` \| *(.*?) *\| *(.*?) *\| *(.*?) *\| *(.*) \|$", section("Settings"), re.MULTILINE)
    found = {
        name: (kind, re.findall(r"`(\w+)`", env), default.strip("`"), meaning)
        for name, kind, default, env, meaning in rows
    }
    settings = {each.name: each for each in describe_settings(BunnySettings)}
    assert list(found) == list(settings)
    for name, (kind, env, default, meaning) in found.items():
        assert kind == settings[name].type.replace(" or `", ", `"), name
        assert env == list(settings[name].env), name
        assert default == settings[name].default, name
        assert all(f"`{alias}`" in meaning for alias in settings[name].aliases), name
    assert all(f"`{region}`" in found["region"][3] for region in REGIONS)


def test_every_kind_of_json_line_is_there():
    commands = (ROOT / "buckia_bunny" / "src" / "buckia_bunny" / "commands").glob("*.py")
    kinds = {kind for each in commands for kind in re.findall(r'"type": "(\w+)"', each.read_text("utf-8"))}
    assert set(re.findall(r"^\| `(\w+)` \|", section("JSON output"), re.MULTILINE)) == {"type"} | kinds


def test_the_example_can_be_used(tmp_path):
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    ((name, values),) = yaml.safe_load(text).items()
    config = BucketConfig.from_mapping(values, name=name, base_dir=tmp_path)
    settings = config.adapter_settings(BunnySettings, environ={"BUNNY_STORAGE_API_KEY": "k"})
    assert settings.address == "https://storage.bunnycdn.com"
