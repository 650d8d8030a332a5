"""`buckia conflicts`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buckia_core.adapters.commands.table import Cell, Column, Row
from buckia_core.cli.app import Group
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for_result
from buckia_core.cli.report import json_records
from buckia_core.cli.report.conflict_diff import show_diff
from buckia_core.cli.report.sync_report import show_summary
from buckia_core.cli.terminal.formatting import format_time, format_version

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient
    from buckia_core.syncing.planner.resolve import Conflict

_COLUMNS = (
    Column("Bucket", style="bold"),
    Column("Local"),
    Column("In the bucket"),
    Column("Key"),
)


@click.group("conflicts", cls=Group, invoke_without_command=True)
@click.pass_context
def conflicts_command(ctx: click.Context) -> ExitCode | None:
    """List, show and resolve conflicts.

    A conflict is a key that both sides changed, left for you to resolve. Without a command, lists them.
    """
    return ctx.invoke(list_command) if ctx.invoked_subcommand is None else None


@conflicts_command.command("list")
@pass_context
def list_command(context: CliContext) -> ExitCode:
    """List the unresolved conflicts.

    The exit code is 8 if there are any.
    """
    rows: list[Row] = []

    def show(client: BuckiaClient) -> ExitCode:
        bucket = client.config.name
        found = client.conflicts()
        if not found:
            context.output.note(f"{bucket}: no conflicts")
        rows.extend((_conflict_record(bucket, conflict), _cells(bucket, conflict)) for conflict in found)
        return ExitCode.CONFLICTS if found else ExitCode.DONE

    code = context.for_each_bucket(show)
    context.table(_COLUMNS, rows)
    return code


@conflicts_command.command("show")
@click.argument("key")
@pass_context
def show_command(context: CliContext, key: str) -> ExitCode:
    """Show both sides of a conflict.

    KEY is its key, or the path of its file. If both sides are text, shows a diff, too.
    """
    config = context.one_bucket()
    with context.client(config) as client:
        (conflict,) = _find_conflicts((key,), client)
        context.output.result(
            _conflict_record(config.name, conflict),
            f"{conflict.key}: {conflict.reason}",
            f"  local:         {format_version(conflict.local_size, conflict.local_mtime_ns)}  {conflict.path}",
            f"  in the bucket: {format_version(conflict.remote_size, conflict.remote_mtime_ns)}",
        )
        show_diff(context.output, client, conflict)
    return ExitCode.DONE


@conflicts_command.command("resolve")
@click.argument("keys", nargs=-1, required=True)
@click.option(
    "--keep",
    type=click.Choice(["local", "remote", "both"]),
    required=True,
    help="The version that keeps the name. With both, it is the remote one; the local one becomes a copy.",
)
@pass_context
def resolve_command(context: CliContext, keys: tuple[str, ...], keep: str) -> ExitCode:
    """Resolve conflicts. The losing version goes to the trash.

    KEYS are keys, or paths of files.
    """
    context.output.ignore_broken_pipe()
    with context.client(context.one_bucket()) as client:
        result = client.resolve(tuple(conflict.key for conflict in _find_conflicts(keys, client)), keep)
    for error in result.errors:
        context.output.failed(error.key, error.message)
    show_summary(context.output, result)
    return exit_code_for_result(result)


def _find_conflicts(names: Sequence[str], client: BuckiaClient) -> list[Conflict]:
    """Return the conflicts with the given keys or paths.

    Raises:
        click.UsageError: A name matches no conflict.
    """
    conflicts = client.conflicts()
    by_key = {each.key: each for each in conflicts}
    keys = {name: _find_key(name, client, conflicts) for name in names}
    if unknown := next((name for name, key in keys.items() if key not in by_key), None):
        raise click.UsageError(f"{unknown!r} is not a conflict; `buckia conflicts list` shows what is.")
    return [by_key[key] for key in keys.values()]


def _find_key(name: str, client: BuckiaClient, conflicts: Sequence[Conflict]) -> str:
    """Return the key of the conflict whose path is `name`, relative to this directory or the project; else `name`."""
    base = client.config.base_dir
    keys = {os.path.normpath(base / each.path): each.key for each in conflicts}
    found = (keys.get(os.path.normpath(start / name)) for start in (Path.cwd(), base))
    return next(filter(None, found), name)


def _cells(bucket: str, conflict: Conflict) -> Sequence[Cell]:
    local = format_version(conflict.local_size, conflict.local_mtime_ns)
    remote = format_version(conflict.remote_size, conflict.remote_mtime_ns)
    return bucket, local, remote, f"{conflict.key}  ({conflict.reason}, since {format_time(conflict.since)})"


def _conflict_record(bucket: str, conflict: Conflict) -> dict[str, object]:
    return {
        "type": "conflict",
        "bucket": bucket,
        "key": conflict.key,
        "path": conflict.path,
        "local_size": conflict.local_size,
        "local_mtime": json_records.iso_time_ns(conflict.local_mtime_ns),
        "remote_size": conflict.remote_size,
        "remote_mtime": json_records.iso_time_ns(conflict.remote_mtime_ns),
        "since": json_records.iso_time(conflict.since),
        "reason": conflict.reason,
    }
