"""`docs/s3-objects.md` says what the code does."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped, unused-ignore]  # with or without its types

from buckia_core.config.file import load
from buckia_core.config.object_rules import ATTRIBUTES
from buckia_s3.config.settings import S3Settings
from buckia_s3.objects.attributes import CannedAcl
from tests.setting_docs import describe_settings

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "s3-objects.md").read_text(encoding="utf-8")
SETTINGS = {row.name: row for row in describe_settings(S3Settings)}

OURS = [
    "storage_class",
    "acl",
    "tags",
    "disable_tagging",
    "server_side_encryption",
    "sse_kms_key_id",
    "sse_bucket_key_enabled",
    "sse_customer_key_base64",
    "checksum_algorithm",
    "unsigned_payload",
    "request_payer",
    "use_accelerate_endpoint",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
]


def test_each_setting_has_a_row_with_its_environment():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) ?\| (.*?) ?\| .* \|$", PAGE, re.MULTILINE)
    told = {name: tuple(re.findall(r"`(\w+)`", environment)) for name, _, _, environment in rows}
    assert told == {name: SETTINGS[name].env for name in OURS}
    # What has a few words as its values is text to a reader.
    kinds = {name: SETTINGS[name].type for name in OURS}
    assert {name: kind for name, kind, *_ in rows} == {
        name: "text" if "`" in kinds[name] else kinds[name] for name in OURS
    }
    defaults = {name: default.strip("`") for name, _, default, _ in rows if SETTINGS[name].default}
    assert defaults == {name: SETTINGS[name].default for name in defaults}
    assert "AWS_COPY_IF_NOT_EXISTS" in PAGE


def test_each_attribute_has_a_row():
    assert set(ATTRIBUTES) - set(re.findall(r"^\| `(\w+)` \| \S", PAGE, re.MULTILINE)) == set()


def test_each_canned_acl_is_named():
    assert {each for each in CannedAcl if f"`{each}`" not in PAGE} == set()


EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_valid_by_the_published_schema(text):
    schema = json.loads((DOCS / "buckia.schema.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_load(tmp_path, monkeypatch, text):
    key = base64.b64encode(bytes(32)).decode()
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=lambda service, user: key))
    path = tmp_path / ".buckia"
    path.write_text(text, encoding="utf-8")
    for bucket in load(path).buckets.values():
        assert bucket.adapter_settings(S3Settings, environ={}).bucket_name
