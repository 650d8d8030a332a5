"""Large files: started, gathered part by part, finished or cancelled; and copies (docs, "Large files")."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from .call import Call, Carry
from .encryption import Encryption
from .errors import Refused, bad_request
from .storing import Wanted, keep, new_version
from .versions import FileVersion, Part

PARTS_LIMIT: Final = 10_000
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d+)")


def _start_large_file(call: Call) -> dict[str, Any]:
    bucket = call.bucket("writeFiles", call.params.text("fileName"))
    call.params.text("contentType")
    wanted = Wanted.from_params(call.params, call.account.now())
    version = new_version(call.account, bucket, call.key, wanted, "start")
    keep(call.account, bucket, version)
    return bucket.file_as_json(version, call.key, call.version)


def _list_parts(call: Call) -> dict[str, Any]:
    large = call.unfinished("writeFiles")
    start = call.params.number("startPartNumber", 1, 1, PARTS_LIMIT)
    count = call.params.number("maxPartCount", 100, 1, 1000)
    numbers = [number for number in sorted(large.parts) if number >= start]
    return {
        "parts": [part_as_json(large, number, large.parts[number]) for number in numbers[:count]],
        "nextPartNumber": numbers[count] if len(numbers) > count else None,
    }


def _list_unfinished_large_files(call: Call) -> dict[str, Any]:
    prefix = call.params.text_or_none("namePrefix") or ""
    bucket = call.bucket("listFiles", prefix)
    start, count = call.params.text_or_none("startFileId") or "", call.params.number("maxFileCount", 100, 1, 100)
    found = sorted(
        (one for one in bucket.versions if one.action == "start" and one.name.startswith(prefix)),
        key=lambda one: one.file_id,
    )
    found = [one for one in found if one.file_id >= start]
    return {
        "files": [bucket.file_as_json(one, call.key, call.version) for one in found[:count]],
        "nextFileId": found[count].file_id if len(found) > count else None,
    }


def _finish_large_file(call: Call) -> dict[str, Any]:
    """Make one file of the parts. Codes: b2sdk `MissingPart`, `PartSha1Mismatch`."""
    large = call.unfinished("writeFiles")
    sha1s = call.params.texts("partSha1Array") or []
    if len(sha1s) < 2:
        raise bad_request("large files must have at least 2 parts")
    numbers = range(1, len(sha1s) + 1)
    for number, sha1 in zip(numbers, sha1s, strict=True):
        part = large.parts.get(number)
        if part is None:
            raise Refused(400, "missing_part", f"Part number {number} has not been uploaded")
        if part.sha1.removeprefix("unverified:") != sha1:
            raise Refused(400, "part_sha1_mismatch", f"Sha1 of part number {number} does not match")
    if set(large.parts) - set(numbers):
        raise bad_request("partSha1Array has fewer parts than were uploaded")
    smallest = call.account.settings.minimum_part_size
    for number in numbers[:-1]:
        if len(large.parts[number].data) < smallest:
            raise bad_request(f"Part number {number} is smaller than {smallest} bytes")
    large.data = b"".join(large.parts[number].data for number in numbers)
    large.sha1, large.action = "none", "upload"
    large.parts.clear()
    return call.bucket_of(large).file_as_json(large, call.key, call.version)


def _cancel_large_file(call: Call) -> dict[str, Any]:
    large = call.unfinished("writeFiles")
    call.bucket_of(large).versions.remove(large)
    del call.account.files[large.file_id]
    call.account.bytes_stored -= sum(len(part.data) for part in large.parts.values())
    return {
        "accountId": call.account.account_id,
        "bucketId": large.bucket_id,
        "fileId": large.file_id,
        "fileName": large.name,
    }


def _copy_part(call: Call) -> dict[str, Any]:
    source, large = call.source(), call.unfinished("writeFiles", field="largeFileId")
    number = call.params.number("partNumber", 0, 1, PARTS_LIMIT)
    if large.encryption.mode == "SSE-C":
        large.encryption.check_readable_with(
            Encryption.from_json(call.params.mapping("destinationServerSideEncryption"))
        )
    data, _ = _copied(call, source)
    call.account.check_storage(len(data))
    old = large.parts.get(number)
    call.account.bytes_stored += len(data) - (len(old.data) if old else 0)
    part = Part(data, _sha1(data), hashlib.md5(data, usedforsecurity=False).hexdigest(), call.account.next_timestamp())
    large.parts[number] = part
    return part_as_json(large, number, part)


def _copy_file(call: Call) -> dict[str, Any]:
    """Copy a file or a range of it. The response's action is `copy`, lists say `upload` (b2sdk `raw_simulator`)."""
    source = call.source()
    field = "destinationBucketId" if "destinationBucketId" in call.params else None
    bucket = call.bucket("writeFiles", field=field) if field else call.bucket_of(source)
    call.key.demand("writeFiles", bucket.bucket_id, call.params.text("fileName"))
    directive = call.params.text_or_none("metadataDirective") or "COPY"
    has_metadata = "contentType" in call.params or "fileInfo" in call.params
    if directive not in {"COPY", "REPLACE"} or (directive == "COPY" and has_metadata):
        raise bad_request("contentType and fileInfo go with metadataDirective REPLACE only")
    wanted = Wanted.from_params(call.params, call.account.now(), encryption_field="destinationServerSideEncryption")
    version = new_version(call.account, bucket, call.key, wanted, "upload")
    if directive == "COPY":
        version.content_type, version.info = source.content_type, dict(source.info)
    else:
        call.params.text("contentType")
    version.data, is_whole = _copied(call, source)
    version.sha1, version.md5 = (source.sha1, source.md5) if is_whole else (_sha1(version.data), None)
    keep(call.account, bucket, version)
    return {**bucket.file_as_json(version, call.key, call.version), "action": "copy"}


def _copied(call: Call, source: FileVersion) -> tuple[bytes, bool]:
    """Return the bytes that a copy gets, and whether these are all."""
    source.encryption.check_readable_with(Encryption.from_json(call.params.mapping("sourceServerSideEncryption")))
    first, last = 0, len(source.data) - 1
    asked = call.params.text_or_none("range")
    if asked is not None:
        match = _RANGE.fullmatch(asked)
        if match is None:
            raise bad_request(f"Bad range: {asked}")
        first, last = int(match[1]), min(int(match[2]), last)
        if first > last:
            raise Refused(416, "range_not_satisfiable", f"Range {asked} is outside of the file")
    size = last - first + 1
    if size > call.account.settings.maximum_part_size:
        # b2sdk reads the size from this very sentence.
        raise Refused(400, "source_too_large", f"Copy source too big: {size}")
    return source.data[first : last + 1], size == len(source.data)


def part_as_json(large: FileVersion, number: int, part: Part) -> dict[str, Any]:
    """Return a part as it shows in answers and lists."""
    return {
        "contentLength": len(part.data),
        "contentMd5": part.md5,
        "contentSha1": part.sha1,
        "fileId": large.file_id,
        "partNumber": number,
        "serverSideEncryption": large.encryption.as_json(),
        "uploadTimestamp": part.timestamp,
    }


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


CALLS: Final[Mapping[str, Carry]] = {
    "b2_cancel_large_file": _cancel_large_file,
    "b2_copy_file": _copy_file,
    "b2_copy_part": _copy_part,
    "b2_finish_large_file": _finish_large_file,
    "b2_list_parts": _list_parts,
    "b2_list_unfinished_large_files": _list_unfinished_large_files,
    "b2_start_large_file": _start_large_file,
}
