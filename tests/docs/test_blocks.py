"""The examples on our pages do what they show: each page is read like a session, in a directory of its own.

Blocks of Python and of shell commands run in order. A comment just above a block tells what a reader knows:
`<!-- file: NAME -->` it is that file, `<!-- output -->` the block above prints it, `<!-- exit: N -->` it ends so,
`<!-- not run: WHY -->` it can't run here.
"""

from __future__ import annotations

import base64
import json
import re
import textwrap
import uuid
from pathlib import Path

import pytest
import yaml

from buckia_core.adapters.plugins.registry import registry
from buckia_core.config import load
from tests.docs.pages import PAGES, ROOT, Block, blocks, name_of
from tests.docs.sessions import SHELL, Session, make_project
from tests.servers.moto_server import MotoServer

SESSION_NAMES = (
    "app-data",
    "authentication",
    "errors",
    "fsspec",
    "getting-started",
    "hooks",
    "python-api",
    "objects",
    "provisioning",
    "secrets",
)
SESSIONS = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in SESSION_NAMES)]
"""Pages whose examples run. The others' examples are at least read."""

VARIABLE = re.compile(r"\$\{(\w+)|\benv:(\w+)")
"""Environment variables that a configuration refers to."""

KEYS = ("B2_APPLICATION_KEY_ID", "B2_APPLICATION_KEY", "BUNNY_STORAGE_API_KEY")
"""Environment variables that providers read by themselves, and can't do without."""

SECRET_STORE = re.compile(r"\b(?:keyring:|file:/|op://)\S+")
"""References to secrets that a test does not have."""


@pytest.mark.skipif(SHELL is None, reason="there is no shell to run examples in")
@pytest.mark.parametrize("page", SESSIONS, ids=name_of)
def test_the_examples_of_a_page_run_in_order(page: Path, tmp_path: Path, moto_server: MotoServer):
    project = make_project(tmp_path)
    replaced = {
        "https://s3.example.com": moto_server.endpoint,
        "my-bucket": f"docs-{uuid.uuid4().hex[:12]}",
    }
    session = Session(project, replaced)
    assert sum(session.play(block) for block in blocks(page)), f"{name_of(page)} has no example that runs"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_examples_of_every_page_can_at_least_be_read(page: Path):
    for block in blocks(page):
        try:
            match block.language:
                case "python" if "signature" not in block.tags:
                    compile(textwrap.dedent(block.text), block.where, "exec")
                case "yaml":
                    yaml.safe_load(block.text)
                case "json":
                    json.loads(block.text)
                case "jsonl":
                    for line in block.text.splitlines():
                        json.loads(line)
        except (SyntaxError, ValueError, yaml.YAMLError) as error:
            pytest.fail(f"{block.where}: {error}")


def is_configuration(document: object) -> bool:
    return isinstance(document, dict) and (
        "provider" in document
        or any(isinstance(each, dict) and isinstance(each.get("provider"), str) for each in document.values())
    )


CONFIGURATIONS = [
    block
    for page in PAGES
    for block in blocks(page)
    if block.language == "yaml" and is_configuration(yaml.safe_load(block.text))
]


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=lambda block: block.where)
def test_a_configuration_can_be_used_as_it_is_shown(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in KEYS:
        monkeypatch.setenv(name, "key")
    text = SECRET_STORE.sub("env:SECRET", block.text)
    for name in map("".join, VARIABLE.findall(text)):
        monkeypatch.setenv(name, base64.b64encode(bytes(32)).decode() if name == "SECRET" else "4")
    path = tmp_path / ".buckia"
    path.write_text(text, "utf-8")
    for bucket in load(path).buckets.values():
        bucket.adapter_settings(registry().spec(bucket.provider).settings_class())


def test_the_configurations_were_found():
    assert len(CONFIGURATIONS) > 20


def test_what_does_not_run_says_why():
    reasons = [block.notes["not run"] for page in SESSIONS for block in blocks(page) if "not run" in block.notes]
    assert all(len(reason.split()) > 2 for reason in reasons)
