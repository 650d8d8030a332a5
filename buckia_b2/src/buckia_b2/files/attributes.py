"""Object attributes: headers, content type and metadata, assigned by key patterns in the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buckia_b2.files.file_info import invalid_metadata_name
from buckia_core.config.object_rules import ObjectAttributes, ObjectRules, parse_object_rules
from buckia_core.config.values import InvalidValue

_HEADERS = {
    "cache_control": "b2-cache-control",
    "content_disposition": "b2-content-disposition",
    "content_encoding": "b2-content-encoding",
    "content_language": "b2-content-language",
    "expires": "b2-expires",
}
"""File info in which B2 keeps each attribute that is a download header."""

ATTRIBUTE_NAMES = (*_HEADERS, "content_type", "metadata")
"""Attributes that B2 supports."""


def parse_objects_setting(value: object) -> ObjectRules:
    """Parse the setting `objects` and check the attributes against B2's rules.

    Raises:
        InvalidValue: B2 does not accept an attribute.
    """
    rules = parse_object_rules(value, names=ATTRIBUTE_NAMES)
    for index, rule in enumerate(rules):
        for name in rule.attributes.metadata:
            problem = invalid_metadata_name(name)
            if problem:
                raise InvalidValue(problem, at=f"[{index}].metadata.{name}")
    return rules


def attribute_headers(attributes: ObjectAttributes) -> dict[str, str]:
    """Build the file info for download headers."""
    return {info: getattr(attributes, name) for name, info in _HEADERS.items() if getattr(attributes, name)}


def attributes_of_file(file: Mapping[str, Any]) -> ObjectAttributes:
    """Return content type and download headers of a file, given as JSON."""
    info = file["fileInfo"] or {}
    found = {name: info[header] for name, header in _HEADERS.items() if header in info}
    return ObjectAttributes(content_type=file["contentType"], **found)
