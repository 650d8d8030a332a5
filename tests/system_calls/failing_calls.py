"""Failing system calls: makes the k-th call on a path fail, or kills the command at it.

A small library, compiled from `failing_calls.c` for the first test that needs it, intercepts calls to the C library:
those of Python, of SQLite, and of everything else that the command loads.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.servers.s3_server import Available

NAME = "cc"
"""How `BUCKIA_REQUIRE_SERVERS` names the compiler."""

_SOURCE = Path(__file__).with_name("failing_calls.c")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: which calls fail, and how.

    Attributes:
        call: `open` (of what is there), `create`, `read`, `write`, `truncate`, `fsync`, `syncfs`, `rename`, `link`,
            `unlink`, `mkdir`, `rmdir`, `utime`, `chmod`; `any`; or `change` for all but `open` and `read`.
        path: A pattern for whole paths, in which a star stands for slashes as well. Of two paths, one has to match.
        does: The name of an error, such as `ENOSPC`; with `+` before it for a call that takes effect and reports the
            error all the same; `kill` for the end of the process just before the call, `after` just after it; `stop`
            for a process that waits before the call until it gets SIGCONT; `short` for a write of half of the bytes;
            `count` for nothing.
        first: The first call to which it happens, counted from 1.
        times: To how many calls; `None` for all from the first one on.
        but: A pattern for paths that the rule is not about.
    """

    call: str
    path: str
    does: str
    first: int = 1
    times: int | None = None
    but: str | None = None

    def __str__(self) -> str:
        late, name = "+" * self.does.startswith("+"), self.does.removeprefix("+")
        does = f"{late}{getattr(errno, name)}" if name.startswith("E") else name
        path = self.path if self.but is None else f"{self.path}\t{self.but}"
        return f"{self.call} {does} {self.first} {self.times or 0} {path}"


@dataclass(frozen=True, slots=True)
class FailingCalls:
    """Builds the environment of a command whose calls fail."""

    library: Path

    def environment(self, *rules: Rule, log: Path | None = None) -> dict[str, str]:
        """Return the variables for some rules; each call that one of them is about goes into the log."""
        found = {"LD_PRELOAD": str(self.library), "FAILING_CALLS": "\n".join(map(str, rules))}
        return found if log is None else found | {"FAILING_CALLS_LOG": str(log)}

    @staticmethod
    def read_log(log: Path) -> list[tuple[str, str]]:
        """Return the calls of a log, in order: name and path, of two paths the second one."""
        return [_pair(line.split(" ", 1)) for line in log.read_text(errors="surrogateescape").splitlines()]


@cache
def available() -> Available:
    """Tell whether calls can be made to fail here."""
    if sys.platform != "linux":
        return Available("calls are only made to fail on Linux")
    if _compiler() is None:
        return Available("there is no C compiler (Debian: gcc, libc6-dev), so no call can be made to fail")
    return Available()


def build() -> FailingCalls:
    """Compile the library, into a directory of its own."""
    compiler = _compiler()
    assert compiler is not None
    directory = Path(tempfile.mkdtemp(prefix="buckia-calls-"))
    library = directory / "failing_calls.so"
    options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(library), str(_SOURCE), "-ldl"]
    subprocess.run([compiler, *options], check=True)
    return FailingCalls(library)


def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


def _pair(words: Iterable[str]) -> tuple[str, str]:
    call, path = words
    return call, os.path.normpath(path)
