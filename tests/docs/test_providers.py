"""Each block of docs/providers.md syncs: against a local server in place of the service."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks
from tests.docs.sessions import FILES, SHELL, Session, make_project
from tests.servers.b2.server import B2Account
from tests.servers.bunny.server import BunnyAccount
from tests.servers.moto_server import MotoServer

PAGE = ROOT / "docs" / "providers.md"


def sections() -> dict[str, list[Block]]:
    """Return the blocks of each section that has a configuration."""
    found: dict[str, list[Block]] = {}
    lines = PAGE.read_text("utf-8").splitlines()
    for block in blocks(PAGE):
        heading = next(line for line in reversed(lines[: block.line]) if line.startswith("#"))
        found.setdefault(heading.lstrip("# "), []).append(block)
    return {name: each for name, each in found.items() if any(block.language == "yaml" for block in each)}


SECTIONS = sections()


@pytest.fixture
def server(section: str, request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """What the page's texts are replaced by, and the environment, so that the section reaches a local server."""
    if section == "Backblaze B2":
        account: B2Account = request.getfixturevalue("b2_account")
        bucket = account.new_bucket("docs")
        yield (
            {
                "provider: b2": f"provider: b2\n  api_url: {account.endpoint}",
                "my-bucket": bucket,
                "=your-key-id": f"={account.key_id}",
                "=your-key": f"={account.key}",
            },
            {},
        )
    elif section == "bunny.net":
        bunny: BunnyAccount = request.getfixturevalue("bunny_account")
        zone = bunny.new_zone("docs")
        front = bunny.new_pull_zone(zone)
        yield (
            {
                "region: de ": f"endpoint_url: {zone.endpoint}\n  api_url: {bunny.core_url} ",
                "my-bucket": zone.name,
                "my-pull-zone": str(front.id),
                "your-zone-password": zone.password,
                "your-account-key": bunny.api_key,
            },
            {},
        )
    elif section == "A folder":
        yield {}, {}
    else:
        moto: MotoServer = request.getfixturevalue("moto_server")
        name = f"docs-{uuid.uuid4().hex[:12]}"
        if section == "Cloudflare R2":
            name = moto.new_bucket("docs")
        configuration = next(block.text for block in SECTIONS[section] if block.language == "yaml")
        endpoints = re.findall(r"endpoint_url: (\S+)", configuration)
        regions = [line.strip() for line in configuration.splitlines() if section == "Linode" and "region:" in line]
        yield (
            {
                **dict.fromkeys(endpoints, moto.endpoint),
                **dict.fromkeys(regions, f"endpoint_url: {moto.endpoint}"),
                # Only AWS is told where to create a bucket, and moto insists on it in other regions.
                "region: eu-central-1": "region: us-east-1",
                "my-bucket": name,
            },
            {"AWS_ENDPOINT_URL_S3": moto.endpoint} if section == "AWS S3" else {},
        )


@pytest.mark.skipif(SHELL is None, reason="there is no shell to run examples in")
@pytest.mark.parametrize("section", SECTIONS)
def test_the_block_of_a_provider_syncs(section: str, server: tuple[dict[str, str], dict[str, str]], tmp_path: Path):
    replaced, environment = server
    project = make_project(tmp_path)
    session = Session(project, replaced, environment)
    for block in SECTIONS[section]:
        if block.language == "yaml":
            session.write(".buckia", block.text)
        else:
            session.play(block)
    assert set(session.execute("buckia ls -r").split()) == set(FILES)


def test_each_section_has_facts():
    for name in SECTIONS:
        text = PAGE.read_text("utf-8").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert len(re.findall(r"^- ", text, re.MULTILINE)) in (2, 3), name
