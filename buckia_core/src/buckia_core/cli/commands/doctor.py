"""`buckia doctor`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from buckia_core.adapters.commands.table import Column, Row
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, config_path, pass_context
from buckia_core.cli.doctor_checks import CHECKS, CheckOutcome, diagnose
from buckia_core.cli.exit_codes import ExitCode, exit_code_for, worst_exit_code
from buckia_core.cli.terminal.formatting import format_count


@click.command("doctor", cls=Command)
@pass_context
def doctor_command(context: CliContext) -> ExitCode:
    """Check everything that a sync needs.

    Checks the configuration, and for each bucket the adapter, the credentials (with one listing), the state directory,
    the clock and the disk. Unsafe settings are warnings. Changes nothing. The exit code is that of the most severe
    problem.
    """
    codes = [ExitCode.DONE]
    columns = (
        Column("State", width=len("PROBLEM"), styles={"ok": "green", "WARNING": "yellow", "PROBLEM": "bold red"}),
        Column("Bucket", width=max(map(len, context.config_file.buckets), default=0), style="bold"),
        Column("Check", width=max(map(len, CHECKS))),
        Column("Result"),
    )
    rows = (_row(bucket, outcome, codes) for bucket, outcome in _diagnose_all(context))
    context.table(columns, rows, stream=True)
    return worst_exit_code(codes)


def _diagnose_all(context: CliContext) -> Iterator[tuple[str | None, CheckOutcome]]:
    """Yield the outcomes of all checks, each with its bucket."""
    number = format_count(len(context.config_file.buckets), "bucket")
    yield None, CheckOutcome("configuration", f"{config_path(context.options)}, {number}")
    for config in context.buckets():
        with context.client(config) as client:
            for outcome in diagnose(client):
                yield config.name, outcome


def _row(bucket: str | None, outcome: CheckOutcome, codes: list[ExitCode]) -> Row:
    if outcome.error is not None:
        codes.append(exit_code_for(outcome.error))
    record = {
        "type": "diagnosis",
        "bucket": bucket,
        "check": outcome.check,
        "ok": outcome.error is None,
        "warning": outcome.warning,
        "message": outcome.message,
    }
    state = "PROBLEM" if outcome.error is not None else "WARNING" if outcome.warning else "ok"
    return record, (state, bucket, outcome.check, outcome.message)
