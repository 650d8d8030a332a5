"""Replaces small files atomically: configuration, and files that hold secrets."""

from __future__ import annotations

import os
from pathlib import Path

from buckia_core.localfs.directory import Tree
from buckia_core.localfs.durability import fsync_directory
from buckia_core.localfs.files import existing_permissions, write_all
from buckia_core.localfs.staging_file import PRIVATE_MODE, StagingFile
from buckia_core.planning.keys import TEMP_PREFIX

SHARED_MODE = 0o664
"""Mode of a file that other users may read: they can never write it, whatever the umask is."""


def replace_file(path: Path, data: bytes, *, mode: int = PRIVATE_MODE) -> None:
    """Write a file atomically and durably. Of a symbolic link, the target is replaced.

    Args:
        path: The file, whose directory exists.
        data: The content.
        mode: Permission bits. A new file gets these, reduced by the umask; a replaced file keeps those of its own that
            are also in `mode`.

    Raises:
        OSError: The file can't be written. The old content is kept.
    """
    directory, name = os.path.split(os.path.realpath(path))
    with Tree(directory) as tree, StagingFile(tree.root) as staged:
        existing = existing_permissions(tree.root, name)
        write_all(staged.create(TEMP_PREFIX, mode if existing is None else PRIVATE_MODE), data)
        staged.finish(None if existing is None else existing & mode, None)
        staged.fsync()
        staged.commit(tree.root, name)
    fsync_directory(directory)
