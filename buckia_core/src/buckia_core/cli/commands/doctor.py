"""`buckia doctor`."""

from __future__ import annotations

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, config_path, pass_context
from buckia_core.cli.doctor_checks import CheckOutcome, diagnose
from buckia_core.cli.exit_codes import ExitCode, exit_code_for, worst_exit_code


@click.command("doctor", cls=Command)
@pass_context
def doctor_command(context: CliContext) -> ExitCode:
    """Check everything that a sync needs.

    Checks the configuration, and for each bucket the adapter, the credentials (with one listing), the state directory,
    the clock and the disk. Unsafe settings are warnings. Changes nothing. The exit code is that of the most severe
    problem.
    """
    codes = [ExitCode.DONE]

    def show(bucket: str | None, outcome: CheckOutcome) -> None:
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
        label = f"{bucket}: " if bucket else ""
        state = "PROBLEM" if outcome.error is not None else "WARNING" if outcome.warning else "ok     "
        context.output.result(record, f"{state}  {label}{outcome.check}: {outcome.message}")

    show(
        None,
        CheckOutcome("configuration", f"{config_path(context.options)}, {len(context.config_file.buckets)} in it"),
    )
    for config in context.buckets():
        with context.client(config) as client:
            for outcome in diagnose(client):
                show(config.name, outcome)
    return worst_exit_code(codes)
