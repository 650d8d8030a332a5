"""How every command changes a bucket's configuration: show the difference, ask, send, look at what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import click

from buckia_core.adapters.commands.config_change import PlannedChange, confirm_and_apply
from buckia_s3.commands.adapter import s3_adapter

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_s3.administration import Administration, Change

Wish: TypeAlias = "Callable[[Administration], Change]"

dry_run = click.option("-n", "--dry-run", is_flag=True, help="Show the difference, and change nothing.")
yes = click.option("--yes", is_flag=True, help="Do not ask.")


def change(host: CommandHost, topic: str, wish: Wish, *, dry_run: bool, yes: bool) -> int | None:
    """Make a change that `wish` plans. Returns the exit code 1 where a person says no.

    The difference is shown before anything is sent. Nothing is sent if nothing differs.
    """
    with s3_adapter(host) as adapter:
        planned = wish(adapter.administration)
        return confirm_and_apply(
            host,
            PlannedChange(topic, planned.before, planned.after, planned.diff()),
            lambda: adapter.administration.apply(planned),
            dry_run=dry_run,
            yes=yes,
            # It may add names to rules, or be slow to show a change.
            describe_mismatch=lambda now: replace(planned, before=planned.after, after=now).diff(),
        )
