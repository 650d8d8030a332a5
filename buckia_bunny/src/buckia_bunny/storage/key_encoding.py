"""Keys and paths of a storage zone: what can't be held is refused, what some servers change can be escaped.

An escape is `=` and two upper-case hexadecimal digits for one byte, as in quoted-printable. Only what some server
changes is escaped, and an `=` that would else read as the beginning of an escape; so most names stay as they are.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from buckia_bunny.errors import invalid_key

LONGEST_PATH = 6000
"""Characters that a path has at most, escapes included; bytes are counted here, which are never fewer."""

_ESCAPE = re.compile(r"=([0-9A-F]{2})")
_DOUBTFUL = re.compile(r'[\x00-\x1f\x7f\\"<>#%?]|=(?=[0-9A-F]{2})|^[ ~.]|[ .]$')
# The group of escapes in a row, since one character may take several bytes.
_ESCAPES = re.compile(r"(?:=[0-9A-F]{2})+")


class KeyCodec:
    """How keys become paths, and the names in listings become keys again."""

    def __init__(self, *, escape: bool) -> None:
        self._escape = escape

    def path(self, key: str, prefix: str = "") -> str:
        """Return the path of a key, not yet quoted for an address.

        Raises:
            InvalidKey: No storage zone can hold it.
        """
        try:
            whole = prefix + key
            whole.encode()
        except UnicodeEncodeError as error:
            raise invalid_key(key, "it is not valid UTF-8") from error
        if not key or "\0" in key:
            raise invalid_key(key, "it is empty, or has a NUL character")
        parts = whole.split("/")
        for part in parts:
            self._check(key, part)
        path = "/".join(self.to_name(part) for part in parts)
        if len(path.encode()) > LONGEST_PATH:
            raise invalid_key(key, f"its path is longer than {LONGEST_PATH} bytes")
        return path

    def to_name(self, part: str) -> str:
        """Return the name under which a part of a key is stored."""
        if not self._escape:
            return part
        return _DOUBTFUL.sub(lambda found: "".join(f"={byte:02X}" for byte in found[0].encode()), part)

    def from_name(self, name: str) -> str | None:
        """Return the part of a key that a stored name stands for; `None` if no key leads to that name."""
        if not self._escape:
            return name
        try:
            part = _ESCAPES.sub(lambda found: bytes.fromhex(found[0].replace("=", "")).decode(), name)
        except UnicodeDecodeError:
            return None
        return part if self.to_name(part) == name and "/" not in part else None

    def _check(self, key: str, part: str) -> None:
        if not part:
            raise invalid_key(key, "a part of it is empty: it has two slashes together, or one at its start or end")
        if self._escape:
            return
        if part in (".", ".."):
            raise invalid_key(key, 'a part of it is only "." or ".."; escape_names would keep it')
        if part != part.strip(" "):
            raise invalid_key(key, "a part of it begins or ends with a space; escape_names would keep it")


def quoted(path: str) -> str:
    """Return a path as it stands in an address."""
    return "/".join(quote(part, safe="") for part in path.split("/"))
