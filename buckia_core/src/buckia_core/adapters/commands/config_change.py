"""Change of a bucket's configuration by a command: read the new document, show the difference, ask, apply."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from buckia_core.config.trust.bounded_read import decode_text

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
    return decode_text(content, source), source


def parse_json_or_yaml(text: str) -> Any:
    """Parse JSON or YAML. Parsers take the last one of equal keys, so that a document would lose the others.

    Raises:
        ValueError: The text is neither, a mapping repeats a key, or a value contains itself.
            The message lacks a subject.
    """
    if not text.lstrip().startswith(("{", "[")):
        return _parse_yaml(text)
    try:
        return json.loads(text, object_pairs_hook=_to_dict)
    except json.JSONDecodeError as error:
        # YAML has this notation too, without quotes.
        with suppress(ValueError):
            return _parse_yaml(text)
        raise ValueError(f"is not JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


class _RepeatedKey(ValueError):
    pass


def _to_dict(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    _check_unique(name for name, _ in pairs)
    return dict(pairs)


def _parse_yaml(text: str) -> Any:
    import yaml  # noqa: PLC0415  # few commands need it

    class Loader(yaml.SafeLoader):
        # Composed nodes do not contain the entries of merge keys yet, which may be overridden.
        def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
            node = super().compose_mapping_node(anchor)
            _check_unique(str(key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            return node

    try:
        value = yaml.load(text, Loader)  # noqa: S506  # a subclass of the safe loader
        _check_acyclic(value, [], set())
    except RecursionError as error:
        raise ValueError("is nested too deeply, or holds itself") from error
    except _RepeatedKey:
        raise
    except (yaml.YAMLError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        # PyYAML converts numbers, dates and booleans without a check.
        raise ValueError(f"is not YAML: {' '.join(str(error).split())}") from error
    return value


def _check_acyclic(value: Any, outer: list[int], checked: set[int]) -> None:
    if not isinstance(value, dict | list) or id(value) in checked:
        return
    if id(value) in outer:
        raise ValueError("an alias (*) is inside of its own anchor (&)")
    outer.append(id(value))
    for each in value.values() if isinstance(value, dict) else value:
        _check_acyclic(each, outer, checked)
    checked.add(outer.pop())


def _check_unique(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _RepeatedKey(f"has the key {name!r} twice in one place")
        seen.add(name)


def _lines(document: object | None) -> list[str]:
    if document is None:
        return []
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).splitlines()
