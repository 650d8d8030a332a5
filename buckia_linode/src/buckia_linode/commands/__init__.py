"""The commands `buckia linode …`, one module per topic. Commands import the adapter when they run."""

from __future__ import annotations

import importlib

import click

MODULES = ("endpoints", "buckets", "keys", "objects")
"""Modules with commands; each has `register_commands(linode: click.Group) -> None`."""


def register(cli: click.Group) -> None:
    """Add the group `linode` with all its commands to `cli`."""

    @cli.group("linode")
    def linode_command() -> None:
        """Manage buckets and keys of a Linode account through its API.

        All of these need a token of the account. To configure the bucket itself, such as its lifecycle, use
        `buckia s3`.
        """

    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}").register_commands(linode_command)
