"""Accounts of other tools: chosen by `--from`, or at a terminal."""

from __future__ import annotations

import click

from buckia_core.adapters.plugins.account_sources import FoundAccount, FoundAccounts, find_accounts
from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli.terminal.output import Output, masked
from buckia_core.errors import ConfigError


def take_over_account(wanted: str) -> FoundAccount:
    """Return the account that `--from` names.

    Raises:
        ConfigError: There is none, or the other tool's configuration can't be read.
    """
    return find_accounts(registry()).get(wanted)


def offer_accounts(output: Output) -> FoundAccount | None:
    """Show the accounts of other tools, and ask for one; `None` if there are none, or none is wanted."""
    found = find_accounts(registry())
    for problem in found.problems.values():
        output.note(f"Not read: {problem}")
    if not found.accounts:
        return None
    width = max(map(len, found.accounts))
    output.note("Accounts of other tools on this machine:")
    for name, account in found.accounts.items():
        output.note(f"  {masked(name):{width}}  {_describe(account)}")
    answer: str = click.prompt(
        "Take over one of them? Type its name, or press Enter for none",
        default="",
        show_default=False,
        err=True,
        value_proc=lambda text: _checked(text, found),
    )
    return found.get(answer) if answer else None


def _describe(account: FoundAccount) -> str:
    place = account.settings.get("endpoint_url") or account.settings.get("bucket_name") or ""
    return masked(f"{account.provider} {place}".rstrip())


def _checked(text: str, found: FoundAccounts) -> str:
    try:
        if text.strip():
            found.get(text.strip())
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    return text.strip()
