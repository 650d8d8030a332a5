"""The command line. It reads what was typed, asks the client, and shows what came back; it decides nothing."""

from __future__ import annotations

from buckia_core.cli.entry_point import main

__all__ = ["main"]
