"""Server-side copies of one version, by its id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from buckia_b2.api.bucket import Bucket
from buckia_b2.errors import PROVIDER, parsing_response, precondition_failed
from buckia_b2.files.attributes import attribute_headers
from buckia_b2.files.file_info import build_file_info, from_file
from buckia_b2.files.file_names import check_new_key
from buckia_b2.operations.large_files import LargeFiles
from buckia_b2.operations.write_conflicts import WriteConflictDetector
from buckia_b2.settings import MAX_PART
from buckia_core.adapters.content_types import guess_content_type
from buckia_core.adapters.contract.types import Precondition, UploadInfo
from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.transfers.sources import part_size_for
from buckia_core.config.object_rules import ObjectAttributes
from buckia_core.errors import AdapterError, IntegrityError, NotSupported
from buckia_core.http.blocking import run_blocking
from buckia_core.planning.digest import Digest, without_tentative
from buckia_core.planning.manifest import RemoteObject

_PART_SIZE = 1 << 30
_ACTION = "copying"


class _Kept(NamedTuple):
    """What a copy has beside its content."""

    content_type: str
    file_info: dict[str, str]


@dataclass(frozen=True, slots=True)
class Copier:
    """Copies objects within one bucket, and from other buckets of the account.

    Attributes:
        max_copy_size: Largest file, in bytes, that one request copies; larger ones are copied in parts.
        part_size: Bytes of each part.
    """

    bucket: Bucket
    large: LargeFiles
    conflicts: WriteConflictDetector
    max_copy_size: int = MAX_PART
    part_size: int = _PART_SIZE

    def copy(self, source: RemoteObject, key: str, expect: Precondition | None) -> RemoteObject:
        """See `ServerCopy.copy_file`."""
        self.bucket.full_key(key)
        if run_blocking(self.bucket.head(source.key)).fingerprint != source.fingerprint:
            raise precondition_failed(source.key)
        return self.copy_version(source.key, source.fingerprint, key, expect)

    def copy_version(self, source: str, file_id: str, key: str, expect: Precondition | None) -> RemoteObject:
        """Copy one version of the key `source` to `key`, with content type and file info.

        Raises:
            NotFound: There is no such version.
            PreconditionFailed: `key` is not in the expected state.
        """
        check_new_key(key)
        full_key = self.bucket.full_key(key)
        file = self.bucket.get_by_id(source, file_id)
        with parsing_response(_ACTION, source):
            original = from_file(source, file)
        earlier = run_blocking(self.conflicts.verify_pending(key, expect, original.digests))
        if earlier is not None:
            return earlier
        run_blocking(self.bucket.check_precondition(key, expect))
        if original.size > self.max_copy_size:
            kept = _Kept(file["contentType"], dict(file.get("fileInfo") or {}))
            copied = self._copy_in_parts(file["fileId"], kept, original.size, key, full_key)
            return run_blocking(self.conflicts.verify(copied, expect))
        response = self.bucket.session.call(
            "copy_file", file_id, full_key, action=_ACTION, key=key, **self.bucket.file_options.for_copy()
        )
        return run_blocking(self.conflicts.verify(self._parse_copy(response, original.size, key), expect))

    def copy_from(
        self, source: RemoteObject, key: str, attributes: ObjectAttributes | None, expect: Precondition | None
    ) -> RemoteObject:
        """Copy one version of another bucket; see `BucketCopy.copy_from`. B2 finds it by its id."""
        check_new_key(key)
        full_key = self.bucket.full_key(key)
        in_parts = source.size > self.max_copy_size
        if in_parts and attributes is None:
            message = f"{key!r}: it is too large for a copy that takes over the attributes of its source"
            raise NotSupported(message, provider=PROVIDER, key=key)
        run_blocking(self.bucket.check_precondition(key, expect))
        kept = None if attributes is None else _kept(source, key, attributes, large=in_parts)
        if in_parts and kept is not None:
            copied = self._copy_in_parts(source.fingerprint, kept, source.size, key, full_key)
            return run_blocking(self.conflicts.verify(copied, expect))
        options = self.bucket.file_options.for_copy() | {"destination_bucket_id": self.bucket.id}
        if kept is not None:
            from b2sdk.v3 import MetadataDirectiveMode  # noqa: PLC0415  # few need it, and it takes time

            options |= {
                "metadata_directive": MetadataDirectiveMode.REPLACE,
                "content_type": kept.content_type,
                "file_info": kept.file_info,
            }
        call = self.bucket.session.call
        response = call("copy_file", source.fingerprint, full_key, action=_ACTION, key=source.key, **options)
        return run_blocking(self.conflicts.verify(self._parse_copy(response, source.size, key), expect))

    def _parse_copy(self, response: Any, size: int, key: str) -> RemoteObject:
        """Parse the response to a copy."""
        with parsing_response(_ACTION, key):
            copied = from_file(key, response)
        if copied.size != size:
            message = f"{key!r}: the copy has {copied.size} bytes where its source has {size}"
            raise IntegrityError(message, provider=PROVIDER, key=key)
        return copied

    def _copy_in_parts(self, file_id: str, kept: _Kept, size: int, key: str, full_key: str) -> RemoteObject:
        call = self.bucket.session.call
        started = call(
            "start_large_file",
            self.bucket.id,
            full_key,
            kept.content_type,
            kept.file_info,
            action=_ACTION,
            key=key,
            **self.bucket.file_options.for_file(),
        )
        with parsing_response(_ACTION, key):
            large_id = fields.string(started, "fileId")
        part_size = part_size_for(size, self.part_size)
        file_options = self.bucket.file_options.for_copied_part()

        def copy(number: int, start: int) -> str:
            byte_range = (start, min(start + part_size, size) - 1)
            response = call("copy_part", file_id, large_id, number, byte_range, action=_ACTION, key=key, **file_options)
            with parsing_response(_ACTION, key):
                return fields.string(response, "contentSha1")

        def copies() -> Iterator[Callable[[], str]]:
            for number, start in enumerate(range(0, size, part_size), 1):
                yield partial(copy, number, start)

        try:
            sha1s = list(self.large.part_pool.run(copies()))
            return self._parse_copy(call("finish_large_file", large_id, sha1s, action=_ACTION, key=key), size, key)
        except BaseException:
            with suppress(AdapterError):
                self.large.cancel(large_id, key)
            raise


def _kept(source: RemoteObject, key: str, attributes: ObjectAttributes, *, large: bool) -> _Kept:
    """Return what a copy has that is told its attributes: these, and the time and the digests of its source."""
    # What its uploader claimed as the SHA-1 of a large source is claimed again of a large copy, and of no other.
    digests = [Digest("sha1", each.value) for each in source.digests if large and each.algorithm == "sha1?"]
    info = UploadInfo(source.mtime_ns, (*digests, *without_tentative(source.digests)), metadata=attributes.metadata)
    headers = attribute_headers(attributes)
    content_type = attributes.content_type or guess_content_type(key)
    return _Kept(content_type, dict(build_file_info(info, headers, key=key, large=large)))
