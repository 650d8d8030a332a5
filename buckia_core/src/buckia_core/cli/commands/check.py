"""`buckia check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.path_arguments import for_each_bucket_with_paths
from buckia_core.cli.report.sync_report import Reporter
from buckia_core.cli.signals import GracefulShutdown
from buckia_core.cli.terminal.formatting import format_count
from buckia_core.cli.terminal.progress import progress_for

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient


@click.command("check", cls=Command)
@click.argument("paths", nargs=-1)
@pass_context
def check_command(context: CliContext, paths: tuple[str, ...]) -> ExitCode:
    """Compare the content of both sides.

    Reads every local file, and downloads objects whose digest the provider does not report. Changes nothing. The exit
    code is 1 if there are differences.
    """
    return for_each_bucket_with_paths(context, paths, lambda client, limits: _check(context, client, limits))


def _check(context: CliContext, client: BuckiaClient, limits: dict[str, Any]) -> ExitCode:
    output, name = context.output, client.config.name
    progress = progress_for(output, name)
    shutdown = GracefulShutdown(client.stop, output, progress.restore_cursor)
    try:
        with shutdown.handle_signals():
            result = client.check(events=Reporter(output, name, progress, dry_run=True), **limits)
    finally:
        progress.close()
    for difference in result.differ:
        output.result(
            {"type": "difference", "bucket": name, "key": difference.key, "what": difference.what},
            f"{difference.key}: {difference.what}",
        )
    same, differ = result.same, len(result.differ)
    output.result(
        {"type": "check_summary", "bucket": name, "same": same, "differ": differ},
        f"{name}: {format_count(same, 'file')} the same, {differ} different",
    )
    if shutdown.stop_requested:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE if result.success else ExitCode.FAILED
