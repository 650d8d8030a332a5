"""`buckia check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_invocation
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.path_arguments import each_bucket
from buckia_core.cli.report.sync_report import Reporter
from buckia_core.cli.signals import GracefulShutdown
from buckia_core.cli.terminal import formatting
from buckia_core.cli.terminal.progress import progress_for

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient


@click.command("check", cls=Command)
@click.argument("paths", nargs=-1)
@pass_invocation
def check_command(invocation: CliContext, paths: tuple[str, ...]) -> ExitCode:
    """Compare the content of both sides.

    Every file and every object is read, and each difference is named. Changes nothing. The exit code is 1 where
    there is a difference.
    """
    return each_bucket(invocation, paths, lambda client, limits: _check(invocation, client, limits))


def _check(invocation: CliContext, client: BuckiaClient, limits: dict[str, Any]) -> ExitCode:
    output, name = invocation.output, client.config.name
    progress = progress_for(output, name)
    interruption = GracefulShutdown(client.stop, output, progress.restore)
    try:
        with interruption.handled():
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
        f"{name}: {formatting.count(same, 'file')} the same, {differ} different",
    )
    if interruption.asked_to_stop:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE if result.success else ExitCode.FAILED
