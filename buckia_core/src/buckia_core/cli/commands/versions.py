"""`buckia versions` and `buckia restore`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_invocation
from buckia_core.cli.exit_codes import ExitCode, exit_code_for, worst
from buckia_core.cli.parameters import age
from buckia_core.cli.report import json_records
from buckia_core.cli.terminal import formatting
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.prompts import confirm

if TYPE_CHECKING:
    from buckia_core.planning.versions import ObjectVersion, Restoration
    from buckia_core.syncing.transfer.versions import Restored


@click.command("versions", cls=Command)
@click.argument("prefix", default="")
@click.option("--deleted", is_flag=True, help="Only of objects that are deleted now.")
@pass_invocation
def versions_command(invocation: CliContext, prefix: str, deleted: bool) -> ExitCode:
    """List the versions that a bucket has kept.

    Those of the objects whose keys start with PREFIX: in the order of their keys, of each the newest version first.
    """
    config = invocation.one_bucket()
    with invocation.client(config) as client:
        gone = None
        for each in client.versions().list(prefix):
            if each.latest and each.deleted:
                gone = each.key
            if deleted and each.key != gone:
                continue
            invocation.output.result(_record(config.name, each), _line(each))
    return ExitCode.DONE


def moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Read a time: `2026-03-31 09:30`, in the local time zone unless it has one; or how long ago: `12h`, `3d`."""
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value.strip()).astimezone()
    except (ValueError, OverflowError):
        pass
    try:
        ago = age(ctx, param, value)
    except click.BadParameter as error:
        words = f"{value!r} is no time, such as 2026-03-31, '2026-03-31 09:30' or 12h (ago)."
        raise click.BadParameter(words, ctx, param) from error
    assert ago is not None
    return datetime.now(UTC) - ago


@click.command("restore", cls=Command)
@click.argument("key", default="")
@click.option("--version", metavar="ID", help="This version, as `buckia versions` shows it.")
@click.option("--at", metavar="TIME", callback=moment, help="What was there then: a time, or an age such as 12h or 3d.")
@click.option("-r", "--recursive", is_flag=True, help="All that is below KEY; without a KEY, the whole bucket.")
@click.option("--delete-new", is_flag=True, help="With --at, delete what was not there then.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_invocation
def restore_command(
    invocation: CliContext,
    key: str,
    version: str | None,
    at: datetime | None,
    recursive: bool,
    delete_new: bool,
    dry_run: bool,
    yes: bool,
) -> ExitCode:
    """Bring back what a bucket has kept of an object.

    Without --version and --at: what is deleted now. The version becomes the latest one again; those that came after it
    are kept. Local files stay as they are: the next sync brings them what was restored.
    """
    if version is not None and (at is not None or recursive):
        raise click.UsageError("--version is about one object: leave out --at and --recursive.")
    if delete_new and at is None:
        raise click.UsageError("--delete-new goes with --at.")
    if not key and not recursive:
        raise click.UsageError("Name a KEY, or give --recursive for the whole bucket.")
    config, output = invocation.one_bucket(), invocation.output
    with invocation.client(config) as client:
        versions = client.versions()
        plan = versions.plan(key, version=version, at=at, recursive=recursive, delete_new=delete_new)
        if not plan:
            output.note(f"{config.name}: nothing to restore")
            return ExitCode.DONE
        if dry_run or not (yes or output.options.json):
            for each in plan:
                output.result(_planned(config.name, each, "planned"), f"would {_words(each)}")
        if dry_run:
            return ExitCode.DONE
        if not confirm(
            output, f"{_counted(plan, 'to restore', 'to delete')} in the bucket {config.name}. Go on?", yes=yes
        ):
            output.note("Nothing was restored.")
            return ExitCode.FAILED
        output.keep_going()
        outcomes = [_shown(output, config.name, each) for each in versions.restore(plan)]
    done = [outcome.restoration for outcome in outcomes if outcome.error is None]
    output.say(f"{config.name}: {_counted(done)}")
    return worst(exit_code_for(outcome.error) if outcome.error else ExitCode.DONE for outcome in outcomes)


def _shown(output: Output, bucket: str, outcome: Restored) -> Restored:
    each, error = outcome.restoration, outcome.error
    if error is not None:
        output.failed(each.key, str(error))
    if output.options.json:
        output.record(_planned(bucket, each, "failed" if error else "done", str(error) if error else None))
    elif error is None:
        output.say(_words(each))
    return outcome


def _counted(plan: Sequence[Restoration], restore: str = "restored", delete: str = "deleted") -> str:
    back = sum(each.version is not None for each in plan)
    text = f"{formatting.count(back, 'object')} {restore}"
    return text if back == len(plan) else f"{text}, {len(plan) - back} {delete}"


def _words(each: Restoration) -> str:
    if each.version is None:
        return f"delete   {each.key}"
    when = formatting.when(each.version.modified_ns or None)
    return f"restore  {each.key}  ({formatting.size(each.version.size)}, of {when})"


def _planned(bucket: str, each: Restoration, status: str, error: str | None = None) -> dict[str, object]:
    return {
        "type": "restoration",
        "bucket": bucket,
        "action": "delete" if each.version is None else "restore",
        "key": each.key,
        "version": each.version.version if each.version else None,
        "size": each.version.size if each.version else None,
        "modified": json_records.nanoseconds(each.version.modified_ns or None) if each.version else None,
        "status": status,
        "error": error,
    }


def _record(bucket: str, each: ObjectVersion) -> dict[str, object]:
    return {
        "type": "version",
        "bucket": bucket,
        "key": each.key,
        "version": each.version,
        "modified": json_records.nanoseconds(each.modified_ns or None),
        "latest": each.latest,
        "deleted": each.deleted,
        "size": each.size,
        "fingerprint": each.fingerprint,
    }


def _line(each: ObjectVersion) -> str:
    size = "deleted" if each.deleted else formatting.size(each.size)
    mark = "*" if each.latest else " "
    return f"{mark} {formatting.when(each.modified_ns or None)}  {size:>10}  {each.version}  {each.key}"
