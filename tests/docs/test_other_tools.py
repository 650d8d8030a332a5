"""The options of other tools in docs/getting-started.md are in the help of these tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig

import pytest

from tests.docs.pages import ROOT

HELP = {
    "rclone": (("help", "flags"), ("bisync", "--help"), ("lsf", "--help")),
    "aws s3": (("s3", "sync", "help"), ("s3", "ls", "help")),
    "s5cmd": (("--help",), ("sync", "--help")),
    "b2": (("sync", "--help"), ("ls", "--help")),
}
"""What to ask each tool, by its heading in the table."""

TABLE = (ROOT / "docs" / "getting-started.md").read_text("utf-8").partition("## Coming from another tool\n")[2]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines() if line.startswith("| ")]


def options(tool: str) -> set[str]:
    column = ROWS[0].index(tool)
    return {option for row in ROWS[1:] for option in re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", row[column])}


@pytest.mark.parametrize("tool", HELP)
def test_an_option_is_in_the_help_of_its_tool(tool: str):
    command = shutil.which(
        tool.split(maxsplit=1)[0], path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    )
    if command is None:
        pytest.skip(f"{tool} is not installed")
    environment = {
        **os.environ,
        "AWS_PAGER": "cat",
        "PAGER": "cat",
        "MANPAGER": "cat",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    text = ""
    for arguments in HELP[tool]:
        done = subprocess.run(
            [command, *arguments], env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
        )
        if "groff" in done.stderr:
            pytest.skip(f"{tool} needs groff to show its help")
        text += re.sub(r".\x08|\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    assert options(tool)
    assert {option for option in options(tool) if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)} == set()
