"""A picture of ratios: bars as SVG, for light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH: Final = 760
_MARGIN: Final = 16
_TOP: Final = 72
_BAR: Final = 12
_ROW: Final = 54
_NUMBER: Final = 40
"""The width of a number, with the space before it."""
_LONGEST: Final = 3.0
"""A longer bar ends here, with its number beside it."""

_STYLE: Final = """\
  .page { fill: #ffffff; } text { fill: #1f2328; font: 13px system-ui, sans-serif; }
  .heading { font-weight: 600; font-size: 15px; }
  .wall { fill: #0072b2; } .cpu { fill: #d98200; } .one { stroke: #1f2328; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; } text { fill: #e6edf3; }
    .wall { fill: #56b4e9; } .cpu { fill: #e69f00; } .one { stroke: #ffffff; }
  }
"""
"""Two colours that stay apart for people who do not see all colours."""


@dataclass(frozen=True, slots=True)
class Bars:
    """One task: the ratio of wall time and of CPU time to the best other tool; below 1 is faster than it."""

    title: str
    wall: float
    cpu: float


def draw(heading: str, tasks: Sequence[Bars]) -> str:
    """Return an SVG with two bars for each task."""
    longest = min(_LONGEST, max([1.2, *(max(each.wall, each.cpu) for each in tasks)]))
    # Room for the number beside the longest bar.
    unit = (_WIDTH - 2 * _MARGIN - _NUMBER - 8) / longest
    height = _TOP + _ROW * len(tasks) + _MARGIN
    one = _MARGIN + unit
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}">',
        f"<title>{escape(heading)}</title>",
        f"<style>\n{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{height}"/>',
        f'<text class="heading" x="{_MARGIN}" y="26">{escape(heading)}</text>',
        _legend("wall", "wall time", _MARGIN),
        _legend("cpu", "CPU time", _MARGIN + 100),
        _line(_MARGIN + 200, 38, 56),
        f'<text x="{_MARGIN + 210}" y="52">1.00, the best other tool</text>',
    ]
    for position, task in enumerate(tasks):
        top = _TOP + _ROW * position
        parts.append(f'<text x="{_MARGIN}" y="{top + 12}">{escape(task.title)}</text>')
        parts += _bar("wall", task.wall, top + 18, unit)
        parts += _bar("cpu", task.cpu, top + 18 + _BAR + 2, unit)
        parts.append(_line(one, top + 16, top + 22 + 2 * _BAR))
    return "\n".join([*parts, "</svg>", ""])


def _legend(kind: str, name: str, x: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="41" width="12" height="12"/><text x="{x + 18}" y="52">{name}</text>'


def _line(x: float, top: int, bottom: int) -> str:
    return f'<line class="one" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>'


def _bar(kind: str, ratio: float, y: int, unit: float) -> list[str]:
    length = unit * min(ratio, _LONGEST)
    # The number stands behind the line at 1.00 if it would stand on it.
    end = unit if length < unit < length + _NUMBER else length
    return [
        f'<rect class="{kind}" x="{_MARGIN}" y="{y}" width="{length:.1f}" height="{_BAR}"/>',
        f'<text x="{_MARGIN + end + 6:.1f}" y="{y + _BAR - 1}">{ratio:.2f}</text>',
    ]
