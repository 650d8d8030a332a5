"""A run of one bucket, shown while it goes on."""

from __future__ import annotations

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
    client: BuckiaClient, output: Output, request: dict[str, Any], prompt: ConflictPrompt | None = None
) -> SyncResult:
    """Sync one bucket as `request` says (arguments of `BuckiaClient.sync`), show it, and return how it ended.

    With a `question`, a conflict that neither the request nor the configuration decides is asked about.
    """
    progress = progress_for(output, client.config.name)
    interruption = GracefulShutdown(client.stop, output, progress.restore)
    if prompt is not None:
        request = request | {"ask": prompt.as_callback(progress.paused, interruption.interrupt_prompt)}
        if request["conflict"] is None and client.config.conflict_resolution is None:
            request["conflict"] = ConflictPolicy.ASK
    reporter = Reporter(output, client.config.name, progress, dry_run=request["dry_run"])
    try:
        with interruption.handle_signals():
            result = client.sync(events=reporter, **request)
    finally:
        progress.close()
    show_summary(output, result)
    return result
