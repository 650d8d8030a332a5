"""What is there after a new document was set, or a part of the present one removed. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from buckia_s3.administration.subresources import Document, Merge, Subresource


class Ambiguous(ValueError):
    """Two entries of one document have the same name."""


class Missing(ValueError):
    """An entry that was named is not there."""


def merged(topic: Subresource, present: Document | None, new: Document) -> Document:
    """Return the present document with the new one's entries: those of the same name replaced, the others added.

    An entry without a name is added, unless one with the same content is there: then it is that one.

    Raises:
        Ambiguous: Two entries of the new document have the same name.
    """
    merge = topic.merge
    if merge is None:
        return inherited(topic, present, new)
    _check_names(merge, new)
    entries = list((present or {}).get(merge.entries, ()))
    places = {entry[merge.by]: place for place, entry in enumerate(entries) if merge.by in entry}
    for entry in new.get(merge.entries, ()):
        place = places.get(entry[merge.by]) if merge.by in entry else _place_of(topic, merge, entry, entries)
        if place is None:
            entries.append(entry)
        elif merge.by in entry:
            entries[place] = entry
    return inherited(topic, present, merge.together(new | {merge.entries: entries}))


def inherited(topic: Subresource, present: Document | None, new: Document) -> Document:
    """Return the new document, with the fields of the present one that a new one takes over if it lacks them."""
    taken = {name: present[name] for name in topic.inherits if present and name in present and name not in new}
    return taken | new


def without(topic: Subresource, present: Document, names: Sequence[str]) -> Document | None:
    """Return the present document without the named entries, `None` if no entry is left.

    Raises:
        Missing: One of them is not there, or the topic has no entries with names.
    """
    merge = topic.merge
    if merge is None:
        raise Missing(f"{topic.title} can't be removed in parts")
    there = [entry[merge.by] for entry in present[merge.entries] if merge.by in entry]
    missing = [name for name in names if name not in there]
    if missing:
        raise Missing(f"{topic.title} have no {merge.by} {', '.join(map(repr, missing))}: there are {there}")
    left = [entry for entry in present[merge.entries] if entry.get(merge.by) not in names]
    return present | {merge.entries: left} if left else None


def is_equivalent(topic: Subresource, one: Document | None, other: Document | None) -> bool:
    """Tell whether two documents mean the same, whatever the order of what has none."""
    if one is None or other is None:
        return one is other
    first, second = (_canonical(topic.meaning(each), ordered=topic.ordered) for each in (one, other))
    return bool(first == second)


def _check_names(merge: Merge, document: Document) -> None:
    names = [entry[merge.by] for entry in document.get(merge.entries, ()) if merge.by in entry]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Ambiguous(f"{merge.entries} has the {merge.by} {', '.join(map(repr, twice))} more than once")


def _place_of(topic: Subresource, merge: Merge, entry: Document, entries: Sequence[Document]) -> int | None:
    for place, each in enumerate(entries):
        nameless = {name: value for name, value in each.items() if name != merge.by}
        if is_equivalent(topic, {merge.entries: [entry]}, {merge.entries: [nameless]}):
            return place
    return None


def _canonical(value: Any, *, ordered: bool) -> Any:
    match value:
        case dict():
            return {name: _canonical(each, ordered=ordered) for name, each in value.items()}
        case list():
            items = [_canonical(each, ordered=ordered) for each in value]
            keeps_order = ordered and any(isinstance(each, dict) for each in items)
            return items if keeps_order else sorted(items, key=lambda each: json.dumps(each, sort_keys=True))
        case _:
            return value
