"""Entry point of the process: from the arguments to the exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from buckia_core.cli import log_setup, signals
from buckia_core.cli.app import cli
from buckia_core.cli.context import CliContext
from buckia_core.cli.exit_codes import ExitCode, exit_code_for
from buckia_core.cli.report import errors
from buckia_core.cli.terminal.output import PipeClosed, prepare_streams
from buckia_core.config.secrets.session import secret_session

if TYPE_CHECKING:
    from buckia_core.config.secrets.secret import Secret

COMPLETE = "_BUCKIA_COMPLETE"
"""Environment variable by which the script of `buckia completion` requests completions."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `buckia` command and return its exit code. Never raises.

    `arguments` are those after the program's name; by default, those of the process.
    """
    prepare_streams()
    # Plans hold many objects and no cycles, so the default threshold of 700 wastes time.
    gc.set_threshold(50_000, 20, 50)
    if instruction := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete  # noqa: PLC0415  # only needed for completion

        return shell_complete(cli, {}, "buckia", COMPLETE, instruction)
    # Passed explicitly: on Windows, click would expand patterns in the arguments of the process, and
    # `--include *.png` must stay a pattern.
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    context = CliContext()
    signals.treat_sigterm_as_interrupt()
    try:
        code = _run(given, context)
        context.output.flush()
    except PipeClosed:
        return ExitCode.DONE
    except OSError as error:
        # The remaining output can't be written, for another reason than a closed pipe, such as a full disk.
        return errors.print_error(error, context.output)
    finally:
        log_setup.stop_logging()
    return code


def _run(arguments: list[str], context: CliContext) -> int:
    try:
        context.configure_logs()
        with (
            secret_session(lambda question, twice: _ask_passphrase(context, question, twice)),
            cli.make_context("buckia", arguments, obj=context) as ctx,
        ):
            result = cli.invoke(ctx)
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        signals.exit_on_second_interrupt()
        context.output.error("interrupted", label="buckia:")
        return exit_code_for(error)
    except PipeClosed:
        raise
    except Exception as error:  # noqa: BLE001  # no traceback without -vv
        if isinstance(error, click.UsageError) and "--json" in arguments:
            # The error of an invalid command line is JSON if the command line has --json.
            context.options.json = True
        return errors.print_error(error, context.output, bucket=context.bucket, prefix_bucket=False)
    return result if isinstance(result, int) else ExitCode.DONE


def _ask_passphrase(context: CliContext, question: str, twice: bool) -> Secret | None:
    from buckia_core.cli.terminal.prompts import ask_secret  # noqa: PLC0415  # few runs ask

    return ask_secret(context.output, question, twice=twice)
