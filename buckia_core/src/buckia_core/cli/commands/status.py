"""`buckia status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_invocation
from buckia_core.cli.exit_codes import ExitCode, code_of_result
from buckia_core.cli.parameters import selected, selection
from buckia_core.cli.path_arguments import each_bucket
from buckia_core.cli.report import json_records
from buckia_core.cli.run_sync import run
from buckia_core.cli.terminal import formatting

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient


@click.command("status", cls=Command)
@selection
@pass_invocation
def status_command(invocation: CliContext, /, **given: Any) -> ExitCode:
    """Show what a sync would do now.

    Also when the last one was, and how many conflicts are left to decide. Changes nothing.

    The deletion guard is not asked, so that you see what it would refuse. The exit code is 0 whatever there is to do.
    """
    # A status is a dry run without the guard: what it shows is what a sync would do, by the same means.
    request = selected(**given) | {"dry_run": True, "force": True}
    return each_bucket(
        invocation, request.pop("sync_paths"), lambda client, limits: _status(invocation, client, request | limits)
    )


def _status(invocation: CliContext, client: BuckiaClient, request: dict[str, Any]) -> ExitCode:
    output, bucket = invocation.output, client.config.name
    last = next(iter(client.history(1)), None)
    left = len(client.conflicts())
    record = {
        "type": "status",
        "bucket": bucket,
        "last_sync": json_records.moment(last.started) if last else None,
        "unresolved": left,
    }
    lines = [f"{bucket}: {f'last sync {formatting.when(last.started)}' if last else 'never synced'}"]
    if left:
        lines.append(f"{formatting.count(left, 'conflict')} left to decide. See: buckia conflicts list")
    output.result(record, *lines)
    result = run(client, output, request)
    code = code_of_result(result)
    return code if code is ExitCode.INTERRUPTED else ExitCode.DONE
