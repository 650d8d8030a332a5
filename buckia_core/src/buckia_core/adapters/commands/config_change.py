"""Change of a bucket's configuration by a command: read the new document, show the difference, ask, apply."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from buckia_core.errors import ConfigError

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost

T = TypeVar("T")

STDIN = "-"
"""The file name that stands for standard input."""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change of one configuration document, not sent yet.

    Attributes:
        topic: Name of the document for the user.
        before: The present document, as JSON values; `None` if there is none.
        after: The new document; `None` to remove it.
        diff: The lines of `unified_diff`; empty if there is nothing to change.
    """

    topic: str
    before: object | None
    after: object | None
    diff: Sequence[str]


def unified_diff(before: object | None, after: object | None, topic: str) -> list[str]:
    """Return the lines of a unified diff of two documents, without line feeds; none if they are equal.

    Keys of a mapping are compared in sorted order. `None` stands for an absent document.
    """
    import difflib  # noqa: PLC0415  # syncs and most commands do not need it

    names = (f"{topic} (now)", f"{topic} (then)")
    return list(difflib.unified_diff(_lines(before), _lines(after), *names, lineterm=""))


def confirm_and_apply(
    host: CommandHost,
    change: PlannedChange,
    apply: Callable[[], T],
    *,
    dry_run: bool,
    yes: bool,
    describe_mismatch: Callable[[T], Sequence[str]] | None = None,
) -> int | None:
    """Show the difference, ask for confirmation, and apply the change. Sends nothing if there is no difference.

    Args:
        host: The host of the command.
        change: The planned change.
        apply: Sends the change, and returns the document as the server has it afterwards.
        dry_run: Show the difference only.
        yes: Do not ask.
        describe_mismatch: Returns the lines in which the resulting document differs from the one that was sent.

    Returns:
        The exit code of the command: 1 if the user declines, else `None`.

    Raises:
        BuckiaError: As `apply`.
    """
    name = host.one_bucket().name
    record = {"bucket": name, "topic": change.topic}
    facts = {"type": "change", **record, "before": change.before, "after": change.after, "diff": list(change.diff)}
    host.result(facts, *change.diff)
    if not change.diff:
        host.note(f"{name}: {change.topic} is so already; nothing was sent")
        return None
    if dry_run:
        host.note(f"{name}: dry run, nothing was changed")
        return None
    if not host.confirm(f"Change {change.topic} of {name}?", yes=yes):
        host.note("Nothing was changed.")
        return 1
    now = apply()
    host.result({"type": "changed", **record, "document": now}, f"{name}: {change.topic} is changed")
    if describe_mismatch is not None and (lines := describe_mismatch(now)):
        host.note("The server shows it like this now:")
        for line in lines:
            host.note(line)
    return None


def read_text(file: str) -> tuple[str, str]:
    """Read a file, or standard input for `-`; return the text, and the name of the source for messages.

    Raises:
        ConfigError: The content is not UTF-8.
        OSError: The file can't be read.
    """
    source = "standard input" if file == STDIN else file
    content = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    try:
        return content.decode("utf-8-sig"), source
    except UnicodeDecodeError as error:
        raise ConfigError("is no text in UTF-8", source=source) from error


def _lines(document: object | None) -> list[str]:
    if document is None:
        return []
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).splitlines()
