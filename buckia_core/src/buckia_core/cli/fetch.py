"""`buckia sync --fetch-only`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_core.cli.context import CliContext
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.path_arguments import for_each_bucket_with_paths
from buckia_core.cli.terminal.formatting import format_count, format_size

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient


def fetch_all(context: CliContext, request: dict[str, Any]) -> ExitCode:
    """Fetch the changes of each chosen bucket to its cache, and show what came.

    Raises:
        click.UsageError: The request has an option that a fetch does not take.
    """
    paths = request.pop("sync_paths")
    given = [name for name, value in request.items() if value not in (None, False, ())]
    if given:
        raise click.UsageError(f"--fetch-only does not work with --{given[0].replace('_', '-')}.")

    def fetch(client: BuckiaClient, limits: dict[str, Any]) -> ExitCode:
        result = client.fetch(**limits)
        record = {
            "type": "fetched",
            "bucket": result.bucket,
            "fetched": len(result.fetched),
            "deleted": len(result.deleted),
            "kept": len(result.kept),
            "bytes_down": result.bytes_down,
            "errors": result.errors,
        }
        waiting = len(result.fetched) + len(result.deleted) + len(result.kept)
        size = format_size(result.bytes_down)
        line = (
            f"{result.bucket}: {format_count(waiting, 'change')} to apply, {len(result.fetched)} fetched now ({size})"
        )
        context.output.result(record, line)
        for key, message in result.errors.items():
            context.output.error(f"{key}: {message}")
        return ExitCode.FAILED if result.errors else ExitCode.DONE

    return for_each_bucket_with_paths(context, paths, fetch)
