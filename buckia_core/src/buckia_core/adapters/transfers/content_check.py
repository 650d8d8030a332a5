"""Content check: decides whether downloaded bytes are the content of the object.

    digest reported by the provider    digest in the metadata of the client     the content is
    ---------------------------------------------------------------------------------------------------
    equal                              any                                      right
    different                          any                                      wrong
    none, or not computable            equal, or none                           right
    tentative and equal                different                                right
    tentative and different            different                                wrong
    none, or not computable            different                                right if a retry gets the same bytes

A client may replace the content of an object and keep outdated metadata. Such an object is still downloaded: the
multipart ETag proves its content, if the part size is a common one, and transmission errors differ from try to try.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from buckia_core.adapters.transfers.hashing import supported_algorithms
from buckia_core.planning.digest import Comparison, Digests, compare, is_tentative, merge, without_tentative

ComputeDigests = Callable[[tuple[str, ...]], tuple[Digests, int]]
"""Computes digests of the downloaded bytes, and returns them with the size in bytes."""


class ContentCheck:
    """Checks successive downloads of one version of an object.

    Attributes:
        digests: Digests of the content that was checked last, both computed and reported.
    """

    def __init__(self, size: int, algorithm: str) -> None:
        """Expect `size` bytes; `algorithm` is computed in any case."""
        self.digests: Digests = ()
        self._size = size
        self._algorithm = algorithm
        self._refused: Digests = ()

    def accepts(self, compute: ComputeDigests, reported: Digests, claimed: Digests) -> bool:
        """Tell whether the content is right.

        Args:
            compute: Computes its digests; called once, or twice if `claimed` differs.
            reported: Digests of the object that the provider reports.
            claimed: Digests that a client stored in the metadata of the object.
        """
        names = tuple([digest.algorithm for digest in reported]), tuple([digest.algorithm for digest in claimed])
        found, size = compute(_select_algorithms(self._algorithm, *names))
        if size != self._size:
            return False
        differs = compare(found, claimed) is Comparison.DIFFERENT
        guesses = tuple([digest.algorithm for digest in reported if is_tentative(digest)])
        if differs and compare(found, reported) is Comparison.UNKNOWN:
            found = merge(found, compute(_names(reported)[:1] or supported_algorithms(guesses))[0])
        self.digests = merge(found, reported)
        match compare(found, reported):
            case Comparison.SAME:
                return True
            case Comparison.DIFFERENT:
                return False
            case Comparison.UNKNOWN:
                repeated = found == self._refused
                self._refused = found
                return not differs or (repeated and not guesses)


@lru_cache(maxsize=256)
def _select_algorithms(baseline: str, reported: tuple[str, ...], claimed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the algorithms to compute: that of the baseline, and a reported or claimed one if they don't have it.

    Cached, because nearly all objects of a bucket have digests of the same algorithms.
    """
    sure, claims = (
        supported_algorithms(name for name in names if not name.endswith("?")) for names in (reported, claimed)
    )
    if baseline in sure or baseline in claims:
        return (baseline,)
    return (baseline, *(sure or claims)[:1])


def _names(digests: Digests) -> tuple[str, ...]:
    return supported_algorithms(digest.algorithm for digest in without_tentative(digests))
