"""What the ETag of an object tells that went up in parts: a digest, but not the size of the parts.

That of the content follows from the size of the parts, and their number is in the ETag. The tools that people use have
few sizes, so that few come into question for one object, and mostly a single one.
"""

from __future__ import annotations

import re

from buckia_core.planning.digest import Digest, Digests

_MIB = 1 << 20

_COMMON_PART_SIZES = tuple(
    size * _MIB for size in (5, 6, 7, 8, 10, 12, 15, 16, 20, 24, 25, 32, 48, 50, 64, 96, 100, 128, 256, 512, 1024)
)
"""Sizes of parts, in bytes: aws-cli and boto3 take 8 MiB and double it, rclone 5, s5cmd 50, s3cmd 15, Buckia 16."""

_MAX_CANDIDATES = 4
"""Each costs a digest of the whole file where one has to be compared."""

_MULTIPART_ETAG = re.compile(r"[0-9a-f]{32}-([1-9][0-9]{0,4})")


def possible_digests(fingerprint: str, size: int) -> Digests:
    """Return what the ETag of an object of `size` bytes may be the digest of; nothing of one that is not of parts."""
    found = _MULTIPART_ETAG.fullmatch(fingerprint)
    if found is None:
        return ()
    return tuple(Digest(f"md5-parts-{part}?", fingerprint) for part in candidate_part_sizes(size, int(found[1])))


def candidate_part_sizes(size: int, count: int) -> tuple[int, ...]:
    """Return the sizes that `count` parts of an object of `size` bytes may have, the usual ones first, at most four."""
    if count == 1:
        # All of them would do.
        return (max(size, 1),)
    least = -(-size // count)
    # Tools that need larger parts, for there may be 10,000 at most, take the next whole MiB.
    whole = -(-least // _MIB) * _MIB
    fitting = dict.fromkeys(
        part for part in (*_COMMON_PART_SIZES, whole) if least <= part and (count - 1) * part < size
    )
    return tuple(fitting)[:_MAX_CANDIDATES]
