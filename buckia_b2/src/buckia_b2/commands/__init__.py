"""Commands `buckia b2 …`, one module per subject. They import the adapter when they run."""

from __future__ import annotations

import importlib

import click

MODULES = ("info", "rules", "keys", "unfinished")
"""Modules with commands. Each has `register_commands(b2: click.Group) -> None`."""


def register(cli: click.Group) -> None:
    """Add the group `b2` with all its commands to `cli`."""

    @cli.group("b2")
    def b2_command() -> None:
        """Manage a bucket of Backblaze B2, and application keys.

        See `buckia versions` and `buckia restore` for versions.
        """

    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}").register_commands(b2_command)
