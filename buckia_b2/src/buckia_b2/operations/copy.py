"""Copies on the server: of one version, by its id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from buckia_b2.api.bucket import Bucket
from buckia_b2.errors import PROVIDER, precondition_failed, understanding
from buckia_b2.files.file_info import from_file
from buckia_b2.files.file_names import check_new_key
from buckia_b2.operations.large_files import LargeFiles
from buckia_b2.operations.write_conflicts import WriteConflictDetector
from buckia_b2.settings import MAX_PART
from buckia_core.adapters.contract.types import Precondition
from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.transfers.sources import part_size_for
from buckia_core.errors import AdapterError, IntegrityError
from buckia_core.planning.manifest import RemoteObject

_PART = 1 << 30
_DOING = "copying"


@dataclass(frozen=True, slots=True)
class Copier:
    """Copies within one bucket.

    Attributes:
        most: The largest file, in bytes, that one request copies; larger ones are copied in parts.
        part: Bytes of such a part.
    """

    bucket: Bucket
    large: LargeFiles
    settler: WriteConflictDetector
    most: int = MAX_PART
    part: int = _PART

    def copy(self, source: RemoteObject, key: str, expect: Precondition | None) -> RemoteObject:
        """See `ServerCopy.copy_file`."""
        self.bucket.whole(key)
        if self.bucket.look(source.key).fingerprint != source.fingerprint:
            raise precondition_failed(source.key)
        return self.copy_version(source.key, source.fingerprint, key, expect)

    def copy_version(self, source: str, file_id: str, key: str, expect: Precondition | None) -> RemoteObject:
        """Copy one version of the key `source` to `key`, with type and file info.

        Raises:
            NotFound: There is no such version.
            PreconditionFailed: What is under `key` is not as expected.
        """
        check_new_key(key)
        whole = self.bucket.whole(key)
        told = self.bucket.by_id(source, file_id)
        with understanding(_DOING, source):
            original = from_file(source, told)
        earlier = self.settler.settle_earlier(key, expect, original.digests)
        if earlier is not None:
            return earlier
        self.bucket.check(key, expect)
        if original.size > self.most:
            return self.settler.settle(self._in_parts(told, original.size, key, whole), expect)
        answer = self.bucket.account.call(
            "copy_file", file_id, whole, doing=_DOING, key=key, **self.bucket.marks.of_copy()
        )
        return self.settler.settle(self._copied(answer, original.size, key), expect)

    def _copied(self, answer: Any, size: int, key: str) -> RemoteObject:
        """Return the object that the answer to a copy tells."""
        with understanding(_DOING, key):
            copied = from_file(key, answer)
        if copied.size != size:
            words = f"{key!r}: the copy has {copied.size} bytes where its source has {size}"
            raise IntegrityError(words, provider=PROVIDER, key=key)
        return copied

    def _in_parts(self, told: dict[str, Any], size: int, key: str, whole: str) -> RemoteObject:
        call = self.bucket.account.call
        begun = call(
            "start_large_file",
            self.bucket.id,
            whole,
            told["contentType"],
            dict(told.get("fileInfo") or {}),
            doing=_DOING,
            key=key,
            **self.bucket.marks.of_file(),
        )
        with understanding(_DOING, key):
            large_id = fields.string(begun, "fileId")
        part = part_size_for(size, self.part)
        marks = self.bucket.marks.of_copied_part()

        def copy(number: int, start: int) -> str:
            stretch = (start, min(start + part, size) - 1)
            answer = call("copy_part", told["fileId"], large_id, number, stretch, doing=_DOING, key=key, **marks)
            with understanding(_DOING, key):
                return fields.string(answer, "contentSha1")

        def parts() -> Iterator[Callable[[], str]]:
            for number, start in enumerate(range(0, size, part), 1):
                yield partial(copy, number, start)

        try:
            sha1s = list(self.large.pieces.run(parts()))
            return self._copied(call("finish_large_file", large_id, sha1s, doing=_DOING, key=key), size, key)
        except BaseException:
            with suppress(AdapterError):
                self.large.cancel(large_id, key)
            raise
