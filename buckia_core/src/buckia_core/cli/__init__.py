"""Command line: parses arguments, calls the client and shows the results. It has no sync logic of its own."""

from __future__ import annotations

from buckia_core.cli.entry_point import main

__all__ = ["main"]
