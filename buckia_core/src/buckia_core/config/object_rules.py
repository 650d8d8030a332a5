"""Object rules: the setting `objects`, a list of key patterns with attributes for the objects that match.

    objects:
      - match: "*.html"
        cache_control: no-cache
      - match: [downloads/, "!downloads/index.html"]
        content_disposition: attachment
        metadata: {team: web}

An adapter declares the setting with the attributes that its provider supports:

    objects: ObjectRules = setting(
        help="Headers of objects, by patterns of their keys.",
        default=ObjectRules, parse=partial(parse_object_rules, names=NAMES), schema=object_rules_schema(NAMES),
    )

and calls `settings.objects.attributes_for(key)` for each upload.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from buckia_core.config.parsers import parse_patterns
from buckia_core.config.values import (
    STRING_LIST_SCHEMA,
    STRING_MAP_SCHEMA,
    FrozenMapping,
    InvalidValue,
    as_str,
    as_str_map,
    check_names,
    invalid_value,
)
from buckia_core.planning.gitignore import PatternList


@dataclass(frozen=True, slots=True)
class ObjectAttributes:
    """Attributes of one object; `None` or an empty mapping is unset.

    Attributes:
        cache_control: The header `Cache-Control`.
        content_disposition: The header `Content-Disposition`.
        content_encoding: The header `Content-Encoding`.
        content_language: The header `Content-Language`.
        content_type: MIME type.
        expires: The header `Expires`, as an HTTP date.
        storage_class: Name of a storage class, as the provider calls it.
        acl: Name of a canned ACL, as the provider calls it.
        website_redirect: Target of the redirect that a website sends for the object.
        tags: Tags, by name.
        metadata: User metadata, by name in lower case.
    """

    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_type: str | None = None
    expires: str | None = None
    storage_class: str | None = None
    acl: str | None = None
    website_redirect: str | None = None
    tags: Mapping[str, str] = field(default_factory=FrozenMapping)
    metadata: Mapping[str, str] = field(default_factory=FrozenMapping)

    def merged_onto(self, base: ObjectAttributes) -> ObjectAttributes:
        """Return the attributes of both; these take precedence. Tags and metadata are merged by name."""
        # Called for each upload, and nearly always one of the two is empty.
        if self is _EMPTY or base is _EMPTY:
            return base if self is _EMPTY else self
        both: dict[str, Any] = {name: getattr(self, name) or getattr(base, name) for name in _STRINGS}
        both |= {name: FrozenMapping({**getattr(base, name), **getattr(self, name)}) for name in _MAPS}
        return ObjectAttributes(**both)


_MAPS = ("tags", "metadata")
_STRINGS = tuple(each.name for each in fields(ObjectAttributes) if each.name not in _MAPS)

ATTRIBUTES = (*_STRINGS, *_MAPS)
"""The names of all attributes."""

_EMPTY = ObjectAttributes()


@dataclass(frozen=True, slots=True)
class ObjectRule:
    """Rule: patterns of keys, and the attributes of the objects that match.

    Attributes:
        match: Gitignore patterns of keys without the prefix.
        attributes: Attributes of the objects that match.
    """

    match: tuple[str, ...]
    attributes: ObjectAttributes

    def matches(self, key: str) -> bool:
        """Tell whether a key matches the patterns."""
        return _compiled(self.match).match(key)


@dataclass(frozen=True, slots=True)
class ObjectRules:
    """Ordered rules; later ones take precedence."""

    rules: tuple[ObjectRule, ...] = ()

    def __iter__(self) -> Iterator[ObjectRule]:
        return iter(self.rules)

    def attributes_for(self, key: str) -> ObjectAttributes:
        """Return the merged attributes of all rules that match `key`, which has no prefix."""
        attributes = _EMPTY
        for rule in self.rules:
            if rule.matches(key):
                attributes = rule.attributes.merged_onto(attributes)
        return attributes


def parse_object_rules(value: object, *, names: Collection[str] = ATTRIBUTES) -> ObjectRules:
    """Parse `objects`: a list of mappings, each with `match` and attributes.

    Args:
        value: The given value.
        names: Names of the attributes that the provider supports.

    Raises:
        InvalidValue: An entry has no pattern, an invalid one, no attribute, or one that is not in `names`.
    """
    if isinstance(value, ObjectRules):
        return value
    if not isinstance(value, list | tuple):
        raise invalid_value(value, "a list of mappings, each with 'match' and what is given to the objects that match")
    return ObjectRules(tuple(_parse_rule(entry, names, f"[{index}]") for index, entry in enumerate(value)))


def object_rules_schema(names: Collection[str] = ATTRIBUTES) -> Mapping[str, Any]:
    """Build the JSON Schema of `objects` with these attributes."""
    properties: dict[str, Any] = {
        "match": {**STRING_LIST_SCHEMA, "description": "Patterns, in .gitignore syntax, of keys."}
    }
    for name in names:
        properties[name] = STRING_MAP_SCHEMA if name in _MAPS else {"type": "string", "minLength": 1}
    entry = {"type": "object", "properties": properties, "required": ["match"], "additionalProperties": False}
    return {"type": "array", "items": entry}


def _parse_rule(entry: object, names: Collection[str], at: str) -> ObjectRule:
    if not isinstance(entry, Mapping):
        raise invalid_value(entry, "a mapping with 'match' and what is given to the objects that match", at=at)
    given = {str(name): each for name, each in entry.items() if each is not None}
    known = ("match", *names)
    check_names(given, known, at=at)
    patterns = _parse_match(given.pop("match", ()), at)
    if not given:
        raise InvalidValue("gives nothing to the objects that match; say what, such as cache_control", at=at)
    attributes: dict[str, Any] = {}
    for name, each in given.items():
        attributes[name] = (
            _parse_map(name, each, f"{at}.{name}") if name in _MAPS else _parse_string(name, each, f"{at}.{name}")
        )
    return ObjectRule(patterns, ObjectAttributes(**attributes))


def _parse_match(value: object, at: str) -> tuple[str, ...]:
    patterns = parse_patterns(value, at=f"{at}.match")
    if not patterns:
        raise InvalidValue("has no 'match', which says which objects it is about", at=at)
    return patterns


@lru_cache(maxsize=256)
def _compiled(patterns: tuple[str, ...]) -> PatternList:
    return PatternList(patterns)


_PRINTABLE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_MIME = re.compile(r"[\w.+-]+/[\w.+-]+([\s;].*)?", re.ASCII)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _parse_string(name: str, value: object, at: str) -> str:
    text = as_str(value, at=at)
    if not _PRINTABLE.fullmatch(text):
        raise invalid_value(text, "text that a header can have: printable ASCII, without spaces at its ends", at=at)
    if name == "content_type" and not _MIME.fullmatch(text):
        raise invalid_value(text, "a MIME type such as text/html; charset=utf-8", at=at)
    return _parse_http_date(text, at) if name == "expires" else text


def _parse_map(name: str, value: object, at: str) -> FrozenMapping[str]:
    given = as_str_map(value, at=at)
    if name == "tags":
        return FrozenMapping(given)
    for each in given:
        if not _TOKEN.fullmatch(each):
            raise InvalidValue(
                "can't be the name of metadata: it is made of letters, digits and -_.", at=f"{at}.{each}"
            )
    return FrozenMapping({each.lower(): text for each, text in given.items()})


def _parse_http_date(text: str, at: str) -> str:
    from email.utils import format_datetime, parsedate_to_datetime  # noqa: PLC0415  # slow to import

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            expected = "a time such as 2030-01-31T12:00:00Z or Thu, 31 Jan 2030 12:00:00 GMT"
            raise invalid_value(text, expected, at=at) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return format_datetime(moment.astimezone(UTC), usegmt=True)
