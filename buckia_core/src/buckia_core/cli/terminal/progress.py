"""How far a run is: bars where a person looks on, a line now and then where nobody does."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from buckia_core.cli.terminal.formatting import format_size
from buckia_core.cli.terminal.output import Output

INTERVAL = 15.0
"""Seconds between two lines of `LogProgress`. Services that run jobs take a silent one for dead after minutes."""


class Progress:
    """Is told how far one bucket's run is, by one thread at a time. This one shows nothing of it."""

    def scanned(self, local: int, remote: int) -> None:
        """So many entries of both sides have been read."""

    def planned(self, operations: int, size: int) -> None:
        """The plan has so many operations, which transfer so many bytes."""

    def transferred(self, delta: int) -> None:
        """So many more bytes have gone over; negative where an attempt starts again."""

    def finished(self) -> None:
        """One more operation is over."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is drawn inside: the terminal belongs to a question."""
        yield

    def restore(self) -> None:
        """Leave the terminal in order, at once and without a lock: the process is about to end."""

    def close(self) -> None:
        """Draw nothing any more."""


def progress_for(output: Output, bucket: str) -> Progress:
    """Return the progress that suits the options and the terminal."""
    if output.options.quiet or output.options.json:
        return Progress()
    if is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb":
        from buckia_core.cli.terminal.progress_bars import RichProgress  # noqa: PLC0415  # rich is imported when something is drawn

        return RichProgress(output, bucket)
    return LogProgress(output, bucket)


def is_terminal(stream: object) -> bool:
    """Tell whether a person sees what is written to the stream, or writes what is read from it."""
    ask = getattr(stream, "isatty", None)
    return bool(ask and ask())


class LogProgress(Progress):
    """A line on standard error now and then, for a log."""

    def __init__(self, output: Output, bucket: str) -> None:
        self._output = output
        self._bucket = bucket
        self._last = time.monotonic()
        self._operations = self._done = 0
        self._size = self._bytes_done = 0

    def scanned(self, local: int, remote: int) -> None:
        self._log(f"reading: {local} here, {remote} in the bucket")

    def planned(self, operations: int, size: int) -> None:
        self._operations, self._size = operations, size

    def transferred(self, delta: int) -> None:
        self._bytes_done += delta
        self._log(self._state())

    def finished(self) -> None:
        self._done += 1
        self._log(self._state())

    def _state(self) -> str:
        return f"{self._done} of {self._operations} done, {format_size(self._bytes_done)} of {format_size(self._size)}"

    def _log(self, text: str) -> None:
        now = time.monotonic()
        if now - self._last >= INTERVAL:
            self._last = now
            self._output.note(f"{self._bucket}: {text}")
