"""`buckia providers`."""

from __future__ import annotations

import click

from buckia_core.adapters.commands.table import Column, Row
from buckia_core.adapters.plugins.registry import ProviderStatus, registry
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode

_COLUMNS = (Column("Provider", style="bold"), Column("Package"), Column("Service"))


@click.command("providers", cls=Command)
@pass_context
def providers_command(context: CliContext) -> ExitCode:
    """List the installed providers.

    Also shows why a broken one can't be loaded.
    """
    context.table(_COLUMNS, [_row(status) for status in registry().providers()])
    return ExitCode.DONE


def _row(status: ProviderStatus) -> Row:
    record = {
        "type": "provider",
        "provider": status.provider,
        "title": status.title,
        "distribution": status.distribution,
        "version": status.version,
        "problem": status.problem,
    }
    package = f"{status.distribution} {status.version}".strip()
    return record, (status.provider, package, f"broken: {status.problem}" if status.problem else status.title)
