"""`buckia init`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli import init_config
from buckia_core.cli.app import Command
from buckia_core.cli.commands.doctor import doctor_command
from buckia_core.cli.commands.trust import find_code_settings
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for_result
from buckia_core.cli.init_secrets import NewSecrets
from buckia_core.cli.parameters import parse_assignments
from buckia_core.cli.run_sync import run_sync
from buckia_core.config.file import FILE_NAME, find_in
from buckia_core.config.trust.consent import trust_file

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient


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
@click.option(
    "--secret",
    "secrets",
    metavar="SETTING",
    multiple=True,
    help="A secret to keep in a secret store; asked for, or read from standard input. May be repeated.",
)
@click.option("--store", metavar="STORE", help="The secret store, such as keyring or op://Private.")
@click.option(
    "--check/--no-check",
    default=None,
    help="Then check everything, and show what a first sync would do. Asked at a terminal.",
)
@click.option("--force", is_flag=True, help="Replace an existing configuration, and secrets of the same names.")
@pass_context
def init_command(
    context: CliContext,
    provider: str | None,
    name: str | None,
    settings: dict[str, str],
    secrets: tuple[str, ...],
    store: str | None,
    check: bool | None,
    force: bool,
) -> ExitCode:
    """Write a first .buckia file.

    Writes into this directory, or to the file of --config. At a terminal, asks for missing settings. Secrets are
    never written into the file: keep them in a store with --secret, or give a reference, as in --set api_key=env:NAME.
    """
    path = context.options.config or find_in(Path()) or Path(FILE_NAME)
    if path.exists() and not force:
        raise click.UsageError(f"{path} exists. Give --force to replace it.")
    new = NewSecrets(context.output, path, secrets, store, force)
    text = init_config.render_first_config(context.output, provider, name, settings, new)
    try:
        init_config.write_config(path, text)
    except BaseException:
        new.undo()
        raise
    # Naming code on the command line is consent.
    if code := find_code_settings(path):
        trust_file(path, code)
    context.output.result({"type": "written", "path": str(path.absolute())}, f"{path} is written. Next: buckia doctor")
    return _check(context) if init_config.wants_check(context.output, check) else ExitCode.DONE


def _check(context: CliContext) -> ExitCode:
    """Run `buckia doctor`, and a dry run if it finds no problem."""
    found: ExitCode = click.get_current_context().invoke(doctor_command, write=False)
    if found is not ExitCode.DONE:
        return found

    def dry_run(client: BuckiaClient) -> ExitCode:
        return exit_code_for_result(run_sync(client, context.output, {"dry_run": True}))

    return context.for_each_bucket(dry_run)
