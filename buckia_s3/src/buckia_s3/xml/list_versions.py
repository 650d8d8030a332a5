"""ListObjectVersions: parser for one page."""

from __future__ import annotations

import re
from typing import NamedTuple

from buckia_core.planning.versions import ObjectVersion
from buckia_s3.objects.etags import fingerprint_from_etag
from buckia_s3.xml.list_objects import MAX_SIZE, sort_key
from buckia_s3.xml.reader import MalformedResponse, decode_key, element_text, iter_elements, parse_time_ns

_URL_ENCODED = re.compile(rb"<EncodingType>\s*url\s*</EncodingType>")
# Ceph encodes keys, but echoes parameters of the request unencoded, with characters that are invalid in XML.
_ECHOED = re.compile(rb"<(Prefix|KeyMarker|VersionIdMarker|NextKeyMarker|NextVersionIdMarker)>[^<]*</\1>")


class VersionMarker(NamedTuple):
    """VersionMarker: the version after which a page begins."""

    key: str
    version: str


class VersionPage(NamedTuple):
    """VersionPage: versions with full keys, and the marker of the next page; `None` on the last page."""

    versions: list[ObjectVersion]
    next: VersionMarker | None


def parse_versions(body: bytes) -> VersionPage:
    """Parse a page; sort it by key, then newest version first.

    Raises:
        MalformedResponse: The page is not well-formed, not a listing of versions, or lacks a field.
    """
    url_encoded = _URL_ENCODED.search(body) is not None
    truncated = element_text(body, "IsTruncated").strip()
    if truncated not in ("true", "false"):
        raise MalformedResponse("it does not say whether there are more pages")
    next_marker = VersionMarker(
        decode_key(element_text(body, "NextKeyMarker"), url_encoded=url_encoded),
        element_text(body, "NextVersionIdMarker"),
    )
    try:
        versions = [
            _parse_version(name, fields, url_encoded=url_encoded)
            for name, fields in iter_elements(_ECHOED.sub(b"", body), "ListVersionsResult", ("Version", "DeleteMarker"))
        ]
    except (KeyError, ValueError) as error:
        raise MalformedResponse(f"a version lacks a field, or has an invalid value ({error})") from error
    in_order = sorted(versions, key=lambda each: (sort_key(each.key), not each.latest))
    if in_order != versions:
        # Some servers list delete markers after all versions.
        versions = sorted(versions, key=lambda each: (sort_key(each.key), not each.latest, -each.modified_ns))
    elif versions:
        # The last version is more reliable than the reported marker, whose encoding differs on some servers.
        next_marker = VersionMarker(versions[-1].key, versions[-1].version)
    if truncated == "false":
        return VersionPage(versions, None)
    if not next_marker.key:
        raise MalformedResponse("it does not say where the next page starts")
    return VersionPage(versions, next_marker)


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
