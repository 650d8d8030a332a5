"""Digests of content, and their comparison.

    compare(a, b)        same value    different value    no common algorithm
    -------------------------------------------------------------------------
    digests              SAME          DIFFERENT          UNKNOWN
    tentative digests    SAME          UNKNOWN            UNKNOWN

The algorithm of a tentative digest is uncertain: the MD5 of parts of unknown size, or a digest that a client claims.
The name of its algorithm ends in `?`. Equal values are no coincidence; different values prove nothing. A tentative
digest never equals a digest of the algorithm itself, and is not stored in the baseline.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Comparison(Enum):
    """Result of the comparison of two contents."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


class Digest(NamedTuple):
    """Digest of one content.

    A named tuple instead of a dataclass, because listings create one for each object, and a tuple costs a third.

    Attributes:
        algorithm: `sha256`, `sha1`, `md5`, … as in `hashlib`; `md5-parts-SIZE` for the MD5 of the MD5s of all parts of
            SIZE bytes, followed by the number of parts; or a name defined by an adapter. A trailing `?` marks a
            tentative digest.
        value: The digest in lower-case hexadecimal, or in the format of an adapter's algorithm.
    """

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


Digests = tuple[Digest, ...]
"""All known digests of one content, one for each algorithm."""


def compare(a: Digests, b: Digests) -> Comparison:
    """Compare two contents by their known digests.

    One common algorithm decides. If several disagree, the result is DIFFERENT: a false "different" costs a transfer, a
    false "same" costs a version.
    """
    result = Comparison.UNKNOWN
    for one in a:
        for other in b:
            if one.algorithm == other.algorithm:
                if one.value == other.value:
                    result = Comparison.SAME
                elif not is_tentative(one):
                    return Comparison.DIFFERENT
    return result


def is_tentative(digest: Digest) -> bool:
    """Tell whether the algorithm of a digest is uncertain."""
    return digest.algorithm.endswith("?")


def without_tentative(digests: Digests) -> Digests:
    """Return the digests whose algorithm is certain."""
    for digest in digests:
        if is_tentative(digest):
            return tuple(digest for digest in digests if not is_tentative(digest))
    return digests


def merge(a: Digests, b: Digests) -> Digests:
    """Return the digests of both, and the value of `a` for a common algorithm."""
    if not a or not b:
        return a or b
    merged = a
    for digest in b:
        for known in a:
            if known.algorithm == digest.algorithm:
                break
        else:
            merged += (digest,)
    return merged


def format_digests(digests: Digests) -> str:
    """Format digests for `parse_digests`."""
    return " ".join([f"{algorithm}:{value}" for algorithm, value in digests])


def parse_digests(text: str) -> Digests:
    """Parse digests that `format_digests` formatted."""
    return tuple(Digest(*each.split(":", 1)) for each in text.split())
