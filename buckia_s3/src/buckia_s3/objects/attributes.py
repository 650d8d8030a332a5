"""Object attributes: storage class, ACL, tags and content headers, by the settings and the rules in `objects`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlencode

from buckia_core.config.object_rules import ATTRIBUTES, ObjectAttributes, ObjectRules, parse_object_rules
from buckia_core.config.values import FrozenMapping, InvalidValue, as_str_map, invalid_value
from buckia_core.errors import NotSupported
from buckia_s3.objects.metadata import invalid_metadata_name

ACL = "x-amz-acl"
TAGGING = "x-amz-tagging"
STORAGE_CLASS = "x-amz-storage-class"
REDIRECT = "x-amz-website-redirect-location"

_HEADERS = {
    "cache_control": "Cache-Control",
    "content_disposition": "Content-Disposition",
    "content_encoding": "Content-Encoding",
    "content_language": "Content-Language",
    "expires": "Expires",
    "storage_class": STORAGE_CLASS,
    "acl": ACL,
    "website_redirect": REDIRECT,
}

CONTENT_HEADERS = tuple(name for name in _HEADERS.values() if not name.startswith("x-amz-"))
"""Content headers that S3 stores with an object, besides Content-Type."""

NO_ATTRIBUTES = ObjectAttributes()
"""Attributes of an object for which settings and rules say nothing."""

_MAX_TAGS = 10
_MAX_TAG_NAME = 128
_MAX_TAG_VALUE = 256


class CannedAcl(StrEnum):
    """Canned ACL: S3's names for common sets of permissions."""

    PRIVATE = "private"
    PUBLIC_READ = "public-read"
    PUBLIC_READ_WRITE = "public-read-write"
    AUTHENTICATED_READ = "authenticated-read"
    AWS_EXEC_READ = "aws-exec-read"
    BUCKET_OWNER_READ = "bucket-owner-read"
    BUCKET_OWNER_FULL_CONTROL = "bucket-owner-full-control"


def parse_tags(value: object, *, at: str = "") -> FrozenMapping[str]:
    """Parse tags, a mapping of strings.

    Raises:
        InvalidValue: There are too many tags, or a name or value is too long, or a name is reserved for AWS.
    """
    tags = as_str_map(value, at=at)
    if len(tags) > _MAX_TAGS:
        raise InvalidValue(f"has {len(tags)} tags, and S3 takes {_MAX_TAGS}", at=at)
    for name, text in tags.items():
        if not 0 < len(name) <= _MAX_TAG_NAME or name.lower().startswith("aws:"):
            raise InvalidValue(f"must have a name of 1 to {_MAX_TAG_NAME} characters, not aws:…", at=f"{at}.{name}")
        if len(text) > _MAX_TAG_VALUE:
            raise InvalidValue(f"has {len(text)} characters, and S3 takes {_MAX_TAG_VALUE}", at=f"{at}.{name}")
    return FrozenMapping(tags)


def parse_objects_setting(value: object) -> ObjectRules:
    """Parse the setting `objects`, and check each attribute for S3.

    Raises:
        InvalidValue: S3 does not support an attribute or its value.
    """
    rules = parse_object_rules(value, names=ATTRIBUTES)
    for index, rule in enumerate(rules):
        given, at = rule.attributes, f"[{index}]"
        if given.acl is not None and given.acl not in set(CannedAcl):
            raise invalid_value(given.acl, f"one of {', '.join(CannedAcl)}", at=f"{at}.acl")
        if given.website_redirect and not given.website_redirect.startswith(("/", "http://", "https://")):
            raise invalid_value(
                given.website_redirect, "a path that begins with /, or a URL", at=f"{at}.website_redirect"
            )
        parse_tags(given.tags, at=f"{at}.tags")
        for name in given.metadata:
            problem = invalid_metadata_name(name)
            if problem:
                raise InvalidValue(problem, at=f"{at}.metadata.{name}")
    return rules


def attributes_for(
    key: str, *, objects: ObjectRules, storage_class: str | None, acl: str | None, tags: Mapping[str, str]
) -> ObjectAttributes:
    """Return the attributes of an object: those of the rules that match its key, else those for all objects."""
    if not (objects.rules or storage_class or acl or tags):
        return NO_ATTRIBUTES
    return objects.attributes_for(key).merged_onto(ObjectAttributes(storage_class=storage_class, acl=acl, tags=tags))


def attribute_headers(attributes: ObjectAttributes, *, tagging: bool, provider: str, key: str) -> dict[str, str]:
    """Return the headers that set the attributes, except content type and metadata.

    Raises:
        NotSupported: Settings and rules together define more tags than S3 supports.
    """
    if attributes is NO_ATTRIBUTES:
        return {}
    headers = {header: getattr(attributes, name) for name, header in _HEADERS.items() if getattr(attributes, name)}
    if attributes.tags and tagging:
        if len(attributes.tags) > _MAX_TAGS:
            message = f"the settings give it {len(attributes.tags)} tags, and S3 takes {_MAX_TAGS}"
            raise NotSupported(f"{key!r}: {message}", provider=provider, key=key)
        headers[TAGGING] = encode_tags(attributes.tags)
    return headers


def attributes_from_headers(headers: Mapping[str, str]) -> ObjectAttributes:
    """Return content type and content headers from the response to a HEAD; names of headers are in lower case."""
    names = {name: header.lower() for name, header in _HEADERS.items() if header in CONTENT_HEADERS}
    found: dict[str, Any] = {name: headers[header] for name, header in names.items() if header in headers}
    return ObjectAttributes(content_type=headers.get("content-type"), **found)


def encode_tags(tags: Mapping[str, str]) -> str:
    """Encode tags for the header `x-amz-tagging`."""
    return urlencode(tags, quote_via=quote, safe="")
