"""`buckia apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for_result
from buckia_core.cli.run_sync import run_sync
from buckia_core.planning.policy import ConflictPolicy

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient


@click.command("apply", cls=Command)
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option(
    "--conflict", type=click.Choice([each.value for each in ConflictPolicy]), help="Resolve conflicts by this policy."
)
@click.option("--force", is_flag=True, help="Apply even if a safety guard refuses.")
@pass_context
def apply_command(context: CliContext, /, **options: Any) -> ExitCode:
    """Apply what buckia sync --fetch-only has downloaded. Needs no connection.

    The rules are those of a sync. Files that you edited are uploaded by the next sync.
    """
    context.output.ignore_broken_pipe()

    def apply(client: BuckiaClient) -> ExitCode:
        return exit_code_for_result(run_sync(client, context.output, dict(options), method=client.apply))

    return context.for_each_bucket(apply)
