"""`buckia ls` and `buckia stat`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import click

from buckia_core.adapters.commands.table import Column
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.object_names import open_bucket_of
from buckia_core.cli.parameters import size_option
from buckia_core.cli.report import json_records
from buckia_core.cli.terminal.formatting import format_size, format_time
from buckia_core.cli.terminal.tables import format_row
from buckia_core.errors import NotFound
from buckia_core.planning.digest import without_tentative
from buckia_core.planning.key_pattern import KeyPattern, has_wildcard
from buckia_core.planning.keys import parent_directories
from buckia_core.planning.manifest import RemoteObject

_COLUMNS = (Column("Size", right=True, width=10), Column("Stored", width=19), Column("Key"))


@click.command("ls", cls=Command)
@click.argument("prefix", default="")
@click.option("-l", "--long", is_flag=True, help="Show size and time.")
@click.option("-r", "--recursive", is_flag=True, help="Show all objects below directories, too.")
@size_option
@pass_context
def ls_command(context: CliContext, prefix: str, long: bool, recursive: bool, exact: bool) -> ExitCode:
    """List the objects of a bucket.

    Shows the objects whose keys start with PREFIX, in key order; or those that match it, if it is a pattern such as
    'images/*.png'. Without --recursive, directories are shown by name. Always reads all keys below PREFIX.
    """
    entry: RemoteObject | str | None = None
    with open_bucket_of(context, prefix, by_prefix=True) as (client, names):
        (prefix,) = names
        config = client.config
        for entry in _entries(client.list, prefix, recursive=recursive):
            if isinstance(entry, str):
                record: dict[str, object] = {"type": "directory", "bucket": config.name, "prefix": entry}
                context.output.result(record, format_row(_COLUMNS, ("", "", entry)) if long else entry)
            else:
                record = json_records.remote_object(config.name, entry)
                size = str(entry.size) if exact else format_size(entry.size)
                cells = (size, format_time(entry.modified_ns or None), entry.key)
                context.output.result(record, format_row(_COLUMNS, cells) if long else entry.key)
    if entry is None and has_wildcard(prefix):
        raise NotFound(f"{prefix!r}: no key starts with this, or matches it as a pattern", key=prefix)
    if entry is None:
        nothing = f"no key starts with {prefix!r}" if prefix else "the bucket is empty"
        context.output.note(f"{config.name}: {nothing}")
    return ExitCode.DONE


@click.command("stat", cls=Command)
@click.argument("key")
@pass_context
def stat_command(context: CliContext, key: str) -> ExitCode:
    """Show the metadata of an object."""
    with open_bucket_of(context, key) as (client, names):
        (key,) = names
        config = client.config
        found = client.stat(key)
    facts = [
        ("key", found.key),
        ("size", f"{found.size} bytes ({format_size(found.size)})"),
        ("stored", format_time(found.modified_ns or None)),
        ("modified", format_time(found.mtime_ns)),
        ("fingerprint", found.fingerprint),
        *((digest.algorithm, digest.value) for digest in without_tentative(found.digests)),
        *((f"{digest.algorithm} stored", digest.value) for digest in found.claimed),
        ("version", found.version or None),
        ("content type", found.content_type or None),
        *(sorted((found.metadata or {}).items())),
    ]
    context.facts(json_records.remote_object(config.name, found), ((f"{name}:", value) for name, value in facts))
    return ExitCode.DONE


def _entries(
    list_objects: Callable[[str], Iterable[RemoteObject]], prefix: str, *, recursive: bool
) -> Iterator[RemoteObject | str]:
    """Yield the objects, and without `recursive` the directories, that a listing shows. A literal prefix wins."""
    objects = iter(list_objects(prefix))
    first = next(objects, None)
    if first is not None:
        found = chain((first,), objects)
        yield from found if recursive else _first_level(found, prefix)
    elif has_wildcard(prefix):
        pattern = KeyPattern(prefix)
        matching = (each for each in list_objects(pattern.prefix) if pattern.matches(each.key, below=True))
        if recursive:
            yield from matching
            return
        last = None
        for each in matching:
            if pattern.matches(each.key):
                yield each
                continue
            directory = next(f"{name}/" for name in parent_directories(each.key) if pattern.matches(name))
            if directory != last:
                yield directory
            last = directory


def _first_level(objects: Iterable[RemoteObject], prefix: str) -> Iterator[RemoteObject | str]:
    """Yield the objects and the subdirectories, once each, of the directory of `prefix`."""
    start = prefix.rfind("/") + 1
    last = None
    for each in objects:
        end = each.key.find("/", start)
        if end < 0:
            yield each
        elif each.key[: end + 1] != last:
            last = each.key[: end + 1]
            yield last
