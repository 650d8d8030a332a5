"""What the disk of a directory takes for one name: it is asked, because neither its system nor its type decides."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress

from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import create, exists, remove
from buckia_core.localfs.system_errors import DENIED, NO_SUCH_NAME
from buckia_core.planning.keys import TEMP_PREFIX, FilesystemRules, casefold_key

_ENOUGH = 1000
"""Names of a directory that are looked through for one that can tell."""


def disk_rules(path: str) -> FilesystemRules:
    """Find out what the disk of a directory can hold, by asking it for the twin of a name that it has.

    The listing says whether both spellings are there. Inodes can't: exFAT, and others in user space, have none.

    Raises:
        OSError: The disk failed, is full, or too many files are open: nothing is known of it.
    """
    windows = sys.platform == "win32"
    try:
        with Tree(path) as tree:
            directory = tree.root
            names = _some_names(directory)
            folds = _decide(directory, names, _other_case, "a", certain=True)
            # Few disks fold forms but not case, and a name is made to find out only where it is likely.
            likely = folds or sys.platform == "darwin"
            normalizes = _decide(directory, names, _other_form, "é", certain=likely)
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        # It can't be read, or is gone, so nothing is known, and a write finds out that a twin is there.
        return FilesystemRules(windows=windows)
    return FilesystemRules(windows=windows, case_insensitive=folds, normalization_insensitive=normalizes)


def spelling_on_disk(tree: Tree, directory: Directory, name: str, status: os.stat_result) -> str | None:
    """Return the name of an entry that the disk finds under `name`; `None` if it has that very name.

    Disks that fold case find `a.txt` under `A.txt`, and those of macOS find one Unicode form under the other.
    `directory` is one of `tree`, and `status` is that of the entry.
    """
    for twin in (_other_case(name), _other_form(name)):
        if twin == name:
            continue
        try:
            other = directory.status(twin)
        except OSError as error:
            if error.errno not in NO_SUCH_NAME:
                raise
            continue
        if other.st_ino != status.st_ino and status.st_dev in tree.keeps_both:
            continue
        names = directory.names()
        if name not in names:
            return next((each for each in names if casefold_key(each) == casefold_key(name)), twin)
        if twin in names:
            tree.keeps_both.add(status.st_dev)
    return None


def _some_names(directory: Directory) -> list[str]:
    with directory.entries() as entries:
        return [entry.name for entry, _ in zip(entries, range(_ENOUGH), strict=False)]


def _decide(
    directory: Directory, names: Iterable[str], twin_of: Callable[[str], str], sample: str, *, certain: bool
) -> bool:
    """Tell whether a name and its twin are one; with `certain`, a file is made for that if no name there can tell."""
    for name in names:
        # Long names are left out because the other form may be longer than the disk allows.
        twin = twin_of(name)
        if twin != name and len(name) < 100 and exists(directory, name):
            return exists(directory, twin) and twin not in directory.names()
    if not certain:
        return False
    try:
        name, descriptor = create(directory, f"{TEMP_PREFIX}{sample}")
    except OSError as error:
        if error.errno not in DENIED:
            raise
        # It can't be written to, so no write can go over a twin either.
        return False
    os.close(descriptor)
    try:
        return exists(directory, twin_of(name))
    finally:
        with suppress(OSError):
            remove(directory, name)


def _other_case(name: str) -> str:
    """Return a name with its ASCII letters in the other case: those are the ones that every folding disk folds."""
    return "".join(letter.swapcase() if letter.isascii() else letter for letter in name)


def _other_form(name: str) -> str:
    composed = unicodedata.normalize("NFC", name)
    return unicodedata.normalize("NFD", name) if name == composed else composed
