"""Writes the figures of docs/performance.md, and its picture, from a file with samples.

python -m tests.benchmarks.page [FILE]

The page keeps what stands outside of its markers. Without FILE, it is written from docs/performance.json.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.chart import Bars, draw
from tests.benchmarks.files import ROOT, TMPFS
from tests.benchmarks.networks import HTTP
from tests.benchmarks.results import OURS, Results, Row
from tests.benchmarks.tables import HEAD, TIMES, cells

PAGE: Final = ROOT / "docs" / "performance.md"
PICTURE: Final = ROOT / "docs" / "performance.svg"
SAMPLES: Final = ROOT / "docs" / "performance.json"

HEADING: Final = "Buckia's time as a multiple of the best other tool's: shorter is better"


def fill(page: str, results: Results) -> str:
    """Return the page with new figures between its markers.

    Raises:
        ValueError: The page lacks a marker.
    """
    for name, text in (("summary", summary(results)), ("machine", machine(results)), ("figures", figures(results))):
        page = _replace(page, name, text)
    return page


def _replace(page: str, name: str, text: str) -> str:
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, found_start, rest = page.partition(start)
    _, found_end, after = rest.partition(end)
    if not found_start or not found_end:
        raise ValueError(f"the page needs the markers {start.strip()} and {end.strip()}, in this order")
    return f"{before}{start}\n{text}\n\n{end}{after}"


def picture(results: Results) -> str:
    """Return the picture: each task once, in memory and without proxies where it was measured so."""
    chosen: dict[str, Row] = {}
    for row in results.rows:
        if row.title not in chosen or (row.disk, row.network) == (TMPFS, HTTP.name):
            chosen[row.title] = row
    tasks = []
    for title, row in chosen.items():
        wall, cpu = row.ratio("wall"), row.ratio("cpu")
        if wall and cpu:
            tasks.append(Bars(title, wall.value, cpu.value))
    return draw(HEADING, tasks)


def summary(results: Results) -> str:
    """Return a table with a row for each comparison with other tools."""
    lines = [
        "| task | files on | network | wall s | best other | × | CPU s | best other | × |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in results.rows:
        found = []
        for quantity in TIMES:
            if ratio := row.ratio(quantity):
                best = row.median(ratio.peer, quantity)
                found += [f"{row.median(OURS, quantity):.2f}", f"{ratio.peer}: {best:.2f}", f"**{ratio.value:.2f}**"]
        if found:
            lines.append(f"| {' | '.join([row.title, row.disk, row.network, *found])} |")
    return "\n".join(lines)


def figures(results: Results) -> str:
    """Return a table for each task, with all tools in all settings."""
    return "\n\n".join(_table(title, rows) for title, rows in _by_title(results.rows))


def machine(results: Results) -> str:
    """Return what was measured on, and with which versions."""
    lines = [f"- {name}: {value}" for name, value in results.machine.items()]
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    own = sorted({row.version for row in results.rows})
    lines += [f"- versions: {versions}", f"- Buckia, with its commit: {', '.join(own)}"]
    return "\n".join([*lines, *(f"- not measured: {name}: {reason}" for name, reason in results.skipped.items())])


def _by_title(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    for title in dict.fromkeys(row.title for row in rows):
        yield title, [row for row in rows if row.title == title]


def _table(title: str, rows: Sequence[Row]) -> str:
    lines = [f"### {title}", "", f"| files on, network | tool | runs | {HEAD}", "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        runs = {tool: len(samples.wall) for tool, samples in row.samples.items()}
        lines += [f"| {row.disk}, {row.network} | {tool} | {runs[tool]} | {cells(row, tool)}" for tool in row.samples]
    return "\n".join(lines)


def main() -> None:
    """Write the page and the picture."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES
    results = Results.load(source)
    if source.resolve() != SAMPLES:
        results.save(SAMPLES)
    PAGE.write_text(fill(PAGE.read_text("utf-8"), results), "utf-8", newline="\n")
    PICTURE.write_text(picture(results), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
