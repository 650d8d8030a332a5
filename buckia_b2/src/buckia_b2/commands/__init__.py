"""The commands `buckia b2 …`, one module a subject. What a command works with is imported when it runs."""

from __future__ import annotations

import importlib

import click

MODULES = ("info", "rules", "keys", "unfinished")
"""The modules of this package that have commands. Each has `register_commands(b2: click.Group) -> None`."""


def register(cli: click.Group) -> None:
    """Add the group `b2` with all its commands to `cli`."""

    @cli.group("b2")
    def b2_command() -> None:
        """Look after a bucket of Backblaze B2, and after application keys.

        Versions are what `buckia versions` and `buckia restore` show and bring back.
        """

    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}").register_commands(b2_command)
