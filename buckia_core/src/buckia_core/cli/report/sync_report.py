"""Reporter of a run: turns events into lines, records and progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from buckia_core.adapters.commands.table import Column
from buckia_core.cli.report import json_records
from buckia_core.cli.terminal.formatting import format_count, format_size, format_summary
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.progress import Progress
from buckia_core.cli.terminal.tables import format_row
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.syncing.events import Event, Finished, Notice, Planned, Scanning, Status, SyncResult, Transferred

if TYPE_CHECKING:
    from buckia_core.cli.terminal.console import Span

_ACTION_LABELS = {
    Action.UPLOAD: "upload",
    Action.DOWNLOAD: "download",
    Action.DELETE_LOCAL: "delete local",
    Action.DELETE_REMOTE: "delete remote",
    Action.MOVE_REMOTE: "move remote",
    Action.ADOPT: "adopt",
    Action.FORGET: "forget",
    Action.CONFLICT: "conflict",
    Action.KEEP_BOTH: "conflict",
    Action.SKIP: "skip",
    Action.REFUSE: "skip",
}
_COLUMNS = (
    Column(
        "Action",
        width=max(map(len, _ACTION_LABELS.values())),
        styles={
            "upload": "green",
            "download": "cyan",
            "delete local": "red",
            "delete remote": "red",
            "conflict": "bold yellow",
            "skip": "yellow",
        },
    ),
    Column("Size", right=True, width=10),
    Column("Path"),
    Column("Reason", style="dim"),
)
_BOOKKEEPING = frozenset({Action.ADOPT, Action.FORGET})
"""Actions that change no file and no object. A first run may have one for every file."""
_TRANSFERS = frozenset({Action.UPLOAD, Action.DOWNLOAD})


class Reporter:
    """Event listener of one bucket's run."""

    def __init__(self, output: Output, bucket: str, progress: Progress, *, dry_run: bool) -> None:
        self._output = output
        self._bucket = bucket
        self._progress = progress
        self._dry_run = dry_run

    def __call__(self, event: Event) -> None:
        match event:
            case Scanning():
                self._progress.scanned(event.local, event.remote)
            case Planned():
                size = sum(each.size for each in event.plan if each.action in _TRANSFERS)
                self._progress.planned(len(event.plan.operations), size)
            case Notice():
                if self._output.options.json:
                    self._output.record(json_records.notice(self._bucket, event.message))
                else:
                    self._output.note(f"{self._bucket}: {event.message}")
            case Transferred():
                self._progress.transferred(event.delta)
            case Finished():
                if event.operation.reason is not Reason.NOT_A_FILE:
                    self._progress.operation_finished()
                self._show(event)
            case _:
                assert_never(event)

    def _show(self, event: Finished) -> None:
        options = self._output.options
        if options.json:
            self._output.record(
                json_records.operation(self._bucket, event.operation, event.path or None, event.status, event.error)
            )
        elif event.status is Status.FAILED:
            message = event.error or event.operation.explanation
            self._output.failed(_display_name(event), message.removeprefix(f"{event.operation.key!r}: "))
        elif options.quiet or (event.operation.reason is Reason.NOT_A_FILE and not options.verbosity):
            # There may be many links, and the summary counts them.
            return
        elif self._dry_run or event.operation.action not in _BOOKKEEPING or options.verbosity > 0:
            self._output.say(format_operation(event.operation, event.path))
        # A program that reads the output sees each operation when it is done.
        self._output.flush()


def _display_name(event: Finished) -> str:
    """Return the path of an event; the key if it can't be a path."""
    refused = event.operation.reason is Reason.REFUSED_KEY and event.operation.local is None
    return event.operation.key if refused else event.path or event.operation.key


def format_operation(operation: Operation, path: str | None) -> list[Span]:
    """Format an operation as a line: action, size, path, reason."""
    label, size = _ACTION_LABELS[operation.action], format_size(operation.size)
    return format_row(_COLUMNS, (label, size, path or operation.key, f"({operation.explanation})"))


def show_summary(output: Output, result: SyncResult, **texts: str) -> None:
    """Show the summary of a run; `texts` are those of `format_summary`."""
    if output.options.json:
        output.record(json_records.summary(result))
        return
    output.say(f"{result.bucket}: {format_summary(result, **texts)}")
    if result.unresolved and not result.dry_run:
        output.note(f"{format_count(len(result.unresolved), 'conflict')} left to decide. See: buckia conflicts list")
