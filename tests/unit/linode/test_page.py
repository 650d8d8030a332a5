"""`docs/linode.md` says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from buckia_core.config import BucketConfig
from buckia_linode.endpoint_types import LIMITS
from buckia_linode.settings import LinodeSettings
from tests.setting_docs import describe_settings

PAGE = (Path(__file__).parents[3] / "docs" / "linode.md").read_text("utf-8")


def found(pattern):
    match = re.search(pattern, PAGE, re.MULTILINE | re.DOTALL)
    assert match is not None, pattern
    return match[1]


def test_every_setting_is_there_with_its_variables_its_default_and_its_other_names():
    table = found(r"^## Settings$(.*?)^These are as on the page")
    rows = {
        name: rest
        for name, *rest in re.findall(r"^\| `(\w+)` \| *(.*?) *\| *(.*?) *\| *(.*?) *\| *(.*) \|$", table, re.MULTILINE)
    }
    shared = re.findall(r"`(\w+)`", found(r"^These are as on the page(.*?)\. "))
    settings = {setting.name: setting for setting in describe_settings(LinodeSettings)}
    assert set(rows) | set(shared) == set(settings)
    assert not any(settings[name].env for name in shared)
    for name, (kind, default, env, meaning) in rows.items():
        assert kind == settings[name].type.replace(" or `", ", `"), name
        assert re.findall(r"`(\w+)`", env) == list(settings[name].env)
        assert settings[name].default in ("", default.strip("`"))
        assert all(f"`{alias}`" in meaning for alias in settings[name].aliases)


def test_the_limits_are_those_of_the_code():
    rates = found(r"^\| requests per second and bucket \|([^\n]*)\|$").split("|")
    assert [int(rate) for rate in rates] == [limits.requests_per_second for limits in LIMITS.values()]
    can = found(r"^\| CORS;[^\n]*API \|([^\n]*)\|$").split("|")
    assert [word.strip() == "yes" for word in can] == [limits.api_access for limits in LIMITS.values()]


def test_the_example_can_be_used(tmp_path):
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    ((name, values),) = yaml.safe_load(text).items()
    environ = {"LINODE_OBJ_ACCESS_KEY": "k", "LINODE_OBJ_SECRET_KEY": "s"}
    config = BucketConfig.from_mapping(values, name=name, base_dir=tmp_path)
    settings = config.adapter_settings(LinodeSettings, environ=environ)
    assert settings.static_url == "https://us-ord-1.linodeobjects.com"
