"""Running the examples of a page as one session in a shell.

Output varies from run to run in times, durations, sizes of the state and ids. `Session` compares it without these, and
replaces an id of the page by the real one in the commands that follow.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from tests.docs.pages import Block

SHELL = None if sys.platform == "win32" else shutil.which("sh")
"""The shell of the examples. Those of Windows that know these commands write paths in a way of their own."""

FILES = {"notes.txt": b"bread, milk\n", "images/cat.png": b"\x89PNG" + bytes(14_537)}
"""What is in the project of a reader."""

PROJECT = "/home/me/project"
"""Path of the project on the pages."""

_TRASH_ID = re.compile(r"\b\d{8}T\d{6}-[0-9a-f]{8}\b")
_VARIES = (
    (_TRASH_ID, "ID"),
    (re.compile(r"\b\d{8}T\d{6}Z"), "STAMP"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\b\d+\.\d s\b"), "DURATION"),
    (re.compile(r"\bprocess \d+\b"), "process N"),
    (re.compile(r"\s+"), " "),
)
_OMITTED = "…"
_CREDENTIALS = ("AWS_", "B2_", "BUNNY", "LINODE_")
"""How the names of variables begin that the session does not inherit."""


class Session:
    """One shell session: files, variables and the current directory stay from block to block."""

    def __init__(
        self, project: Path, replaced: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start in a project; `replaced` maps texts of the page, such as an address, to those of the test."""
        self._project = project
        self._replaced = dict(replaced or {})
        self._state = project.parent / "session.sh"
        self._state.write_text("", "utf-8")
        self._output = ""
        scripts = sysconfig.get_path("scripts")
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_CREDENTIALS)},
            **(environment or {}),
            "PATH": os.pathsep.join([scripts, os.environ["PATH"]]),
            "PYTHONPATH": str(project),
            "PYTHONUTF8": "1",
            "HOME": str(project.parent),
        }

    def play(self, block: Block) -> bool:
        """Do what a block asks for. Return whether something was run or compared."""
        if "not run" in block.notes:
            return False
        if "file" in block.notes:
            self.write(block.notes["file"], block.text)
            return False
        if "output" in block.notes:
            self._compare(block)
        elif block.language == "python" and "signature" not in block.tags:
            self._run([sys.executable, "-c", block.text], block.where, int(block.notes.get("exit", "0")))
        elif block.language in ("sh", "console"):
            self.execute(block.text, block.where, int(block.notes.get("exit", "0")))
        else:
            return False
        return True

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self._project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._replace(text), "utf-8")

    def execute(self, script: str, where: str = "the test", code: int = 0) -> str:
        """Run commands in the shell and return what they print."""
        assert SHELL is not None
        keep = f'{{ export -p; echo "cd \'$PWD\'"; }} > "{self._state}"'
        return self._run([SHELL, "-euc", f'. "{self._state}"\n{self._replace(script)}\n{keep}\n'], where, code)

    def _run(self, command: list[str], where: str, code: int) -> str:
        done = subprocess.run(
            command,
            cwd=self._project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        self._output = done.stdout + done.stderr
        assert done.returncode == code, f"{where} ended with {done.returncode}\n{self._output}"
        return self._output

    def _compare(self, block: Block) -> None:
        actual = self._output.replace(str(self._project), PROJECT)
        for shown, real in self._replaced.items():
            actual = actual.replace(real, shown)
        lines = {constant(line): line for line in actual.splitlines()}
        shown_lines = {constant(line): line for line in block.text.splitlines() if line.strip() != _OMITTED}
        missing = [line for form, line in shown_lines.items() if form not in lines]
        assert not missing, f"{block.where}: not printed: {missing}\nprinted:\n{actual}"
        if _OMITTED not in block.text.split():
            extra = [line for form, line in lines.items() if form not in shown_lines]
            assert not extra, f"{block.where}: not shown: {extra}\nprinted:\n{actual}"
        for form, line in shown_lines.items():
            self._replaced |= zip(_TRASH_ID.findall(line), _TRASH_ID.findall(lines[form]), strict=True)

    def _replace(self, text: str) -> str:
        for shown, real in self._replaced.items():
            text = text.replace(shown, real)
        return text


def make_project(directory: Path) -> Path:
    """Make the project of a reader below a directory, and return it."""
    project = directory / "project"
    for name, content in FILES.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return project


def constant(line: str) -> str:
    """Return a line of output without what varies from run to run."""
    for pattern, name in _VARIES:
        line = pattern.sub(name, line)
    return line.strip()
