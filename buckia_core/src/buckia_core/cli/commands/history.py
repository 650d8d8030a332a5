"""`buckia history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from buckia_core.adapters.commands.table import Column, Row
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.report import json_records
from buckia_core.cli.terminal.formatting import format_summary, format_time

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient
    from buckia_core.syncing.events import SyncResult

_COLUMNS = (Column("Started"), Column("Bucket", style="bold"), Column("Result"))


@click.command("history", cls=Command)
@click.option(
    "-n", "--limit", metavar="N", type=click.IntRange(min=1), default=20, show_default=True, help="Number of runs."
)
@pass_context
def history_command(context: CliContext, limit: int) -> ExitCode:
    """Show the last runs, the latest one first."""
    # Configuration entries for the same bucket share a history.
    seen: set[object] = set()
    rows: list[Row] = []

    def show(client: BuckiaClient) -> ExitCode:
        runs = [run for run in client.history(limit) if (run.bucket, run.started) not in seen]
        seen.update((run.bucket, run.started) for run in runs)
        if not runs:
            context.output.note(f"{client.config.name}: no run yet")
        rows.extend((_run_record(run), (format_time(run.started), run.bucket, format_summary(run))) for run in runs)
        return ExitCode.DONE

    code = context.for_each_bucket(show)
    context.table(_COLUMNS, rows)
    return code


def _run_record(run: SyncResult) -> dict[str, object]:
    return json_records.summary(run, kind="run") | {
        "started": json_records.iso_time(run.started),
        "unresolved": len(run.unresolved),
        "interrupted": run.interrupted,
        "ended": run.ended,
    }
