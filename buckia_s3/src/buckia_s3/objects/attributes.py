"""What an object is given besides its bytes: content type, metadata, and headers by settings and patterns."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import quote, urlencode

from buckia_core.config.convert import InvalidValue, as_str_map, invalid_value
from buckia_core.config.frozen import FrozenMapping
from buckia_core.config.object_rules import ATTRIBUTES, ObjectAttributes, ObjectRules, parse_object_rules
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
"""The headers of content that S3 keeps with an object, besides its type."""

_MAX_TAGS = 10
_MAX_TAG_NAME = 128
_MAX_TAG_VALUE = 256


class CannedAcl(StrEnum):
    """Who may read and write an object, by names that S3 has for the usual cases."""

    PRIVATE = "private"
    PUBLIC_READ = "public-read"
    PUBLIC_READ_WRITE = "public-read-write"
    AUTHENTICATED_READ = "authenticated-read"
    AWS_EXEC_READ = "aws-exec-read"
    BUCKET_OWNER_READ = "bucket-owner-read"
    BUCKET_OWNER_FULL_CONTROL = "bucket-owner-full-control"


def parse_tags(value: object, *, at: str = "") -> FrozenMapping[str]:
    """Read the tags of objects, a mapping of texts.

    Raises:
        Unsuitable: S3 does not take them: too many, too long, or of a name that is AWS's own.
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


def parse_objects(value: object) -> ObjectRules:
    """Read `objects`, with what S3 takes of each attribute.

    Raises:
        Unsuitable: S3 does not take it.
    """
    rules = parse_object_rules(value, names=ATTRIBUTES)
    for index, rule in enumerate(rules):
        gives, at = rule.attributes, f"[{index}]"
        if gives.acl is not None and gives.acl not in set(CannedAcl):
            raise invalid_value(gives.acl, f"one of {', '.join(CannedAcl)}", at=f"{at}.acl")
        if gives.website_redirect and not gives.website_redirect.startswith(("/", "http://", "https://")):
            raise invalid_value(
                gives.website_redirect, "a path that begins with /, or a URL", at=f"{at}.website_redirect"
            )
        parse_tags(gives.tags, at=f"{at}.tags")
        for name in gives.metadata:
            problem = invalid_metadata_name(name)
            if problem:
                raise InvalidValue(problem, at=f"{at}.metadata.{name}")
    return rules


def attributes_for(
    key: str, *, objects: ObjectRules, storage_class: str | None, acl: str | None, tags: Mapping[str, str]
) -> ObjectAttributes:
    """Return what an object is given: by the patterns that its key matches, else by the settings for all objects."""
    return objects.attributes_for(key).merged_onto(ObjectAttributes(storage_class=storage_class, acl=acl, tags=tags))


def attribute_headers(attributes: ObjectAttributes, *, tagging: bool, provider: str, key: str) -> dict[str, str]:
    """Return the headers that give an object its attributes, save content type and metadata.

    Raises:
        NotSupported: Settings and patterns together make more tags than S3 takes.
    """
    headers = {header: getattr(attributes, name) for name, header in _HEADERS.items() if getattr(attributes, name)}
    if attributes.tags and tagging:
        if len(attributes.tags) > _MAX_TAGS:
            message = f"the settings give it {len(attributes.tags)} tags, and S3 takes {_MAX_TAGS}"
            raise NotSupported(f"{key!r}: {message}", provider=provider, key=key)
        headers[TAGGING] = encode_tags(attributes.tags)
    return headers


def encode_tags(tags: Mapping[str, str]) -> str:
    """Return tags as the header that carries them has them."""
    return urlencode(tags, quote_via=quote, safe="")
