"""Large files: begun, sent part by part, finished or cancelled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, BinaryIO

from buckia_b2.api.body import Body, BytesBody, FileRangeBody
from buckia_b2.api.bucket import Bucket
from buckia_b2.api.upload_url_pool import UploadUrlPool
from buckia_b2.errors import PROVIDER, understanding
from buckia_b2.files.file_info import from_file
from buckia_b2.operations.object_spec import ObjectSpec
from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.adapters.transfers.sources import MAX_PARTS, DigestVerifier, iter_file_range, split_parts
from buckia_core.errors import AdapterError, IntegrityError, NotSupported, Transient
from buckia_core.planning.manifest import RemoteObject

_MIB = 1 << 20
_IN_MEMORY = 64 * _MIB
"""Bytes of the parts of a reader that are held at once, two parts at least."""

_LISTING = "listing its parts"


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the server has."""

    size: int
    sha1: str


@dataclass(frozen=True, slots=True)
class LargeFiles:
    """Large files of one bucket."""

    bucket: Bucket
    pieces: PartPool

    def upload_file(self, path: Path, size: int, part_size: int, target: ObjectSpec) -> RemoteObject:
        """Upload a file in parts. What was sent is thrown away on the server if anything fails.

        Raises:
            AdapterError: It failed, or the file is not what its digests say. Nothing was written.
            OSError: The file can't be read.
        """
        check = DigestVerifier(target.info.digests)
        whole, sha1s = digests_of(path, size, part_size, check)
        check.verify(provider=PROVIDER, key=target.key)

        def bodies() -> Iterator[Body]:
            for number, sha1 in enumerate(sha1s):
                start = number * part_size
                yield FileRangeBody(path, start, min(part_size, size - start), key=target.key, sha1=sha1)

        return self._assemble(bodies(), target.with_sha1(whole))

    def upload_reader(self, reader: BinaryIO, part_size: int, target: ObjectSpec) -> RemoteObject:
        """Upload what a reader has left, which is something. Errors are those of `upload_file`."""
        check = DigestVerifier(target.info.digests)

        def bodies() -> Iterator[Body]:
            for number, data in enumerate(split_parts(reader, repeat(part_size))):
                if number == MAX_PARTS:
                    words = f"it is larger than {MAX_PARTS} parts of {part_size} bytes: set a larger part_size"
                    raise NotSupported(f"{target.key!r}: {words}", provider=PROVIDER, key=target.key)
                check.update(data)
                yield BytesBody(data)
            check.verify(provider=PROVIDER, key=target.key)

        return self._assemble(bodies(), target, ahead=max(2, _IN_MEMORY // part_size))

    def begin(self, target: ObjectSpec) -> dict[str, Any]:
        """Begin a large file, and return what B2 tells of it."""
        told: dict[str, Any] = self.bucket.account.call(
            "start_large_file",
            self.bucket.id,
            target.whole,
            target.content_type,
            dict(target.file_info(large=True)),
            doing="writing",
            key=target.key,
            **self.bucket.marks.of_file(),
        )
        with understanding("writing", target.key):
            _ = fields.string(told, "fileId"), fields.millis(told, "uploadTimestamp")
        return told

    def urls(self, file_id: str, key: str) -> UploadUrlPool:
        """Return the addresses that parts go to."""
        account = self.bucket.account
        return UploadUrlPool(account, lambda: account.call("get_upload_part_url", file_id, doing="writing", key=key))

    def send(self, urls: UploadUrlPool, number: int, body: Body, key: str) -> str:
        """Send one part, and return its SHA-1.

        Raises:
            AdapterError: It failed, or the server tells another size or SHA-1 of what it has.
        """
        raw, marks = self.bucket.account.raw, self.bucket.marks.of_part()

        def post(url: str, token: str, sent: object) -> object:
            return raw.upload_part(url, token, number, body.sent_size, body.sha1, sent, **marks)

        answer = urls.send(body, post, key=key, doing="writing")
        with understanding("writing", key):
            stored = _part(answer)
        if stored != (number, Part(body.size, body.digest)):
            words = f"{key!r}: what B2 says that it stored of part {number} is not what was sent"
            raise IntegrityError(words, provider=PROVIDER, key=key)
        return body.digest

    def parts(self, file_id: str, key: str) -> dict[int, Part]:
        """Return the parts that the server has, by number."""
        found: dict[int, Part] = {}
        start: int | None = 1
        while start is not None:
            answer = self.bucket.account.call("list_parts", file_id, start, 1000, doing=_LISTING, key=key)
            with understanding(_LISTING, key):
                found |= dict(_part(each) for each in fields.entries(answer, "parts"))
                following = None if answer["nextPartNumber"] is None else fields.number(answer, "nextPartNumber")
                if following is not None and following <= start:
                    raise ValueError("the next page begins before this one")
            start = following
        return found

    def finish(self, file_id: str, sha1s: Sequence[str], target: ObjectSpec, size: int) -> RemoteObject:
        """Make one file of the parts, which has so many bytes, and return it."""
        try:
            told = self.bucket.account.call("finish_large_file", file_id, list(sha1s), doing="writing", key=target.key)
        except Transient:
            landed = self.landed(file_id, target)
            if landed is None:
                raise
            return landed
        with understanding("writing", target.key):
            written = from_file(target.key, told)
        if (written.fingerprint, written.size) != (file_id, size):
            words = f"{target.key!r}: what B2 says that it made of the parts is not what was sent"
            raise IntegrityError(words, provider=PROVIDER, key=target.key)
        return written

    def landed(self, file_id: str, target: ObjectSpec) -> RemoteObject | None:
        """Return the object, if a large file has become one though nobody heard of it."""
        try:
            found = self.bucket.by_id(target.key, file_id)
            with understanding("writing", target.key):
                return from_file(target.key, found)
        except AdapterError:
            return None

    def cancel(self, file_id: str, key: str) -> None:
        """Throw away the parts. That there is no such unfinished file is no error."""
        try:
            self.bucket.account.call("cancel_large_file", file_id, doing="throwing away its parts", key=key)
        except AdapterError as error:
            if error.status not in (400, 404):
                raise

    def _assemble(self, bodies: Iterator[Body], target: ObjectSpec, *, ahead: int = 8) -> RemoteObject:
        file_id = self.begin(target)["fileId"]
        urls = self.urls(file_id, target.key)
        sizes: list[int] = []

        def sending() -> Iterator[Callable[[], str]]:
            for number, body in enumerate(bodies, 1):
                sizes.append(body.size)
                yield partial(self.send, urls, number, body, target.key)

        try:
            sha1s = list(self.pieces.run(sending(), ahead=ahead))
            return self.finish(file_id, sha1s, target, sum(sizes))
        except BaseException:
            with suppress(AdapterError):
                self.cancel(file_id, target.key)
            raise


def _part(answer: fields.JsonObject) -> tuple[int, Part]:
    """Return the number of a part and what the server tells of it."""
    sha1 = fields.string(answer, "contentSha1")
    return fields.number(answer, "partNumber"), Part(fields.number(answer, "contentLength"), sha1)


def digests_of(path: Path, size: int, part_size: int, check: DigestVerifier) -> tuple[str, list[str]]:
    """Return the SHA-1 of a file, and those of its parts, by one reading that `check` sees too.

    Raises:
        OSError: It can't be read.
        IntegrityError: It is shorter than it was.
    """
    whole, parts = hashlib.sha1(usedforsecurity=False), []
    for start in range(0, size, part_size):
        part = hashlib.sha1(usedforsecurity=False)
        for block in iter_file_range(path, start, min(part_size, size - start)):
            check.update(block)
            whole.update(block)
            part.update(block)
        parts.append(part.hexdigest())
    return whole.hexdigest(), parts
