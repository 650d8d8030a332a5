"""The commands `buckia linode …`, one module a subject. What a command works with is imported when it runs."""

from __future__ import annotations

import importlib

import click

MODULES = ("endpoints", "buckets", "keys", "objects")
"""The modules of this package that have commands. Each has `register_commands(linode: click.Group) -> None`."""


def register(cli: click.Group) -> None:
    """Add the group `linode` with all its commands to `cli`."""

    @cli.group("linode")
    def linode_command() -> None:
        """Look after buckets and keys of a Linode account, by its API.

        All of these need a token of the account. The configuration of a bucket itself, such as its lifecycle, is
        what `buckia s3` shows and changes.
        """

    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}").register_commands(linode_command)
