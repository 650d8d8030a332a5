"""`buckia get`, `buckia put` and `buckia cp`: transfers of single objects."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.report import json_records
from buckia_core.cli.terminal.formatting import format_size
from buckia_core.planning.keys import FilesystemRules, invalid_reason


@click.command("get", cls=Command)
@click.argument("key")
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace TARGET if it exists.")
@click.option("--version", metavar="ID", help="Download this version, as listed by `buckia versions`.")
@pass_context
def get_command(context: CliContext, key: str, target: Path | None, overwrite: bool, version: str | None) -> ExitCode:
    """Download one object.

    TARGET is a file or a directory; the default is the current directory.
    """
    path = _resolve_target(key, target or Path())
    config = context.one_bucket()
    with context.client(config) as client:
        found = client.get(key, path, overwrite=overwrite, version=version)
    record = json_records.remote_object(config.name, found) | {"path": str(path)}
    context.output.result(record, f"{key} -> {path}, {format_size(found.size)}")
    return ExitCode.DONE


@click.command("put", cls=Command)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("key", required=False)
@pass_context
def put_command(context: CliContext, source: Path, key: str | None) -> ExitCode:
    """Upload one file.

    Replaces the object KEY if it exists. Without KEY, or if KEY ends in a slash, the name of the file is added.
    """
    if not key or key.endswith("/"):
        key = f"{key or ''}{source.name}"
    config = context.one_bucket()
    with context.client(config) as client:
        found = client.put(source, key)
    record = json_records.remote_object(config.name, found) | {"path": str(source)}
    context.output.result(record, f"{source} -> {key}, {format_size(found.size)}")
    return ExitCode.DONE


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


def _resolve_target(key: str, target: Path) -> Path:
    """Return the file to download a key to; in a directory, it is named after the last part of the key.

    Raises:
        click.UsageError: That part is not a valid file name.
    """
    if target == Path("-"):
        raise click.UsageError("An object can't be written to standard output. Name a TARGET; ./- is a file.")
    if not target.is_dir():
        return target
    name = key.rsplit("/", 1)[-1]
    problem = invalid_reason(name, FilesystemRules(windows=sys.platform == "win32"))
    if problem:
        raise click.UsageError(f"The last part of {key!r} can't be the name of a file: {problem}. Name a TARGET.")
    return target / name
