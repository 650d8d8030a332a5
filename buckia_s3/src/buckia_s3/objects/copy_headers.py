"""Headers of copies: which attributes of the source the server copies, and which have to be sent.

    attribute                              CopyObject                      multipart copy
    -----------------------------------------------------------------------------------------
    content type, Cache-Control, …         copied                          sent
    metadata                               copied                          sent
    tags                                   copied                          fetched and sent
    storage class, website redirect        sent                            sent
    encryption with SSE-KMS                sent                            sent
    ACL                                    by the settings                 by the settings

Storage class, ACL and encryption in the settings take precedence over those of the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from buckia_s3.objects.attributes import ACL, CONTENT_HEADERS, REDIRECT, STORAGE_CLASS
from buckia_s3.objects.encryption import BUCKET_KEY, KMS_KEY, SSE, ServerSideEncryption

_KMS = (ServerSideEncryption.KMS.value, ServerSideEncryption.KMS_DSSE.value)


def copied_headers(
    source: Mapping[str, str], settings_headers: Mapping[str, str], *, encryption_set: bool
) -> dict[str, str]:
    """Return the headers to send with every copy.

    Args:
        source: Response headers of the source, names in lower case.
        settings_headers: Headers that the settings define for the new key.
        encryption_set: Whether the settings define an encryption.
    """
    names = [STORAGE_CLASS, REDIRECT]
    if source.get(SSE) in _KMS and not encryption_set:
        names += [SSE, KMS_KEY, BUCKET_KEY]
    kept = {name: source[name] for name in names if name in source}
    return kept | {name: settings_headers[name] for name in (STORAGE_CLASS, ACL) if name in settings_headers}


def content_headers(source: Mapping[str, str]) -> dict[str, str]:
    """Return the content headers to send with a multipart copy, except Content-Type."""
    return {name: source[name.lower()] for name in CONTENT_HEADERS if name.lower() in source}


def parse_tagging(body: bytes) -> dict[str, str]:
    """Parse the response of GetObjectTagging. Ceph sends an empty body for an object that never had tags.

    Raises:
        ElementTree.ParseError: The body is not XML.
    """
    if not body:
        return {}
    root = ElementTree.fromstring(body)  # noqa: S314  # from the server that has the data
    tags = {}
    for tag in root.iter():
        if tag.tag.rpartition("}")[2] == "Tag":
            fields = {child.tag.rpartition("}")[2]: child.text or "" for child in tag}
            tags[fields.get("Key", "")] = fields.get("Value", "")
    return tags
