"""The commands `buckia s3 …`, one module a subject. What a command works with is imported when it runs."""

from __future__ import annotations

import importlib

import click

MODULES = (
    "subresources",
    "buckets",
    "versions",
    "locks",
    "uploads",
)
"""The modules of this package that have commands. Each has `register_commands(s3: click.Group) -> None`."""


def register(cli: click.Group) -> None:
    """Add the group `s3` with all its commands to `cli`."""

    @cli.group("s3")
    def s3_command() -> None:
        """Look after a bucket of S3, or of a provider that speaks it."""

    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}").register_commands(s3_command)
