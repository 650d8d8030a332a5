"""Runs `buckia` commands in forks of a process that has imported it, and whose system calls can be made to fail.

A command then costs what it does, not what its start-up costs. Written by path as a program: it imports nothing of
`tests`, reads one job a line from its standard input, and answers with the id of the process, and with its status.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import traceback
from importlib import import_module
from typing import Any

# What a command imports on its way.
_MODULES = (
    "sqlite3",
    "buckia_core.cli",
    "buckia_core.client",
    "buckia_core.cli.commands.sync",
    "buckia_core.cli.commands.check",
    "buckia_core.cli.run_sync",
    "buckia_core.syncing.engine",
    "buckia_core.adapters.directory.sync",
    "buckia_s3.sync",
)


def serve() -> None:
    """Do jobs until the standard input ends."""
    for name in _MODULES:
        import_module(name)
    for line in sys.stdin.buffer:
        child = os.fork()
        if not child:
            _become(json.loads(line))
        _answer(child)
        while os.WIFSTOPPED(status := os.waitpid(child, os.WUNTRACED)[1]):
            _answer("stopped")
        _answer(os.waitstatus_to_exitcode(status))


def _answer(word: object) -> None:
    os.write(1, f"{word}\n".encode())


def _become(job: dict[str, Any]) -> None:
    """Run one command in this process, and end it."""
    code = 70
    try:
        os.chdir(job["directory"])
        os.environ.clear()
        os.environ.update(job["environment"])
        for number, path, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, job["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            (2, job["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        ):
            os.dup2(os.open(path, flags, 0o600), number)
        if job["commit_each"]:
            # Commits are then as many as results, and their numbers do not depend on time.
            vars(import_module("buckia_core.syncing.execution.recorder"))["_BATCH_ROWS"] = 1
        if "FAILING_CALLS" in os.environ:
            ctypes.CDLL(None).failing_calls_begin()
        code = import_module("buckia_core.cli").main(job["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
    os._exit(code)


if __name__ == "__main__":
    serve()
