"""Keys: their order, their folding, and which of them a disk can hold.

A key is an object's whole name in a bucket: text that is valid UTF-8, otherwise opaque. In the bucket it
may be anything; on its way to a disk it is hostile input. `invalid_reason` is the gate's pure half (the other
half, links on the disk itself, is `syncing.disk.paths`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_WINDOWS_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])( *\..*)?", re.IGNORECASE)
_WINDOWS_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]')

TEMP_PREFIX = ".buckia-tmp-"
"""How the names of Buckia's temporary files begin; they take part in no sync, and stale ones are swept."""


@dataclass(frozen=True, slots=True)
class FilesystemRules:
    """What a disk can hold.

    Attributes:
        windows: Whether names follow Windows' rules (no `CON`, no `a:`, no trailing dot, no backslash).
        folds: Whether names that differ only in case are one file.
        normalizes: Whether names that differ only in Unicode normalisation are one file.
        max_name_bytes: The longest name of one file or directory, in bytes of UTF-8.
    """

    windows: bool = False
    case_insensitive: bool = False
    normalization_insensitive: bool = False
    max_name_bytes: int = 255

    @property
    def merges_names(self) -> bool:
        """Whether two names can be one file."""
        return self.case_insensitive or self.normalization_insensitive

    def collision_key(self, name: str) -> str:
        """Return a text that is the same for all names which are one file on the disk."""
        if self.normalization_insensitive:
            name = unicodedata.normalize("NFC", name)
        if self.case_insensitive:
            name = name.casefold()
        return unicodedata.normalize("NFC", name) if self.normalization_insensitive else name


def casefold_key(key: str) -> str:
    """Return the name under which a case-insensitive file system would keep the key."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).casefold())


_CONFIG_FILES = frozenset({".buckia", ".buckia.yaml", "buckia.yaml"})
_IGNORE_FILE = ".buckiaignore"

# What HFS+, and ext4 where it folds case, leave out when they compare names: Unicode's default ignorable characters.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Windows and FAT give each name a second one of eight and three characters, of which the end is counted or hashed.
_SHORT_NAME = re.compile(r"(buckia|bu[0-9a-f]{4})~[0-9]+(\..*)?")


def is_internal(path: str) -> bool:
    """Tell whether a path is Buckia's own: a configuration (`.buckia`, `.buckia-staging`), state, or a temporary file.

    Those take part in no sync, on neither side: configurations may hold secrets, and what comes down must not replace
    one. A part counts in any spelling that some disk takes for such a name, such as `.BUCKIA` and `.buckia.`.
    """
    # Nearly no path gets past this, and every file of a tree comes here.
    if path.isascii() and "buckia" not in path.lower():
        return False
    return any(map(_is_config_name, map(fold_name, path.split("/"))))


def own_config_reason(path: str) -> str | None:
    """Say why a path must never be written from a bucket, whatever its sync says; `None` if it may be.

    That is everything that `is_internal`, the file of patterns, and what may be a second name of one of these.
    """
    if path.isascii() and "~" not in path and "buckia" not in path.lower():
        return None
    for part in map(fold_name, path.split("/")):
        if _is_config_name(part) or part == _IGNORE_FILE:
            return "it would configure Buckia, or be state of it, which never comes from a bucket"
        if _SHORT_NAME.fullmatch(part):
            return "Windows may take it for the short name of what configures Buckia, which never comes from a bucket"
    return None


def _is_config_name(name: str) -> bool:
    return name in _CONFIG_FILES or name.startswith(".buckia-")


def fold_name(name: str) -> str:
    """Return the name that any of the disks may take this one for.

    More than one of them does: case and Unicode forms are folded, ignorable characters dropped, and so are dots and
    spaces at the end, and what Windows takes for the name of a stream.
    """
    if not name.isascii():
        name = unicodedata.normalize("NFKC", _IGNORABLE.sub("", unicodedata.normalize("NFKC", name)))
    return name.casefold().partition(":")[0].rstrip(". ")


def is_directory_marker(key: str, size: int) -> bool:
    """Tell whether an object only stands for a directory, as consoles make them: a key with a slash at its end."""
    return size == 0 and key.endswith("/")


def invalid_reason(key: str, rules: FilesystemRules) -> str | None:
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
        reason = _invalid_part_reason(part, rules)
        if reason:
            return reason
    return None


def _invalid_part_reason(part: str, rules: FilesystemRules) -> str | None:
    if not part:
        return 'it has an empty part ("//")'
    if part == "..":
        return 'it climbs out of its directory ("..")'
    if part == ".":
        return 'it has a part that is only "."'
    if len(part.encode("utf-8")) > rules.max_name_bytes:
        return f"a part of it is longer than {rules.max_name_bytes} bytes"
    if rules.windows:
        return _invalid_on_windows_reason(part)
    return None


def _invalid_on_windows_reason(part: str) -> str | None:
    if "\\" in part:
        return "it has a backslash, which separates directories on Windows"
    if _WINDOWS_FORBIDDEN.search(part):
        return "it has a character that Windows does not allow in a name"
    if part[-1] in ". ":
        return "a part of it ends in a dot or a space, which Windows drops"
    if _WINDOWS_RESERVED.fullmatch(part):
        return f"{part!r} is a device on Windows"
    return None
