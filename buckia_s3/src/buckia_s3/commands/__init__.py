"""The commands `buckia s3 …`, one module per topic. Commands import the adapter when they run."""

from __future__ import annotations

import importlib

import click

MODULES = (
    "subresources",
    "buckets",
    "locks",
    "unfinished",
)
"""Modules with commands; each has `register_commands(s3: click.Group) -> None`."""


def register(cli: click.Group) -> None:
    """Add the group `s3` with all its commands to `cli`."""

    @cli.group("s3")
    def s3_command() -> None:
        """Manage a bucket of an S3-compatible provider."""

    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}").register_commands(s3_command)
