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
    """Check what a sync needs.

    That is the configuration, and for each bucket the adapter, the credentials (by one listing), the state
    directory, the clock and the disk. What works and is unsafe is a warning. Changes nothing. The exit code is that
    of the worst problem found.
    """
    codes = [ExitCode.DONE]

    def show(bucket: str | None, finding: CheckOutcome) -> None:
        if finding.error is not None:
            codes.append(exit_code_for(finding.error))
        record = {
            "type": "diagnosis",
            "bucket": bucket,
            "check": finding.check,
            "ok": finding.error is None,
            "warning": finding.warning,
            "message": finding.message,
        }
        where = f"{bucket}: " if bucket else ""
        state = "PROBLEM" if finding.error is not None else "WARNING" if finding.warning else "ok     "
        context.output.result(record, f"{state}  {where}{finding.check}: {finding.message}")

    show(
        None,
        CheckOutcome("configuration", f"{config_path(context.options)}, {len(context.config_file.buckets)} in it"),
    )
    for config in context.buckets():
        with context.client(config) as client:
            for finding in diagnose(client):
                show(config.name, finding)
    return worst_exit_code(codes)
