"""Downloads: one request for most objects, ranges side by side for large ones.

What comes whole is compared with the SHA-1 that B2 computed. That in the info of a large file is only claimed: whoever
uploaded it may have taken it from another file.
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

from buckia_b2.api.bucket import Bucket
from buckia_b2.api.session import Authorization
from buckia_b2.errors import PROVIDER, precondition_failed, translate_error, understanding, unexpected_response
from buckia_b2.files.file_info import from_headers, sha1_of
from buckia_b2.files.file_names import is_rewritten_by_proxies
from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.adapters.transfers.ranged_download import RangedDownload, RangeStream
from buckia_core.errors import AdapterError, IntegrityError
from buckia_core.planning.manifest import RemoteObject

_CHUNK = 1 << 18
_DOING = "reading"
_UNSATISFIABLE = 416
_PAST_ANY_END = 1 << 60


@dataclass(frozen=True, slots=True)
class Downloader:
    """Downloads from one bucket."""

    bucket: Bucket
    pieces: PartPool

    def download(
        self, key: str, target: Path, expect: RemoteObject | None, start: int, end: int | None
    ) -> RemoteObject:
        """See `BaseSync.download_file`."""
        came = self._ranged.download(key, target, expect, start, end)
        # What comes by one request is compared as it comes.
        if came.complete and came.request_count > 1:
            _verify(came.object, target)
        return came.object

    def read(self, key: str, expect: RemoteObject | None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync.read_file`."""
        with self.opened(key, expect, 0, None) as opened:
            return opened.object, b"".join(opened.chunks)

    def resume(self, key: str, landing: PartialDownload, expect: RemoteObject) -> RemoteObject:
        """See `ResumableDownload.resume_download`."""
        found = self._ranged.resume(key, landing, expect) or self._look(key, expect)
        _verify(found, landing.target)
        return found

    @contextmanager
    def opened(self, key: str, expect: RemoteObject | None, start: int, end: int | None) -> Iterator[RangeStream]:
        """Open the bytes from `start` up to, not including, `end` of the version that is expected.

        Raises:
            AdapterError: As `BaseSync.open_file`.
        """
        whole = self.bucket.whole(key)
        _ = self.bucket.id
        if end is not None and end <= start:
            yield RangeStream(self._look(key, expect), iter(()))
            return
        file_id = self.bucket.listed(key, whole)["fileId"] if is_rewritten_by_proxies(whole) else None
        try:
            response = self._response(key, whole, file_id, start, end)
        except AdapterError as error:
            if error.status != _UNSATISFIABLE:
                raise
            yield RangeStream(self._look(key, expect), iter(()))
            return
        with closing(response):
            found = self._described(key, response, expect)
            stop = found.size if end is None else min(end, found.size)
            yield RangeStream(found, self._blocks(response, found, start, stop))

    @contextmanager
    def opened_version(self, key: str, file_id: str) -> Iterator[Iterator[bytes]]:
        """Give the bytes of one version, which is known to be the key's."""
        response = self._response(key, self.bucket.whole(key), file_id, 0, None)
        with closing(response):
            found = self._described(key, response, None)
            yield self._blocks(response, found, 0, found.size)

    def _described(self, key: str, response: Any, expect: RemoteObject | None) -> RemoteObject:
        """Return the object that a response is of.

        Raises:
            PreconditionFailed: It is not the expected one.
            AdapterError: The response does not say.
        """
        with understanding(_DOING, key):
            found = from_headers(key, response.headers)
        if expect is not None and (found.fingerprint, found.size) != (expect.fingerprint, expect.size):
            raise precondition_failed(key)
        return found

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
            return bucket.account.transport.request("GET", url, given)

        response = self.bucket.account.signed(ask, needs="readFiles", doing=_DOING, key=key)
        asked = headers.get("Range", "bytes=").removeprefix("bytes=").partition("-")[0]
        if response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0] != asked:
            response.close()
            raise unexpected_response(_DOING, key)
        return response

    def _blocks(self, response: Any, found: RemoteObject, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes of a response, of which one more than there should be is read at most."""
        whole = (start, stop) == (0, found.size)
        sha1 = hashlib.sha1(usedforsecurity=False) if whole and sha1_of(found) is not None else None
        left = max(0, stop - start)
        try:
            while block := response.raw.read(min(_CHUNK, left + 1), decode_content=False):
                left -= len(block)
                if left < 0:
                    break
                if sha1 is not None:
                    sha1.update(block)
                yield block
        except (urllib3.exceptions.HTTPError, requests.RequestException, http.client.HTTPException, OSError) as error:
            raise translate_error(error, doing=_DOING, key=found.key, host=urlsplit(response.url).netloc) from error
        if left:
            words = "fewer" if left > 0 else "more"
            raise IntegrityError(f"{found.key!r}: {words} bytes came than it has", provider=PROVIDER, key=found.key)
        if sha1 is not None and sha1.hexdigest() != sha1_of(found):
            raise _other_bytes(found.key)

    @property
    def _ranged(self) -> RangedDownload:
        return RangedDownload(self.pieces, self.opened)

    def _look(self, key: str, expect: RemoteObject | None) -> RemoteObject:
        """Look at an object of which no bytes are wanted."""
        found = self.bucket.look(key)
        if expect is not None and found.fingerprint != expect.fingerprint:
            raise precondition_failed(key)
        return found


def _verify(found: RemoteObject, target: Path) -> None:
    """Compare a whole file that came in ranges with the SHA-1 that B2 computed.

    Raises:
        IntegrityError: It is another one.
        OSError: The file can't be read.
    """
    computed = sha1_of(found)
    if computed is None:
        return
    with target.open("rb") as file:
        came = hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
    if came != computed:
        raise _other_bytes(found.key)


def _other_bytes(key: str) -> IntegrityError:
    return IntegrityError(f"{key!r}: what came has another SHA-1 than B2 tells of it", provider=PROVIDER, key=key)
