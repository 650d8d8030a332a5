"""`buckia trash`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buckia_core.adapters.commands.options import parse_age, yes_option
from buckia_core.adapters.commands.table import Column, Row
from buckia_core.cli.app import Group
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.report import json_records
from buckia_core.cli.terminal.formatting import format_count, format_size, format_time
from buckia_core.cli.terminal.prompts import confirm

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient
    from buckia_core.syncing.disk.trash_records import Trashed

_COLUMNS = (Column("Id", style="bold"), Column("Since"), Column("Size", right=True), Column("Path"))


@click.group("trash", cls=Group, invoke_without_command=True)
@click.pass_context
def trash_command(ctx: click.Context) -> ExitCode | None:
    """List, restore and empty the trash.

    Syncs move local files that they replace or delete to the trash, where they stay until you empty it. Without a
    command, lists it.
    """
    return ctx.invoke(list_command) if ctx.invoked_subcommand is None else None


@trash_command.command("list")
@pass_context
def list_command(context: CliContext) -> ExitCode:
    """List the trash, oldest entries first."""
    # Configuration entries for the same bucket share a trash.
    seen: set[str] = set()
    rows: list[Row] = []

    def show(client: BuckiaClient) -> ExitCode:
        bucket = client.config.name
        found = [each for each in client.trash().list() if each.id not in seen]
        seen.update(each.id for each in found)
        if not found:
            context.output.note(f"{bucket}: the trash is empty")
        rows.extend(_row(client, each) for each in found)
        return ExitCode.DONE

    code = context.for_each_bucket(show)
    context.table(_COLUMNS, rows)
    return code


def _row(client: BuckiaClient, each: Trashed) -> Row:
    record = {
        "type": "trashed",
        "bucket": client.config.name,
        "id": each.id,
        "key": each.key,
        "path": each.path,
        "size": each.size,
        "when": json_records.iso_time(each.when),
        "why": each.why,
    }
    cells = (each.id, format_time(each.when), format_size(each.size), f"{_name(client, each)}  ({each.why})")
    return record, cells


def _name(client: BuckiaClient, each: Trashed) -> str:
    """Return the path where an entry is restored to, with its key if they differ: a record is not trusted."""
    path = os.path.relpath(each.path, client.config.base_dir).replace(os.sep, "/") if each.path else each.key
    if path == each.key or (not path.startswith("../") and path.endswith(f"/{each.key}")):
        return path
    return f"{each.path} ({each.key} in the bucket)"


@trash_command.command("restore")
@click.argument("entry", metavar="ID|PATH")
@click.option("--to", metavar="PATH", type=click.Path(path_type=Path), help="Target path, instead of the original one.")
@pass_context
def restore_command(context: CliContext, entry: str, to: Path | None) -> ExitCode:
    """Restore an entry of the trash. Nothing is overwritten.

    ID is the first column of `buckia trash list`. PATH is the path of a file, if one entry has it.
    """
    config = context.one_bucket()
    with context.client(config) as client:
        trash = client.trash()
        chosen = _find_id_of_path(client, trash.list(), entry) or entry
        try:
            path = trash.restore(chosen, to.absolute() if to else None)
        except FileExistsError as error:
            from buckia_core.syncing.disk.trash import NotRestored  # noqa: PLC0415  # imported with the trash

            raise NotRestored(f"{error.filename} exists; move it away, or name another path with --to") from error
    record = {"type": "restored", "bucket": config.name, "id": chosen, "path": str(path)}
    context.output.result(record, f"Restored to {path}")
    return ExitCode.DONE


def _find_id_of_path(client: BuckiaClient, items: Sequence[Trashed], entry: str) -> str | None:
    """Return the id of the item with a path, relative to the current directory or to the project, or with that key.

    Raises:
        click.UsageError: Several items have it.
    """
    if any(each.id == entry for each in items):
        return entry
    paths = {os.path.abspath(entry), os.path.abspath(os.path.join(client.config.base_dir, entry))}
    found = [each for each in items if each.key == entry or (each.path and os.path.normpath(each.path) in paths)]
    if len(found) > 1:
        listed = "".join(f"\n  {each.id}  {format_time(each.when)}  {format_size(each.size)}" for each in found)
        raise click.UsageError(f"The trash has {len(found)} entries of {entry!r}. Give the ID of one:{listed}")
    return found[0].id if found else None


@trash_command.command("empty")
@click.option(
    "--older-than", metavar="AGE", callback=parse_age, help="Only entries that are older, such as 12h, 30d or 2w."
)
@yes_option
@pass_context
def empty_command(context: CliContext, older_than: timedelta | None, yes: bool) -> ExitCode:
    """Delete the content of the trash permanently."""
    names = ", ".join(config.name for config in context.buckets())
    what = "Part of the trash" if older_than else "All of the trash"
    if not confirm(context.output, f"{what} of {names} will be deleted permanently. Go on?", yes=yes):
        context.output.note("Nothing was deleted.")
        return ExitCode.FAILED

    def empty(client: BuckiaClient) -> ExitCode:
        bucket = client.config.name
        files, volume = client.trash().empty(older_than)
        record = {"type": "emptied", "bucket": bucket, "files": files, "bytes": volume}
        text = f"{bucket}: {format_count(files, 'file')} deleted for good, {format_size(volume)}"
        context.output.result(record, text)
        return ExitCode.DONE

    context.output.ignore_broken_pipe()
    return context.for_each_bucket(empty)
