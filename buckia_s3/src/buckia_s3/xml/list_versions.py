"""One page of ListObjectVersions."""

from __future__ import annotations

import re
from typing import NamedTuple

from buckia_core.planning.versions import ObjectVersion
from buckia_s3.objects.etags import fingerprint_from_etag
from buckia_s3.xml.list_objects import MAX_SIZE, MalformedResponse, decode_key
from buckia_s3.xml.reader import element_text, iter_elements, parse_time_ns

_URL_ENCODED = re.compile(rb"<EncodingType>\s*url\s*</EncodingType>")
# Ceph encodes keys, but not what it repeats of the request: characters that no XML may have stand there.
_ECHOED = re.compile(rb"<(Prefix|KeyMarker|VersionIdMarker|NextKeyMarker|NextVersionIdMarker)>[^<]*</\1>")


class VersionMarker(NamedTuple):
    """After which version a page begins."""

    key: str
    version: str


class VersionPage(NamedTuple):
    """What a page tells: its versions, keys as they are in the bucket, and where the next one begins."""

    versions: list[ObjectVersion]
    next: VersionMarker | None


def parse_versions(body: bytes) -> VersionPage:
    """Return what a page tells, keys in ascending order, of each key the newest version first.

    Raises:
        MalformedPage: It is not whole, no page of versions, or lacks something.
    """
    url_encoded = _URL_ENCODED.search(body) is not None
    truncated = element_text(body, "IsTruncated").strip()
    if truncated not in ("true", "false"):
        raise MalformedResponse("it does not say whether more follows")
    told = VersionMarker(
        decode_key(element_text(body, "NextKeyMarker"), url_encoded=url_encoded),
        element_text(body, "NextVersionIdMarker"),
    )
    try:
        versions = [
            _parse_version(name, fields, url_encoded=url_encoded)
            for name, fields in iter_elements(_ECHOED.sub(b"", body), "ListVersionsResult", ("Version", "DeleteMarker"))
        ]
    except (KeyError, ValueError) as error:
        raise MalformedResponse(f"a version lacks something, or has what can't be ({error})") from error
    in_order = sorted(versions, key=lambda each: (_sort_key(each.key), not each.latest))
    if in_order != versions:
        # Some servers tell deletions after all versions.
        versions = sorted(versions, key=lambda each: (_sort_key(each.key), not each.latest, -each.modified_ns))
    elif versions:
        # Safer than what is told, which not every server encodes as it says.
        told = VersionMarker(versions[-1].key, versions[-1].version)
    if truncated == "false":
        return VersionPage(versions, None)
    if not told.key:
        raise MalformedResponse("more follows, and it does not say where")
    return VersionPage(versions, told)


def _parse_version(name: str, fields: dict[str, str], *, url_encoded: bool) -> ObjectVersion:
    deleted = name == "DeleteMarker"
    modified = parse_time_ns(fields["LastModified"])
    size = 0 if deleted else int(fields["Size"])
    if not 0 <= size <= MAX_SIZE:
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


def _sort_key(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")
