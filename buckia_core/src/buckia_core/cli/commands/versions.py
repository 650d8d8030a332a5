"""`buckia versions` and `buckia restore`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from buckia_core.adapters.commands.options import yes_option
from buckia_core.adapters.commands.table import Cell, Column
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for, worst_exit_code
from buckia_core.cli.object_names import open_bucket_of
from buckia_core.cli.parameters import parse_time
from buckia_core.cli.report import json_records
from buckia_core.cli.terminal.formatting import format_count, format_size, format_time
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.prompts import confirm

if TYPE_CHECKING:
    from buckia_core.planning.versions import ObjectVersion, Restoration
    from buckia_core.syncing.transfer.versions import Restored

_COLUMNS = (
    Column("", width=1),
    Column("Stored"),
    Column("Size", right=True, styles={"deleted": "red"}),
    Column("Version"),
    Column("Key"),
)


@click.command("versions", cls=Command)
@click.argument("prefix", default="")
@click.option("--deleted", is_flag=True, help="Show only objects that are deleted now.")
@pass_context
def versions_command(context: CliContext, prefix: str, deleted: bool) -> ExitCode:
    """List the versions in a bucket.

    Shows the objects whose keys start with PREFIX, in key order, with the newest version first.
    """
    with open_bucket_of(context, prefix, by_prefix=True) as (client, names):
        (prefix,) = names
        config = client.config
        found = client.versions().list(prefix)
        chosen = _of_deleted(found) if deleted else found
        context.table(_COLUMNS, ((_version_record(config.name, each), _cells(each)) for each in chosen))
    return ExitCode.DONE


def _of_deleted(versions: Iterable[ObjectVersion]) -> Iterator[ObjectVersion]:
    """Yield the versions of the keys whose latest one is a deletion; the latest version of a key comes first."""
    deleted_key = None
    for each in versions:
        if each.latest and each.deleted:
            deleted_key = each.key
        if each.key == deleted_key:
            yield each


@click.command("restore", cls=Command)
@click.argument("key", default="")
@click.option("--version", metavar="ID", help="Restore this version, as listed by `buckia versions`.")
@click.option(
    "--at", metavar="TIME", callback=parse_time, help="Restore the state at this time, or at an age such as 12h or 3d."
)
@click.option("-r", "--recursive", is_flag=True, help="Restore everything below KEY; without KEY, the entire bucket.")
@click.option("--delete-new", is_flag=True, help="With --at, delete objects that did not exist then.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be restored, and change nothing.")
@yes_option
@pass_context
def restore_command(
    context: CliContext,
    key: str,
    version: str | None,
    at: datetime | None,
    recursive: bool,
    delete_new: bool,
    dry_run: bool,
    yes: bool,
) -> ExitCode:
    """Restore older versions in a bucket.

    Without --version and --at, restores deleted objects. Later versions are kept. Local files do not change until the
    next sync downloads what was restored.
    """
    if version is not None and (at is not None or recursive):
        raise click.UsageError("--version restores one object: leave out --at and --recursive.")
    if delete_new and at is None:
        raise click.UsageError("--delete-new goes with --at.")
    output = context.output
    with open_bucket_of(context, key, by_prefix=True) as (client, names):
        (key,) = names
        config = client.config
        if not key and not recursive:
            raise click.UsageError("Name a KEY, or give --recursive for the entire bucket.")
        versions = client.versions()
        plan = versions.plan(key, version=version, at=at, recursive=recursive, delete_new=delete_new)
        if not plan:
            output.note(f"{config.name}: nothing to restore in the bucket; for local files, see buckia trash list")
            return ExitCode.DONE
        if dry_run or not (yes or output.options.json):
            for each in plan:
                output.result(_restoration_record(config.name, each, "planned"), f"would {_format_restoration(each)}")
        if dry_run:
            return ExitCode.DONE
        if not confirm(
            output, f"{_format_counts(plan, 'to restore', 'to delete')} in the bucket {config.name}. Go on?", yes=yes
        ):
            output.note("Nothing was restored.")
            return ExitCode.FAILED
        output.ignore_broken_pipe()
        outcomes = [_show_outcome(output, config.name, each) for each in versions.restore(plan)]
    done = [outcome.restoration for outcome in outcomes if outcome.error is None]
    output.say(f"{config.name}: {_format_counts(done)}")
    return worst_exit_code(exit_code_for(outcome.error) if outcome.error else ExitCode.DONE for outcome in outcomes)


def _show_outcome(output: Output, bucket: str, outcome: Restored) -> Restored:
    each, error = outcome.restoration, outcome.error
    if error is not None:
        output.failed(each.key, str(error))
    if output.options.json:
        output.record(_restoration_record(bucket, each, "failed" if error else "done", str(error) if error else None))
    elif error is None:
        output.say(_format_restoration(each))
    return outcome


def _format_counts(plan: Sequence[Restoration], restore: str = "restored", delete: str = "deleted") -> str:
    restored = sum(each.version is not None for each in plan)
    text = f"{format_count(restored, 'object')} {restore}"
    return text if restored == len(plan) else f"{text}, {len(plan) - restored} {delete}"


def _format_restoration(each: Restoration) -> str:
    if each.version is None:
        return f"delete   {each.key}"
    time = format_time(each.version.modified_ns or None)
    return f"restore  {each.key}  ({format_size(each.version.size)}, of {time})"


def _restoration_record(bucket: str, each: Restoration, status: str, error: str | None = None) -> dict[str, object]:
    return {
        "type": "restoration",
        "bucket": bucket,
        "action": "delete" if each.version is None else "restore",
        "key": each.key,
        "version": each.version.version if each.version else None,
        "size": each.version.size if each.version else None,
        "modified": json_records.iso_time_ns(each.version.modified_ns or None) if each.version else None,
        "status": status,
        "error": error,
    }


def _version_record(bucket: str, each: ObjectVersion) -> dict[str, object]:
    return {
        "type": "version",
        "bucket": bucket,
        "key": each.key,
        "version": each.version,
        "modified": json_records.iso_time_ns(each.modified_ns or None),
        "latest": each.latest,
        "deleted": each.deleted,
        "size": each.size,
        "fingerprint": each.fingerprint,
    }


def _cells(each: ObjectVersion) -> Sequence[Cell]:
    size = "deleted" if each.deleted else format_size(each.size)
    return "*" if each.latest else "", format_time(each.modified_ns or None), size, each.version, each.key
