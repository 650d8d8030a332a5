"""`buckia init`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli.app import Command
from buckia_core.cli.commands.doctor import doctor_command
from buckia_core.cli.commands.trust import find_code_settings
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for_result
from buckia_core.cli.parameters import parse_assignments
from buckia_core.cli.run_sync import run_sync
from buckia_core.cli.setup import accounts, first_config
from buckia_core.cli.setup.folders import FolderChoice, ask_folders, folder_settings, parse_folders, suggest_folders
from buckia_core.cli.setup.ignore_file import Filters, plan_filters
from buckia_core.cli.setup.new_secrets import NewSecrets
from buckia_core.cli.terminal.prompts import can_ask
from buckia_core.config.file import FILE_NAME, find_in
from buckia_core.config.trust.consent import trust_file

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient

F = TypeVar("F", bound=Callable[..., Any])


def _complete_provider(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [status.provider for status in registry().providers() if status.provider.startswith(incomplete)]


def _content_options(command: F) -> F:
    for option in reversed(
        (
            click.option(
                "--folder", "folders", metavar="NAME[:DIRECTION]", multiple=True,
                help="A folder to sync: up, down or both; . for everything. May be repeated. Suggested at a terminal.",
            ),
            click.option(
                "--suggested", is_flag=True, help="Sync the folders that Buckia suggests, without being asked."
            ),
            click.option(
                "--gitignore/--no-gitignore", default=None,
                help="Write what .gitignore leaves out into .buckiaignore. Asked at a terminal.",
            ),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@click.command("init", cls=Command)
@click.option(
    "--provider", metavar="ID", shell_complete=_complete_provider, help="Provider, as listed by `buckia providers`."
)
@click.option(
    "--from", "source", metavar="TOOL[:NAME]",
    help="Take over an account of another tool, such as rclone:REMOTE. Offered at a terminal.",
)  # fmt: skip
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
@_content_options
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
    source: str | None,
    name: str | None,
    settings: dict[str, str],
    secrets: tuple[str, ...],
    store: str | None,
    folders: tuple[str, ...],
    suggested: bool,
    gitignore: bool | None,
    check: bool | None,
    force: bool,
) -> ExitCode:
    """Write a first .buckia file.

    Writes into this directory, or to the file of --config. At a terminal, asks for missing settings. Secrets are
    never written into the file: keep them in a store with --secret, or give a reference, as in --set api_key=env:NAME.
    """
    path = context.options.config or find_in(Path()) or Path(FILE_NAME)
    if path.exists() and not force:
        raise click.UsageError(
            f"{path} exists. To add a bucket, write a second entry into it, or run: buckia provision bucket NAME. "
            "--force replaces the file."
        )
    account = accounts.take_over_account(source) if source is not None else None
    if account is None and provider is None and can_ask(context.output):
        account = accounts.offer_accounts(context.output)
    new = NewSecrets(context.output, path, secrets, store, force)

    def content() -> tuple[dict[str, object], Filters]:
        chosen = _choose_folders(context, path.absolute().parent, settings, folders, suggested=suggested)
        filters = plan_filters(context.output, path.absolute().parent, chosen, gitignore)
        return filters.apply(folder_settings(chosen)), filters

    try:
        text, filters = first_config.render_first_config(
            context.output, provider, name, settings, new, account, content
        )
        first_config.write_config(path, text)
    except BaseException:
        new.undo()
        raise
    # Naming code on the command line is consent.
    if code := find_code_settings(path):
        trust_file(path, code)
    return _finish(context, path, filters, check)


def _choose_folders(
    context: CliContext, directory: Path, settings: dict[str, str], given: Sequence[str], *, suggested: bool
) -> list[FolderChoice]:
    """Return the folders to sync; an empty list if the settings name them, or for everything."""
    if given and suggested:
        raise click.UsageError("--suggested and --folder exclude each other.")
    named = sorted({"paths", "files", "upload_files", "download_files"} & settings.keys())
    if named:
        if given or suggested:
            raise click.UsageError(f"--set {named[0]} names what to sync; leave out --folder and --suggested.")
        return []
    if given:
        return parse_folders(given)
    if suggested:
        return suggest_folders(directory)
    return ask_folders(context.output, directory) if can_ask(context.output) else []


def _finish(context: CliContext, path: Path, filters: Filters, check: bool | None) -> ExitCode:
    """Write the filters, tell what was written, and check it if that is wanted."""
    output = context.output
    filters.write(output)
    will_ask = check is None and can_ask(output)
    record = {"type": "written", "path": str(path.absolute())}
    output.result(record, f"{path} is written." + ("" if will_ask or check else " Next: buckia doctor"))
    if not first_config.wants_check(output, check):
        if will_ask:
            output.note("Next: buckia doctor")
        return ExitCode.DONE
    code = _check(context)
    if code is ExitCode.DONE:
        output.note("Next: buckia sync")
    return code


def _check(context: CliContext) -> ExitCode:
    """Run `buckia doctor`, and a dry run if it finds no problem."""
    found: ExitCode = click.get_current_context().invoke(doctor_command, write=False)
    if found is not ExitCode.DONE:
        return found

    def dry_run(client: BuckiaClient) -> ExitCode:
        return exit_code_for_result(run_sync(client, context.output, {"dry_run": True}))

    return context.for_each_bucket(dry_run)
