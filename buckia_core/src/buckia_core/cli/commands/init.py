"""`buckia init`."""

from __future__ import annotations

from pathlib import Path

import click

from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli import init_config
from buckia_core.cli.app import Command
from buckia_core.cli.commands.trust import find_code_settings
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.parameters import parse_assignments
from buckia_core.config.file import FILE_NAME, find_in
from buckia_core.config.trust.consent import trust_file


def _complete_provider(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [status.provider for status in registry().providers() if status.provider.startswith(incomplete)]


@click.command("init", cls=Command)
@click.option(
    "--provider", metavar="ID", shell_complete=_complete_provider, help="Provider, as listed by `buckia providers`."
)
@click.option("--name", help="The bucket's name in the configuration.")
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    callback=parse_assignments,
    multiple=True,
    help="A setting; may be repeated.",
)
@click.option("--force", is_flag=True, help="Replace an existing configuration.")
@pass_context
def init_command(
    context: CliContext, provider: str | None, name: str | None, settings: dict[str, str], force: bool
) -> ExitCode:
    """Write a first .buckia file.

    Writes into this directory, or to the file of --config. At a terminal, asks for missing settings. Secrets are
    never written: give a reference, as in --set api_key=env:NAME.
    """
    path = context.options.config or find_in(Path()) or Path(FILE_NAME)
    if path.exists() and not force:
        raise click.UsageError(f"{path} exists. Give --force to replace it.")
    text = init_config.render_first_config(context.output, provider, name, settings)
    init_config.write_config(path, text)
    # Naming code on the command line is consent.
    if code := find_code_settings(path):
        trust_file(path, code)
    context.output.result({"type": "written", "path": str(path.absolute())}, f"{path} is written. Next: buckia doctor")
    return ExitCode.DONE
