"""What a `buckia` command did: its exit code, what it said, and the lines of JSON."""

from __future__ import annotations

import json
import subprocess
import threading
from dataclasses import dataclass
from typing import Any

_NO_COUNTS = frozenset(
    {"type", "bucket", "dry_run", "moved", "adopted", "bytes_up", "bytes_down", "requests", "seconds"}
)


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of JSON."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def operations(self) -> list[dict[str, Any]]:
        """The operations, planned, done or failed."""
        return [record for record in self.records if record["type"] == "operation"]

    def actions(self, status: str = "done") -> dict[str, str]:
        """Return what was done (or planned, or failed) to each key."""
        return {each["key"]: each["action"] for each in self.operations if each["status"] == status}

    @property
    def failures(self) -> dict[str, str]:
        """The keys that failed, and why."""
        return {each["key"]: each["error"] for each in self.operations if each["status"] == "failed"}

    @property
    def summaries(self) -> dict[str, dict[str, Any]]:
        """The summary of each bucket."""
        return {each["bucket"]: each for each in self.records if each["type"] == "summary"}

    @property
    def summary(self) -> dict[str, Any]:
        """The summary of the one bucket."""
        (only,) = self.summaries.values()
        return only

    @property
    def counts(self) -> dict[str, int]:
        """The counts of the one bucket that are not zero, without moves, adoptions, bytes, requests and seconds."""
        return counts_of(self.summary)

    @property
    def error(self) -> dict[str, Any]:
        """The one error that ended the run before it had a summary."""
        (only,) = (record for record in self.records if record["type"] == "error")
        return only

    @property
    def said(self) -> str:
        """All that was written, to both streams."""
        return self.stdout + self.stderr


def counts_of(summary: dict[str, Any]) -> dict[str, int]:
    """Return the counts of a summary that are not zero, without moves, adoptions, bytes, requests and seconds."""
    return {name: value for name, value in summary.items() if name not in _NO_COUNTS and value}


class Running:
    """A command that may still run."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: list[str] = []
        self._stderr: list[str] = []
        # Else a command that says much on one stream would wait for ever while the other one is read.
        self._drain = threading.Thread(target=self._read_errors, daemon=True)
        self._drain.start()

    def read_line(self) -> str | None:
        """Return the next line of standard output; `None` at its end."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            self._lines.append(line)
        return line or None

    def wait(self, seconds: float = 120) -> Ran:
        """Read to the end and return what the command did. One that does not end in time is killed, and fails."""
        assert self.process.stdout is not None
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            self._lines.extend(self.process.stdout)
            code = self.process.wait()
            self._drain.join()
        finally:
            timed_out = timer.finished.is_set()
            timer.cancel()
            self.process.stdout.close()
        ran = Ran(code, "".join(self._lines), "".join(self._stderr))
        assert not timed_out, f"it took longer than {seconds:g} s: {ran}"
        assert "Traceback" not in ran.stderr, ran.stderr
        return ran

    def kill(self) -> Ran:
        """Kill it, as a crash or a power cut would, and return what it said until then."""
        self.process.kill()
        return self.wait()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self._stderr.extend(self.process.stderr)
        self.process.stderr.close()
