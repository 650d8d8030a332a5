"""Downloads and uploads of a command: runs a bulk plan, and shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from buckia_core.cli.report.transfers import Transfer, TransferReporter
from buckia_core.cli.signals import GracefulShutdown
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.progress import Progress
from buckia_core.planning.plan import Action, Operation, Reason

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient
    from buckia_core.planning.keys import FilesystemRules
    from buckia_core.planning.mapping import PathMapping
    from buckia_core.syncing.execution.operation_result import OperationResult

FAREWELL = "Interrupted. The same command goes on with unfinished large files."
"""What the user reads after a second Ctrl-C."""

_TRANSFERS = (Action.DOWNLOAD, Action.UPLOAD)


def run_bulk_transfer(
    client: BuckiaClient,
    output: Output,
    progress: Progress,
    reporter: TransferReporter,
    operations: Sequence[Operation],
    mappings: Mapping[str, PathMapping],
    rules: Mapping[str, FilesystemRules],
    describe: Callable[[Operation], Transfer],
    *,
    dry_run: bool,
    run: Callable[[Sequence[Operation]], Iterable[OperationResult]] | None = None,
) -> None:
    """Execute the transfers of a plan, and show them with what is skipped and refused; with `dry_run`, only show them.

    `run` replaces the executor of syncs.

    Raises:
        Unauthenticated: The provider rejects the credentials.
    """
    to_run = [each for each in operations if each.action in _TRANSFERS]
    progress.planned(len(operations), sum(each.size for each in to_run))
    for each in operations:
        if each.action is Action.SKIP:
            reporter.skipped(describe(each), each.explanation)
        elif each.action not in _TRANSFERS:
            error = _refusal(each)
            reporter.failed(each.key, error, str(error), describe(each))
        elif dry_run:
            reporter.planned(describe(each))
    if dry_run or not to_run:
        return
    from buckia_core.syncing.bulk.run import BulkTransfer  # noqa: PLC0415  # imports the executor

    output.ignore_broken_pipe()
    stopped = threading.Event()
    shutdown = GracefulShutdown(stopped.set, output, progress.restore_cursor, FAREWELL)
    bulk = BulkTransfer(
        client.adapter,
        client.config,
        client.state_dir,
        mappings,
        rules,
        stopped,
        lambda _, delta: progress.transferred(delta),
        output.note,
    )
    with shutdown.handle_signals():
        for result in (run or bulk.run)(to_run):
            transfer = describe(result.operation)
            if result.remote is not None:
                reporter.done(transfer, result.remote)
            else:
                message = result.message or "it was not transferred"
                reporter.failed(result.operation.key, result.error or RuntimeError(message), message, transfer)
    reporter.interrupted = shutdown.stop_requested


def _refusal(operation: Operation) -> Exception:
    """Return the error of an operation that is refused by the plan."""
    from buckia_core.errors import AlreadyExists, InvalidKey  # noqa: PLC0415  # only after a mistake

    if operation.reason is Reason.EXISTS:
        return AlreadyExists(operation.explanation, key=operation.key)
    if operation.reason is Reason.UNREADABLE:
        return PermissionError(operation.explanation)
    return InvalidKey(operation.explanation, key=operation.key)
