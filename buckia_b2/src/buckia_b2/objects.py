"""Files of B2 as objects of Buckia, and what is sent along with an upload.

Names of file info, of which B2 keeps ten with a file:

    src_last_modified_millis  modification time of the file, in milliseconds since 1970, as B2's own tools have it
    large_file_sha1           SHA-1 of a large file's content, as B2's own tools have it
    buckia-sha256             SHA-256 of the content; other algorithms likewise
    any other                 user metadata, but for names that begin with `b2-`, which are headers of downloads
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_plus

from buckia_b2.errors import PROVIDER
from buckia_core.adapters.objects import UploadInfo
from buckia_core.errors import NotSupported
from buckia_core.planning.digest import Digest, Digests
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion

MTIME = "src_last_modified_millis"
LARGE_SHA1 = "large_file_sha1"
DIGEST = "buckia-"

_HEADER = "x-bz-info-"
_OWN_HEADERS = "b2-"
_CUSTOMER_KEY_ID = "sse_c_key_id"
_MOST_INFO = 10
_INFO_BYTES = 7000
_MILLISECOND = 1_000_000

_NAME = re.compile(r"[A-Za-z0-9_.`~!#$%^&*'|+-]{1,50}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_WHOLE_NUMBER = re.compile(r"-?\d{1,15}")
_DIGEST_NAME = re.compile(r"[a-z0-9_]{1,40}")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


def from_file(key: str, told: Mapping[str, Any], *, with_metadata: bool = True) -> RemoteObject:
    """Return the object that the JSON of a file tells, in a listing or in the answer to an upload."""
    file_id = told["fileId"]
    mtime_ns, digests, metadata = _read_info(told.get("fileInfo") or {}, told.get("contentSha1"))
    return RemoteObject(
        key,
        int(told.get("contentLength") or 0),
        file_id,
        int(told["uploadTimestamp"]) * _MILLISECOND,
        mtime_ns,
        digests,
        file_id,
        told.get("contentType"),
        metadata if with_metadata else None,
    )


def from_headers(key: str, headers: Mapping[str, str]) -> RemoteObject:
    """Return the object that the headers of a download tell. Of a range, its size is that of the whole."""
    told = {name.lower(): value for name, value in headers.items()}
    of_whole = told.get("content-range", "").rpartition("/")[2]
    info = {name.removeprefix(_HEADER): unquote_plus(value) for name, value in told.items() if name.startswith(_HEADER)}
    mtime_ns, digests, metadata = _read_info(info, told.get("x-bz-content-sha1"))
    return RemoteObject(
        key=key,
        size=int(of_whole if of_whole.isdecimal() else told.get("content-length") or 0),
        fingerprint=told["x-bz-file-id"],
        modified_ns=int(told.get("x-bz-upload-timestamp") or 0) * _MILLISECOND,
        mtime_ns=mtime_ns,
        digests=digests,
        version=told["x-bz-file-id"],
        content_type=told.get("content-type"),
        metadata=metadata,
    )


def version_of(key: str, told: Mapping[str, Any], *, latest: bool) -> ObjectVersion:
    """Return the version that the JSON of a file, or of a marker that hides one, tells."""
    file_id, modified_ns = told["fileId"], int(told["uploadTimestamp"]) * _MILLISECOND
    if told["action"] == "hide":
        return ObjectVersion(key, file_id, modified_ns, latest, deleted=True)
    size = int(told.get("contentLength") or 0)
    return ObjectVersion(key, file_id, modified_ns, latest, size=size, fingerprint=file_id)


def sha1_of(found: RemoteObject) -> str | None:
    """Return the SHA-1 of an object's content, where B2 tells one."""
    return next((digest.value for digest in found.digests if digest.algorithm == "sha1"), None)


def info_of(info: UploadInfo, headers: Mapping[str, str], *, key: str, large: bool) -> dict[str, str]:
    """Return the file info to send. Digests are left out where B2 has no room for them besides the rest.

    Args:
        info: What is told about the upload.
        headers: File info that gives a download its headers.
        key: The object, for errors.
        large: Whether it goes up in parts: then its SHA-1 is part of it.

    Raises:
        NotSupported: B2 can't keep the metadata: a name that it does not take, too many of them, or too long.
    """
    kept = dict(headers)
    for name, value in info.metadata.items():
        problem = problem_of_name(name)
        if problem:
            raise NotSupported(f"{key!r}: metadata {name!r} {problem}", provider=PROVIDER, key=key)
        kept[name.lower()] = value
    if info.mtime_ns is not None:
        kept[MTIME] = str(info.mtime_ns // _MILLISECOND)
    digests = dict(_kept_digests(info.digests, large=large))
    if len(kept) + len(digests) > _MOST_INFO or _bytes_of(kept | digests) > _INFO_BYTES:
        digests = {name: value for name, value in digests.items() if name == LARGE_SHA1}
    kept |= digests
    if len(kept) > _MOST_INFO:
        words = f"B2 keeps {_MOST_INFO} entries with a file, its times and digests among them; there are {len(kept)}"
        raise NotSupported(f"{key!r}: {words}", provider=PROVIDER, key=key)
    if _bytes_of(kept) > _INFO_BYTES:
        words = f"B2 keeps {_INFO_BYTES} bytes of metadata with a file; there are {_bytes_of(kept)}"
        raise NotSupported(f"{key!r}: {words}", provider=PROVIDER, key=key)
    return kept


def problem_of_name(name: str) -> str | None:
    """Return why metadata can't have a name, completing "metadata 'x' "; `None` if it can."""
    if not _NAME.fullmatch(name):
        return "can't be sent: a name has 1 to 50 letters, digits and _.`~!#$%^&*'|+-"
    lower = name.lower()
    if lower in (MTIME, LARGE_SHA1, _CUSTOMER_KEY_ID) or lower.startswith((DIGEST, _OWN_HEADERS)):
        return "can't be set: B2 or Buckia has another use for the name"
    return None


def _kept_digests(digests: Digests, *, large: bool) -> dict[str, str]:
    kept = {}
    for digest in digests:
        if digest.algorithm == "sha1":
            if large:
                kept[LARGE_SHA1] = digest.value
        elif _DIGEST_NAME.fullmatch(digest.algorithm) and _PRINTABLE.fullmatch(digest.value):
            kept[f"{DIGEST}{digest.algorithm}"] = digest.value
    return kept


def _read_info(info: Mapping[str, str], content_sha1: str | None) -> tuple[int | None, Digests, dict[str, str]]:
    """Return the modification time, the digests and the user metadata that file info tells.

    A SHA-1 that B2 calls unverified was told by whoever sent the bytes, so it is not told here.
    """
    mtime_ns, metadata = None, {}
    digests = [Digest("sha1", content_sha1)] if content_sha1 and _SHA1.fullmatch(content_sha1) else []
    for name, value in info.items():
        if name == MTIME:
            mtime_ns = int(value) * _MILLISECOND if _WHOLE_NUMBER.fullmatch(value) else None
        elif name == LARGE_SHA1:
            if not (digests and digests[0].algorithm == "sha1") and _SHA1.fullmatch(value):
                digests.insert(0, Digest("sha1", value))
        elif name.startswith(DIGEST):
            digests.append(Digest(name.removeprefix(DIGEST), value))
        elif name != _CUSTOMER_KEY_ID and not name.startswith(_OWN_HEADERS):
            metadata[name] = value
    return mtime_ns, tuple(digests), metadata


def _bytes_of(info: Mapping[str, str]) -> int:
    return sum(len(name) + len(quote(value, safe="/")) for name, value in info.items())
