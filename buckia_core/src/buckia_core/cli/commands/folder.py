"""`buckia folder`."""

from __future__ import annotations

from pathlib import Path

import click

from buckia_core.cli.app import Group
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode


@click.group("folder", cls=Group)
def folder_command() -> None:
    """Make folders for single users."""


@folder_command.command("new")
@click.option(
    "--only", is_flag=True, help="Add the setting folders if it is missing, so that only this folder is synced."
)
@pass_context
def new_command(context: CliContext, only: bool) -> ExitCode:
    """Make a top-level folder whose name nobody can guess, and add it to .buckia.

    A bucket without the setting folders syncs all of them, so .buckia needs no entry then.
    """
    from buckia_core.config.folders import add_folder  # noqa: PLC0415  # imports the YAML library

    config = context.one_bucket()
    made = add_folder(Path(config.source or config.base_dir), config.name, only=only)
    record = {"type": "folder", "bucket": made.bucket, "folder": made.name, "added": made.added}
    context.output.result(record, made.name)
    where = "added to folders" if made.added else "all folders are synced, so the configuration is unchanged"
    context.note(f"{made.bucket}: {where}")
    return ExitCode.DONE
