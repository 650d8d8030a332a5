"""Running `buckia` in this process, as it is typed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from buckia_core.cli import main


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


@contextmanager
def signals_kept() -> Iterator[None]:
    """At the end, who handled signals before handles them again."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    """Run a command, and return how it ended."""
    capsys.readouterr()
    with signals_kept():
        code = main(arguments)
    written = capsys.readouterr()
    return Ran(code, written.out, written.err)
