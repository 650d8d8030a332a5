"""What a copy must be told again of its source, since the server does not take it over by itself.

    of the source                          one request                     in parts
    -----------------------------------------------------------------------------------------
    content type, Cache-Control, …         taken over                      told again
    metadata                               taken over                      told again
    tags                                   taken over                      asked for, told again
    storage class, website redirect        told again                      told again
    encryption with a key of KMS           told again                      told again
    permissions (ACL)                      by the settings                 by the settings

What the settings say of the new key's storage class, permissions and encryption holds over what the source has.
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
    """Return the headers that every copy goes with.

    Args:
        source: The headers that tell of the source, names in lower case.
        settings_headers: What the settings give to the new key.
        encryption_set: Whether the settings say how.
    """
    names = [STORAGE_CLASS, REDIRECT]
    if source.get(SSE) in _KMS and not encryption_set:
        names += [SSE, KMS_KEY, BUCKET_KEY]
    kept = {name: source[name] for name in names if name in source}
    return kept | {name: settings_headers[name] for name in (STORAGE_CLASS, ACL) if name in settings_headers}


def content_headers(source: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of the content, besides its type, that a copy in parts goes with."""
    return {name: source[name.lower()] for name in CONTENT_HEADERS if name.lower() in source}


def parse_tagging(body: bytes) -> dict[str, str]:
    """Return the tags that the answer to `?tagging` tells. Ceph has none to tell of an object that never had any.

    Raises:
        ElementTree.ParseError: It is no XML.
    """
    if not body:
        return {}
    root = ElementTree.fromstring(body)  # noqa: S314  # from the server that has the data anyway
    tags = {}
    for tag in root.iter():
        if tag.tag.rpartition("}")[2] == "Tag":
            fields = {child.tag.rpartition("}")[2]: child.text or "" for child in tag}
            tags[fields.get("Key", "")] = fields.get("Value", "")
    return tags
