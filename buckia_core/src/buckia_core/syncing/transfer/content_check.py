"""Whether the bytes that a download brought are those of the object.

    digest that the provider tells     digest that a client stored beside it    the bytes are
    ---------------------------------------------------------------------------------------------------
    equal                              any                                      right
    different                          any                                      wrong
    none, or not computable            equal, or none                           right
    a guess that is equal              different                                right
    a guess that is different          different                                wrong
    none, or not computable            different                                right if they come a second time

A client may replace the content and keep the digest beside it. Such an object is still downloaded: the digest of its
parts proves it, where their size is a usual one; and damage on the way does not come out the same twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from buckia_core.planning.digest import Comparison, Digests, compare, is_tentative, merge, without_tentative
from buckia_core.syncing.transfer.hashing import supported_algorithms

Hash = Callable[[tuple[str, ...]], tuple[Digests, int]]
"""Returns the digests of what came, and its size in bytes."""


class ContentCheck:
    """Checks the downloads of one version of an object, one after the other.

    Attributes:
        digests: What is known of the bytes that were checked last: computed and told.
    """

    def __init__(self, size: int, algorithm: str) -> None:
        """Expect `size` bytes; `algorithm` is computed in any case."""
        self.digests: Digests = ()
        self._size = size
        self._algorithm = algorithm
        self._refused: Digests = ()

    def accepts(self, compute: Hash, told: Digests, claimed: Digests) -> bool:
        """Tell whether the bytes are right.

        Args:
            compute: Computes digests of them; called once, or twice where `claimed` differs.
            told: What the provider tells of the object.
            claimed: What a client stored beside it.
        """
        names = tuple([digest.algorithm for digest in told]), tuple([digest.algorithm for digest in claimed])
        found, size = compute(_wanted(self._algorithm, *names))
        if size != self._size:
            return False
        differs = compare(found, claimed) is Comparison.DIFFERENT
        guesses = tuple([digest.algorithm for digest in told if is_tentative(digest)])
        if differs and compare(found, told) is Comparison.UNKNOWN:
            found = merge(found, compute(_names(told)[:1] or supported_algorithms(guesses))[0])
        self.digests = merge(found, told)
        match compare(found, told):
            case Comparison.SAME:
                return True
            case Comparison.DIFFERENT:
                return False
            case Comparison.UNKNOWN:
                again = found == self._refused
                self._refused = found
                return not differs or (again and not guesses)


@lru_cache(maxsize=256)
def _wanted(baseline: str, told: tuple[str, ...], claimed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the algorithms to compute: the baseline's; another one, if neither digest has that.

    Nearly all objects of a bucket have digests of the same algorithms.
    """
    sure, claims = (supported_algorithms(name for name in names if not name.endswith("?")) for names in (told, claimed))
    if baseline in sure or baseline in claims:
        return (baseline,)
    return (baseline, *(sure or claims)[:1])


def _names(digests: Digests) -> tuple[str, ...]:
    return supported_algorithms(digest.algorithm for digest in without_tentative(digests))
