"""The way in and out of the process: from the arguments to the exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

import click

from buckia_core.cli import log_setup, signals
from buckia_core.cli.app import cli
from buckia_core.cli.context import CliContext
from buckia_core.cli.exit_codes import ExitCode, exit_code_for
from buckia_core.cli.report import errors
from buckia_core.cli.terminal.output import PipeClosed, prepare_streams

COMPLETE = "_BUCKIA_COMPLETE"
"""The environment variable by which the script of `buckia completion` asks for what a shell may offer."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `buckia` command and return its exit code. No error leaves it.

    `arguments` are those after the program's name; without them, the process's own.
    """
    prepare_streams()
    # Plans hold many objects and no cycles: looking for some after every 700 of them finds nothing.
    gc.set_threshold(50_000, 20, 50)
    if instruction := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete  # noqa: PLC0415  # only a shell asks

        return shell_complete(cli, {}, "buckia", COMPLETE, instruction)
    # The arguments are taken as they are: click's own way would expand patterns in them on Windows, where no shell
    # does, and `--include *.png` is a pattern for us.
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    context = CliContext()
    signals.treat_sigterm_as_interrupt()
    context.configure_logs()
    try:
        code = _run(given, context)
        context.output.flush()
    except PipeClosed:
        return ExitCode.DONE
    except OSError as error:
        # What was still to be written can't be, for another reason than a reader who left; a full disk, say.
        return errors.print_error(error, context.output)
    finally:
        log_setup.stop()
    return code


def _run(arguments: list[str], context: CliContext) -> int:
    try:
        with cli.make_context("buckia", arguments, obj=context) as ctx:
            result = cli.invoke(ctx)
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        signals.exit_on_second_interrupt()
        context.output.error("buckia: interrupted")
        return exit_code_for(error)
    except PipeClosed:
        raise
    except Exception as error:  # noqa: BLE001  # no traceback reaches a person who did not ask for one
        if isinstance(error, click.UsageError) and "--json" in arguments:
            # A command line that can't be read is answered in the form that it asks for all the same.
            context.options.json = True
        return errors.print_error(error, context.output, bucket=context.bucket, one_of_many=False)
    return result if isinstance(result, int) else ExitCode.DONE
