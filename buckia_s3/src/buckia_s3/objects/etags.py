"""ETags: the fingerprints of objects, and mostly the MD5 of their content."""

from __future__ import annotations

import re
from collections.abc import Mapping

from buckia_core.planning.digest import Digest, Digests

_MD5 = re.compile(r"[0-9a-f]{32}")
_ENCRYPTION = "x-amz-server-side-encryption"
_CUSTOMER_KEY = "x-amz-server-side-encryption-customer-algorithm"


def unquoted(etag: str | None) -> str:
    """Return an ETag without its quotes; empty if there is none."""
    bare = (etag or "").strip()
    if len(bare) >= 2 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    return bare


def fingerprint_from_etag(etag: str | None, size: int, modified_ns: int) -> str:
    """Return the fingerprint: the ETag without its quotes. Of a server that has none: size and second.

    Raises:
        ValueError: There is neither an ETag nor a time.
    """
    bare = unquoted(etag)
    if not bare and not modified_ns:
        raise ValueError("it tells neither an ETag nor a time")
    return bare or f"size={size} time={modified_ns // 1_000_000_000}"


def etag_from_fingerprint(fingerprint: str) -> str | None:
    """Return the ETag as headers have it; `None` of a server that has none."""
    if fingerprint.startswith("size="):
        return None
    return fingerprint if fingerprint.startswith("W/") else f'"{fingerprint}"'


def is_md5(etag: str) -> bool:
    """Tell whether an ETag without quotes looks like an MD5: that of a multipart object, with its `-`, does not."""
    return _MD5.fullmatch(etag) is not None


def md5_from_etag(fingerprint: str) -> Digests:
    """Return the MD5 that an ETag is, if it looks like one."""
    return (Digest("md5", fingerprint),) if is_md5(fingerprint) else ()


def hides_content(headers: Mapping[str, str]) -> bool:
    """Tell whether headers, with names in lower case, say that the ETag only looks like an MD5.

    That is so of what is encrypted with a key of KMS or of the customer.
    """
    return headers.get(_ENCRYPTION, "AES256") != "AES256" or _CUSTOMER_KEY in headers
