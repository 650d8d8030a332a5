"""`buckia sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for_result
from buckia_core.cli.parameters import parse_bwlimit_option, parse_delete_limit, selection_arguments, selection_options
from buckia_core.cli.path_arguments import for_each_bucket_with_paths
from buckia_core.cli.run_sync import run_sync
from buckia_core.cli.terminal.prompts import ConflictPrompt, can_ask

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient


@click.command("sync", cls=Command)
@selection_options
@click.option("-n", "--dry-run", is_flag=True, help="Show what a sync would do, and change nothing.")
@click.option("--max-workers", metavar="N", type=click.IntRange(min=1), help="Maximum concurrent transfers.")
@click.option(
    "--max-delete",
    metavar="N|N%",
    callback=parse_delete_limit,
    help="Refuse to delete more than this on one side: a number, or a share of the files.",
)
@click.option("--fetch-only", is_flag=True, help="Only download changes to the cache; buckia apply applies them later.")
@click.option("--force", is_flag=True, help="Sync even if a safety guard refuses.")
@click.option("--yes", is_flag=True, help="Do not ask, even at a terminal.")
@click.option(
    "--without-plugin",
    "left_out",
    metavar="NAME",
    multiple=True,
    help="Leave out a plugin, such as one that can't be loaded; may be repeated.",
)
@click.option(
    "--bwlimit",
    metavar="RATE",
    callback=parse_bwlimit_option,
    help="Maximum bytes per second: 4M, 10M:1M (up:down), off, or a timetable.",
)
@pass_context
def sync_command(
    context: CliContext, /, yes: bool, left_out: tuple[str, ...], fetch_only: bool, **given: Any
) -> ExitCode:
    """Sync local files with the bucket.

    PATHS are files and directories, such as images/ or documents/plan.pdf: relative to this directory, else to the
    project, else keys. Patterns such as '*.png' and 'images/**/*.jpg' work, too. Without PATHS, syncs everything that
    the configuration names.
    """
    output = context.output
    output.ignore_broken_pipe()
    for name in left_out:
        registry().exclude_plugin(name)
    request = selection_arguments(**given)
    if fetch_only:
        from buckia_core.cli.fetch import fetch_all  # noqa: PLC0415  # most syncs do more

        return fetch_all(context, request)
    # A dry run shows the conflicts instead of asking about them.
    prompt = None if yes or request["dry_run"] or not can_ask(output) else ConflictPrompt(output)

    def sync(client: BuckiaClient, limits: dict[str, object]) -> ExitCode:
        return exit_code_for_result(run_sync(client, output, request | limits, prompt))

    return for_each_bucket_with_paths(context, request.pop("sync_paths"), sync)
