"""Commands `buckia bunny …`, one module per subject. They import the adapter when they run."""

from __future__ import annotations

import importlib

import click

MODULES = ("zones", "pull_zones", "purge", "statistics", "public_urls")
"""Modules with commands. Each has `register_commands(bunny: click.Group) -> None`."""


def register(cli: click.Group) -> None:
    """Add the group `bunny` with all its commands to `cli`."""

    @cli.group("bunny")
    def bunny_command() -> None:
        """Manage storage zones and pull zones of a bunny.net account.

        All commands except signed-url need the account's API key, which is not the password of a zone.
        """

    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}").register_commands(bunny_command)
