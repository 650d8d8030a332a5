"""`buckia doctor`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from buckia_core.adapters.commands.table import Column, Row
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, config_path, pass_context
from buckia_core.cli.diagnosis.bucket_checks import diagnose
from buckia_core.cli.diagnosis.outcome import CHECKS, CheckOutcome
from buckia_core.cli.diagnosis.software import check_software
from buckia_core.cli.exit_codes import ExitCode, exit_code_for, worst_exit_code
from buckia_core.cli.terminal.formatting import format_count


@click.command("doctor", cls=Command)
@click.option(
    "--write",
    is_flag=True,
    help="Also try to write, read, copy and delete: with objects of 5 MiB below .buckia-probe-, deleted afterwards.",
)
@pass_context
def doctor_command(context: CliContext, write: bool) -> ExitCode:
    """Check everything that a sync needs, and say what to do.

    Checks the configuration and what is installed, and for each bucket the adapter, the credentials (with one listing),
    the latency, the state, the clock and the disk. Unsafe settings are warnings. Changes nothing without --write. The
    exit code is that of the most severe problem.
    """
    codes = [ExitCode.DONE]
    columns = (
        Column("State", width=len("PROBLEM"), styles={"ok": "green", "WARNING": "yellow", "PROBLEM": "bold red"}),
        Column("Bucket", width=max(map(len, context.config_file.buckets), default=0), style="bold"),
        Column("Check", width=max(map(len, CHECKS))),
        Column("Result"),
    )
    rows = (_row(bucket, outcome, codes) for bucket, outcome in _diagnose_all(context, write=write))
    context.table(columns, rows, stream=True)
    return worst_exit_code(codes)


def _diagnose_all(context: CliContext, *, write: bool) -> Iterator[tuple[str | None, CheckOutcome]]:
    """Yield the outcomes of all checks, each with its bucket."""
    number = format_count(len(context.config_file.buckets), "bucket")
    yield None, CheckOutcome("configuration", f"{config_path(context.options)}, {number}")
    for outcome in check_software():
        yield None, outcome
    for config in context.buckets(with_share_buckets=True):
        with context.client(config) as client:
            for outcome in diagnose(client, write=write):
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
        "advice": outcome.advice or None,
        "values": outcome.values,
    }
    state = "PROBLEM" if outcome.error is not None else "WARNING" if outcome.warning else "ok"
    text = f"{outcome.message}. {outcome.advice}" if outcome.advice else outcome.message
    return record, (state, bucket, outcome.check, text)
