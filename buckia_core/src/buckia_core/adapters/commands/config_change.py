"""Documents that a bucket is configured by: read from a file, compared, changed by a command."""

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

STANDARD = "-"
"""The name that stands for standard input or output."""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change of one document, of which nothing is sent yet.

    Attributes:
        topic: What people call the document.
        before: What is there, as JSON knows it; `None` if nothing is.
        after: What will be there.
        diff: What that changes, as `unified_diff` tells it; empty if there is nothing to do.
    """

    topic: str
    before: object | None
    after: object | None
    diff: Sequence[str]


def unified_diff(before: object | None, after: object | None, topic: str) -> list[str]:
    """Return the lines of a unified diff of two documents, without line feeds; none if they are equal.

    The order of names in a mapping does not matter. `None` is a document that is not there.
    """
    import difflib  # noqa: PLC0415  # most commands, and all syncs, do without

    names = (f"{topic} (now)", f"{topic} (then)")
    return list(difflib.unified_diff(_lines(before), _lines(after), *names, lineterm=""))


def confirm_and_apply(
    host: CommandHost,
    change: PlannedChange,
    apply: Callable[[], T],
    *,
    dry_run: bool,
    yes: bool,
    otherwise: Callable[[T], Sequence[str]] | None = None,
) -> int | None:
    """Show the difference, ask, and make the change. Returns the exit code of the command: 1 where a person says no.

    Nothing is sent before a person has seen the difference, nor if there is none.

    Args:
        host: What the command was handed.
        change: What is planned.
        apply: Makes it, and returns the document as it is then.
        dry_run: Stop where it would be made.
        yes: Do not ask.
        otherwise: Returns the lines that tell in what the document is then another than the one that was sent.

    Raises:
        BuckiaError: What `apply` raises.
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
    if otherwise is not None and (lines := otherwise(now)):
        host.note("The server shows it like this now:")
        for line in lines:
            host.note(line)
    return None


def read_text(file: str) -> tuple[str, str]:
    """Return the text of a file, or of standard input for `-`, and its name for messages.

    Raises:
        ConfigError: It is no text in UTF-8.
        OSError: It can't be read.
    """
    source = "standard input" if file == STANDARD else file
    content = sys.stdin.buffer.read() if file == STANDARD else Path(file).read_bytes()
    try:
        return content.decode("utf-8-sig"), source
    except UnicodeDecodeError as error:
        raise ConfigError("is no text in UTF-8", source=source) from error


def _lines(document: object | None) -> list[str]:
    if document is None:
        return []
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).splitlines()
