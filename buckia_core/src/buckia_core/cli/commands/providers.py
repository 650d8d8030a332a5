"""`buckia providers`."""

from __future__ import annotations

import click

from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode


@click.command("providers", cls=Command)
@pass_context
def providers_command(context: CliContext) -> ExitCode:
    """List the installed providers.

    Also shows why a broken one can't be loaded.
    """
    for status in registry().providers():
        record = {
            "type": "provider",
            "provider": status.provider,
            "title": status.title,
            "distribution": status.distribution,
            "version": status.version,
            "problem": status.problem,
        }
        origin = f"{status.distribution} {status.version}".strip()
        state = f"broken: {status.problem}" if status.problem else status.title
        context.output.result(record, f"{status.provider:<10}  {state}  ({origin})")
    return ExitCode.DONE
