"""File names: their encoding, and which of them a file system treats as equal.

Neither the operating system nor the type of the file system decides that, so `detect_filesystem_rules` tries it out.
"""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress

from buckia_core.errors import ConfigError
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import create_temp_file, exists, unlink_if_exists
from buckia_core.localfs.system_errors import NO_SUCH_NAME, PERMISSION_DENIED
from buckia_core.planning.keys import TEMP_PREFIX, FilesystemRules, casefold_key

_SAMPLE_SIZE = 1000
"""Names of a directory that are searched for one with another case or Unicode form."""


def is_utf8(name: str) -> bool:
    """Tell whether a file name is valid UTF-8. Python decodes invalid bytes as surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_filename_encoding() -> None:
    """Make sure that file names are the same text here as on other machines.

    Raises:
        ConfigError: This process decodes file names in another encoding than UTF-8, and a sync would rename files.
    """
    if codecs.lookup(sys.getfilesystemencoding()).name != "utf-8":
        raise ConfigError(
            f"this process reads the names of files as {sys.getfilesystemencoding()}, and not as UTF-8, so it would "
            "rename them in the bucket. Start Python with -X utf8, or with PYTHONUTF8=1 in its environment."
        )


def detect_filesystem_rules(path: str) -> FilesystemRules:
    """Detect which names the file system of a directory treats as equal, by a `stat` of the other spelling.

    The listing tells whether both spellings exist. Inodes don't: exFAT and some file systems in user space have none.

    Raises:
        OSError: The disk failed or is full, or too many files are open, so the rules are unknown.
    """
    windows = sys.platform == "win32"
    try:
        with Tree(path) as tree:
            directory = tree.root
            names = _sample_names(directory)
            case_insensitive = _treats_as_equal(directory, names, _swap_ascii_case, "a", certain=True)
            # Few file systems fold forms but not case, so a file is created for the test only where that is likely.
            likely = case_insensitive or sys.platform == "darwin"
            normalization_insensitive = _treats_as_equal(directory, names, _swap_unicode_form, "é", certain=likely)
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        # The directory is unreadable or missing. A later write detects a file of the other spelling.
        return FilesystemRules(windows=windows)
    return FilesystemRules(
        windows=windows, case_insensitive=case_insensitive, normalization_insensitive=normalization_insensitive
    )


def find_case_collision(tree: Tree, directory: Directory, name: str, status: os.stat_result) -> str | None:
    """Return the stored name of the entry that the file system finds as `name`; `None` if it is `name` itself.

    Case-insensitive file systems find `a.txt` as `A.txt`, and those of macOS find one Unicode form as the other.
    `directory` belongs to `tree`, and `status` is the status of the entry.
    """
    for twin in (_swap_ascii_case(name), _swap_unicode_form(name)):
        if twin == name:
            continue
        try:
            other = directory.stat(twin)
        except OSError as error:
            if error.errno not in NO_SUCH_NAME:
                raise
            continue
        if other.st_ino != status.st_ino and status.st_dev in tree.case_sensitive_devices:
            continue
        names = directory.listdir()
        if name not in names:
            return next((each for each in names if casefold_key(each) == casefold_key(name)), twin)
        if twin in names:
            tree.case_sensitive_devices.add(status.st_dev)
    return None


def _sample_names(directory: Directory) -> list[str]:
    with directory.scandir() as entries:
        return [entry.name for entry, _ in zip(entries, range(_SAMPLE_SIZE), strict=False)]


def _treats_as_equal(
    directory: Directory, names: Iterable[str], twin_of: Callable[[str], str], sample: str, *, certain: bool
) -> bool:
    """Tell whether a name and its twin are equal; with `certain`, create a file to test if no name there serves."""
    for name in names:
        # Long names are left out because the other form may exceed the maximum length of a name.
        twin = twin_of(name)
        if twin != name and len(name) < 100 and exists(directory, name):
            return exists(directory, twin) and twin not in directory.listdir()
    if not certain:
        return False
    try:
        name, descriptor = create_temp_file(directory, f"{TEMP_PREFIX}{sample}")
    except OSError as error:
        if error.errno not in PERMISSION_DENIED:
            raise
        # The directory is read-only, so no write can replace a file of the other spelling.
        return False
    os.close(descriptor)
    try:
        return exists(directory, twin_of(name))
    finally:
        with suppress(OSError):
            unlink_if_exists(directory, name)


def _swap_ascii_case(name: str) -> str:
    """Swap the case of ASCII letters, which every case-insensitive file system folds."""
    return "".join(letter.swapcase() if letter.isascii() else letter for letter in name)


def _swap_unicode_form(name: str) -> str:
    composed = unicodedata.normalize("NFC", name)
    return unicodedata.normalize("NFD", name) if name == composed else composed
