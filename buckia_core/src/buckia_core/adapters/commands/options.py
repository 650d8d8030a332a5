"""Options that the commands of Buckia and of adapters share. A plugin imports them in its module of commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import click

from buckia_core.config.parsers import parse_duration

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def value_callback(
    parse: Callable[[str], T],
) -> Callable[[click.Context, click.Parameter, str | None], T | None]:
    """Return the callback of an option whose value `parse` converts. Its `ValueError` becomes a usage error."""

    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> T | None:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(f"{error}.", ctx, param) from error

    return callback


def parse_age(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Callback of an option that takes a duration: `45m`, `12h`, `30d`, `2w`."""
    return value_callback(parse_duration)(ctx, param, value)


def yes_option(command: F) -> F:
    """Add `--yes`. Pass its value to `CommandHost.confirm`."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def dry_run_option(command: F) -> F:
    """Add `-n`, `--dry-run`, of a command that changes a configuration."""
    return click.option("-n", "--dry-run", is_flag=True, help="Show the difference, and change nothing.")(command)


def unfinished_uploads_options(command: F) -> F:
    """Add the parameters of a command that calls `list_or_abort_uploads`."""
    for parameter in reversed(_UNFINISHED_UPLOADS):
        command = parameter(command)
    return command


_UNFINISHED_UPLOADS: tuple[Callable[[Any], Any], ...] = (
    click.argument("prefix", default=""),
    click.option(
        "--older-than", metavar="AGE", callback=parse_age, help="Only uploads older than this, such as 12h or 7d."
    ),
    click.option("--abort", is_flag=True, help="Abort them, and delete their parts."),
    click.option(
        "--resumable", is_flag=True, help="With --abort, also those that the next sync of this project would resume."
    ),
    yes_option,
)
