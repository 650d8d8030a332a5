"""Options shared by commands, and callbacks that parse the values of options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from buckia_core.adapters.commands.options import value_callback
from buckia_core.config.bandwidth import parse_bwlimit
from buckia_core.config.parsers import parse_duration
from buckia_core.planning.policy import ConflictPolicy, Direction
from buckia_core.planning.safety import DeleteLimit

F = TypeVar("F", bound=Callable[..., Any])


def _parse_bwlimit(value: str) -> str:
    try:
        return parse_bwlimit(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not {error}") from error


def _parse_time(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value.strip()).astimezone()
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.now(UTC) - parse_duration(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a time, such as 2026-03-31, '2026-03-31 09:30' or 12h (ago)") from error


parse_delete_limit = value_callback(lambda value: str(DeleteLimit.parse(value)))
parse_bwlimit_option = value_callback(_parse_bwlimit)
parse_time = value_callback(_parse_time)
"""A time such as `2026-03-31 09:30`, in the local time zone unless it has one; or an age: `12h`, `3d`."""


def parse_assignments(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> dict[str, str]:
    """Parse repeated `NAME=VALUE` pairs."""
    found: dict[str, str] = {}
    for each in value:
        name, equals, text = each.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{name!r} has no value; write NAME=VALUE.", ctx, param)
        if name.strip() in found:
            raise click.BadParameter(f"{name!r} is given twice.", ctx, param)
        found[name.strip()] = text
    return found


def parse_secret_lines(text: str) -> dict[str, str]:
    """Parse secrets from standard input, one `NAME=VALUE` a line; lines without a name are skipped."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.strip(): value for name, equals, value in pairs if equals and name.strip()}


size_option = click.option(
    "--bytes/--human-readable",
    "exact",
    " /-h",
    default=False,
    help="Show sizes in bytes, or with units, which is the default. The last one counts.",
)
"""`-h` is about sizes there, as in other tools: click takes it from the option of the help."""


def selection_options(command: F) -> F:
    """Add the parameters of `sync` and `status` that select files and rules."""
    for parameter in reversed(_SELECTION_OPTIONS):
        command = parameter(command)
    return command


_SELECTION_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("paths", nargs=-1),
    click.option(
        "--paths",
        "more_paths",
        metavar="PATH",
        multiple=True,
        help="A file or directory to sync; the same as PATHS.",
    ),
    click.option(
        "--include", metavar="PATTERN", multiple=True, help="Sync only files that match this pattern, as in .gitignore."
    ),
    click.option(
        "--exclude", metavar="PATTERN", multiple=True, help="Leave out files that match this pattern, as in .gitignore."
    ),
    click.option(
        "--direction", type=click.Choice([each.value for each in Direction]), help="Sync all paths in this direction."
    ),
    click.option(
        "--conflict",
        type=click.Choice([each.value for each in ConflictPolicy]),
        help="Resolve conflicts by this policy.",
    ),
    click.option(
        "--delete-orphaned/--no-delete-orphaned",
        default=None,
        help="Mirror one-way paths, including deletions; or delete nothing from the bucket.",
    ),
    click.option("--checksum", is_flag=True, help="Read every local file, even if its time and size are unchanged."),
)


def selection_arguments(
    paths: tuple[str, ...],
    more_paths: tuple[str, ...],
    direction: str | None,
    conflict: str | None,
    **others: Any,
) -> dict[str, Any]:
    """Convert the parameters that `selection_options` added to arguments of the client."""
    return {
        "sync_paths": [*paths, *more_paths] or None,
        "direction": None if direction is None else Direction(direction),
        "conflict": None if conflict is None else ConflictPolicy(conflict),
        **others,
    }
