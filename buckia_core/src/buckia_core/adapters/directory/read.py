"""Read an object's file, and detect that it changes during the read."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager

from buckia_core.adapters.directory.errors import (
    invalid_key,
    not_found,
    precondition_failed,
    translate_error,
    translate_errors,
)
from buckia_core.adapters.directory.paths import Paths
from buckia_core.adapters.directory.stat import fingerprint_from_stat
from buckia_core.localfs.files import NotAFile, open_regular, was_written
from buckia_core.planning.manifest import RemoteObject


class ObjectReader(io.RawIOBase):
    """A reader of a range of one version. The read of the last bytes raises if the file has changed."""

    def __init__(self, descriptor: int, status: os.stat_result, key: str, *, start: int, end: int | None) -> None:
        super().__init__()
        self._file = io.FileIO(descriptor, "rb")
        self._key = key
        self.status = status
        size = status.st_size
        self._left = max(0, (size if end is None else min(end, size)) - start)
        self._file.seek(start)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's WriteableBuffer is private
        wanted = min(len(buffer), self._left)
        if not wanted:
            return 0
        with translate_errors(self._key):
            count = self._file.readinto(memoryview(buffer)[:wanted]) or 0
        self._left -= count
        if not count:
            raise precondition_failed(self._key, "it shrank while it was read")
        if not self._left:
            self.check_unchanged()
        return count

    def check_unchanged(self) -> None:
        """Check that the file was not written to since it was opened.

        Raises:
            PreconditionFailed: It was.
        """
        if was_written(self.status, os.fstat(self._file.fileno())):
            raise precondition_failed(self._key, "it changed while it was read")

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def open_object(
    paths: Paths, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
) -> Iterator[ObjectReader]:
    """Open an object for reading.

    Raises:
        NotFound: The object does not exist.
        PreconditionFailed: The object is no longer the version `expect`.
    """
    resolved = paths.resolve(key)
    if resolved.file_stat() is None:
        raise not_found(key)
    try:
        opened = open_regular(resolved.directory, resolved.name)
    except NotAFile as error:
        raise invalid_key(key, "it is not a regular file") from error
    except OSError as error:
        raise translate_error(error, key) from error
    with ObjectReader(*opened, key, start=start, end=end) as reader:
        if expect is not None and fingerprint_from_stat(reader.status) != expect.fingerprint:
            raise precondition_failed(key, "it is another version now")
        yield reader
