"""The settings that map local paths onto keys: `paths`, `files`, `folders`, `prefix`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from buckia_core.config.convert import InvalidValue, as_str, as_str_list, as_str_map, invalid_value
from buckia_core.config.frozen import FrozenMapping
from buckia_core.config.locations import suggest
from buckia_core.config.parsers import parse_patterns
from buckia_core.planning.policy import Direction


@dataclass(frozen=True, slots=True)
class PathRule:
    """One local directory, and its place in the bucket.

    Attributes:
        local: As it is written: relative to the directory of the configuration, or absolute.
        remote: Key prefix that it maps onto, with a slash at its end; empty is the bucket's root.
        direction: Which way content travels; `None` is the bucket's.
        include: Patterns as in `.gitignore`, relative to `local`; where there are any, only what one of them
            names takes part.
        exclude: Patterns of what takes no part.
    """

    local: str
    remote: str = ""
    direction: Direction | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def parse_paths(value: object) -> tuple[PathRule, ...]:
    """Read `paths`: a list of which each entry is a path, a mapping with the fields of `PathRule`, or one.

    Raises:
        InvalidValue: An entry is none of these, or two are equal.
    """
    if isinstance(value, str | os.PathLike | PathRule):
        value = [value]
    if not isinstance(value, list | tuple):
        raise invalid_value(value, "a list of paths")
    rules = tuple(_parse_rule(entry, f"[{index}]") for index, entry in enumerate(value))
    seen: dict[tuple[str, str], int] = {}
    for index, rule in enumerate(rules):
        place = (os.path.normpath(rule.local), rule.remote)
        if place in seen:
            raise InvalidValue(f"is the same path as paths[{seen[place]}], {rule.local!r}; remove one", at=f"[{index}]")
        seen[place] = index
    return rules


def parse_files(value: object) -> FrozenMapping[str]:
    """Read `files` and its like: a mapping of local files to keys.

    Raises:
        InvalidValue: It is no mapping of texts, or one of them can't name a file.
    """
    given = {os.fspath(name): key for name, key in value.items()} if isinstance(value, Mapping) else value
    files = {}
    for local, key in as_str_map(given).items():
        if not local or local.endswith(("/", os.sep)):
            raise InvalidValue(f"maps {local!r}, which is not the path of a file", at=f".{local}")
        if not key or key.endswith("/"):
            raise invalid_value(key, "a key, the whole name of a file in the bucket", at=f".{local}")
        files[local] = _check_key(key, at=f".{local}")
    return FrozenMapping(files)


def parse_folders(value: object) -> tuple[str, ...]:
    """Read `folders`: names of folders of the bucket; they come without slashes at their ends.

    Raises:
        InvalidValue: One of them is no clean name.
    """
    names = []
    for index, name in enumerate(as_str_list(value)):
        at = f"[{index}]"
        if not name.rstrip("/"):
            raise invalid_value(name, "the name of a folder in the bucket", at=at)
        names.append(_check_key(name.rstrip("/"), at=at))
    return tuple(dict.fromkeys(names))


def parse_prefix(value: object, *, at: str = "") -> str:
    """Read the name of a directory in the bucket; it comes empty, or with one slash at its end.

    Raises:
        InvalidValue: It is no clean name.
    """
    text = as_str(value, at=at)
    return _check_key(text.removesuffix("/"), at=at) + "/" if text else ""


def _parse_rule(entry: object, at: str) -> PathRule:
    match entry:
        case PathRule():
            given: dict[str, Any] = {name: getattr(entry, name) for name in _FIELDS}
        case str() | os.PathLike():
            given = {"local": os.fspath(entry)}
        case Mapping():
            given = {str(name): each for name, each in entry.items() if each is not None}
        case _:
            raise invalid_value(entry, f"a path, or a mapping of {', '.join(_FIELDS)}", at=at)
    for name in given:
        if name not in _FIELDS:
            raise InvalidValue(f"is not known.{suggest(name, _FIELDS)}", at=f"{at}.{name}", unknown=True)
    if "local" not in given:
        raise InvalidValue("has no 'local', which names the local directory", at=at)
    local = given["local"]
    local = as_str(os.fspath(local) if isinstance(local, os.PathLike) else local, at=f"{at}.local")
    if not local or "\x00" in local:
        raise invalid_value(local, "the path of a directory", at=f"{at}.local")
    return PathRule(
        local=local,
        remote=parse_prefix(given.get("remote", ""), at=f"{at}.remote"),
        direction=_parse_direction(given.get("direction"), at=f"{at}.direction"),
        include=parse_patterns(given.get("include", ()), at=f"{at}.include"),
        exclude=parse_patterns(given.get("exclude", ()), at=f"{at}.exclude"),
    )


_FIELDS = ("local", "remote", "direction", "include", "exclude")


def _parse_direction(value: object, *, at: str) -> Direction | None:
    if value is None or isinstance(value, Direction):
        return value
    for direction in Direction:
        if direction.value == value:
            return direction
    raise invalid_value(value, f"one of {', '.join(each.value for each in Direction)}", at=at)


def _check_key(key: str, *, at: str) -> str:
    if key.startswith("/"):
        raise invalid_value(key, 'a name in the bucket, and those don\'t start with "/"', at=at)
    parts = key.split("/")
    if not all(parts) or "." in parts or ".." in parts or "\x00" in key:
        raise invalid_value(key, 'a name in the bucket without empty parts, "." and ".."', at=at)
    return key


_STRINGS = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}

FILES_SCHEMA = {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}
FOLDERS_SCHEMA = _STRINGS
PATTERNS_SCHEMA = _STRINGS
PATHS_SCHEMA: Mapping[str, Any] = {
    "type": "array",
    "items": {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {
                "type": "object",
                "properties": {
                    "local": {"type": "string", "minLength": 1, "description": "The local directory."},
                    "remote": {"type": "string", "description": "Directory in the bucket; empty is its root."},
                    "direction": {"enum": [direction.value for direction in Direction]},
                    "include": _STRINGS,
                    "exclude": _STRINGS,
                },
                "required": ["local"],
                "additionalProperties": False,
            },
        ]
    },
}
