"""The table of `planning.reconcile`, played with the real command on a real bucket.

A table is text, one key a line:

    case         before | here   there  | action   | here   there

`before` is what both sides had at the last sync, the second pair what a person then made of them, the last one what
the sync has to make of that. `-` is no file, `old*` is the old content written anew, and an empty action is "nothing".
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.e2e.project import Project
from tests.e2e.ran import Ran


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; `None` is no file."""

    key: str
    before: str | None
    here: str | None
    there: str | None
    action: str
    here_after: str | None
    there_after: str | None


def rows(table: str) -> Iterator[Row]:
    """Yield the rows of a table."""
    for line in filter(str.strip, table.splitlines()):
        begin, middle, action, end = line.split("|")
        key, before = begin.split()
        cells = [None if cell == "-" else cell for cell in (before, *middle.split(), *end.split())]
        yield Row(f"{key}.txt", cells[0], cells[1], cells[2], action.strip(), cells[3], cells[4])


def play(project: Project, table: str, *arguments: str) -> Ran:
    """Bring both sides to what the table says, rehearse a sync with these arguments, run it, and check the results."""
    _begin(project, table)
    _edit(project, table)
    rehearsed = project.sync("--dry-run", *arguments)
    ran = project.sync(*arguments)
    assert _steps(rehearsed) == _steps(ran), "a dry run tells what the real run then does"
    check(project, table, ran)
    return ran


def check(project: Project, table: str, ran: Ran) -> None:
    """Compare actions and both sides with a table; conflict copies are not part of it."""
    expected = {row.key: row.action for row in rows(table) if row.action}
    assert {each["key"]: each["action"] for each in ran.operations} == expected
    here, there = project.tree(), project.bucket.tree()
    assert _without_copies(here) == {row.key: row.here_after for row in rows(table) if row.here_after is not None}
    assert _without_copies(there) == {row.key: row.there_after for row in rows(table) if row.there_after is not None}
    assert copies(here) == copies(there)


def copies(tree: dict[str, str]) -> dict[str, list[str]]:
    """Return the conflict copies of a side: the key that each is of, to contents."""
    found: dict[str, list[str]] = {}
    for name in sorted(tree):
        stem, is_copy, rest = name.partition(".conflict-local-")
        if is_copy:
            _, dot, extension = rest.partition(".")
            found.setdefault(stem + dot + extension, []).append(tree[name])
    return found


def _without_copies(tree: dict[str, str]) -> dict[str, str]:
    return {name: content for name, content in tree.items() if ".conflict-" not in name}


def _begin(project: Project, table: str) -> None:
    for row in rows(table):
        if row.before is not None:
            project.write(row.key, row.before)
    begun = project.sync("--direction", "both")
    assert begun.code == 0, begun
    assert project.tree() == project.bucket.tree()


def _edit(project: Project, table: str) -> None:
    # A new time even where the clock is coarse: these edits are a minute's work of a person.
    later = time.time() + 60
    for row in rows(table):
        if row.here is None and row.before is not None:
            project.delete(row.key)
        elif row.here is not None and row.here != row.before:
            project.write(row.key, row.here.removesuffix("*"), mtime=later)
        if row.there is None and row.before is not None:
            project.bucket.delete(row.key)
        elif row.there is not None and row.there != row.before:
            project.bucket.put(row.key, row.there.removesuffix("*"))


def _steps(ran: Ran) -> list[tuple[str, str, int, str]]:
    return sorted((each["key"], each["action"], each["size"], each["reason"]) for each in ran.operations)
