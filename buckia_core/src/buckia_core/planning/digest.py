r"""Digests of content, and what two of them say about each other.

a \ b           same algorithm, same value   same algorithm, other value   no algorithm in common
--------------------------------------------------------------------------------------------------
compare(a, b)  SAME                         DIFFERENT                     UNKNOWN
the same of    SAME                         UNKNOWN                       UNKNOWN
guesses

A guess is a digest whose algorithm may be another one than it says, such as that of parts whose size nobody told, or
one that a client claims and nothing binds to the content. The names of such algorithms end in `?`. The same value of a
guess is no chance, another value says nothing. A guess is never equal to a digest of the algorithm itself, and is not
kept in the baseline.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Comparison(Enum):
    """What is known about two contents."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


class Digest(NamedTuple):
    """The digest of one content.

    A named tuple and not a dataclass: listings make one for each object, and a tuple costs a third.

    Attributes:
        algorithm: `sha256`, `sha1`, `md5`, … as `hashlib` names them; `md5-parts-SIZE` for the MD5 of the MD5s of all
            parts of SIZE bytes, followed by their number; or a name of an adapter's own. A `?` at its end: a guess.
        value: The digest in lower-case hexadecimal, or in the form that the algorithm's owner defines.
    """

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


Digests = tuple[Digest, ...]
"""All that is known of one content; several algorithms at most once each."""


def compare(a: Digests, b: Digests) -> Comparison:
    """Compare two contents by the digests that are known of them.

    One algorithm in common decides. Where several are in common and disagree among themselves, the answer
    is DIFFERENT: a false "different" costs a transfer, a false "same" costs a version.
    """
    verdict = Comparison.UNKNOWN
    for mine in a:
        for theirs in b:
            if mine.algorithm == theirs.algorithm:
                if mine.value == theirs.value:
                    verdict = Comparison.SAME
                elif not is_tentative(mine):
                    return Comparison.DIFFERENT
    return verdict


def is_tentative(digest: Digest) -> bool:
    """Tell whether a digest may be another one than it says."""
    return digest.algorithm.endswith("?")


def without_tentative(digests: Digests) -> Digests:
    """Return the digests that are no guesses."""
    return tuple(digest for digest in digests if not is_tentative(digest))


def merge(a: Digests, b: Digests) -> Digests:
    """Return what both know of one content; of an algorithm in both, `a`'s value."""
    if not a or not b:
        return a or b
    known = {digest.algorithm for digest in a}
    return a + tuple(digest for digest in b if digest.algorithm not in known)


def format_digests(digests: Digests) -> str:
    """Return digests as one text, which `read` takes back."""
    return " ".join(f"{digest.algorithm}:{digest.value}" for digest in digests)


def parse_digests(text: str) -> Digests:
    """Return the digests that `write` made the text of."""
    return tuple(Digest(*each.split(":", 1)) for each in text.split())
