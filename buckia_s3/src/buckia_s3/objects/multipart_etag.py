"""Multipart ETags: guesses the part size, so that local files can be compared with the ETag.

A multipart ETag is the MD5 of the MD5s of the parts, followed by their number. It does not contain the part size. But
common tools use few part sizes, so size and number of parts leave few candidates, usually one.
"""

from __future__ import annotations

import re

from buckia_core.planning.digest import Digest, Digests

_MIB = 1 << 20

_COMMON_PART_SIZES = tuple(
    size * _MIB for size in (5, 6, 7, 8, 10, 12, 15, 16, 20, 24, 25, 32, 48, 50, 64, 96, 100, 128, 256, 512, 1024)
)
"""Part sizes in bytes. aws-cli and boto3 start at 8 MiB and double it until there are at most 10,000 parts; rclone uses
5 MiB, s5cmd 50, s3cmd 15, Buckia 16."""

_MAX_CANDIDATES = 4
"""Each candidate costs a digest of the whole file when it is compared."""

_MULTIPART_ETAG = re.compile(r"[0-9a-f]{32}-([1-9][0-9]{0,4})")


def possible_digests(fingerprint: str, size: int) -> Digests:
    """Return the digests that a multipart ETag may be, one for each candidate part size; nothing for other ETags.

    The `?` marks a guessed part size: equal digests prove equal content, different ones prove nothing.
    """
    found = _MULTIPART_ETAG.fullmatch(fingerprint)
    if found is None:
        return ()
    return tuple(Digest(f"md5-parts-{part}?", fingerprint) for part in candidate_part_sizes(size, int(found[1])))


def candidate_part_sizes(size: int, count: int) -> tuple[int, ...]:
    """Return up to four part sizes with which `size` bytes make `count` parts, the common ones in ascending order."""
    if count == 1:
        # Every part size would fit.
        return (max(size, 1),)
    least = -(-size // count)
    # Tools that need larger parts, since S3 allows at most 10,000 parts, round up to whole MiB.
    whole = -(-least // _MIB) * _MIB
    fitting = dict.fromkeys(
        part for part in (*_COMMON_PART_SIZES, whole) if least <= part and (count - 1) * part < size
    )
    return tuple(fitting)[:_MAX_CANDIDATES]
