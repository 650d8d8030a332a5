"""Sync of one bucket with progress and a summary."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from buckia_core.cli.report.sync_report import Reporter, show_summary
from buckia_core.cli.signals import GracefulShutdown
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.progress import progress_for
from buckia_core.cli.terminal.prompts import ConflictPrompt
from buckia_core.planning.policy import ConflictPolicy

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient
    from buckia_core.syncing.events import SyncResult


def run_sync(
    client: BuckiaClient,
    output: Output,
    request: dict[str, Any],
    prompt: ConflictPrompt | None = None,
    method: Callable[..., SyncResult] | None = None,
    **texts: str,
) -> SyncResult:
    """Sync one bucket, show the run and return its result. `request` has the arguments of `BuckiaClient.sync`.

    `method` takes the place of `client.sync`, with the same arguments. `texts` are those of the summary. With a
    `prompt`, it asks about conflicts that neither the request nor the configuration resolves.
    """
    progress = progress_for(output, client.config.name)
    shutdown = GracefulShutdown(client.stop, output, progress.restore_cursor)
    if prompt is not None:
        request = request | {"ask": prompt.as_callback(progress.paused, shutdown.interrupt_prompt)}
        if request["conflict"] is None and client.config.conflict_resolution is None:
            request["conflict"] = ConflictPolicy.ASK
    reporter = Reporter(output, client.config.name, progress, dry_run=request["dry_run"])
    try:
        with shutdown.handle_signals():
            result = (method or client.sync)(events=reporter, **request)
    finally:
        progress.close()
    show_summary(output, result, **texts)
    return result
