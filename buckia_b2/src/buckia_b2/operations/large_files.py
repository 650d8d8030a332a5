"""Large files: started, uploaded in parts, finished or cancelled."""

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
from buckia_b2.errors import PROVIDER, parsing_response
from buckia_b2.files.file_info import from_file
from buckia_b2.operations.object_spec import ObjectSpec
from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.transfers.part_pool import PartPool
from buckia_core.adapters.transfers.sources import MAX_PARTS, DigestVerifier, iter_file_range, split_parts
from buckia_core.errors import AdapterError, IntegrityError, NotSupported, Transient
from buckia_core.http.blocking import run_blocking
from buckia_core.planning.manifest import RemoteObject

_MIB = 1 << 20
_IN_MEMORY = 64 * _MIB
"""Bytes of a reader's parts held in memory; at least two parts."""

_LISTING = "listing its parts"


@dataclass(frozen=True, slots=True)
class Part:
    """Uploaded part."""

    size: int
    sha1: str


@dataclass(frozen=True, slots=True)
class LargeFiles:
    """Large files of one bucket."""

    bucket: Bucket
    part_pool: PartPool

    def upload_file(self, path: Path, size: int, part_size: int, spec: ObjectSpec) -> RemoteObject:
        """Upload a file in parts. On errors, the uploaded parts are cancelled.

        Raises:
            AdapterError: It failed, or the file does not match its digests. Nothing was written.
            OSError: The file can't be read.
        """
        check = DigestVerifier(spec.info.digests)
        file_sha1, sha1s = sha1_in_parts(path, size, part_size, check)
        check.verify(provider=PROVIDER, key=spec.key)

        def bodies() -> Iterator[Body]:
            for number, sha1 in enumerate(sha1s):
                start = number * part_size
                yield FileRangeBody(path, start, min(part_size, size - start), key=spec.key, sha1=sha1)

        return self._assemble(bodies(), spec.with_sha1(file_sha1))

    def upload_reader(self, reader: BinaryIO, part_size: int, spec: ObjectSpec) -> RemoteObject:
        """Upload the rest of a reader, which is not empty. Raises the same errors as `upload_file`."""
        check = DigestVerifier(spec.info.digests)

        def bodies() -> Iterator[Body]:
            for number, data in enumerate(split_parts(reader, repeat(part_size))):
                if number == MAX_PARTS:
                    message = f"it is larger than {MAX_PARTS} parts of {part_size} bytes: set a larger part_size"
                    raise NotSupported(f"{spec.key!r}: {message}", provider=PROVIDER, key=spec.key)
                check.update(data)
                yield BytesBody(data)
            check.verify(provider=PROVIDER, key=spec.key)

        return self._assemble(bodies(), spec, ahead=max(2, _IN_MEMORY // part_size))

    def start(self, spec: ObjectSpec) -> dict[str, Any]:
        """Start a large file and return its JSON."""
        file: dict[str, Any] = self.bucket.session.call(
            "start_large_file",
            self.bucket.id,
            spec.full_key,
            spec.content_type,
            dict(spec.file_info(large=True)),
            action="writing",
            key=spec.key,
            **self.bucket.file_options.for_file(),
        )
        with parsing_response("writing", spec.key):
            _ = fields.string(file, "fileId"), fields.millis(file, "uploadTimestamp")
        return file

    def part_url_pool(self, file_id: str, key: str) -> UploadUrlPool:
        """Return a pool of upload URLs for the parts."""
        session = self.bucket.session
        return UploadUrlPool(
            session, lambda: session.call_async("get_upload_part_url", file_id, action="writing", key=key)
        )

    def send(self, url_pool: UploadUrlPool, number: int, body: Body, key: str) -> str:
        """Upload one part and return its SHA-1.

        Raises:
            AdapterError: It failed, or the server reports another size or SHA-1.
        """
        raw, file_options = self.bucket.session.raw, self.bucket.file_options.for_part()

        async def post(url: str, token: str, sent: object) -> object:
            return await raw.upload_part(url, token, number, body.sent_size, body.sha1, sent, **file_options)

        response = run_blocking(url_pool.send(body, post, key=key, action="writing"))
        with parsing_response("writing", key):
            stored = _part(response)
        if stored != (number, Part(body.size, body.digest)):
            message = f"{key!r}: B2 reports another size or SHA-1 of part {number} than was sent"
            raise IntegrityError(message, provider=PROVIDER, key=key)
        return body.digest

    def parts(self, file_id: str, key: str) -> dict[int, Part]:
        """Return the uploaded parts, by number."""
        found: dict[int, Part] = {}
        start: int | None = 1
        while start is not None:
            response = self.bucket.session.call("list_parts", file_id, start, 1000, action=_LISTING, key=key)
            with parsing_response(_LISTING, key):
                found |= dict(_part(each) for each in fields.entries(response, "parts"))
                following = None if response["nextPartNumber"] is None else fields.number(response, "nextPartNumber")
                if following is not None and following <= start:
                    raise ValueError("the next page starts before this one")
            start = following
        return found

    def finish(self, file_id: str, sha1s: Sequence[str], spec: ObjectSpec, size: int) -> RemoteObject:
        """Finish the large file from its parts and return the object of `size` bytes."""
        try:
            file = self.bucket.session.call("finish_large_file", file_id, list(sha1s), action="writing", key=spec.key)
        except Transient:
            completed = self.find_completed(file_id, spec)
            if completed is None:
                raise
            return completed
        with parsing_response("writing", spec.key):
            written = from_file(spec.key, file)
        if (written.fingerprint, written.size) != (file_id, size):
            message = f"{spec.key!r}: B2 reports another size or id of the finished file than was sent"
            raise IntegrityError(message, provider=PROVIDER, key=spec.key)
        return written

    def find_completed(self, file_id: str, spec: ObjectSpec) -> RemoteObject | None:
        """Return the object if the large file was finished although the response was lost."""
        try:
            found = self.bucket.get_by_id(spec.key, file_id)
            with parsing_response("writing", spec.key):
                return from_file(spec.key, found)
        except AdapterError:
            return None

    def cancel(self, file_id: str, key: str) -> None:
        """Cancel a large file. A missing one is not an error."""
        try:
            self.bucket.session.call("cancel_large_file", file_id, action="cancelling the upload", key=key)
        except AdapterError as error:
            if error.status not in (400, 404):
                raise

    def _assemble(self, bodies: Iterator[Body], spec: ObjectSpec, *, ahead: int = 8) -> RemoteObject:
        file_id = self.start(spec)["fileId"]
        url_pool = self.part_url_pool(file_id, spec.key)
        sizes: list[int] = []

        def part_uploads() -> Iterator[Callable[[], str]]:
            for number, body in enumerate(bodies, 1):
                sizes.append(body.size)
                yield partial(self.send, url_pool, number, body, spec.key)

        try:
            sha1s = list(self.part_pool.run(part_uploads(), ahead=ahead))
            return self.finish(file_id, sha1s, spec, sum(sizes))
        except BaseException:
            with suppress(AdapterError):
                self.cancel(file_id, spec.key)
            raise


def _part(response: fields.JsonObject) -> tuple[int, Part]:
    """Parse the number and description of a part."""
    sha1 = fields.string(response, "contentSha1")
    return fields.number(response, "partNumber"), Part(fields.number(response, "contentLength"), sha1)


def sha1_in_parts(path: Path, size: int, part_size: int, check: DigestVerifier) -> tuple[str, list[str]]:
    """Return the SHA-1 of a file and of its parts in one pass, which also feeds `check`.

    Raises:
        OSError: The file can't be read.
        IntegrityError: The file became shorter.
    """
    whole_file, parts = hashlib.sha1(usedforsecurity=False), []
    for start in range(0, size, part_size):
        part = hashlib.sha1(usedforsecurity=False)
        for chunk in iter_file_range(path, start, min(part_size, size - start)):
            check.update(chunk)
            whole_file.update(chunk)
            part.update(chunk)
        parts.append(part.hexdigest())
    return whole_file.hexdigest(), parts
