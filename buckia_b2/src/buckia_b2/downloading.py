"""Downloads: one request for most objects, ranges side by side for large ones.

What comes whole is compared with the SHA-1 that B2 tells of it: its own, or that in the info of a large file.
"""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from buckia_b2.account import Authorization
from buckia_b2.bucket import Bucket
from buckia_b2.errors import PROVIDER, not_as_expected, translated
from buckia_b2.names import is_changed_on_the_way
from buckia_b2.objects import from_headers, sha1_of
from buckia_core.adapters.pieces import Pieces
from buckia_core.adapters.ranged import Opened, RangedDownload
from buckia_core.adapters.resuming import Landing
from buckia_core.errors import AdapterError, IntegrityError
from buckia_core.planning.manifest import RemoteObject

_CHUNK = 1 << 18
_UNSATISFIABLE = 416
_PAST_ANY_END = 1 << 60


@dataclass(frozen=True, slots=True)
class Downloader:
    """Downloads from one bucket."""

    bucket: Bucket
    pieces: Pieces

    def download(
        self, key: str, target: Path, expect: RemoteObject | None, start: int, end: int | None
    ) -> RemoteObject:
        """See `BaseSync.download_file`."""
        came = self._ranged.download(key, target, expect, start, end)
        # What comes by one request is compared as it comes.
        if came.complete and came.requests > 1:
            verify(came.found, target)
        return came.found

    def read(self, key: str, expect: RemoteObject | None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync.read_file`."""
        with self.opened(key, expect, 0, None) as opened:
            return opened.found, b"".join(opened.blocks)

    def go_on(self, key: str, landing: Landing, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload.continue_download`."""
        found = self._ranged.go_on(key, landing, expect) or self._look(key, expect)
        verify(found, landing.target)
        return found

    @contextmanager
    def opened(self, key: str, expect: RemoteObject | None, start: int, end: int | None) -> Iterator[Opened]:
        """Open the bytes from `start` up to, not including, `end` of the version that is expected.

        Raises:
            AdapterError: As `BaseSync.open_file`.
        """
        whole = self.bucket.whole(key)
        _ = self.bucket.id
        if end is not None and end <= start:
            yield Opened(self._look(key, expect), iter(()))
            return
        file_id = self.bucket.listed(key, whole)["fileId"] if is_changed_on_the_way(whole) else None
        try:
            response = self._response(key, whole, file_id, start, end)
        except AdapterError as error:
            if error.status != _UNSATISFIABLE:
                raise
            yield Opened(self._look(key, expect), iter(()))
            return
        with closing(response):
            found = from_headers(key, response.headers)
            if expect is not None and found.fingerprint != expect.fingerprint:
                raise not_as_expected(key)
            stop = found.size if end is None else min(end, found.size)
            yield Opened(found, _blocks(response, found, start, stop))

    @contextmanager
    def opened_version(self, key: str, file_id: str) -> Iterator[Iterator[bytes]]:
        """Give the bytes of one version, which is known to be the key's."""
        response = self._response(key, self.bucket.whole(key), file_id, 0, None)
        with closing(response):
            found = from_headers(key, response.headers)
            yield _blocks(response, found, 0, found.size)

    def _response(self, key: str, whole: str, file_id: str | None, start: int, end: int | None) -> Any:
        headers: dict[str, str] = {}
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{(_PAST_ANY_END if end is None else end) - 1}"
        if self.bucket.marks.reading is not None:
            self.bucket.marks.reading.add_to_download_headers(headers)

        def ask(signed: Authorization) -> Any:
            bucket = self.bucket
            url = bucket.file_url(signed, whole) if file_id is None else bucket.id_url(signed, file_id)
            given = {**headers, "Authorization": signed.token}
            return bucket.account.transport.request("GET", url, given, stream=True)

        return self.bucket.account.signed(ask, needs="readFiles", doing="reading", key=key)

    @property
    def _ranged(self) -> RangedDownload:
        return RangedDownload(self.pieces, self.opened)

    def _look(self, key: str, expect: RemoteObject | None) -> RemoteObject:
        """Look at an object of which no bytes are wanted."""
        found = self.bucket.look(key)
        if expect is not None and found.fingerprint != expect.fingerprint:
            raise not_as_expected(key)
        return found


def verify(found: RemoteObject, target: Path) -> None:
    """Compare a whole file that came in ranges with the SHA-1 that B2 tells of it.

    Raises:
        IntegrityError: It is another one.
        OSError: The file can't be read.
    """
    told = sha1_of(found)
    if told is None:
        return
    with target.open("rb") as file:
        came = hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
    if came != told:
        raise _other_bytes(found.key)


def _blocks(response: Any, found: RemoteObject, start: int, stop: int) -> Iterator[bytes]:
    told = sha1_of(found) if (start, stop) == (0, found.size) else None
    sha1 = hashlib.sha1(usedforsecurity=False)
    count, length = 0, max(0, stop - start)
    try:
        while block := response.raw.read(_CHUNK, decode_content=False):
            count += len(block)
            if told is not None:
                sha1.update(block)
            yield block
    except (urllib3.exceptions.HTTPError, requests.RequestException, http.client.HTTPException, OSError) as error:
        raise translated(error, doing="reading", key=found.key, host=urlsplit(response.url).netloc) from error
    if count != length:
        words = f"{count} bytes came where there should be {length}"
        raise IntegrityError(f"{found.key!r}: {words}", provider=PROVIDER, key=found.key)
    if told is not None and sha1.hexdigest() != told:
        raise _other_bytes(found.key)


def _other_bytes(key: str) -> IntegrityError:
    return IntegrityError(f"{key!r}: what came has another SHA-1 than B2 tells of it", provider=PROVIDER, key=key)
