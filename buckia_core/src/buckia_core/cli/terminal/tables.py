"""Tables: drawn with titles and styles at a terminal, plain lines in aligned columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from buckia_core.adapters.commands.table import Cell, Column, Row
from buckia_core.cli.terminal.output import Output, masked
from buckia_core.config.secrets.sanitize import sanitize

if TYPE_CHECKING:
    from buckia_core.cli.terminal.console import Span

_BATCH = 500
"""Rows that are aligned with each other, and held in memory; later ones get columns of at least the same widths."""

_GAP = "  "
_FACTS = (Column("", style="bold"), Column(""))


def show_table(output: Output, columns: Sequence[Column], rows: Iterable[Row], *, stream: bool = False) -> None:
    """Show a table as `CommandHost.table` describes."""
    if output.options.json:
        for record, _ in rows:
            output.record(record)
        return
    header, widths = not stream, [column.width for column in columns]
    remaining = iter(rows)
    while batch := [[masked(_text(cell)) for cell in row] for _, row in islice(remaining, 1 if stream else _BATCH)]:
        widths = [
            max(width, *map(cell_width, cells)) for width, cells in zip(widths, zip(*batch, strict=True), strict=True)
        ]
        _show(output, columns, batch, widths, header=header)
        header = False


def show_facts(
    output: Output, record: Mapping[str, object], facts: Iterable[tuple[str, Cell]], *, disclose: bool = False
) -> None:
    """Show the properties of one thing as `CommandHost.facts` describes."""
    if output.options.json:
        (output.disclose if disclose else output.record)(record)
        return
    clean = sanitize if disclose else masked
    rows = [(clean(name), clean(_text(value))) for name, value in facts]
    _show(output, _FACTS, rows, [max(cell_width(name) for name, _ in rows), 0], header=False)


def format_row(columns: Sequence[Column], cells: Sequence[Cell]) -> list[Span]:
    """Format a row of a long listing, whose columns have their minimum width only."""
    return list(_spans(columns, list(map(_text, cells)), [column.width for column in columns]))


def _show(
    output: Output, columns: Sequence[Column], rows: Sequence[Sequence[str]], widths: Sequence[int], *, header: bool
) -> None:
    if (console := output.console(sys.stdout)) is not None:
        from buckia_core.cli.terminal.console import draw_table  # noqa: PLC0415  # imports rich

        if draw_table(console, columns, rows, widths, header=header):
            return
    for row in rows:
        output.line(list(_spans(columns, row, widths)), is_masked=True)


def _spans(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int]) -> Iterator[Span]:
    """Yield the pieces of a line: the cells, and the spaces between them."""
    for column, cell, width in zip(columns, row, widths, strict=True):
        spaces = " " * (width - cell_width(cell))
        if column.right:
            yield spaces, ""
        yield cell, column.style_of(cell)
        if column is not columns[-1]:
            yield ("" if column.right else spaces) + _GAP, ""


def cell_width(text: str) -> int:
    """Return the number of columns that a text takes at a terminal: most characters of East Asia take two."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415  # few tables need it

    widths = {"Mn": 0, "Me": 0, "Cf": 0}
    return sum(
        widths.get(unicodedata.category(each), 2 if unicodedata.east_asian_width(each) in "FW" else 1) for each in text
    )


def _text(cell: Cell) -> str:
    return "-" if cell is None else str(cell)
