"""How every command changes a bucket's configuration: show the difference, ask, send, look at what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import click

from buckia_s3.commands.opening import s3_adapter

if TYPE_CHECKING:
    from buckia_core.adapters.commands import CommandHost
    from buckia_s3.administration import Administration, Change

Wish: TypeAlias = "Callable[[Administration], Change]"

dry_run = click.option("-n", "--dry-run", is_flag=True, help="Show the difference, and change nothing.")
yes = click.option("--yes", is_flag=True, help="Do not ask.")


def change(host: CommandHost, topic: str, wish: Wish, *, dry_run: bool, yes: bool) -> int | None:
    """Make a change that `wish` plans. Returns the exit code 1 where a person says no.

    The difference is shown before anything is sent. Nothing is sent if nothing differs.
    """
    with s3_adapter(host) as adapter:
        name = host.one_bucket().name
        planned = wish(adapter.administration)
        record = {"bucket": name, "topic": topic}
        facts = {"type": "change", **record, "before": planned.before, "after": planned.after, "diff": planned.diff()}
        host.result(facts, *planned.diff())
        if not planned.differs:
            host.note(f"{name}: {topic} is so already; nothing was sent")
            return None
        if dry_run:
            host.note(f"{name}: dry run, nothing was changed")
            return None
        if not host.confirm(f"Change {topic} of {name}?", yes=yes):
            host.note("Nothing was changed.")
            return 1
        now = adapter.administration.apply(planned)
        host.result({"type": "changed", **record, "document": now}, f"{name}: {topic} is changed")
        _tell_difference(host, planned, now)
        return None


def _tell_difference(host: CommandHost, planned: Change, now: dict[str, object] | None) -> None:
    """Tell where the server keeps it in other words: it may add names to rules, or be slow to show a change."""
    from buckia_s3.administration import Change  # noqa: PLC0415  # it is imported by now

    kept = Change(planned.topic, planned.after, now)
    if kept.differs:
        host.note("The server shows it like this now:")
        for line in kept.diff():
            host.note(line)
