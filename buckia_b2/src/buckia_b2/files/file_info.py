"""File info: converts between files of B2 and objects of Buckia.

Names of file info, of which B2 keeps ten per file:

    src_last_modified_millis  modification time in milliseconds since 1970, as B2's own tools write it
    large_file_sha1           SHA-1 of a large file, as B2's own tools write it
    buckia-sha256             SHA-256 of the content; other algorithms likewise
    buckia-bound              SHA-1 of the content that the other digests belong to
    any other                 user metadata, except names that begin with `b2-`, which are download headers

The uploader sets the file info and may have copied it from another file. So a digest in file info is a claim:

    B2 computed the SHA-1, and `buckia-bound` equals it    all digests are trusted
    B2 computed the SHA-1                                  only that is trusted, the others are `claimed`
    a large file, for which B2 computes none               all are `claimed`; `large_file_sha1` is a guess: equal
                                                           digests count as equal content where nothing else is
                                                           known, and different ones prove nothing
    anything else                                          all are `claimed`
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_plus

from buckia_b2.errors import PROVIDER
from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.adapters.service import json_fields as fields
from buckia_core.errors import NotSupported
from buckia_core.planning.digest import Digest, Digests
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion

MTIME = "src_last_modified_millis"
LARGE_SHA1 = "large_file_sha1"
DIGEST = "buckia-"
BOUND = f"{DIGEST}bound"

CLAIMED_SHA1 = "sha1?"
"""Algorithm of a SHA-1 that B2 did not compute: a guess, see `planning.digest`."""

_HEADER = "x-bz-info-"
_OWN_HEADERS = "b2-"
_CUSTOMER_KEY_ID = "sse_c_key_id"
_OWN_NAMES = frozenset({MTIME, LARGE_SHA1, _CUSTOMER_KEY_ID})
_NOT_COMPUTED = "none"
_TEXT_OR_NONE = (str, type(None))
_MOST_INFO = 10
_INFO_BYTES = 7000
_MILLISECOND = 1_000_000

_NAME = re.compile(r"[A-Za-z0-9_.`~!#$%^&*'|+-]{1,50}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_MD5 = re.compile(r"[0-9a-f]{32}")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,13}")
_DECIMAL = re.compile(r"[0-9]{1,19}")
_DIGEST = re.compile(rf"{DIGEST}[a-z0-9_]{{1,40}} [0-9a-f]{{16,128}}")
_DIGEST_NAME = re.compile(r"[a-z0-9_]{1,40}")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


def from_file(key: str, file: Mapping[str, Any], *, with_metadata: bool = True) -> RemoteObject:
    """Convert the JSON of a file, from a listing or the response to an upload.

    Without metadata this is faster, and the SHA-1 is the only digest.

    Raises:
        LookupError, TypeError, ValueError: The JSON is malformed.
    """
    file_id, size, at, kind = file["fileId"], file["contentLength"], file["uploadTimestamp"], file["contentType"]
    # Inlines the checks of `json_fields`, since listings call this a million times.
    if type(file_id) is not str or type(size) is not int or type(at) is not int or type(kind) not in _TEXT_OR_NONE:
        raise TypeError(file_id)
    if not (0 <= size <= fields.MAX_INT64 and 0 <= at <= fields.MAX_MILLIS):
        raise ValueError(file_id)
    info, content_sha1 = file["fileInfo"] or {}, file["contentSha1"]
    metadata: dict[str, str] | None = None
    claimed: Digests = ()
    if with_metadata:
        mtime_ns, digests, claimed, metadata = _read_info(info, content_sha1)
    else:
        mtime_ns, digests = _mtime(info.get(MTIME, "")), _sha1(content_sha1, info)
    if not digests and file.get("contentMd5") is not None and _MD5.fullmatch(file["contentMd5"]):
        digests = (Digest("md5", file["contentMd5"]),)
    return RemoteObject(
        key,
        size,
        file_id,
        at * _MILLISECOND,
        mtime_ns,
        digests,
        file_id,
        kind,
        metadata,
        claimed,
    )


def from_headers(key: str, headers: Mapping[str, str]) -> RemoteObject:
    """Convert the headers of a download. For a range, the size is that of the whole object.

    Raises:
        LookupError, ValueError: The headers are malformed.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    info = {
        name.removeprefix(_HEADER): unquote_plus(value) for name, value in lower.items() if name.startswith(_HEADER)
    }
    mtime_ns, digests, claimed, metadata = _read_info(info, lower.get("x-bz-content-sha1"))
    size = lower["content-range"].rpartition("/")[2] if "content-range" in lower else lower["content-length"]
    return RemoteObject(
        key=key,
        size=_decimal(size, fields.MAX_INT64),
        fingerprint=lower["x-bz-file-id"],
        modified_ns=_decimal(lower["x-bz-upload-timestamp"], fields.MAX_INT64 // _MILLISECOND) * _MILLISECOND,
        mtime_ns=mtime_ns,
        digests=digests,
        version=lower["x-bz-file-id"],
        content_type=lower.get("content-type"),
        metadata=metadata,
        claimed=claimed,
    )


def version_from_file(key: str, file: Mapping[str, Any], *, latest: bool) -> ObjectVersion:
    """Convert the JSON of a file or a hide marker into a version. Raises the same errors as `from_file`."""
    file_id, modified_ns = fields.string(file, "fileId"), fields.millis(file, "uploadTimestamp") * _MILLISECOND
    if file["action"] == "hide":
        return ObjectVersion(key, file_id, modified_ns, latest, deleted=True)
    size = fields.number(file, "contentLength")
    return ObjectVersion(key, file_id, modified_ns, latest, size=size, fingerprint=file_id)


def computed_sha1(found: RemoteObject) -> str | None:
    """Return the SHA-1 that B2 computed for an object; `None` without one."""
    return next((digest.value for digest in found.digests if digest.algorithm == "sha1"), None)


def build_file_info(info: UploadInfo, headers: Mapping[str, str], *, key: str, large: bool) -> dict[str, str]:
    """Build the file info of an upload. Digests are omitted where they exceed B2's limits.

    Args:
        info: Metadata and digests of the upload.
        headers: File info for download headers.
        key: Object, for error messages.
        large: Whether the upload has parts: the file info then includes the SHA-1.

    Raises:
        NotSupported: B2 can't keep the metadata: an invalid name, too many entries, or too many bytes.
    """
    kept = dict(headers)
    for name, value in info.metadata.items():
        problem = invalid_metadata_name(name)
        if problem:
            raise NotSupported(f"{key!r}: metadata {name!r} {problem}", provider=PROVIDER, key=key)
        kept[name.lower()] = value
    if info.mtime_ns is not None and abs(info.mtime_ns) <= fields.MAX_INT64:
        kept[MTIME] = str(info.mtime_ns // _MILLISECOND)
    digests = dict(_digest_info(info.digests, large=large))
    bound = next((digest.value for digest in info.digests if digest.algorithm == "sha1"), None)
    if digests and bound is not None and not large:
        digests[BOUND] = bound
    if len(kept) + len(digests) > _MOST_INFO or _encoded_size(kept | digests) > _INFO_BYTES:
        digests = {name: value for name, value in digests.items() if name == LARGE_SHA1}
    kept |= digests
    if len(kept) > _MOST_INFO:
        message = f"B2 keeps {_MOST_INFO} entries with a file, its times and digests among them; there are {len(kept)}"
        raise NotSupported(f"{key!r}: {message}", provider=PROVIDER, key=key)
    if _encoded_size(kept) > _INFO_BYTES:
        message = f"B2 keeps {_INFO_BYTES} bytes of metadata with a file; there are {_encoded_size(kept)}"
        raise NotSupported(f"{key!r}: {message}", provider=PROVIDER, key=key)
    return kept


def invalid_metadata_name(name: str) -> str | None:
    """Return what is wrong with a metadata name, completing "metadata 'x' "; `None` if it is valid."""
    if not _NAME.fullmatch(name):
        return "can't be sent: a name has 1 to 50 letters, digits and _.`~!#$%^&*'|+-"
    lower = name.lower()
    if lower in (MTIME, LARGE_SHA1, _CUSTOMER_KEY_ID) or lower.startswith((DIGEST, _OWN_HEADERS)):
        return "can't be set: B2 or Buckia has another use for the name"
    return None


def _digest_info(digests: Digests, *, large: bool) -> dict[str, str]:
    kept = {}
    for digest in digests:
        if digest.algorithm == "sha1":
            if large:
                kept[LARGE_SHA1] = digest.value
        elif _DIGEST_NAME.fullmatch(digest.algorithm) and _PRINTABLE.fullmatch(digest.value):
            kept[f"{DIGEST}{digest.algorithm}"] = digest.value
    return kept


def _read_info(
    info: Mapping[str, str], content_sha1: str | None
) -> tuple[int | None, Digests, Digests, dict[str, str]]:
    """Return modification time, trusted digests, claimed digests and user metadata.

    A SHA-1 that B2 calls unverified comes from the uploader, so it is ignored.
    """
    metadata = {}
    digests, claims = _sha1(content_sha1, info), _claims(info)
    for name, value in info.items():
        if type(value) is not str:
            raise TypeError(name)
        if name not in _OWN_NAMES and not name.startswith((DIGEST, _OWN_HEADERS)):
            metadata[name] = value
    if digests and digests[0] == ("sha1", info.get(BOUND)):
        digests, claims = digests + claims, ()
    elif digests and digests[0].algorithm == CLAIMED_SHA1:
        claims = (Digest("sha1", digests[0].value), *claims)
    return _mtime(info.get(MTIME, "")), digests, claims, metadata


def _claims(info: Mapping[str, str]) -> Digests:
    return tuple(
        Digest(name.removeprefix(DIGEST), value)
        for name, value in info.items()
        if name.startswith(DIGEST) and _DIGEST.fullmatch(f"{name} {value}") and name != BOUND
    )


def _sha1(content_sha1: str | None, info: Mapping[str, str]) -> Digests:
    """Return the SHA-1 that B2 computed, or that of a large file as a guess. Raises TypeError for another type."""
    if content_sha1 == _NOT_COMPUTED:
        claimed = info.get(LARGE_SHA1, "")
        return (Digest(CLAIMED_SHA1, claimed),) if _SHA1.fullmatch(claimed) else ()
    return (Digest("sha1", content_sha1),) if content_sha1 and _SHA1.fullmatch(content_sha1) else ()


def _mtime(text: str) -> int | None:
    mtime_ns = int(text) * _MILLISECOND if _WHOLE_NUMBER.fullmatch(text) else None
    return mtime_ns if mtime_ns is not None and abs(mtime_ns) <= fields.MAX_INT64 else None


def _decimal(text: str, maximum: int) -> int:
    """Parse a decimal of at most `maximum`. Raises ValueError."""
    if not _DECIMAL.fullmatch(text) or (number := int(text)) > maximum:
        raise ValueError(text[:30])
    return number


def _encoded_size(info: Mapping[str, str]) -> int:
    return sum(len(name) + len(quote(value, safe="/")) for name, value in info.items())
