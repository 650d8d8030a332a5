"""The MIME type that a key's name stands for."""

from __future__ import annotations

import mimetypes
from functools import cache

_ENCODED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


def guess_content_type(key: str) -> str:
    """Return the MIME type for a key; `application/octet-stream` if its ending tells nothing.

    A compressed file has the type of its compression: nothing tells a reader of `a.tar.gz` to unpack it first.
    """
    _, dot, ending = key.rpartition("/")[2].rpartition(".")
    kind, encoding = _types().guess_type(f"file.{ending}") if dot else (None, None)
    if encoding:
        kind = _ENCODED.get(encoding)
    return kind or "application/octet-stream"


@cache
def _types() -> mimetypes.MimeTypes:
    """Return the table that comes with Python and not the machine's own: a key has the same type from everywhere."""
    # Made when it is used, because `mimetypes` reads the machine's own all the same.
    return mimetypes.MimeTypes()
