"""`buckia cp` and `buckia mv`."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.object_names import (
    ObjectName,
    check_bucket,
    check_new_key,
    parse_name,
    select_or_report,
    unknown_bucket,
)
from buckia_core.planning.key_pattern import folder_prefix

if TYPE_CHECKING:
    from buckia_core.cli.report.transfers import Transfer, TransferReporter
    from buckia_core.cli.terminal.progress import Progress
    from buckia_core.client import BuckiaClient
    from buckia_core.objects.bulk_copy import CopyTask
    from buckia_core.objects.progress import TransferProgress
    from buckia_core.objects.selection import Selection

_FAREWELL = "Interrupted. Copies that were complete are there; the same command with --no-clobber makes the others."


@click.command("cp", cls=Command)
@click.argument("names", nargs=-1, required=True, metavar="KEYS... TARGET")
@click.option("-r", "--recursive", is_flag=True, help="Also copy everything below KEYS.")
@click.option("--no-clobber", is_flag=True, help="Skip objects whose copy exists.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be copied, and copy nothing.")
@pass_context
def cp_command(
    context: CliContext, names: tuple[str, ...], recursive: bool, no_clobber: bool, dry_run: bool
) -> ExitCode:
    """Copy objects within a bucket, or between buckets.

    KEYS are keys, folders such as 'images/', or patterns such as 'images/*.png'. TARGET is a key, or a folder that ends
    in a slash. NAME:KEY is a key in the bucket NAME of the configuration. What exists is replaced.
    """
    return _run(context, names, recursive=recursive, no_clobber=no_clobber, dry_run=dry_run, move=False)


@click.command("mv", cls=Command)
@click.argument("names", nargs=-1, required=True, metavar="KEYS... TARGET")
@click.option("-r", "--recursive", is_flag=True, help="Also move everything below KEYS.")
@click.option("--no-clobber", is_flag=True, help="Skip objects whose target exists.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be moved, and move nothing.")
@pass_context
def mv_command(
    context: CliContext, names: tuple[str, ...], recursive: bool, no_clobber: bool, dry_run: bool
) -> ExitCode:
    """Move objects within a bucket, or between buckets: copy them, and delete the sources.

    Arguments are those of `buckia cp`. A source is deleted when its copy is verified, if it did not change meanwhile.
    """
    return _run(context, names, recursive=recursive, no_clobber=no_clobber, dry_run=dry_run, move=True)


def _run(
    context: CliContext, names: Sequence[str], *, recursive: bool, no_clobber: bool, dry_run: bool, move: bool
) -> ExitCode:
    if len(names) < 2:
        raise click.UsageError("Name KEYS, and a TARGET.")
    *sources, target = [parse_name(context, name) for name in names]
    check_new_key(target.key)
    if len(sources) > 1 and target.key and not target.key.endswith("/"):
        raise click.UsageError(f"For several KEYS, the TARGET must end in a slash, and {target.key!r} does not.")
    context.bucket = target.bucket
    from buckia_core.cli.report.transfers import TransferReporter  # noqa: PLC0415  # imports the engine
    from buckia_core.cli.terminal.progress import progress_for  # noqa: PLC0415  # as above
    from buckia_core.objects.bulk_copy import check_targets  # noqa: PLC0415  # as above

    with ExitStack() as stack:
        clients = {
            name: stack.enter_context(context.client(context.config_file.bucket(name)))
            for name in dict.fromkeys(place.bucket for place in (*sources, target))
        }
        check_bucket(context, clients[target.bucket].adapter, target)
        progress = progress_for(context.output, target.bucket)
        reporter = TransferReporter(context.output, target.bucket, progress)
        try:
            planned = [
                (bucket, _plan(found, clients[target.bucket], target.key, no_clobber=no_clobber))
                for bucket, found in _select(context, clients, sources, reporter, recursive=recursive)
            ]
            # Before the first copy: one source may have an object that the copy of another one would replace.
            checked = check_targets(
                clients[target.bucket].objects, [(clients[bucket].objects, tasks) for bucket, tasks in planned]
            )
            for (bucket, _), tasks in zip(planned, checked, strict=True):
                if reporter.interrupted:
                    break
                command = _Command(context, clients[bucket], clients[target.bucket], progress, reporter, move)
                command.run(tasks, no_clobber=no_clobber, dry_run=dry_run)
        finally:
            progress.close()
        return reporter.finish()


def _select(
    context: CliContext,
    clients: dict[str, BuckiaClient],
    sources: Sequence[ObjectName],
    reporter: TransferReporter,
    *,
    recursive: bool,
) -> Iterable[tuple[str, Selection]]:
    """Yield the objects of each name; see `select_or_report`."""
    for place in sources:
        found = select_or_report(
            clients[place.bucket].adapter,
            place.key,
            reporter,
            recursive=recursive,
            is_only=len(sources) == 1,
            instead=partial(unknown_bucket, context, place) if place.unknown else None,
        )
        if found is not None:
            yield place.bucket, found


def _plan(found: Selection, target: BuckiaClient, key: str, *, no_clobber: bool) -> list[CopyTask]:
    """Return what to copy, each with the object that it replaces."""
    from buckia_core.errors import PermissionDenied  # noqa: PLC0415  # imports the engine
    from buckia_core.objects.bulk_copy import CopyTask  # noqa: PLC0415
    from buckia_core.objects.existing import find_existing  # noqa: PLC0415  # as above

    prefix = folder_prefix(key)
    is_exact = found.single is not None and key and not key.endswith("/")
    objects = list(found.objects)
    keys = [key if is_exact else prefix + each.key[len(found.base) :] for each in objects]
    try:
        existing = find_existing(target.adapter, keys)
    except PermissionDenied:
        if no_clobber:
            raise
        return [CopyTask(each, its, is_known=False) for each, its in zip(objects, keys, strict=True)]
    return [CopyTask(each, its, existing.get(its)) for each, its in zip(objects, keys, strict=True)]


class _Command:
    """Copies or moves of one source."""

    def __init__(
        self,
        context: CliContext,
        source: BuckiaClient,
        target: BuckiaClient,
        progress: Progress,
        reporter: TransferReporter,
        move: bool,
    ) -> None:
        self._context = context
        self._source = source
        self._target = target
        self._progress = progress
        self._reporter = reporter
        self._move = move
        self._sent: dict[str, int] = {}
        self._lock = threading.Lock()

    def run(self, tasks: Sequence[CopyTask], *, no_clobber: bool, dry_run: bool) -> None:
        """Copy, and show each; with `dry_run`, only show them."""
        from buckia_core.cli.signals import GracefulShutdown  # noqa: PLC0415  # imports the engine
        from buckia_core.objects.bulk_copy import copy_all  # noqa: PLC0415  # as above

        skipped = [task for task in tasks if no_clobber and task.replaces is not None]
        for task in skipped:
            self._reporter.skipped(self._describe(task), "exists")
        chosen = [task for task in tasks if not (no_clobber and task.replaces is not None)]
        if dry_run:
            for task in chosen:
                self._reporter.planned(self._describe(task))
            return
        self._context.output.ignore_broken_pipe()
        self._progress.planned(len(chosen), sum(task.found.size for task in chosen))
        stopped = threading.Event()
        shutdown = GracefulShutdown(stopped.set, self._context.output, self._progress.restore_cursor, _FAREWELL)
        with shutdown.handle_signals():
            outcomes = copy_all(
                self._source.objects,
                self._target.objects,
                chosen,
                move=self._move,
                stopped=stopped,
                progress=self._show,
            )
            for outcome in outcomes:
                transfer = self._describe(outcome.task)
                if outcome.copied is not None:
                    with self._lock:
                        rest = outcome.task.found.size - self._sent.pop(outcome.task.key, 0)
                        self._progress.transferred(rest)
                    self._reporter.done(transfer, outcome.copied)
                elif outcome.error is not None:
                    self._reporter.failed(transfer.source, outcome.error, str(outcome.error), transfer)
        self._reporter.interrupted = shutdown.stop_requested

    def _show(self, state: TransferProgress) -> None:
        with self._lock:
            self._progress.transferred(state.bytes_transferred - self._sent.get(state.key, 0))
            self._sent[state.key] = state.bytes_transferred

    def _describe(self, task: CopyTask) -> Transfer:
        from buckia_core.cli.report.transfers import Transfer  # noqa: PLC0415  # imports the engine

        source, target = self._source.config.name, self._target.config.name
        shown = (task.found.key, task.key)
        if source != target:
            shown = (f"{source}:{task.found.key}", f"{target}:{task.key}")
        fields = {"source": task.found.key, "source_bucket": source}
        action, replaces = "move" if self._move else "copy", task.replaces is not None
        return Transfer(action, task.key, *shown, task.found.size, replaces, fields)
