"""`buckia du`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

import click

from buckia_core.adapters.commands.table import Column
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.object_names import open_bucket_of
from buckia_core.cli.parameters import size_option
from buckia_core.cli.terminal.formatting import format_size
from buckia_core.cli.terminal.tables import format_row
from buckia_core.planning.key_pattern import has_wildcard

if TYPE_CHECKING:
    from buckia_core.planning.manifest import RemoteObject

_COLUMNS = (Column("Size", right=True, width=10), Column("Objects", right=True, width=9), Column("Prefix"))


@dataclass(slots=True)
class _Folder:
    prefix: str
    objects: int = 0
    size: int = 0


@click.command("du", cls=Command)
@click.argument("prefix", default="")
@click.option(
    "-d",
    "--max-depth",
    metavar="N",
    type=click.IntRange(min=0),
    help="Show folders up to N levels below PREFIX; 0 shows the total only.",
)
@size_option
@pass_context
def du_command(context: CliContext, prefix: str, max_depth: int | None, exact: bool) -> ExitCode:
    """Show the size and the number of objects of each folder.

    PREFIX is a folder, or a pattern of objects. The total comes last. Reads all keys below PREFIX.
    """
    with open_bucket_of(context, prefix) as (client, names):
        (prefix,) = names
        from buckia_core.errors import NotFound  # noqa: PLC0415  # imports the engine
        from buckia_core.objects.selection import select  # noqa: PLC0415  # as above

        name = prefix if not prefix or prefix.endswith("/") or has_wildcard(prefix) else f"{prefix}/"
        base = ""
        objects: Iterator[RemoteObject] = iter(())
        try:
            found = select(client.adapter, name, recursive=True, internal=True)
            base, objects = found.base, found.objects
        except NotFound:
            if prefix:
                raise
        for folder in _folders(objects, base, max_depth):
            record: dict[str, object] = {
                "type": "usage",
                "bucket": client.config.name,
                "prefix": folder.prefix,
                "objects": folder.objects,
                "size": folder.size,
            }
            size = str(folder.size) if exact else format_size(folder.size)
            context.output.result(record, format_row(_COLUMNS, (size, folder.objects, folder.prefix or "total")))
    return ExitCode.DONE


def _folders(objects: Iterable[RemoteObject], base: str, max_depth: int | None) -> Iterator[_Folder]:
    """Yield the folders of objects that come in key order, each after those in it; `base` comes last.

    Folders deeper than `max_depth` count in those above them. Memory follows the depth.
    """
    open_folders = [_Folder(base)]
    open_parts: list[str] = []
    for each in objects:
        parts = each.key[len(base) :].split("/")[:-1]
        if max_depth is not None:
            del parts[max_depth:]
        shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(parts, open_parts, strict=False))))
        yield from _close(open_folders, shared + 1)
        for part in parts[shared:]:
            open_folders.append(_Folder(f"{open_folders[-1].prefix}{part}/"))
        open_parts = parts
        open_folders[-1].objects += 1
        open_folders[-1].size += each.size
    yield from _close(open_folders, 0)


def _close(open_folders: list[_Folder], depth: int) -> Iterator[_Folder]:
    """Yield the folders below a depth, innermost first, and add each to the one that has it."""
    while len(open_folders) > depth:
        closed = open_folders.pop()
        if open_folders:
            open_folders[-1].objects += closed.objects
            open_folders[-1].size += closed.size
        yield closed
