"""A command at a pseudo-terminal of its own, for tests that type and read. Linux and macOS."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

from tests.servers.process import clean_environment

SPAWN = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
"""Runs a command on a pseudo-terminal of its own, and copies between it and the pipes of this process."""


class Terminal:
    """A command that believes to be at a terminal.

    Attributes:
        text: All that it has written so far, or since the last answer.
        before: What it had written before the last answer.
    """

    def __init__(self, project: Path, *arguments: str, **environ: str) -> None:
        command = [sys.executable, "-c", SPAWN, sys.executable, "-m", "buckia", *arguments]
        more = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"} | environ
        self._process = subprocess.Popen(
            command,
            cwd=project,
            env=clean_environment(PYTHONWARNINGS="error", PYTHONUTF8="1", **more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.text = ""
        self.before = ""

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Read until a text has come."""
        end = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < end, f"{text!r} did not come; what did: {self.text!r}"
            if not self._read(0.2) and self._process.poll() is not None:
                self._read(0)
                assert text in self.text, f"it ended without {text!r}: {self.text!r}"

    def type(self, keys: str) -> None:
        """Press keys."""
        assert self._process.stdin is not None
        self._process.stdin.write(keys.encode())

    def wait(self) -> int:
        """Read to the end, and return the exit code."""
        end = time.monotonic() + 60
        while self._read(0.2) or self._process.poll() is None:
            assert time.monotonic() < end, self.text
        return self._process.wait()

    def close(self) -> None:
        """End the command, if it has not ended."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()

    def _read(self, seconds: float) -> bool:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            return False
        content = os.read(self._process.stdout.fileno(), 65536)
        self.text += content.decode(errors="replace")
        return bool(content)
