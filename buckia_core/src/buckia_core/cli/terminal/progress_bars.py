"""Progress bars on a terminal, drawn by rich."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichBars
from rich.table import Column
from rich.text import Text

from buckia_core.cli.terminal.console import Line, to_text
from buckia_core.cli.terminal.formatting import format_size
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.progress import Progress
from buckia_core.config.secrets.sanitize import sanitize

_ECHO_WIDTH = 4
_NO_WRAP = Column(no_wrap=True)


class RichProgress(Progress):
    """Two bars on standard error, for operations and for bytes; other output appears above them."""

    def __init__(self, output: Output, bucket: str, console: Console) -> None:
        self._output = output
        self._bucket = sanitize(bucket)
        self._console = console
        self._height = 1
        self._bars = _Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            _Amount(),
            _Speed(),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._operations = self._bars.add_task(f"{self._bucket}: reading", total=None, unit="operations")
        self._bytes = self._bars.add_task("bytes", total=None, unit="bytes", visible=False)
        self._start()

    def scanned(self, local: int, remote: int) -> None:
        text = f"{self._bucket}: reading, {local} local, {remote} in the bucket"
        self._bars.update(self._operations, description=text)

    def planned(self, operations: int, size: int) -> None:
        self._bars.reset(self._operations, total=operations, description=self._bucket, unit="operations")
        self._height = 2 if size > 0 else 1
        self._bars.reset(self._bytes, total=size, visible=size > 0, unit="bytes")

    def transferred(self, delta: int) -> None:
        self._bars.advance(self._bytes, delta)

    def operation_finished(self) -> None:
        self._bars.advance(self._operations)

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.close()
        try:
            yield
        finally:
            self._start()

    def restore_cursor(self) -> None:
        # Written directly: the drawing thread may hold the console's lock.
        erase = b"" if self._output.print_above is None else b"\r\x1b[2K" + b"\x1b[1A\x1b[2K" * (self._height - 1)
        os.write(sys.stderr.fileno(), erase + b"\x1b[?25h")

    def close(self) -> None:
        self._output.print_above = None
        self._bars.stop()

    def _start(self) -> None:
        self._bars.start()
        self._output.print_above = self._print

    def _print(self, line: Line) -> None:
        self._console.print(to_text(line))


class _Bars(RichBars):
    """Bars that leave the last columns free, so that an echoed `^C` does not move the cursor to another line."""

    def __init__(self, *columns: str | ProgressColumn, console: Console) -> None:
        self._target = console  # `console` is set only after the first call of `get_renderables`
        super().__init__(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield Constrain(self.make_tasks_table(self.tasks), self._target.width - _ECHO_WIDTH)


class _Amount(ProgressColumn):
    """Column: `12/40` for operations, `3.2/9.8 MiB` for bytes."""

    def __init__(self) -> None:
        super().__init__(_NO_WRAP)
        self._count = MofNCompleteColumn()
        self._volume = DownloadColumn(binary_units=True)

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text()
        return (self._volume if task.fields["unit"] == "bytes" else self._count).render(task)


class _Speed(ProgressColumn):
    """Column: bytes per second; empty for operations."""

    def __init__(self) -> None:
        super().__init__(_NO_WRAP)

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{format_size(int(speed))}/s" if speed and task.fields["unit"] == "bytes" else "")
