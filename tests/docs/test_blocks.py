"""The examples on our pages do what they show: each page is read like a session, in a directory of its own.

Blocks of Python and of shell commands run in order. A comment just above a block tells what a reader knows:
`<!-- file: NAME -->` it is that file, `<!-- exit: N -->` it ends so, `<!-- not run: WHY -->` it can't run here.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import PAGES, ROOT, Block, blocks, name_of

SESSIONS = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("errors", "hooks", "python-api"))]
"""Pages whose examples run. The others' examples are at least read."""

COMMANDS = {"buckia": ("-m", "buckia"), "mkdir": ("-c", "import os, sys; os.mkdir(sys.argv[1])")}
"""What a block may call, run the same way on every system."""


@pytest.mark.parametrize("page", SESSIONS, ids=name_of)
def test_the_examples_of_a_page_run_in_order(page: Path, tmp_path: Path):
    project = tmp_path / "project"
    (project / "assets").mkdir(parents=True)
    (project / "assets" / "picture.svg").write_text("<svg/>", "utf-8")
    ran = 0
    for block in blocks(page):
        if "not run" in block.notes:
            continue
        if "file" in block.notes:
            (project / block.notes["file"]).write_text(block.text, "utf-8")
        elif block.language == "python" and "signature" not in block.tags:
            run(block, [sys.executable, "-c", block.text], project)
            ran += 1
        elif block.language in ("sh", "console"):
            for line in commands(block):
                run(block, line, project)
                ran += 1
    assert ran, f"{name_of(page)} has no example that runs"


def commands(block: Block) -> list[list[str]]:
    """Return the command lines of a block."""
    found = []
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        if words:
            assert words[0] in COMMANDS, f"{block.where}: {words[0]} can't be run here; mark the block with a reason"
            found.append([sys.executable, *COMMANDS[words[0]], *words[1:]])
    return found


def run(block: Block, command: list[str], cwd: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(cwd), "PYTHONUTF8": "1"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    expected = int(block.notes.get("exit", "0"))
    assert done.returncode == expected, f"{block.where} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"


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


def test_configurations_on_the_start_page_can_be_loaded(tmp_path: Path):
    from buckia_core.config.bucket import BucketConfig

    documents = [yaml.safe_load(block.text) for block in blocks(ROOT / "README.md") if block.language == "yaml"]
    assert len(documents) == 2
    for document in documents:
        for name, values in document.items():
            config = BucketConfig.from_mapping(values, name=name, base_dir=tmp_path)
            assert config.provider in {"file", "s3"}


def test_what_does_not_run_says_why():
    reasons = [block.notes["not run"] for page in SESSIONS for block in blocks(page) if "not run" in block.notes]
    assert all(len(reason.split()) > 2 for reason in reasons)
