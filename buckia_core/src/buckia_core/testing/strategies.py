"""Hypothesis strategies: keys that providers trip over, folders, and three trees that a sync has to bring together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from buckia_core.testing.miniatures import Miniature, m

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_NAMES = ["a", "b", "a-b", "a.txt", "a0", "A", "é", "z_z"]
_TOKENS = ["", "1", "2", "3", "long", "longer"]


class Trees(NamedTuple):
    """What a folder, a bucket and the baseline between them hold."""

    local: Miniature
    remote: Miniature
    base: Miniature


def keys(*, most_bytes: int = 200) -> SearchStrategy[str]:
    """Keys that every bucket can hold and a disk mostly not: any text but NUL and lone surrogates."""
    from hypothesis import strategies as st  # noqa: PLC0415  # hypothesis is needed by those who use strategies only

    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.text(letters, min_size=1).filter(lambda key: len(key.encode()) <= most_bytes)


def plain_keys(*, depth: int = 3) -> SearchStrategy[str]:
    """Keys of few short names, that every disk and bucket can hold; two of them often meet in a directory."""
    from hypothesis import strategies as st  # noqa: PLC0415  # see `keys`

    return st.lists(st.sampled_from(_NAMES), min_size=1, max_size=depth).map("/".join)


def trees(*, most: int = 8) -> SearchStrategy[Miniature]:
    """Trees that a disk can hold: no key is both a file and a directory, and none is another one's twin in case."""
    from hypothesis import strategies as st  # noqa: PLC0415  # see `keys`

    return st.dictionaries(plain_keys(), st.sampled_from(_TOKENS), max_size=most).map(_without_clashes)


def three_trees(*, most: int = 8) -> SearchStrategy[Trees]:
    """Three trees that share many keys and contents, so that every row of the table of reconcile comes up."""
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
