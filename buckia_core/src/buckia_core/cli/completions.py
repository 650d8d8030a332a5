"""What a shell offers for a word that is half typed. Completion never fails: what can't be read offers nothing."""

from __future__ import annotations

import click

from buckia_core.cli.context import CliContext


def complete_bucket(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the names of the buckets of the configuration."""
    context = ctx.find_object(CliContext) or CliContext()
    try:
        names = list(context.config_file.buckets)
    except Exception:  # noqa: BLE001  # a shell that asks has no use for an error
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_provider(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the providers that are installed."""
    from buckia_core.adapters.plugins.registry import registry  # noqa: PLC0415  # each command names what its words complete to

    return [status.provider for status in registry().providers() if status.provider.startswith(incomplete)]
