"""Reading the project's Markdown pages: their fenced blocks, their headings, their links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("buckia_*/*.md")]
)
"""Every page that a reader is shown."""

_FENCE = re.compile(r"^(`{3,})(.*)$")
_COMMENT = re.compile(r"^<!--\s*(file|not run|exit|output)(?::\s*(.+?))?\s*-->$")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        page: The page it stands on.
        line: Line of the fence, from 1.
        language: First word after the fence.
        tags: The words after it.
        text: What is inside.
        notes: What the comments just above say: `file` (write it there first), `not run` (why), `exit` (code), `output`
            (what the commands above print).
    """

    page: Path
    line: int
    language: str
    tags: tuple[str, ...]
    text: str
    notes: dict[str, str]

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def name_of(page: Path) -> str:
    """Return a page's name for the id of a test."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found: list[Block] = []
    notes: dict[str, str] = {}
    lines = iter(enumerate(page.read_text("utf-8").splitlines(), 1))
    for number, line in lines:
        if comment := _COMMENT.match(line):
            notes[comment[1]] = comment[2] or ""
        elif fence := _FENCE.match(line):
            inside = []
            for _, content in lines:
                if content.startswith(fence[1]):
                    break
                inside.append(content)
            language, *tags = fence[2].split() or [""]
            found.append(Block(page, number, language, tuple(tags), "\n".join(inside) + "\n", notes))
            notes = {}
        elif line.strip():
            notes = {}
    return found


def prose(page: Path) -> str:
    """Return a page's text without its fenced blocks and without code in a line."""
    kept, fence = [], ""
    for line in page.read_text("utf-8").splitlines():
        found = _FENCE.match(line)
        if fence:
            fence = "" if line.startswith(fence) else fence
        elif found:
            fence = found[1]
        else:
            kept.append(re.sub(r"`[^`]*`", "", line))
    return "\n".join(kept)


def links(page: Path) -> list[str]:
    """Return what the links and images of a page point at."""
    return [match[1] or match[2] for match in _LINK.finditer(prose(page))]


def anchors(page: Path) -> set[str]:
    """Return the anchors that the headings of a page get from the usual renderers."""
    found = set()
    fence = ""
    for line in page.read_text("utf-8").splitlines():
        if match := _FENCE.match(line):
            fence = "" if fence else match[1]
        elif not fence and (heading := _HEADING.match(line)):
            plain = re.sub(r"[^\w\- ]", "", heading[1].lower())
            found.add(plain.replace(" ", "-"))
    return found
