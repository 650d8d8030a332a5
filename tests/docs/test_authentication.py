"""docs/authentication.md explains each permission of its policy, and names the variables that settings read."""

from __future__ import annotations

import json
import re

import pytest

from buckia_core.adapters.plugins.registry import registry
from tests.docs.pages import ROOT, blocks
from tests.setting_docs import describe_settings

PAGE = ROOT / "docs" / "authentication.md"
TEXT = PAGE.read_text("utf-8")


def test_each_permission_of_the_policy_is_explained():
    policy = json.loads(next(block.text for block in blocks(PAGE) if block.language == "json"))
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    explained = set(re.findall(r"^\| `(s3:\w+)` \|", TEXT, re.MULTILINE))
    assert actions == explained


@pytest.mark.parametrize("provider", ["b2", "bunny", "linode", "s3"])
def test_variables_of_a_provider_are_those_that_its_settings_read(provider: str):
    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{provider}` |"))
    read = {name for each in describe_settings(registry().spec(provider).settings_class()) for name in each.env}
    # The credentials of AWS are read together, and by no setting of their own.
    read |= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} if provider == "s3" else set()
    assert set(re.findall(r"`([A-Z0-9_]+)`", row)) <= read
