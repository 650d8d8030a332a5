"""Keys: their order, their folding, and which of them a disk can hold.

A key is an object's whole name in a bucket: text that is valid UTF-8, otherwise opaque. In the bucket it
may be anything; on its way to a disk it is hostile input. `problem_of` is the gate's pure half (the other
half, links on the disk itself, is `syncing.paths`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_WINDOWS_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])( *\..*)?", re.IGNORECASE)
_WINDOWS_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]')

TEMPORARY = ".buckia-tmp-"
"""How the names of Buckia's temporary files begin; they take part in no sync, and stale ones are swept."""


@dataclass(frozen=True, slots=True)
class DiskRules:
    """What a disk can hold.

    Attributes:
        windows: Whether names follow Windows' rules (no `CON`, no `a:`, no trailing dot, no backslash).
        folds: Whether names that differ only in case or Unicode normalisation are one file.
        max_name_bytes: The longest name of one file or directory, in bytes of UTF-8.
    """

    windows: bool = False
    folds: bool = False
    max_name_bytes: int = 255


def fold(key: str) -> str:
    """Return the name under which a folding disk would keep the key: twins fold to the same text."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).casefold())


def is_ours(path: str) -> bool:
    """Tell whether a path is Buckia's own: a configuration (`.buckia`, `.buckia-staging`), state, or a temporary file.

    Those take part in no sync, on neither side: configurations may hold secrets, and what comes down must
    not replace one.
    """
    return ".buckia" in path and any(part == ".buckia" or part.startswith(".buckia-") for part in path.split("/"))


def is_directory_marker(key: str, size: int) -> bool:
    """Tell whether an object only stands for a directory, as consoles make them: a key with a slash at its end."""
    return size == 0 and key.endswith("/")


def problem_of(key: str, rules: DiskRules) -> str | None:
    """Say why a key can't be a path on a disk with these rules; `None` if it can.

    The answer is a clause that completes "refused: ", such as `it climbs out of its directory ("..")`.
    """
    if not key:
        return "it is empty"
    if "\x00" in key:
        return "it has a NUL character"
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:
        return "it is not valid UTF-8"
    if key.startswith("/"):
        return 'it starts with "/"'
    if key.endswith("/"):
        return 'it ends in "/", which is a directory\'s name'
    for part in key.split("/"):
        reason = _problem_of_part(part, rules)
        if reason:
            return reason
    return None


def _problem_of_part(part: str, rules: DiskRules) -> str | None:
    if not part:
        return 'it has an empty part ("//")'
    if part == "..":
        return 'it climbs out of its directory ("..")'
    if part == ".":
        return 'it has a part that is only "."'
    if len(part.encode("utf-8")) > rules.max_name_bytes:
        return f"a part of it is longer than {rules.max_name_bytes} bytes"
    if rules.windows:
        return _problem_on_windows(part)
    return None


def _problem_on_windows(part: str) -> str | None:
    if "\\" in part:
        return "it has a backslash, which separates directories on Windows"
    if _WINDOWS_FORBIDDEN.search(part):
        return "it has a character that Windows does not allow in a name"
    if part[-1] in ". ":
        return "a part of it ends in a dot or a space, which Windows drops"
    if _WINDOWS_RESERVED.fullmatch(part):
        return f"{part!r} is a device on Windows"
    return None
