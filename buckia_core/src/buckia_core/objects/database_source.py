"""SQLite databases as sources of `put`: one that has side files is uploaded as a snapshot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from buckia_core.errors import CorruptDatabase


@contextmanager
def readable_file(path: Path, *, snapshots: bool = True) -> Iterator[Path]:
    """Yield the path to read the content of a file from.

    An SQLite database with a `-wal` or `-journal` beside it has committed changes, or an unfinished transaction, that
    its own file does not tell. So this yields the path of a snapshot with the permissions of the file and the time of
    the last change, which is removed at the end of the context. Costs two lookups for other files.

    Args:
        path: The file.
        snapshots: Otherwise, yield the path itself.

    Raises:
        CorruptDatabase: It has side files, and SQLite can't read it.
        Transient: It stayed locked.
    """
    # SQLite looks for side files beside the file that a link leads to.
    real = os.path.realpath(path)
    if not snapshots or not any(os.path.lexists(real + suffix) for suffix in ("-wal", "-journal")):
        yield path
        return
    from buckia_core.localfs.directory import Tree  # noqa: PLC0415  # few uploads are databases
    from buckia_core.localfs.files import entry_from_stat, permission_bits  # noqa: PLC0415  # as above
    from buckia_core.localfs.sqlite_files import database_entry, has_side_files  # noqa: PLC0415  # as above
    from buckia_core.localfs.sqlite_snapshot import snapshot  # noqa: PLC0415  # as above

    head, name = os.path.split(real)
    with Tree(head) as tree:
        if not has_side_files(tree.root, name):
            yield path
            return
        status = os.stat(real)
        entry = database_entry(entry_from_stat("", "", status), tree.root, name)
    with ExitStack() as stack:
        try:
            found = stack.enter_context(snapshot(real, name))
        except CorruptDatabase as error:
            raise CorruptDatabase(f"{error}; `sqlite: off` uploads it without its side files") from error
        if hasattr(os, "fchmod"):
            found.chmod(permission_bits(status))
        os.utime(found, ns=(entry.mtime_ns, entry.mtime_ns))
        yield found
