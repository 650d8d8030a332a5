"""`docs/b2.md` says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from buckia_b2.settings import B2Settings
from buckia_core.config import BucketConfig
from tests.setting_docs import describe_settings

PAGE = (Path(__file__).parents[3] / "docs" / "b2.md").read_text("utf-8")


def test_every_setting_is_there_with_its_variables_its_default_and_its_other_names():
    (table,) = re.findall(r"^## Settings$(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    rows = {
        name: rest
        for name, *rest in re.findall(r"^\| `(\w+)` \| *(.*?) *\| *(.*?) *\| *(.*?) *\| *(.*) \|$", table, re.MULTILINE)
    }
    settings = {setting.name: setting for setting in describe_settings(B2Settings)}
    assert list(rows) == list(settings)
    for name, (kind, default, env, meaning) in rows.items():
        assert kind == settings[name].type.replace(" or `", ", `"), name
        assert re.findall(r"`(\w+)`", env) == list(settings[name].env)
        assert settings[name].default in ("", "ObjectRules(rules=())", default.strip("`")), name
        assert all(f"`{alias}`" in meaning for alias in settings[name].aliases)
        assert settings[name].required == (f"`{name}`" in PAGE.partition("are required.")[0].rpartition("\n\n")[2])


@pytest.mark.parametrize("text", re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
def test_the_examples_can_be_used(tmp_path, text):
    ((name, values),) = yaml.safe_load(text).items()
    environ = {"B2_APPLICATION_KEY_ID": "005a", "B2_APPLICATION_KEY": "K005b"}
    config = BucketConfig.from_mapping(values, name=name, base_dir=tmp_path)
    assert config.adapter_settings(B2Settings, environ=environ).bucket_name == "my-photos"
