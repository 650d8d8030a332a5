"""Error reports: lines for a person, one record for a program, and the exit code."""

from __future__ import annotations

import errno
import traceback

import click

from buckia_core.cli.exit_codes import ExitCode, exit_code_for
from buckia_core.cli.terminal.output import Output, redaction
from buckia_core.errors import BuckiaError

_HELP_REQUESTS: tuple[type[click.UsageError], ...] = tuple(
    kind for kind in (getattr(click.exceptions, "NoArgsIsHelpError", None),) if kind is not None
)
"""The error that click 8.2 and later raise for a group without a command; earlier ones print the help themselves."""


def print_error(
    error: BaseException, output: Output, *, bucket: str | None = None, prefix_bucket: bool = True
) -> ExitCode:
    """Print an error and return its exit code. `-vv` adds the traceback. Secrets are masked.

    Records have the `bucket` of the error; text has it with `prefix_bucket`, if the command works on several.
    """
    if isinstance(error, _HELP_REQUESTS) and not output.options.json:
        # A group without a command shows its help instead of an error.
        for line in error.format_message().splitlines():
            output.error(line)
        return exit_code_for(error)
    message, *hints = _lines(error)
    if output.options.json:
        kind = "UsageError" if isinstance(error, click.ClickException) else type(error).__name__
        output.record({"type": "error", "bucket": bucket, "error": kind, "message": message})
    if output.options.tracebacks:
        # Redacted as a whole: a secret may span several lines.
        for line in redaction().redact_known("".join(traceback.format_exception(error))).splitlines():
            output.error(line)
    label = f"{bucket}: " if bucket and prefix_bucket and not message.startswith(f"{bucket}:") else ""
    output.error(f"{label}{message}", label="buckia:")
    for hint in hints:
        output.error(f"  {hint}")
    return exit_code_for(error)


def _lines(error: BaseException) -> list[str]:
    """Return the message, followed by hints."""
    match error:
        case click.UsageError(ctx=ctx) if ctx is not None and isinstance(error, _HELP_REQUESTS):
            return ["Missing command.", f"See: {ctx.command_path} --help"]
        case click.ClickException():
            lines = _click_message(error) or [type(error).__name__]
            if isinstance(error, click.UsageError) and error.ctx is not None:
                lines.append(f"See: {error.ctx.command_path} --help")
            return lines
        case BuckiaError():
            return [str(error) or type(error).__name__]
        case OSError():
            return [_os_error_message(error)]
        case MemoryError():
            return ["there is not enough memory"]
        case _:
            return [
                f"unexpected {type(error).__name__}: {error}",
                "This is a bug in Buckia. Run the same command with -vv, and report what it prints.",
            ]


def _click_message(error: click.ClickException) -> list[str]:
    """Return the lines of click's message; the tabbed list of choices is joined into one line."""
    if not isinstance(error, click.MissingParameter):
        return error.format_message().splitlines()
    message = " ".join(error.format_message().split())
    return [message] if message else []


def _os_error_message(error: OSError) -> str:
    reason = error.strerror or str(error) or errno.errorcode.get(error.errno or 0, type(error).__name__)
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return f"{' -> '.join(names)}: {reason}" if names else reason
