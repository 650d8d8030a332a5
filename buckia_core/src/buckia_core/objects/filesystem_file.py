"""Files of the file system for fsspec."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Any

from fsspec.spec import AbstractBufferedFile

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition
from buckia_core.errors import AlreadyExists, NotFound, PermissionDenied, PreconditionFailed, Unauthenticated
from buckia_core.objects.store import ObjectStore
from buckia_core.planning.manifest import RemoteObject

Info = dict[str, Any]
"""What fsspec tells of a file or folder: `name`, `size`, `type`, and more of a file."""

_IN_MEMORY = 8 << 20
"""Bytes of a file that is written which are in memory; more are in a temporary file."""


def describe(bucket: str, found: RemoteObject) -> Info:
    """Return what fsspec tells of an object."""
    when = found.mtime_ns if found.mtime_ns is not None else found.modified_ns or None
    return {
        "name": f"{bucket}/{found.key}",
        "size": found.size,
        "type": "file",
        "fingerprint": found.fingerprint,
        "content_type": found.content_type,
        "modified": None if when is None else datetime.fromtimestamp(when / 1e9, UTC),
    }


@contextmanager
def os_errors(path: str, *, expect: Precondition | None = None) -> Iterator[None]:
    """Raise the errors of Python's files in place of those of the store. `expect` is that of a write."""
    try:
        yield
    except PreconditionFailed as error:
        if not isinstance(expect, IfAbsent):
            raise
        raise FileExistsError(errno.EEXIST, str(error), path) from error
    except NotFound as error:
        raise FileNotFoundError(errno.ENOENT, str(error), path) from error
    except AlreadyExists as error:
        raise FileExistsError(errno.EEXIST, str(error), path) from error
    except (PermissionDenied, Unauthenticated) as error:
        raise PermissionError(errno.EACCES, str(error), path) from error


class BucketFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """A file of a bucket.

    Reads are of the version that was there when the file was opened; `PreconditionFailed` tells that it is replaced.
    What is written is kept on this machine, and becomes the object when the file is closed. If the `with` block of the
    file raises, nothing is written.
    """

    def __init__(
        self,
        fs: Any,
        path: str,
        mode: str,
        block_size: int | None,
        autocommit: bool,
        *,
        store: ObjectStore,
        key: str,
        content_type: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._store, self._key = store, key
        self._content_type = content_type
        self._expect: Precondition | None = None
        self._written: IO[bytes] | None = None
        self._found: RemoteObject | None = None
        with os_errors(path):
            if mode == "rb":
                self._found = self._store.stat(self._key)
                kwargs |= {"size": self._found.size}
                self._details = describe(path.partition("/")[0], self._found)
            elif mode == "xb" and self._store.exists(self._key):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        super().__init__(fs, path, mode, block_size, autocommit, **kwargs)
        if mode != "rb":
            self._begin()

    def _begin(self) -> None:
        self._written = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # closed with this file
        if self.mode == "xb":
            self._expect = IfAbsent()
        elif self.mode == "ab":
            found = self._store.head(self._key)
            self._expect = IfAbsent() if found is None else IfUnchanged(found)
            if found is not None:
                for chunk in self._store.stream(self._key):
                    self._written.write(chunk)
                self.loc = self._written.tell()

    def _fetch_range(self, start: int, end: int) -> bytes:
        with os_errors(self.path):
            return self._store.get_range(self._key, start, end - start, expect=self._found)

    def _upload_chunk(self, final: bool = False) -> bool:
        assert self._written is not None
        self._written.write(self.buffer.getbuffer())
        if final and self.autocommit:
            self.commit()
        return True

    def commit(self) -> None:
        """Write the object."""
        assert self._written is not None
        self._written.seek(0)
        try:
            with os_errors(self.path, expect=self._expect):
                self._store.put(self._key, self._written, content_type=self._content_type, expect=self._expect)
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget what was written."""
        if self._written is not None:
            self._written.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self.mode != "rb":
            self.discard()
            self.closed = True
        else:
            self.close()
