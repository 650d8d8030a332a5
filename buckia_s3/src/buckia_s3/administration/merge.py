"""Merge of documents: adds, replaces and removes entries, and compares documents. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from buckia_s3.administration.subresources import Document, Merge, Subresource


class DuplicateEntry(ValueError):
    """Two entries of one document have the same key."""


class MissingEntry(ValueError):
    """A named entry does not exist."""


def merge_documents(subresource: Subresource, present: Document | None, new: Document) -> Document:
    """Return the present document with the entries of the new one: replaced by key, or appended.

    An entry without a key is appended, unless an equivalent one exists.

    Raises:
        DuplicateEntry: Two entries of the new document have the same key.
    """
    merge = subresource.merge
    if merge is None:
        return inherit_fields(subresource, present, new)
    _check_duplicates(merge, new)
    entries = list((present or {}).get(merge.entries, ()))
    indexes = {entry[merge.key]: index for index, entry in enumerate(entries) if merge.key in entry}
    for entry in new.get(merge.entries, ()):
        if merge.key in entry and entry[merge.key] in indexes:
            entries[indexes[entry[merge.key]]] = entry
        elif merge.key in entry or not _has_equivalent(subresource, merge, entry, entries):
            entries.append(entry)
    return inherit_fields(subresource, present, merge.unify(new | {merge.entries: entries}))


def inherit_fields(subresource: Subresource, present: Document | None, new: Document) -> Document:
    """Return the new document, with fields of the present one that it inherits and lacks."""
    inherited = {
        name: present[name] for name in subresource.inherits if present and name in present and name not in new
    }
    return inherited | new


def remove_entries(subresource: Subresource, present: Document, names: Sequence[str]) -> Document | None:
    """Return the present document without the named entries; `None` if no entry remains.

    Raises:
        MissingEntry: One of them does not exist, or the subresource has no keyed entries.
    """
    merge = subresource.merge
    if merge is None:
        raise MissingEntry(f"{subresource.title} can't be removed in parts")
    keys = [entry[merge.key] for entry in present[merge.entries] if merge.key in entry]
    missing = [name for name in names if name not in keys]
    if missing:
        raise MissingEntry(f"{subresource.title} have no {merge.key} {', '.join(map(repr, missing))}: there are {keys}")
    rest = [entry for entry in present[merge.entries] if entry.get(merge.key) not in names]
    return present | {merge.entries: rest} if rest else None


def is_equivalent(subresource: Subresource, one: Document | None, other: Document | None) -> bool:
    """Return whether two documents mean the same. The order counts only in lists where S3 gives it a meaning."""
    if one is None or other is None:
        return one is other
    first, second = (_canonical(subresource.normalize(each), ordered=subresource.ordered) for each in (one, other))
    return bool(first == second)


def _check_duplicates(merge: Merge, document: Document) -> None:
    names = [entry[merge.key] for entry in document.get(merge.entries, ()) if merge.key in entry]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DuplicateEntry(f"{merge.entries} has the {merge.key} {', '.join(map(repr, twice))} more than once")


def _has_equivalent(subresource: Subresource, merge: Merge, entry: Document, entries: Sequence[Document]) -> bool:
    for each in entries:
        without_key = {name: value for name, value in each.items() if name != merge.key}
        if is_equivalent(subresource, {merge.entries: [entry]}, {merge.entries: [without_key]}):
            return True
    return False


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
