"""Drawing at a terminal with rich. Imported only when something is drawn there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from buckia_core.adapters.commands.table import Column

Span = tuple[str, str]
"""A piece of a line, and its style in rich's notation, empty for none."""

Line = str | Sequence[Span]
"""A line of output; styles are shown at a terminal only."""

GAP = 2
"""Spaces between two columns."""

_READABLE_WIDTH = 20
"""Minimum width of a last column that is wrapped."""


def make_console(file: IO[str]) -> Console:
    """Create a console that takes text as data: no markup, emoji codes, highlighting or added line breaks."""
    return Console(file=file, markup=False, emoji=False, highlight=False, soft_wrap=True)


def to_text(line: Line) -> Text:
    """Convert a line of output to a text of rich."""
    return Text(line) if isinstance(line, str) else Text.assemble(*line)


def draw_table(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]], widths: Sequence[int], *, header: bool
) -> bool:
    """Draw rows in columns of at least the given widths, and wrap the last one.

    Returns:
        Whether the table was drawn: it is not if the last column would be too narrow to be read.
    """
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=header, header_style="bold")
    # Later parts of a table have no titles, and yet their widths.
    least = [max(width, cell_len(column.title)) for column, width in zip(columns, widths, strict=True)]
    for column, width in zip(columns[:-1], least, strict=False):
        table.add_column(column.title, justify="right" if column.right else "left", min_width=width, no_wrap=True)
    table.add_column(columns[-1].title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, column.style_of(cell)) for column, cell in zip(columns, row, strict=True)))
    *others, last = (max(width, *map(cell_len, cells)) for width, *cells in zip(least, *rows, strict=True))
    if sum(others) + GAP * len(others) + min(last, _READABLE_WIDTH) > console.width:
        return False
    console.print(table, soft_wrap=False)
    return True
