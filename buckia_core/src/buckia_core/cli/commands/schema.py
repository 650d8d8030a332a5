"""`buckia schema`."""

from __future__ import annotations

import json

import click

from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.config.schema import json_schema


@click.command("schema", cls=Command)
@pass_context
def schema_command(context: CliContext) -> ExitCode:
    """Print the JSON Schema of the configuration file, for editors.

    Contains the settings of all installed providers.
    """
    found = registry()
    installed = [status.provider for status in found.providers() if status.problem is None]
    schema = json_schema({provider: found.spec(provider).settings_class() for provider in installed})
    context.output.raw(json.dumps(schema, indent=None if context.output.options.json else 2))
    return ExitCode.DONE
