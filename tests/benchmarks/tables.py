"""Markdown tables of results."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final

from tests.benchmarks.results import Quantity, Row, values

TIMES: Final[tuple[Quantity, ...]] = ("wall", "cpu")
HEAD: Final = "wall s (least–most) | × | CPU s (least–most) | × | peak MiB |"


def table(row: Row) -> str:
    """Return one row's table: all tools, with ratios to the best of the others."""
    lines = [f"### {row.title} ({row.disk}, {row.network})", "", f"| | {HEAD}", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {tool} | {cells(row, tool)}" for tool in row.samples)])


def cells(row: Row, tool: str) -> str:
    """Return the cells of one tool: wall, its ratio, CPU, its ratio, memory."""
    samples = row.samples[tool]
    times = [cell for quantity in TIMES for cell in (spread(values(samples, quantity)), _ratio(row, tool, quantity))]
    return " | ".join([*times, f"{max(samples.memory):.0f} |"])


def spread(seconds: Sequence[float]) -> str:
    """Return the median with the smallest and the largest: `1.52 (1.47–1.60)`."""
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f}–{max(seconds):.2f})"


def _ratio(row: Row, tool: str, quantity: Quantity) -> str:
    peer = row.best_peer(quantity)
    return "" if peer is None else f"{row.median(tool, quantity) / row.median(peer, quantity):.2f}"
