"""Hypothesis strategies: difficult keys, trees of files, and the three trees of a sync."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from buckia_core.testing.miniatures import Miniature, m

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_NAMES = ["a", "b", "a-b", "a.txt", "a0", "A", "é", "z_z"]
_TOKENS = ["", "1", "2", "3", "long", "longer"]


class Trees(NamedTuple):
    """The contents of a folder, a bucket and their baseline."""

    local: Miniature
    remote: Miniature
    base: Miniature


def keys(*, most_bytes: int = 200) -> SearchStrategy[str]:
    """Keys that buckets can store, and disks mostly not: any text without NUL and lone surrogates."""
    from hypothesis import strategies as st  # noqa: PLC0415  # needed for strategies only

    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.text(letters, min_size=1).filter(lambda key: len(key.encode()) <= most_bytes)


def plain_keys(*, depth: int = 3) -> SearchStrategy[str]:
    """Keys that every disk and bucket can store, of few short names, so that they often share a directory."""
    from hypothesis import strategies as st  # noqa: PLC0415  # see `keys`

    return st.lists(st.sampled_from(_NAMES), min_size=1, max_size=depth).map("/".join)


def trees(*, most: int = 8) -> SearchStrategy[Miniature]:
    """Trees that a disk can store: no key is both a file and a directory, or differs from another only in case."""
    from hypothesis import strategies as st  # noqa: PLC0415  # see `keys`

    return st.dictionaries(plain_keys(), st.sampled_from(_TOKENS), max_size=most).map(_without_clashes)


def three_trees(*, most: int = 8) -> SearchStrategy[Trees]:
    """Three trees that share many keys and contents, so that every case of reconcile occurs."""
    from hypothesis import strategies as st  # noqa: PLC0415  # see `keys`

    return st.builds(Trees, trees(most=most), trees(most=most), trees(most=most))


def _without_clashes(contents: dict[str, str]) -> Miniature:
    kept: dict[str, str] = {}
    for key in sorted(contents):
        folded = key.casefold()
        clashes = (
            folded == other or folded.startswith(other + "/") or other.startswith(folded + "/")
            for other in map(str.casefold, kept)
        )
        if not any(clashes):
            kept[key] = contents[key]
    return m(" ".join(f"{key}={token}" for key, token in kept.items()))
