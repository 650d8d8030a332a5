"""Keys: which of them a file system can hold, and which of them belong to Buckia.

A key is the full name of an object: an arbitrary UTF-8 string. Keys from a bucket are untrusted input for the file
system. `invalid_reason` checks the key itself; `syncing.disk.paths` checks for links on the way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_WINDOWS_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])( *\..*)?", re.IGNORECASE)
_WINDOWS_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]')

TEMP_PREFIX = ".buckia-tmp-"
"""Prefix of the names of temporary files. They are never synced, and stale ones are removed."""


class FilesystemRules(NamedTuple):
    """Rules of a file system for names.

    Attributes:
        windows: Whether the naming rules of Windows apply (no `CON`, no `a:`, no trailing dot, no backslash).
        case_insensitive: Whether names that differ only in case are one file.
        normalization_insensitive: Whether names that differ only in Unicode normalization are one file.
        max_name_bytes: Maximum length of one name, in bytes of UTF-8.
    """

    windows: bool = False
    case_insensitive: bool = False
    normalization_insensitive: bool = False
    max_name_bytes: int = 255

    @property
    def merges_names(self) -> bool:
        """Whether two different names can be one file."""
        return self.case_insensitive or self.normalization_insensitive

    def collision_key(self, name: str) -> str:
        """Return a string that is equal for all names of one file."""
        if self.normalization_insensitive:
            name = unicodedata.normalize("NFC", name)
        if self.case_insensitive:
            name = name.casefold()
        return unicodedata.normalize("NFC", name) if self.normalization_insensitive else name


def casefold_key(key: str) -> str:
    """Return a string that is equal for all spellings of a key in case and Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).casefold())


CONFIG_FILES = (".buckia", ".buckia.yaml", "buckia.yaml")
"""Names of the configuration file of a project."""

_IGNORE_FILE = ".buckiaignore"

# Default ignorable characters of Unicode: HFS+, and ext4 with case folding, ignore them when they compare names.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Windows and FAT create a short name (8.3) for each file, which ends in a number or hash.
_SHORT_NAME = re.compile(r"(buckia|bu[0-9a-f]{4})~[0-9]+(\..*)?")


def is_internal(path: str) -> bool:
    """Tell whether a path belongs to Buckia: configuration (`.buckia`, `.buckia-staging`), state, or temporary file.

    Such files are never synced: configurations may hold secrets, and a download must not replace one. Spellings that
    some file system treats as the same name, such as `.BUCKIA` and `.buckia.`, belong to Buckia as well.
    """
    # Fast path: this runs for each file, and few names have this part.
    if path.isascii() and "buckia" not in path.lower():
        return False
    return any(map(_is_config_name, map(fold_name, path.split("/"))))


def own_config_reason(path: str) -> str | None:
    """Return the reason why a path must never be written from a bucket; `None` if it may be.

    Such paths are those for which `is_internal` is true, `.buckiaignore`, and names that may be short names of these.
    """
    if path.isascii() and "~" not in path and "buckia" not in path.lower():
        return None
    for part in map(fold_name, path.split("/")):
        if _is_config_name(part) or part == _IGNORE_FILE:
            return "it is configuration or state of Buckia, which is never written from a bucket"
        if _SHORT_NAME.fullmatch(part):
            return "on Windows it may be a short name of Buckia's configuration, which is never written from a bucket"
    return None


def _is_config_name(name: str) -> bool:
    return name in CONFIG_FILES or name.startswith(".buckia-")


def fold_name(name: str) -> str:
    """Return a string that is equal for all names that any file system treats as the same.

    It folds case and Unicode forms, and drops ignorable characters, trailing dots and spaces, and stream names of
    Windows.
    """
    if not name.isascii():
        name = unicodedata.normalize("NFKC", _IGNORABLE.sub("", unicodedata.normalize("NFKC", name)))
    return name.casefold().partition(":")[0].rstrip(". ")


def parent_directories(path: str) -> Iterator[str]:
    """Yield the parent directories of a key or path, outermost first, without trailing slashes."""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def is_directory_marker(key: str, size: int) -> bool:
    """Tell whether an object is a directory marker, as web consoles create them: empty, with a trailing slash."""
    return size == 0 and key.endswith("/")


def invalid_reason(key: str, rules: FilesystemRules) -> str | None:
    """Return the reason why a key can't be a path under these rules; `None` if it can.

    The reason completes "refused: ", such as `it climbs out of its directory ("..")`.
    """
    # Fast path: this runs for each file, and in most keys no part is empty, begins with a dot or may be too long.
    whole = f"/{key}/"
    plain = key.isascii() and "\x00" not in key and "//" not in whole and "/." not in whole
    if plain and len(key) <= rules.max_name_bytes and not rules.windows:
        return None
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
