"""Folders of single users: top-level folders of a bucket whose name nobody can guess.

The name is the only thing that keeps others out where a bucket is public, or where users share one key.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from buckia_core.config.editor import edit_config

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: safe in URLs and on file systems without case, and no letter looks like a digit."""

_LENGTH = 26
"""26 characters of 5 bits: 130 bits."""


@dataclass(frozen=True, slots=True)
class NewFolder:
    """A new folder.

    Attributes:
        bucket: Name of the bucket in the configuration.
        name: Name of the folder.
        added: Whether the setting `folders` has it now. Without that setting, a bucket syncs all folders.
    """

    bucket: str
    name: str
    added: bool


def new_folder_name() -> str:
    """Return a name with 130 random bits, from the system's secure source."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def add_folder(config: Path, bucket: str, *, only: bool = False) -> NewFolder:
    """Make a name for a folder, and add it to the setting `folders` of a bucket.

    A bucket without that setting syncs all folders, so it is left alone, unless `only` is set.

    Args:
        config: The configuration file.
        bucket: Name of the bucket in it.
        only: Add the setting if it is missing: the bucket then syncs this folder only.

    Raises:
        BucketNotConfigured: The file has no such bucket.
        ConfigError: The file can't be edited.
        LockHeld: Another process edits the file.
        OSError: The file can't be written.
    """
    name = new_folder_name()
    with edit_config(config) as file:
        added = only or bool(file.buckets.get(bucket, {}).get("folders"))
        if added or bucket not in file.buckets:
            file.append(bucket, "folders", name)
    return NewFolder(bucket, name, added)
