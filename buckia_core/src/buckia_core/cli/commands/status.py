"""`buckia status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for_result
from buckia_core.cli.parameters import selection_arguments, selection_options
from buckia_core.cli.path_arguments import for_each_bucket_with_paths
from buckia_core.cli.report import json_records
from buckia_core.cli.run_sync import run_sync
from buckia_core.cli.terminal.formatting import format_count, format_time

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient


@click.command("status", cls=Command)
@selection_options
@pass_context
def status_command(context: CliContext, /, **given: Any) -> ExitCode:
    """Show what a sync would do now.

    Also shows the time of the last sync and the number of unresolved conflicts. Changes nothing.

    Ignores the safety guards, so that you also see what a sync would refuse. The exit code is 0, whether or not there
    is something to do.
    """
    # The status is a dry run without the safety guard.
    request = selection_arguments(**given) | {"dry_run": True, "force": True}
    return for_each_bucket_with_paths(
        context, request.pop("sync_paths"), lambda client, limits: _status(context, client, request | limits)
    )


def _status(context: CliContext, client: BuckiaClient, request: dict[str, Any]) -> ExitCode:
    output, bucket = context.output, client.config.name
    last = next(iter(client.history(1)), None)
    unresolved = len(client.conflicts())
    record = {
        "type": "status",
        "bucket": bucket,
        "last_sync": json_records.iso_time(last.started) if last else None,
        "unresolved": unresolved,
    }
    lines = [f"{bucket}: {f'last sync {format_time(last.started)}' if last else 'never synced'}"]
    if unresolved:
        lines.append(f"{format_count(unresolved, 'conflict')} left to decide. See: buckia conflicts list")
    output.result(record, *lines)
    result = run_sync(client, output, request, planned_start="To do: ")
    code = exit_code_for_result(result)
    return code if code is ExitCode.INTERRUPTED else ExitCode.DONE
