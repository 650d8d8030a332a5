"""Progress of a run: bars on a terminal, log lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from buckia_core.cli.terminal.formatting import format_size
from buckia_core.cli.terminal.output import Output

INTERVAL = 15.0
"""Seconds between two lines of `LogProgress`. CI services kill jobs that are silent for minutes."""


class Progress:
    """Progress of one bucket's run, updated by one thread at a time. The base class shows nothing."""

    def scanned(self, local: int, remote: int) -> None:
        """Report the number of entries read on both sides."""

    def planned(self, operations: int, size: int) -> None:
        """Report the number of planned operations, and the bytes that they transfer."""

    def transferred(self, delta: int) -> None:
        """Report transferred bytes; negative when an attempt is repeated."""

    def operation_finished(self) -> None:
        """Report that an operation is done."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Draw nothing inside of the block: a prompt uses the terminal."""
        yield

    def restore_cursor(self) -> None:
        """Restore the terminal without taking a lock: the process is about to exit."""

    def close(self) -> None:
        """Stop drawing."""


def progress_for(output: Output, bucket: str) -> Progress:
    """Create the progress for the options and the terminal."""
    if output.options.quiet or output.options.json:
        return Progress()
    if (console := output.console(sys.stderr)) is not None:
        from buckia_core.cli.terminal.progress_bars import RichProgress  # noqa: PLC0415  # imports rich

        return RichProgress(output, bucket, console)
    return LogProgress(output, bucket)


class LogProgress(Progress):
    """Progress as log lines on standard error at intervals."""

    def __init__(self, output: Output, bucket: str) -> None:
        self._output = output
        self._bucket = bucket
        self._last = time.monotonic()
        self._operations = self._done = 0
        self._size = self._bytes_done = 0

    def scanned(self, local: int, remote: int) -> None:
        if self._is_due():
            self._log(f"reading: {local} local, {remote} in the bucket")

    def planned(self, operations: int, size: int) -> None:
        self._operations, self._size = operations, size

    def transferred(self, delta: int) -> None:
        self._bytes_done += delta
        if self._is_due():
            self._log(self._state())

    def operation_finished(self) -> None:
        self._done += 1
        if self._is_due():
            self._log(self._state())

    def _state(self) -> str:
        return f"{self._done} of {self._operations} done, {format_size(self._bytes_done)} of {format_size(self._size)}"

    def _is_due(self) -> bool:
        return time.monotonic() - self._last >= INTERVAL

    def _log(self, text: str) -> None:
        self._last = time.monotonic()
        self._output.note(f"{self._bucket}: {text}")
