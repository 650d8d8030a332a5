"""`Forks`: commands in forks of one process, so that thousands of runs with a fault each take minutes."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.ran import Ran
from tests.servers.process import clean_environment
from tests.system_calls.failing_calls import FailingCalls, Rule

_SERVER = Path(__file__).with_name("fork_server.py")


@dataclass(slots=True)
class Fork:
    """A command that runs."""

    pid: int
    server: subprocess.Popen[bytes]
    output: Path
    code: int | None = None

    def runs(self) -> bool:
        """Tell whether it has not ended yet."""
        assert self.server.stdout is not None
        return self.code is None and not select.select([self.server.stdout], [], [], 0)[0]

    def wait_until_stopped(self) -> bool:
        """Wait until it is stopped by a signal; `False` if it ends instead."""
        if (word := _read(self.server)) != "stopped":
            self.code = int(word)
        return self.code is None

    def wait(self) -> Ran:
        """Wait for its end. Of a process that a signal ended, the code is negative."""
        code = int(_read(self.server)) if self.code is None else self.code
        stdout, stderr = ((self.output / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
        if code < 0:
            # Its last line may be half of one.
            stdout = stdout[: stdout.rfind("\n") + 1]
        assert "Traceback" not in stderr, stderr
        return Ran(code, stdout, stderr)


class Forks:
    """A process whose forks are commands, one after the other."""

    def __init__(self, calls: FailingCalls) -> None:
        self._calls = calls
        self._output = tempfile.TemporaryDirectory(prefix="buckia-forks-")
        self._server = subprocess.Popen(
            [sys.executable, str(_SERVER)],
            # The bytecode that only a first run would write is no place of a command.
            env=clean_environment(
                PYTHONUTF8="1", PYTHONWARNINGS="error", PYTHONDONTWRITEBYTECODE="1", LD_PRELOAD=str(calls.library)
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def start(
        self,
        directory: Path,
        *arguments: str,
        rules: Sequence[Rule] = (),
        log: Path | None = None,
        commit_each: bool = False,
    ) -> Fork:
        """Start `buckia`. With `commit_each`, a run commits each result alone, instead of many in one transaction."""
        output = Path(self._output.name)
        # Always the same rule at least, so that those of the process before are forgotten.
        environment = clean_environment(PYTHONUTF8="1") | self._calls.environment(*rules, log=log)
        job = {
            "directory": str(directory),
            "arguments": arguments,
            "environment": environment,
            "stdout": str(output / "stdout"),
            "stderr": str(output / "stderr"),
            "commit_each": commit_each,
        }
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(job).encode() + b"\n")
        self._server.stdin.flush()
        return Fork(int(_read(self._server)), self._server, output)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in (self._server.stdin, self._server.stdout):
            assert stream is not None
            stream.close()
        self._server.wait()
        self._output.cleanup()


def _read(server: subprocess.Popen[bytes]) -> str:
    assert server.stdout is not None
    line = server.stdout.readline()
    assert line, "the process that forks ended"
    return line.decode().strip()
