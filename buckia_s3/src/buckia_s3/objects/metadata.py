"""Object metadata: headers to `RemoteObject`, and `UploadInfo` to headers.

Metadata names (sent with the prefix `x-amz-meta-`):

    mtime             modification time of the file, in seconds since 1970 with a fraction, as rclone stores it
    buckia-sha256     SHA-256 of the content, hexadecimal in lower case; other algorithms likewise
    md5chksum         MD5 of the content in base64, as rclone stores it for multipart uploads
    any other         user metadata

The server does not verify these digests, and a client that replaces the content may keep them. So they count as
`digests` of the object only if `md5chksum` equals an ETag that is an MD5, and as `claimed` otherwise.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache

from buckia_core.adapters.content_types import guess_content_type
from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.errors import AdapterError, InvalidKey, NotSupported
from buckia_core.planning.digest import Digest, Digests, merge
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.objects.etags import etag_is_not_md5, fingerprint_from_etag, is_md5, md5_from_etag
from buckia_s3.objects.multipart_etag import possible_digests

META_PREFIX = "x-amz-meta-"
MTIME = "mtime"
DIGEST_PREFIX = "buckia-"
MD5_CHECKSUM = "md5chksum"

MAX_KEY_BYTES = 1024

MAX_DELETES = 1000
"""Keys of one DeleteObjects request at most."""

PROBE_PREFIX = ".buckia-state/probe-"
"""Prefix of the keys of probes, see `operations/probe_objects.py`. Listings hide such keys."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_PLAIN = re.compile(r"(?! )[\x20-\x7e]*(?<! )")
_ENCODED_WORD = re.compile(r"=\?[A-Za-z0-9-]+\?[BbQq]\?[^?]*\?=")
_DIGEST_NAME = re.compile(r"[a-z0-9_]+")
_DIGEST_VALUE = re.compile(r"[0-9A-Za-z+/=_-]{1,200}")
_SECONDS = re.compile(r"-?\d{1,12}(\.\d{1,18})?")
_SIZE = re.compile(r"[0-9]{1,18}")
_MAX_NS = (1 << 63) - 1
"""The last time that fits into 64 bits in nanoseconds; negated, the first one."""


def check_key(key: str, full_key: str, provider: str) -> None:
    """Check that S3 can store a key. `full_key` is the key with the prefix.

    Raises:
        InvalidKey: It is empty, contains a NUL, is not valid UTF-8, or is longer than 1,024 bytes.
    """
    try:
        length = len(full_key.encode())
    except UnicodeEncodeError as error:
        raise InvalidKey(f"{key!r}: the key is not valid UTF-8", provider=provider, key=key) from error
    if not key:
        raise InvalidKey("the key is empty", provider=provider, key=key)
    if "\0" in key:
        raise InvalidKey(f"{key!r}: the key has a NUL character", provider=provider, key=key)
    if length > MAX_KEY_BYTES:
        message = f"the key has {length} bytes with its prefix, S3 takes {MAX_KEY_BYTES}"
        raise InvalidKey(f"{key!r}: {message}", provider=provider, key=key)


def content_length(headers: Mapping[str, str]) -> int | None:
    """Return the Content-Length in bytes; `None` without a valid one. Names of `headers` are in lower case."""
    length = headers.get("content-length", "")
    return int(length) if _SIZE.fullmatch(length) else None


def object_from_headers(
    key: str, headers: Mapping[str, str], *, etag_is_md5: bool, provider: str, size: int | None = None
) -> RemoteObject:
    """Return the object that the response headers of a HEAD or GET describe; names in lower case.

    For a range, the size is that of the full object. `size` is given if it is known already, or if the headers do not
    contain it.

    Raises:
        AdapterError: The size is missing, or both ETag and modification time are.
    """
    # Lookups in a dict are faster than in headers whose names are in any case.
    headers = dict(headers)
    found_size = full_size(headers) if size is None else size
    if found_size is None:
        message = f"{key!r}: the server's response does not say how large it is"
        raise AdapterError(message, provider=provider, key=key)
    modified = parse_last_modified(headers.get("last-modified"))
    try:
        fingerprint = fingerprint_from_etag(headers.get("etag"), found_size, modified)
    except ValueError as error:
        message = f"{key!r}: the server's response can't be used: {error}"
        raise AdapterError(message, provider=provider, key=key) from error
    metadata = {name[len(META_PREFIX) :]: value for name, value in headers.items() if name.startswith(META_PREFIX)}
    return with_metadata(
        RemoteObject(
            key,
            found_size,
            fingerprint,
            modified,
            digests=content_digests(fingerprint, found_size) if etag_is_md5 and not etag_is_not_md5(headers) else (),
            version=parse_version_id(headers.get("x-amz-version-id")),
            content_type=headers.get("content-type"),
        ),
        metadata,
    )


def content_digests(fingerprint: str, size: int) -> Digests:
    """Return the digests that an ETag implies: the MD5, or possible digests of a multipart object."""
    return md5_from_etag(fingerprint) or possible_digests(fingerprint, size)


def with_listed_time(found: RemoteObject, listed: RemoteObject) -> RemoteObject:
    """Return an object with the modification time of its listing: headers contain whole seconds only."""
    same = found.fingerprint == listed.fingerprint and 0 < listed.modified_ns - found.modified_ns < 1_000_000_000
    return found._replace(modified_ns=listed.modified_ns) if same else found


def full_size(headers: Mapping[str, str]) -> int | None:
    """Return the size of the full object from the headers of a HEAD or GET; `None` if they do not contain it."""
    part = headers.get("content-range")
    if part is None:
        return content_length(headers)
    whole = part.rpartition("/")[2].strip()
    return int(whole) if _SIZE.fullmatch(whole) else None


def with_metadata(found: RemoteObject, metadata: Mapping[str, str]) -> RemoteObject:
    """Return the object with modification time, digests and user metadata from `metadata`; names in any case."""
    mtime_ns, others = None, {}
    claimed: Digests = ()
    for name, value in metadata.items():
        name = name.lower()  # noqa: PLW2901  # some servers capitalize names
        if name == MTIME:
            mtime_ns = _parse_mtime(value)
        elif name == MD5_CHECKSUM or name.startswith(DIGEST_PREFIX):
            claimed += _parse_digest(name, value)
        else:
            others[name] = _decode_value(value)
    digests = found.digests
    if any(each in digests for each in claimed if each.algorithm == "md5"):
        # The ETag confirms the stored MD5, so the other digests belong to this content too.
        digests, claimed = merge(claimed, digests), ()
    # `_replace` takes twice as long.
    return RemoteObject(
        found.key,
        found.size,
        found.fingerprint,
        found.modified_ns,
        mtime_ns,
        digests,
        found.version,
        found.content_type,
        others,
        claimed,
    )


def _parse_digest(name: str, value: str) -> Digests:
    """Parse a digest in metadata; return nothing if it is invalid."""
    if name != MD5_CHECKSUM:
        algorithm = name[len(DIGEST_PREFIX) :]
        usable = _DIGEST_NAME.fullmatch(algorithm) and _DIGEST_VALUE.fullmatch(value)
        return (Digest(algorithm, value),) if usable else ()
    try:
        md5 = b64decode(value, validate=True).hex()
    except (binascii.Error, ValueError):
        return ()
    return md5_from_etag(md5)


@lru_cache(maxsize=256)
def parse_last_modified(header: str | None) -> int:
    """Parse `Last-Modified` to nanoseconds since 1970; 0 if invalid."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  # slow to import

    try:
        return int(parsedate_to_datetime(header or "").timestamp()) * 1_000_000_000
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0


def parse_version_id(header: str | None) -> str | None:
    """Return the version id; `None` for `null`, which unversioned buckets send, and without the header."""
    return None if header in (None, "", "null") else header


def choose_content_type(info: UploadInfo, key: str, default: str | None = None) -> str:
    """Return the MIME type of an upload: that of `info`, else by the extension, else `default`."""
    if info.content_type:
        return info.content_type
    guessed = guess_content_type(key)
    return default if default and guessed == "application/octet-stream" else guessed


def encode_metadata(info: UploadInfo, *, provider: str, key: str) -> dict[str, str]:
    """Return the metadata to send, names without `x-amz-meta-`, values in printable ASCII.

    Raises:
        NotSupported: A name is not an HTTP token, or reserved for Buckia.
    """
    kept = {}
    for name, value in info.metadata.items():
        problem = invalid_metadata_name(name)
        if problem:
            raise NotSupported(f"{key!r}: metadata {name!r} {problem}", provider=provider, key=key)
        kept[name.lower()] = _encode_value(value)
    if info.mtime_ns is not None and abs(info.mtime_ns) <= _MAX_NS:
        kept[MTIME] = _format_mtime(info.mtime_ns)
    for digest in info.digests:
        if digest.algorithm == "md5" and is_md5(digest.value):
            kept[MD5_CHECKSUM] = b64encode(bytes.fromhex(digest.value)).decode()
        elif _DIGEST_NAME.fullmatch(digest.algorithm) and _DIGEST_VALUE.fullmatch(digest.value):
            kept[f"{DIGEST_PREFIX}{digest.algorithm}"] = digest.value
    return kept


def invalid_metadata_name(name: str) -> str | None:
    """Return why a metadata name is invalid, as completion of "metadata 'x' "; `None` if it is valid."""
    lower = name.lower()
    if not _TOKEN.fullmatch(lower):
        return "can't be sent: a name is made of letters, digits and !#$%&'*+-.^_`|~"
    if lower in (MTIME, MD5_CHECKSUM) or lower.startswith(DIGEST_PREFIX):
        return f"can't be set: {MTIME!r}, {MD5_CHECKSUM!r} and names that begin with {DIGEST_PREFIX!r} are Buckia's own"
    return None


def _format_mtime(nanoseconds: int) -> str:
    sign = "-" if nanoseconds < 0 else ""
    seconds, fraction = divmod(abs(nanoseconds), 1_000_000_000)
    return f"{sign}{seconds}.{fraction:09d}"


def _parse_mtime(text: str) -> int | None:
    if not _SECONDS.fullmatch(text):
        return None
    seconds, _, fraction = text.removeprefix("-").partition(".")
    nanoseconds = int(seconds) * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))
    if nanoseconds > _MAX_NS:
        return None
    return -nanoseconds if text.startswith("-") else nanoseconds


def _encode_value(value: str) -> str:
    if _PLAIN.fullmatch(value) and not _ENCODED_WORD.search(value):
        return value
    return f"=?UTF-8?B?{b64encode(value.encode()).decode()}?="


def _decode_value(value: str) -> str:
    if not _ENCODED_WORD.search(value):
        return value
    from email.errors import MessageError  # noqa: PLC0415  # slow to import, and rarely needed
    from email.header import decode_header, make_header  # noqa: PLC0415  # as above

    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError, MessageError):
        return value
