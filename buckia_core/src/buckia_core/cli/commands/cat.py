"""`buckia cat`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.object_names import open_bucket_of
from buckia_core.cli.terminal.output import PipeClosed, is_broken_pipe, redirect_to_null

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient


@click.command("cat", cls=Command)
@click.argument("keys", nargs=-1, required=True)
@click.option("-r", "--recursive", is_flag=True, help="Also write everything below KEYS, in key order.")
@pass_context
def cat_command(context: CliContext, keys: tuple[str, ...], recursive: bool) -> ExitCode:
    """Write the content of objects to standard output.

    KEYS may be patterns, such as 'logs/*.txt'. The last bytes of an object are written only if its content is right.
    """
    check_no_json(context)
    with open_bucket_of(context, *keys) as (client, names):
        for key in _keys(client, names, recursive=recursive):
            write_object(client, key)
    return ExitCode.DONE


def check_no_json(context: CliContext) -> None:
    """Raise a usage error if standard output is to be JSON: it will have the content of objects."""
    if context.options.json:
        raise click.UsageError("Standard output has the content of the object, so --json can't go with it.")


def write_object(client: BuckiaClient, key: str) -> None:
    """Write an object to standard output, in constant memory.

    Raises:
        NotFound: There is no such object.
        IntegrityError: The content is not right. The last part of it is not written.
        PipeClosed: The reader wants no more.
    """
    stream: BinaryIO | None = getattr(sys.stdout, "buffer", None)
    if stream is None:
        raise click.UsageError("There is no standard output to write to.")
    try:
        for chunk in client.objects.stream(key):
            stream.write(chunk)
        stream.flush()
    except OSError as error:
        if not is_broken_pipe(error):
            raise
        redirect_to_null(sys.stdout)
        raise PipeClosed from error


def _keys(client: BuckiaClient, names: Sequence[str], *, recursive: bool) -> Iterator[str]:
    from buckia_core.objects.selection import select  # noqa: PLC0415  # imports the engine

    for name in names:
        yield from (each.key for each in select(client.adapter, name, recursive=recursive).objects)
