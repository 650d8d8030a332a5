"""Downloads: one stream each, of one version, checked against the digest that the service tells."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from buckia_bunny.errors import PROVIDER, error_from_exception
from buckia_bunny.operations.head import ObjectHead
from buckia_bunny.storage.api import StorageApi
from buckia_core.adapters.contract.readers import write_all
from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.errors import AdapterError, IntegrityError
from buckia_core.planning.manifest import RemoteObject

_BLOCK = 1 << 18
_STEP = 16 << 20


class Downloader:
    """Reads objects.

    The service has no condition that a download could go with. So a whole object is known by its digest, which is
    that of the version expected; and of a part, the object is looked at before and after.
    """

    def __init__(self, storage: StorageApi, looker: ObjectHead) -> None:
        self._storage = storage
        self._looker = looker

    def download(
        self, key: str, target: Path, expect: RemoteObject | None, start: int, end: int | None
    ) -> RemoteObject:
        """See `BaseSync.download_file`."""
        with self.opened(key, expect, start, end) as blocks, target.open("wb") as file:
            for block in blocks:
                file.write(block)
            return blocks.object

    def read(self, key: str, expect: RemoteObject | None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync.read_file`."""
        with self.opened(key, expect, 0, None) as blocks:
            return blocks.object, b"".join(blocks)

    def resume(self, key: str, landing: PartialDownload, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload`."""
        at = told = landing.start
        with self.opened(key, expect, at, None) as blocks, landing.target.open("r+b", buffering=0) as file:
            file.seek(at)
            for block in blocks:
                write_all(file, block)
                at += len(block)
                if at - told >= _STEP or at == expect.size:
                    landing.on_progress(at)
                    told = at
            return blocks.object

    @contextmanager
    def opened(self, key: str, expect: RemoteObject | None, start: int, end: int | None) -> Iterator[VerifiedBody]:
        """Give the blocks of an object, or of a part of it. What they are is checked with the last one.

        Raises:
            NotFound, PreconditionFailed, AdapterError: As `BaseSync.open_file`; also while blocks are read.
        """
        whole = start == 0 and end is None
        found = expect if expect is not None and whole else self._looker.expected(key, expect)
        stop = found.size if end is None else min(end, found.size)
        blocks = VerifiedBody(key, found, whole=whole and bool(found.digests), looker=self._looker)
        if start >= stop and not (whole and found.size == 0 and expect is not None):
            yield blocks
            return
        try:
            with self._storage.reading(self._looker.path(key), key, start, None if whole else stop) as response:
                blocks.read_from(response, stop - start)
                yield blocks
        except AdapterError as error:
            if error.status == 416:
                self._looker.expected(key, found)
            raise


class VerifiedBody:
    """The bytes of an answer, block by block. The last step checks that all came, and which version they are of."""

    def __init__(self, key: str, found: RemoteObject, *, whole: bool, looker: ObjectHead) -> None:
        self.object = found
        self._key = key
        self._looker = looker
        self._digest = hashlib.sha256() if whole else None
        self._response: urllib3.BaseHTTPResponse | None = None
        self._size = 0

    def read_from(self, response: urllib3.BaseHTTPResponse, size: int) -> None:
        """Take the bytes from an answer, which should have so many."""
        self._response = response
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        if self._response is None:
            return
        left = self._size
        while block := self._read(left):
            left -= len(block)
            if self._digest is not None:
                self._digest.update(block)
            if left > 0:
                yield block
                continue
            self._check(left)
            yield block
            return
        if left:
            self._check(left)

    def _read(self, left: int) -> bytes:
        """Read a block, of no more than one byte beyond what is left."""
        if self._response is None:
            return b""
        try:
            return self._response.read(min(_BLOCK, left + 1), decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            doing = f"{self._key!r}: downloading it"
            raise error_from_exception(error, doing=doing, host="the storage host", key=self._key) from error

    def _check(self, left: int) -> None:
        """See whether what came is what was expected; `left` bytes are missing, or too many if it is less than none."""
        if self._digest is None:
            self._looker.expected(self._key, self.object)
        elif not left and self._digest.hexdigest() == self.object.digests[0].value:
            return
        else:
            self._looker.expected(self._key, self.object)
            left = left or -1
        if left:
            raise IntegrityError(
                f"{self._key!r}: the bytes that came are not those of the object", provider=PROVIDER, key=self._key
            )
