"""Columns of the tables that commands show; `CommandHost.table` draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Cell = str | int | None
"""Content of a cell; `None`, for an unknown value, is shown as `-`."""

Row = tuple[Mapping[str, object], Sequence[Cell]]
"""Record for `--json`, and the cells for a person, one for each column."""


@dataclass(frozen=True, slots=True)
class Column:
    """Column of a table.

    Attributes:
        title: Shown above the column at a terminal.
        right: Whether the cells are aligned to the right, as numbers are.
        width: Minimum width in characters.
        styles: Styles of rich for cells with a certain text, such as `{"failed": "red"}`; shown at a terminal.
        style: Style of rich for all other cells.
    """

    title: str
    right: bool = False
    width: int = 0
    styles: Mapping[str, str] = field(default_factory=dict)
    style: str = ""

    def style_of(self, cell: str) -> str:
        """Return the style of a cell."""
        return self.styles.get(cell, self.style)
