"""What files are given by patterns of their keys: headers of their downloads, a content type, metadata."""

from __future__ import annotations

from buckia_b2.files.file_info import invalid_metadata_name
from buckia_core.config.convert import InvalidValue
from buckia_core.config.object_rules import ObjectAttributes, ObjectRules, parse_object_rules

_HEADERS = {
    "cache_control": "b2-cache-control",
    "content_disposition": "b2-content-disposition",
    "content_encoding": "b2-content-encoding",
    "content_language": "b2-content-language",
    "expires": "b2-expires",
}
"""Attributes that are headers of downloads, and the file info that B2 keeps each in."""

NAMES = (*_HEADERS, "content_type", "metadata")
"""The attributes that B2 has."""


def parse_objects(value: object) -> ObjectRules:
    """Read `objects`, with what B2 takes of each attribute.

    Raises:
        Unsuitable: B2 does not take it.
    """
    rules = parse_object_rules(value, names=NAMES)
    for index, rule in enumerate(rules):
        for name in rule.attributes.metadata:
            problem = invalid_metadata_name(name)
            if problem:
                raise InvalidValue(problem, at=f"[{index}].metadata.{name}")
    return rules


def attribute_headers(attributes: ObjectAttributes) -> dict[str, str]:
    """Return the file info that gives a download its headers."""
    return {info: getattr(attributes, name) for name, info in _HEADERS.items() if getattr(attributes, name)}
