"""`buckia app`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from buckia_core.adapters.commands.options import yes_option
from buckia_core.adapters.commands.table import Column
from buckia_core.cli.app import Group
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for_result
from buckia_core.cli.run_sync import run_sync
from buckia_core.cli.terminal.formatting import format_count

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient
    from buckia_core.planning.plan import Plan
    from buckia_core.syncing.events import SyncResult

_TABLES = (
    Column("Table", style="bold"),
    Column("Added", right=True),
    Column("Replaced", right=True),
    Column("Same", right=True),
    Column("Left out"),
)

_dry_run = click.option("-n", "--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
_force = click.option("--force", is_flag=True, help="Do it even if a safety guard refuses.")


@click.group("app", cls=Group)
def app_command() -> None:
    """Back up, restore and reset the data of an app, and apply its demo data.

    The setting `app` of the bucket names the user's folder, the demo folder and the database.
    """


@app_command.command("status")
@pass_context
def status_command(context: CliContext) -> ExitCode:
    """Show the app's folders and database, and what there is to do. Changes nothing."""
    with context.client(context.one_bucket()) as client:
        found = client.app.status()
    profile = found.profile
    record = {
        "type": "app",
        "bucket": client.config.name,
        "user": profile.user,
        "demo": profile.demo,
        "database": profile.database_path,
        "has_database": found.has_database,
        "has_demo_database": found.has_demo_database,
        "user_operations": None if found.user_plan is None else len(found.user_plan.operations),
        "demo_operations": None if found.demo_plan is None else len(found.demo_plan.operations),
        "warnings": list(found.warnings),
    }
    facts = [
        ("user", profile.user or "none; buckia app new-user makes one"),
        ("to sync", _to_do(found.user_plan)),
        ("demo", profile.demo or "none"),
        ("to update", _to_do(found.demo_plan)),
        ("database", _presence(profile.database_path, found.has_database)),
        ("demo database", _presence(profile.database_name, found.has_demo_database)),
    ]
    context.facts(record, facts)
    _show_warnings(context, found.warnings)
    return ExitCode.DONE


def _to_do(plan: Plan | None) -> str | None:
    if plan is None:
        return None
    return format_count(len(plan.operations), "operation") if plan.operations else "nothing"


def _presence(name: str | None, exists: bool) -> str | None:
    return None if name is None else f"{name} ({'here' if exists else 'not here'})"


@app_command.command("new-user")
@click.option("--replace", is_flag=True, help="Replace the user that there is; its files and objects stay.")
@pass_context
def new_user_command(context: CliContext, replace: bool) -> ExitCode:
    """Make a user whose id nobody can guess, and write it into .buckia."""
    config = context.one_bucket()
    with context.client(config) as client:
        user = client.app.new_user(replace=replace)
    context.output.result({"type": "user", "bucket": config.name, "user": user}, user)
    return ExitCode.DONE


@app_command.command("backup")
@_dry_run
@_force
@pass_context
def backup_command(context: CliContext, /, **options: Any) -> ExitCode:
    """Upload the user's folder, and a snapshot of the database, which may be in use."""
    return _sync(context, lambda client: client.app.backup, options, lambda client: client.app.backup_warnings)


@app_command.command("restore")
@click.option("--from-trash", is_flag=True, help="Undo the last reset on this machine instead.")
@_dry_run
@_force
@yes_option
@pass_context
def restore_command(context: CliContext, /, from_trash: bool, yes: bool, **options: Any) -> ExitCode:
    """Download the user's folder and the database.

    What differs here is replaced, and goes to the trash. Files that only this side has stay. With --from-trash, nothing
    is downloaded: what the last reset moved to the trash comes back, and the next sync or backup uploads it.
    """
    if from_trash:
        return _undo_reset(context, dry_run=options["dry_run"], yes=yes)
    if not options["dry_run"]:
        context.confirm("Replace the user's files and the database here by those in the bucket?", yes=yes)
    return _sync(context, lambda client: client.app.restore, options)


def _undo_reset(context: CliContext, *, dry_run: bool, yes: bool) -> ExitCode:
    config = context.one_bucket()
    if not dry_run:
        context.confirm("Replace the user's files and the database here by those before the last reset?", yes=yes)
    with context.client(config) as client:
        result = client.app.undo_reset(dry_run=dry_run)
    for each in result.restored:
        record = {"type": "restored", "bucket": config.name, "id": each.id, "path": each.path, "dry_run": dry_run}
        context.output.result(record, f"{'Would restore' if dry_run else 'Restored'} to {each.path}")
    for path, reason in result.failures.items():
        context.output.failed(path, reason)
    return ExitCode.FAILED if result.failures else ExitCode.DONE


@app_command.command("update-demo")
@_dry_run
@_force
@pass_context
def update_demo_command(context: CliContext, /, **options: Any) -> ExitCode:
    """Download the demo folder. Nothing is uploaded."""
    return _sync(context, lambda client: client.app.update_demo, options)


def _sync(
    context: CliContext,
    method: Callable[[BuckiaClient], Callable[..., SyncResult]],
    options: dict[str, Any],
    warnings: Callable[[BuckiaClient], tuple[str, ...]] = lambda client: client.app.warnings,
) -> ExitCode:
    context.output.ignore_broken_pipe()
    with context.client(context.one_bucket()) as client:
        chosen = method(client)
        _show_warnings(context, warnings(client))
        return exit_code_for_result(run_sync(client, context.output, options, method=chosen))


@app_command.command("apply-demo")
@click.option("--leave-out", metavar="TABLE", multiple=True, help="A table to leave as it is; may be repeated.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the numbers of rows, and change nothing.")
@pass_context
def apply_demo_command(context: CliContext, leave_out: tuple[str, ...], dry_run: bool) -> ExitCode:
    """Add the rows of the demo's database to the app's, by primary key, in one transaction.

    Run `buckia app update-demo` first to get the latest demo. The database as it was goes to the trash.
    """
    with context.client(context.one_bucket()) as client:
        changes = client.app.apply_demo(leave_out=leave_out, dry_run=dry_run)
    rows = []
    for each in changes:
        record = {
            "type": "table",
            "bucket": client.config.name,
            "dry_run": dry_run,
            "table": each.table,
            "added": each.added,
            "replaced": each.replaced,
            "unchanged": each.unchanged,
            "left_out": each.left_out,
        }
        rows.append((record, (each.table, each.added, each.replaced, each.unchanged, each.left_out)))
    context.table(_TABLES, rows)
    return ExitCode.DONE


@app_command.command("reset")
@click.option("--everywhere", is_flag=True, help="Also delete the user's objects in the bucket.")
@yes_option
@pass_context
def reset_command(context: CliContext, everywhere: bool, yes: bool) -> ExitCode:
    """Move the user's files to the trash, and give the database the content of the demo's.

    Without --everywhere, the bucket stays as it is for now: the next sync brings the files back, and uploads the new
    database over the user's there. Objects that are deleted are downloaded to the trash first.
    """
    config = context.one_bucket()
    where = "here and in the bucket" if everywhere else "here"
    question = f"Move the user's files {where} to the trash, and reset the database?"
    if config.app is not None and config.app.database_copy:
        when = "It also replaces" if everywhere else "The next sync or backup also replaces"
        question = f"{when} the user's database in the bucket. {question}"
    context.confirm(question, yes=yes)
    with context.client(config) as client:
        result = client.app.reset(everywhere=everywhere)
    record = {
        "type": "reset",
        "bucket": client.config.name,
        "files": len(result.files),
        "database": str(result.database),
        "deleted_remote": 0 if result.sync is None else result.sync.deleted_remote,
    }
    context.output.result(record, f"Reset: {format_count(len(result.files), 'file')} in the trash, {result.database}")
    return ExitCode.DONE if result.sync is None else exit_code_for_result(result.sync)


def _show_warnings(context: CliContext, warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        context.note(f"warning: {warning}")
