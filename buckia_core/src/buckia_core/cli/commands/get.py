"""`buckia get`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buckia_core.cli.app import Command
from buckia_core.cli.commands.cat import check_no_json, write_object
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.object_names import open_bucket_of, parse_names, select_or_report
from buckia_core.cli.path_arguments import near_path
from buckia_core.cli.report import json_records
from buckia_core.cli.terminal.formatting import format_size
from buckia_core.localfs.create_directories import make_directories
from buckia_core.planning.key_pattern import has_wildcard, parent_prefix
from buckia_core.planning.keys import FilesystemRules, invalid_reason

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from buckia_core.cli.report.transfers import Transfer
    from buckia_core.objects.selection import Selection
    from buckia_core.planning.mapping import PathMapping
    from buckia_core.planning.plan import Operation

_SEPARATORS = tuple(filter(None, ("/", os.sep, os.altsep)))


def _complete_target(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete local paths after the first key."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415  # only needed for completion

    return [CompletionItem(incomplete, type="file")] if ctx.params.get("keys") else []


@click.command("get", cls=Command)
@click.argument("keys", nargs=-1, required=True, metavar="KEYS... [TARGET]", shell_complete=_complete_target)
@click.option("-r", "--recursive", is_flag=True, help="Also download everything below KEYS.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist. They go to the trash.")
@click.option("--no-clobber", is_flag=True, help="Skip files that exist.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be downloaded, and write nothing.")
@click.option("--version", metavar="ID", help="Download this version, as listed by `buckia versions`.")
@pass_context
def get_command(
    context: CliContext,
    keys: tuple[str, ...],
    recursive: bool,
    overwrite: bool,
    no_clobber: bool,
    dry_run: bool,
    version: str | None,
) -> ExitCode:
    """Download objects.

    KEYS are keys, folders such as 'images/', or patterns such as 'images/*.png'. The last argument of several is the
    TARGET, a file or a directory; the default is the current directory, and - is standard output.
    """
    if overwrite and no_clobber:
        raise click.UsageError("--overwrite and --no-clobber exclude each other.")
    sources, target = (keys, "") if len(keys) == 1 else (keys[:-1], keys[-1])
    if target == "-":
        plain = not (recursive or overwrite or no_clobber or dry_run or version)
        return _write_to_stdout(context, sources, plain=plain)
    if version is not None:
        if len(sources) != 1 or recursive or no_clobber or dry_run:
            raise click.UsageError("--version downloads one object: leave out other KEYS and options.")
        return _get_version(context, sources[0], target, version, overwrite=overwrite)
    _check_names([place.key for place in parse_names(context, sources)], target)
    output = context.output
    with open_bucket_of(context, *sources) as (client, names):
        config = client.config
        from buckia_core.cli.bulk_transfer import run_bulk_transfer  # noqa: PLC0415  # imports the engine
        from buckia_core.cli.report.transfers import TransferReporter  # noqa: PLC0415  # as above
        from buckia_core.cli.terminal.progress import progress_for  # noqa: PLC0415  # as above
        from buckia_core.syncing.bulk.downloads import IfExists, plan_downloads  # noqa: PLC0415  # as above
        from buckia_core.syncing.scan.mappings import database_predicate  # noqa: PLC0415  # as above

        progress = progress_for(output, config.name)
        reporter = TransferReporter(output, config.name, progress)
        try:
            chosen = (
                select_or_report(client.adapter, key, reporter, recursive=recursive, is_only=len(names) == 1)
                for key in names
            )
            found = [each for each in chosen if each is not None]
            is_database = database_predicate(config)
            places = [_mapping(each, target)._replace(is_database=is_database) for each in found]
            plan = plan_downloads(
                client.adapter,
                [(place, each.objects) for place, each in zip(places, found, strict=True)],
                algorithm=config.checksum_algorithm,
                if_exists=IfExists.REPLACE if overwrite else IfExists.SKIP if no_clobber else IfExists.REFUSE,
                on_found=lambda number: progress.scanned(0, number),
            )
            run_bulk_transfer(
                client,
                output,
                progress,
                reporter,
                plan.operations,
                plan.mappings,
                plan.rules,
                lambda each: _describe(each, plan.mappings[each.mapping_id]),
                dry_run=dry_run,
            )
        finally:
            progress.close()
        return reporter.finish()


def _check_names(sources: Sequence[str], target: str) -> None:
    """Check what can be known without the bucket.

    Raises:
        click.UsageError: Several sources need a directory; or a key can't be the name of a file in the target.
    """
    is_directory = not target or target.endswith(_SEPARATORS) or Path(target).is_dir()
    if len(sources) > 1 and not is_directory:
        raise click.UsageError(f"{target!r} is no directory. For several KEYS, name one that ends in a slash.")
    for key in sources:
        if not is_directory or key.endswith("/") or has_wildcard(key):
            continue
        name = key.rpartition("/")[2]
        problem = invalid_reason(name, FilesystemRules(windows=sys.platform == "win32"))
        if problem:
            raise click.UsageError(
                f"The last part of {key!r} can't be the name of a file: {problem}. Name a TARGET that is a file."
            )


def _mapping(found: Selection, target: str) -> PathMapping:
    """Return the place of the objects of a name.

    Raises:
        click.UsageError: Several objects need a directory, and the target is a file.
    """
    from buckia_core.planning.mapping import PathMapping  # noqa: PLC0415  # imports the engine

    path = Path(target or ".")
    is_directory = not target or target.endswith(_SEPARATORS) or path.is_dir()
    if found.single is not None and not is_directory:
        return PathMapping(found.name, os.path.abspath(target), found.single.key, is_file=True)
    if not path.is_dir() and os.path.lexists(path):
        raise click.UsageError(f"{target!r} is no directory, which several objects need.")
    base = parent_prefix(found.single.key) if found.single is not None else found.base
    return PathMapping(found.name, os.path.abspath(path), base)


def _describe(operation: Operation, mapping: PathMapping) -> Transfer:
    from buckia_core.cli.report.transfers import Transfer  # noqa: PLC0415  # imports the engine
    from buckia_core.syncing.disk.paths import local_path  # noqa: PLC0415  # as above

    path = near_path(local_path(operation.key, mapping))
    size = operation.remote.size if operation.remote is not None else None
    replaces = operation.local is not None
    return Transfer("download", operation.key, operation.key, path, size, replaces, {"path": path})


def _write_to_stdout(context: CliContext, keys: Sequence[str], *, plain: bool) -> ExitCode:
    if len(keys) != 1 or not plain:
        raise click.UsageError("One object goes to standard output, without other options. See `buckia cat --help`.")
    check_no_json(context)
    with open_bucket_of(context, keys[0]) as (client, (key,)):
        write_object(client, key)
    return ExitCode.DONE


def _get_version(context: CliContext, key: str, target: str, version: str, *, overwrite: bool) -> ExitCode:
    name = parse_names(context, [key])[0].key
    _check_names([name], target)
    path = Path(target or ".")
    if target.endswith(_SEPARATORS):
        make_directories(path)
    path = path / name.rpartition("/")[2] if path.is_dir() else path
    with open_bucket_of(context, key) as (client, names):
        (key,) = names
        config = client.config
        found = client.get(key, path, overwrite=overwrite, version=version)
    record = json_records.remote_object(config.name, found) | {"path": str(path)}
    context.output.result(record, f"{key} -> {path}, {format_size(found.size)}")
    return ExitCode.DONE
