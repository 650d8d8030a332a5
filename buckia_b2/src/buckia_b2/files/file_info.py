"""Files of B2 as objects of Buckia, and what is sent along with an upload.

Names of file info, of which B2 keeps ten with a file:

    src_last_modified_millis  modification time of the file, in milliseconds since 1970, as B2's own tools have it
    large_file_sha1           SHA-1 of a large file's content, as B2's own tools have it
    buckia-sha256             SHA-256 of the content; other algorithms likewise
    buckia-bound              SHA-1 of the content that the names above were written with
    any other                 user metadata, but for names that begin with `b2-`, which are headers of downloads

Whoever uploads a file says what its file info is, and may have taken it from another file. So a digest in file info is
a claim, and counts as follows:

    B2 computed the SHA-1, and `buckia-bound` is the same    the digests are those of the content
    B2 computed the SHA-1                                    only that is, the others are `claimed`
    a large file, of which B2 computes none                  all are `claimed`; and `large_file_sha1` is a guess: equal
                                                             digests are taken for equal content where nothing else is
                                                             known of it, and other ones say nothing
    anything else                                            all are `claimed`
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
"""The algorithm of a SHA-1 that B2 did not compute: a guess, see `planning.digest`."""

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


def from_file(key: str, told: Mapping[str, Any], *, with_metadata: bool = True) -> RemoteObject:
    """Return the object that the JSON of a file tells, in a listing or in the answer to an upload.

    Without metadata, it is read with fewer steps: of digests, it has the SHA-1 alone.

    Raises:
        LookupError, TypeError, ValueError: It tells none.
    """
    file_id, size, at, kind = told["fileId"], told["contentLength"], told["uploadTimestamp"], told["contentType"]
    # Listings bring a million of these: the checks of `json_fields`, in one place.
    if type(file_id) is not str or type(size) is not int or type(at) is not int or type(kind) not in _TEXT_OR_NONE:
        raise TypeError(file_id)
    if not (0 <= size <= fields.MAX_INT64 and 0 <= at <= fields.MAX_MILLIS):
        raise ValueError(file_id)
    info, content_sha1 = told["fileInfo"] or {}, told["contentSha1"]
    metadata: dict[str, str] | None = None
    claimed: Digests = ()
    if with_metadata:
        mtime_ns, digests, claimed, metadata = _read_info(info, content_sha1)
    else:
        mtime_ns, digests = _mtime(info.get(MTIME, "")), _sha1(content_sha1, info)
    if not digests and told.get("contentMd5") is not None and _MD5.fullmatch(told["contentMd5"]):
        digests = (Digest("md5", told["contentMd5"]),)
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
    """Return the object that the headers of a download tell. Of a range, its size is that of the whole.

    Raises:
        LookupError, ValueError: They tell none.
    """
    told = {name.lower(): value for name, value in headers.items()}
    info = {name.removeprefix(_HEADER): unquote_plus(value) for name, value in told.items() if name.startswith(_HEADER)}
    mtime_ns, digests, claimed, metadata = _read_info(info, told.get("x-bz-content-sha1"))
    size = told["content-range"].rpartition("/")[2] if "content-range" in told else told["content-length"]
    return RemoteObject(
        key=key,
        size=_decimal(size, fields.MAX_INT64),
        fingerprint=told["x-bz-file-id"],
        modified_ns=_decimal(told["x-bz-upload-timestamp"], fields.MAX_INT64 // _MILLISECOND) * _MILLISECOND,
        mtime_ns=mtime_ns,
        digests=digests,
        version=told["x-bz-file-id"],
        content_type=told.get("content-type"),
        metadata=metadata,
        claimed=claimed,
    )


def version_of(key: str, told: Mapping[str, Any], *, latest: bool) -> ObjectVersion:
    """Return the version that the JSON of a file, or of a marker that hides one, tells. Raises as `from_file`."""
    file_id, modified_ns = fields.string(told, "fileId"), fields.millis(told, "uploadTimestamp") * _MILLISECOND
    if told["action"] == "hide":
        return ObjectVersion(key, file_id, modified_ns, latest, deleted=True)
    size = fields.number(told, "contentLength")
    return ObjectVersion(key, file_id, modified_ns, latest, size=size, fingerprint=file_id)


def sha1_of(found: RemoteObject) -> str | None:
    """Return the SHA-1 that B2 computed of an object's content; `None` where it did not."""
    return next((digest.value for digest in found.digests if digest.algorithm == "sha1"), None)


def build_file_info(info: UploadInfo, headers: Mapping[str, str], *, key: str, large: bool) -> dict[str, str]:
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
        problem = invalid_metadata_name(name)
        if problem:
            raise NotSupported(f"{key!r}: metadata {name!r} {problem}", provider=PROVIDER, key=key)
        kept[name.lower()] = value
    if info.mtime_ns is not None and abs(info.mtime_ns) <= fields.MAX_INT64:
        kept[MTIME] = str(info.mtime_ns // _MILLISECOND)
    digests = dict(_kept_digests(info.digests, large=large))
    bound = next((digest.value for digest in info.digests if digest.algorithm == "sha1"), None)
    if digests and bound is not None and not large:
        digests[BOUND] = bound
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


def invalid_metadata_name(name: str) -> str | None:
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


def _read_info(
    info: Mapping[str, str], content_sha1: str | None
) -> tuple[int | None, Digests, Digests, dict[str, str]]:
    """Return the modification time, the digests of the content, those that are claimed, and the user metadata.

    A SHA-1 that B2 calls unverified was told by whoever sent the bytes, so it is not told here.
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
    """Return the SHA-1 that B2 computed, or that of a large file as a guess. Raises TypeError of what is no text."""
    if content_sha1 == _NOT_COMPUTED:
        claimed = info.get(LARGE_SHA1, "")
        return (Digest(CLAIMED_SHA1, claimed),) if _SHA1.fullmatch(claimed) else ()
    return (Digest("sha1", content_sha1),) if content_sha1 and _SHA1.fullmatch(content_sha1) else ()


def _mtime(text: str) -> int | None:
    mtime_ns = int(text) * _MILLISECOND if _WHOLE_NUMBER.fullmatch(text) else None
    return mtime_ns if mtime_ns is not None and abs(mtime_ns) <= fields.MAX_INT64 else None


def _decimal(text: str, most: int) -> int:
    """Raises ValueError."""
    if not _DECIMAL.fullmatch(text) or (number := int(text)) > most:
        raise ValueError(text[:30])
    return number


def _bytes_of(info: Mapping[str, str]) -> int:
    return sum(len(name) + len(quote(value, safe="/")) for name, value in info.items())
