"""ETags: fingerprints of objects; most are the MD5 of the content."""

from __future__ import annotations

import re
from collections.abc import Mapping

from buckia_core.planning.digest import Digest, Digests
from buckia_s3.objects.encryption import CUSTOMER_ALGORITHM, SSE

_MD5_ETAG = re.compile(r"[0-9a-f]{32}")


def unquote_etag(etag: str | None) -> str:
    """Return the unquoted ETag; empty if there is none."""
    bare = (etag or "").strip()
    if len(bare) >= 2 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    return bare


def fingerprint_from_etag(etag: str | None, size: int, modified_ns: int) -> str:
    """Return the fingerprint: the unquoted ETag, or size and modification time of a server without ETags.

    Raises:
        ValueError: There is neither an ETag nor a time.
    """
    bare = unquote_etag(etag)
    if not bare and not modified_ns:
        raise ValueError("it has neither an ETag nor a time")
    return bare or f"size={size} time={modified_ns // 1_000_000_000}"


def etag_from_fingerprint(fingerprint: str) -> str | None:
    """Return the quoted ETag for headers; `None` for a fingerprint without ETag."""
    if fingerprint.startswith("size="):
        return None
    return fingerprint if fingerprint.startswith("W/") else f'"{fingerprint}"'


def is_md5(etag: str) -> bool:
    """Tell whether an unquoted ETag looks like an MD5. That of a multipart object contains a `-`, and does not."""
    return _MD5_ETAG.fullmatch(etag) is not None


def md5_from_etag(fingerprint: str) -> Digests:
    """Return the ETag as MD5 digest; empty if it does not look like one."""
    return (Digest("md5", fingerprint),) if is_md5(fingerprint) else ()


def etag_is_not_md5(headers: Mapping[str, str]) -> bool:
    """Tell whether the ETag is not an MD5 even if it looks like one: the object is encrypted with SSE-KMS or SSE-C.

    Names of `headers` are in lower case.
    """
    return headers.get(SSE, "AES256") != "AES256" or CUSTOMER_ALGORITHM in headers
