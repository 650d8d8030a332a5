"""Key encoding: converts keys to paths of a storage zone, rejects invalid keys, and escapes characters on request.

An escape is `=` and two upper-case hexadecimal digits per byte, as in quoted-printable. Only characters that some
server changes are escaped, and an `=` that would otherwise start an escape.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from buckia_bunny.errors import invalid_key

MAX_PATH_BYTES = 6000
"""Longest path in bytes, including escapes. The service counts characters, which are never more."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f\\"<>#%?]|=(?=[0-9A-F]{2})|^[ ~.]|[ .]$')
# Matches consecutive escapes together, since one character may have several bytes.
_ESCAPES = re.compile(r"(?:=[0-9A-F]{2})+")


class KeyCodec:
    """Converts keys to paths, and names in listings back to keys."""

    def __init__(self, *, escape: bool) -> None:
        self._escape = escape

    def path(self, key: str, prefix: str = "") -> str:
        """Return the path of a key, without percent-encoding.

        Raises:
            InvalidKey: Storage zones do not accept it.
        """
        try:
            full_key = prefix + key
            full_key.encode()
        except UnicodeEncodeError as error:
            raise invalid_key(key, "it is not valid UTF-8") from error
        if not key or "\0" in key:
            raise invalid_key(key, "it is empty, or has a NUL character")
        segments = full_key.split("/")
        for segment in segments:
            self._check(key, segment)
        path = "/".join(self.to_name(segment) for segment in segments)
        if len(path.encode()) > MAX_PATH_BYTES:
            raise invalid_key(key, f"its path is longer than {MAX_PATH_BYTES} bytes")
        return path

    def key(self, path: str) -> str | None:
        """Return the key of a path, without percent-encoding; `None` if no key has it."""
        segments = [self.from_name(name) for name in path.split("/")]
        return None if None in segments else "/".join(segment for segment in segments if segment is not None)

    def to_name(self, segment: str) -> str:
        """Encode a segment of a key."""
        if not self._escape:
            return segment
        return _UNSAFE.sub(lambda found: "".join(f"={byte:02X}" for byte in found[0].encode()), segment)

    def from_name(self, name: str) -> str | None:
        """Decode a stored name into a segment of a key; `None` if no key encodes to it."""
        if not self._escape:
            return name
        try:
            segment = _ESCAPES.sub(lambda found: bytes.fromhex(found[0].replace("=", "")).decode(), name)
        except UnicodeDecodeError:
            return None
        return segment if self.to_name(segment) == name and "/" not in segment else None

    def _check(self, key: str, segment: str) -> None:
        if not segment:
            raise invalid_key(key, "a part of it is empty: it has two slashes together, or one at its start or end")
        if self._escape:
            return
        if segment in (".", ".."):
            raise invalid_key(key, 'a part of it is only "." or ".."; escape_names would keep it')
        if segment != segment.strip(" "):
            raise invalid_key(key, "a part of it begins or ends with a space; escape_names would keep it")


def quote_path(path: str) -> str:
    """Percent-encode a path for a URL."""
    return "/".join(quote(segment, safe="") for segment in path.split("/"))
