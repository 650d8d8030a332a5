"""One page of ListObjectVersions."""

from __future__ import annotations

import re
from typing import NamedTuple

from buckia_core.planning.versions import ObjectVersion
from buckia_s3.objects.etags import fingerprint_from_etag
from buckia_s3.xml.list_objects import MOST_BYTES, MalformedResponse, decode_key
from buckia_s3.xml.reader import iter_elements, nanoseconds_of, text_of

_URL_ENCODED = re.compile(rb"<EncodingType>\s*url\s*</EncodingType>")
# Ceph encodes keys, but not what it repeats of the request: characters that no XML may have stand there.
_ECHO = re.compile(rb"<(Prefix|KeyMarker|VersionIdMarker|NextKeyMarker|NextVersionIdMarker)>[^<]*</\1>")


class VersionMarker(NamedTuple):
    """After which version a page begins."""

    key: str
    version: str


class Page(NamedTuple):
    """What a page tells: its versions, keys as they are in the bucket, and where the next one begins."""

    versions: list[ObjectVersion]
    next: VersionMarker | None


def parse_versions(body: bytes) -> Page:
    """Return what a page tells, keys in ascending order, of each key the newest version first.

    Raises:
        MalformedPage: It is not whole, no page of versions, or lacks something.
    """
    url_encoded = _URL_ENCODED.search(body) is not None
    truncated = text_of(body, "IsTruncated").strip()
    if truncated not in ("true", "false"):
        raise MalformedResponse("it does not say whether more follows")
    told = VersionMarker(
        decode_key(text_of(body, "NextKeyMarker"), url_encoded=url_encoded), text_of(body, "NextVersionIdMarker")
    )
    try:
        versions = [
            _version(name, fields, url_encoded=url_encoded)
            for name, fields in iter_elements(_ECHO.sub(b"", body), "ListVersionsResult", ("Version", "DeleteMarker"))
        ]
    except (KeyError, ValueError) as error:
        raise MalformedResponse(f"a version lacks something, or has what can't be ({error})") from error
    in_order = sorted(versions, key=lambda each: (_bytes(each.key), not each.latest))
    if in_order != versions:
        # Some servers tell deletions after all versions.
        versions = sorted(versions, key=lambda each: (_bytes(each.key), not each.latest, -each.modified_ns))
    elif versions:
        # Safer than what is told, which not every server encodes as it says.
        told = VersionMarker(versions[-1].key, versions[-1].version)
    if truncated == "false":
        return Page(versions, None)
    if not told.key:
        raise MalformedResponse("more follows, and it does not say where")
    return Page(versions, told)


def _version(name: str, fields: dict[str, str], *, url_encoded: bool) -> ObjectVersion:
    deleted = name == "DeleteMarker"
    modified = nanoseconds_of(fields["LastModified"])
    size = 0 if deleted else int(fields["Size"])
    if not 0 <= size <= MOST_BYTES:
        raise ValueError("its size")
    return ObjectVersion(
        decode_key(fields["Key"], url_encoded=url_encoded),
        fields["VersionId"] or "null",
        modified,
        fields["IsLatest"] == "true",
        deleted,
        size,
        "" if deleted else fingerprint_from_etag(fields.get("ETag"), size, modified),
    )


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")
