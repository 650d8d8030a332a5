"""The setting `prefix`: the part of a bucket that counts as its root."""

from __future__ import annotations


def normalize_prefix(prefix: str) -> str:
    """Return a prefix that keys can be put after: empty, or with one slash at its end and none at its start.

    `photos` and `photos/` are the same place: without the slash, the key `a.txt` would become `photosa.txt`.
    """
    name = prefix.strip("/")
    return f"{name}/" if name else ""
