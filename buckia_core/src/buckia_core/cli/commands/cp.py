"""`buckia cp`."""

from __future__ import annotations

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.report import json_records
from buckia_core.cli.terminal.formatting import format_size


@click.command("cp", cls=Command)
@click.argument("source_key")
@click.argument("key")
@pass_context
def cp_command(context: CliContext, source_key: str, key: str) -> ExitCode:
    """Copy an object within its bucket.

    Replaces the object KEY if it exists.
    """
    config = context.one_bucket()
    with context.client(config) as client:
        found = client.copy(source_key, key)
    context.output.result(
        json_records.remote_object(config.name, found), f"{source_key} -> {key}, {format_size(found.size)}"
    )
    return ExitCode.DONE
