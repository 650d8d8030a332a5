"""`buckia conflicts`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buckia_core.cli.app import Group
from buckia_core.cli.context import CliContext, pass_invocation
from buckia_core.cli.exit_codes import ExitCode, code_of_result
from buckia_core.cli.report import json_records
from buckia_core.cli.report.conflict_diff import show_difference
from buckia_core.cli.report.sync_report import show_summary
from buckia_core.cli.terminal import formatting

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient
    from buckia_core.syncing.planner.resolve import Conflict


@click.group("conflicts", cls=Group, invoke_without_command=True)
@click.pass_context
def conflicts_command(ctx: click.Context) -> ExitCode | None:
    """List, show and decide conflicts.

    A conflict is a key that both sides changed, left for you to decide. Without a command, they are listed.
    """
    return ctx.invoke(list_command) if ctx.invoked_subcommand is None else None


@conflicts_command.command("list")
@pass_invocation
def list_command(invocation: CliContext) -> ExitCode:
    """List the conflicts that the last syncs left.

    The exit code is 8 where there are any.
    """

    def show(client: BuckiaClient) -> ExitCode:
        bucket = client.config.name
        found = client.conflicts()
        if not found:
            invocation.output.note(f"{bucket}: no conflicts")
        for conflict in found:
            text = f"{conflict.key}  ({conflict.reason}, since {formatting.when(conflict.since)})"
            invocation.output.result(_record(bucket, conflict), text)
        return ExitCode.CONFLICTS if found else ExitCode.DONE

    return invocation.each_bucket(show)


@conflicts_command.command("show")
@click.argument("key")
@pass_invocation
def show_command(invocation: CliContext, key: str) -> ExitCode:
    """Show both sides of a conflict.

    KEY is its key, or the path of its file. Where both sides are text, also how they differ.
    """
    config = invocation.one_bucket()
    with invocation.client(config) as client:
        (conflict,) = _chosen((key,), client)
        invocation.output.result(
            _record(config.name, conflict),
            f"{conflict.key}: {conflict.reason}",
            f"  here:          {_side(conflict.local_size, conflict.local_mtime_ns)}  {conflict.path}",
            f"  in the bucket: {_side(conflict.remote_size, conflict.remote_mtime_ns)}",
        )
        show_difference(invocation.output, client, conflict)
    return ExitCode.DONE


@conflicts_command.command("resolve")
@click.argument("keys", nargs=-1, required=True)
@click.option(
    "--keep",
    type=click.Choice(["local", "remote", "both"]),
    required=True,
    help="The version that keeps the name. With both, the remote one does, and the local one becomes a copy.",
)
@pass_invocation
def resolve_command(invocation: CliContext, keys: tuple[str, ...], keep: str) -> ExitCode:
    """Decide conflicts. The version that loses goes to the trash.

    KEYS are keys, or paths of files.
    """
    invocation.output.keep_going()
    with invocation.client(invocation.one_bucket()) as client:
        result = client.resolve(tuple(conflict.key for conflict in _chosen(keys, client)), keep)
    for error in result.errors:
        invocation.output.failed(error.key, error.message)
    show_summary(invocation.output, result)
    return code_of_result(result)


def _chosen(names: Sequence[str], client: BuckiaClient) -> list[Conflict]:
    """Return the conflicts that names stand for.

    Raises:
        click.UsageError: A name stands for none.
    """
    conflicts = client.conflicts()
    by_key = {each.key: each for each in conflicts}
    keys = {name: _key_of(name, client, conflicts) for name in names}
    if strange := next((name for name, key in keys.items() if key not in by_key), None):
        raise click.UsageError(f"{strange!r} is no conflict; `buckia conflicts list` shows what is.")
    return [by_key[key] for key in keys.values()]


def _key_of(name: str, client: BuckiaClient, conflicts: Sequence[Conflict]) -> str:
    """Return the key of the conflict whose file a name is, relative to this directory or the project; else the name."""
    base = client.config.base_dir
    keys = {os.path.normpath(base / each.path): each.key for each in conflicts}
    found = (keys.get(os.path.normpath(start / name)) for start in (Path.cwd(), base))
    return next(filter(None, found), name)


def _record(bucket: str, conflict: Conflict) -> dict[str, object]:
    return {
        "type": "conflict",
        "bucket": bucket,
        "key": conflict.key,
        "path": conflict.path,
        "local_size": conflict.local_size,
        "local_mtime": json_records.nanoseconds(conflict.local_mtime_ns),
        "remote_size": conflict.remote_size,
        "remote_mtime": json_records.nanoseconds(conflict.remote_mtime_ns),
        "since": json_records.moment(conflict.since),
        "reason": conflict.reason,
    }


def _side(size: int | None, mtime_ns: int | None) -> str:
    return "deleted" if size is None else f"{formatting.size(size)}, {formatting.when(mtime_ns)}"
