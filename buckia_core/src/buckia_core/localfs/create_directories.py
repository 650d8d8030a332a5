"""Creates directories: with their parents, and private ones, which only their owner can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress

from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import permission_bits
from buckia_core.localfs.opening import FILE_NOFOLLOW_FLAGS
from buckia_core.planning.keys import parent_directories


def make_directories(path: str | os.PathLike[str], mode: int = 0o777) -> None:
    """Create a directory with a mode, and its missing parents with the default one. It may exist.

    Its depth is not limited, as that of `os.makedirs` is, which calls itself for each parent.

    Raises:
        FileExistsError: A file is in its way.
        OSError: It can't be created. Some of its parents may exist now.
    """
    missing, above = [], os.fspath(path)
    while above and not os.path.isdir(above):
        missing.append(above)
        above, below = os.path.dirname(above), above
        if above == below:
            break
    while missing:
        each = missing.pop()
        try:
            os.mkdir(each, 0o777 if missing else mode)
        except FileExistsError:
            if not os.path.isdir(each):
                raise


def make_private_directory(directory: Directory, name: str) -> None:
    """Create a directory with mode 0700. If it exists and belongs to this user, remove the permissions of others."""
    with suppress(FileExistsError):
        directory.mkdir(name, 0o700)
        return
    if not hasattr(os, "geteuid"):
        return
    status = directory.stat(name)
    if stat.S_ISDIR(status.st_mode) and status.st_mode & 0o077 and status.st_uid == os.geteuid():
        descriptor = directory.open(name, os.O_RDONLY | FILE_NOFOLLOW_FLAGS | os.O_DIRECTORY)
        try:
            os.fchmod(descriptor, permission_bits(status) & 0o700)
        finally:
            os.close(descriptor)


@contextmanager
def open_private_directory(root: str, relative: str, *, create: bool) -> Iterator[Directory | None]:
    """Open a directory below a root; yields `None` if it is missing and `create` is not set.

    Args:
        root: The root, which is created with mode 0700 if it is missing.
        relative: The path below the root, with slashes. Links are not followed.
        create: Create the directory and its parents as `make_private_directory` does.

    Raises:
        PathBlocked: A component of the path is a link or a file.
    """
    with ExitStack() as stack:
        found = None
        with nullcontext() if create else suppress(FileNotFoundError):
            if create:
                make_directories(root, 0o700)
            tree = stack.enter_context(Tree(root, for_listing=True))
            for path in (*parent_directories(relative), relative) if create else ():
                above, _, name = path.rpartition("/")
                make_private_directory(tree.open_directory(above), name)
            found = tree.open_directory(relative)
        yield found
