"""Global options of `buckia`. Every command accepts them too, since people type them there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from buckia_core.cli.context import CliContext
from buckia_core.config.environment import CONFIG_VARIABLE


class GlobalOption(click.Option):
    """Global option. Its value goes into `Options` instead of the command's parameters."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, expose_value=False, callback=_store_option, **settings)


def global_options() -> Iterator[GlobalOption]:
    """Create the global options for one command."""
    yield GlobalOption(
        ["-C", "directory"],
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False),
        # Eager, so that other paths on the command line are relative to it.
        is_eager=True,
        help="Run as if started in DIR.",
    )
    yield GlobalOption(
        ["-c", "--config"],
        metavar="FILE",
        type=click.Path(path_type=Path),
        envvar=CONFIG_VARIABLE,
        help="Configuration file, instead of the nearest .buckia in this directory or above it.",
    )
    yield GlobalOption(
        ["-b", "--bucket", "buckets"],
        metavar="BUCKET",
        multiple=True,
        shell_complete=_complete_bucket,
        help="Name of a bucket in the configuration; may be repeated. All buckets by default.",
    )
    yield GlobalOption(
        ["-v", "--verbose"], count=True, help="More output; -vv for debugging, -vvv including libraries."
    )
    yield GlobalOption(["-q", "--quiet"], is_flag=True, help="Only errors and requested results.")
    yield GlobalOption(["--json"], is_flag=True, help="Print JSON Lines on standard output.")
    yield GlobalOption(
        ["--log-file"],
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Append the log, including debug messages, to FILE.",
    )


def _complete_bucket(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    context = ctx.find_object(CliContext) or CliContext()
    try:
        names = list(context.config_file.buckets)
    except Exception:  # noqa: BLE001  # completion shows no errors: without a usable configuration, it offers nothing
        return []
    return [name for name in names if name.startswith(incomplete)]


def _store_option(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    # An option that is not given changes nothing, so that `buckia -v sync` and `buckia sync -v` are the same.
    if not value:
        return
    context = ctx.ensure_object(CliContext)
    options = context.options
    match param.name:
        case "directory":
            os.chdir(value)
        case "config":
            # The variable is seen by each command on the line, and must not take the place of an option before it.
            if options.config is None or ctx.get_parameter_source("config") is not ParameterSource.ENVIRONMENT:
                options.config = value
        case "buckets":
            options.buckets.extend(name for name in value if name not in options.buckets)
        case "verbose":
            options.verbosity = max(options.verbosity, 0) + value
        case "quiet":
            options.verbosity = -1
        case "json":
            options.json = True
        case "log_file":
            options.log_file = value
    if not ctx.resilient_parsing:
        context.configure_logs()
