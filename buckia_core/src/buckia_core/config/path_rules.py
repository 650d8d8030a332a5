"""Settings that map local paths to keys: `paths`, `files`, `folders`, `prefix`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from buckia_core.config.parsers import parse_patterns
from buckia_core.config.values import (
    STRING_LIST_SCHEMA,
    FrozenMapping,
    InvalidValue,
    as_enum,
    as_str,
    as_str_list,
    as_str_map,
    check_names,
    invalid_value,
)
from buckia_core.planning.policy import Direction


@dataclass(frozen=True, slots=True)
class PathRule:
    """Mapping of one local directory to a key prefix.

    Attributes:
        local: The directory as given: relative to the directory of the configuration, or absolute.
        remote: Key prefix with a trailing slash; empty for the root of the bucket.
        direction: Direction of transfers; `None` for that of the bucket.
        include: Gitignore patterns relative to `local`; if there are any, other files are left out.
        exclude: Gitignore patterns of files to leave out.
    """

    local: str
    remote: str = ""
    direction: Direction | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def parse_paths(value: object) -> tuple[PathRule, ...]:
    """Parse `paths`: a list of paths, `PathRule`s, or mappings with the fields of `PathRule`; or a single one.

    Raises:
        InvalidValue: An entry is invalid, or two entries are equal.
    """
    if isinstance(value, str | os.PathLike | PathRule | Mapping):
        return (_parse_rule(value, ""),)
    if not isinstance(value, list | tuple):
        raise invalid_value(value, "a list of paths")
    rules = tuple(_parse_rule(entry, f"[{index}]") for index, entry in enumerate(value))
    seen: dict[tuple[str, str], int] = {}
    for index, rule in enumerate(rules):
        identity = (os.path.normpath(rule.local), rule.remote)
        if identity in seen:
            raise InvalidValue(
                f"is the same path as paths[{seen[identity]}], {rule.local!r}; remove one", at=f"[{index}]"
            )
        seen[identity] = index
    return rules


def parse_files(value: object) -> FrozenMapping[str]:
    """Parse `files`, `upload_files` or `download_files`: a mapping of local files to keys.

    Raises:
        InvalidValue: The value is not a mapping of strings, or a string can't name a file.
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
    """Parse `folders`: names of folders in the bucket. Trailing slashes are removed.

    Raises:
        InvalidValue: A name is not a normalized key.
    """
    names = []
    for index, name in enumerate(as_str_list(value)):
        at = f"[{index}]"
        if not name.rstrip("/"):
            raise invalid_value(name, "the name of a folder in the bucket", at=at)
        names.append(_check_key(name.rstrip("/"), at=at))
    return tuple(dict.fromkeys(names))


def parse_prefix(value: object, *, at: str = "") -> str:
    """Parse the key prefix of a directory in the bucket; the result is empty or ends in one slash.

    Raises:
        InvalidValue: The value is not a normalized key.
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
    check_names(given, _FIELDS, at=at)
    if "local" not in given:
        raise InvalidValue("has no 'local', which names the local directory", at=at)
    local = given["local"]
    local = as_str(os.fspath(local) if isinstance(local, os.PathLike) else local, at=f"{at}.local")
    if not local or "\x00" in local:
        raise invalid_value(local, "the path of a directory", at=f"{at}.local")
    direction = given.get("direction")
    return PathRule(
        local=local,
        remote=parse_prefix(given.get("remote", ""), at=f"{at}.remote"),
        direction=None if direction is None else as_enum(direction, Direction, at=f"{at}.direction"),
        include=parse_patterns(given.get("include", ()), at=f"{at}.include"),
        exclude=parse_patterns(given.get("exclude", ()), at=f"{at}.exclude"),
    )


_FIELDS = ("local", "remote", "direction", "include", "exclude")


def _check_key(key: str, *, at: str) -> str:
    if key.startswith("/"):
        raise invalid_value(key, 'a name in the bucket, and those don\'t start with "/"', at=at)
    parts = key.split("/")
    if not all(parts) or "." in parts or ".." in parts or "\x00" in key:
        raise invalid_value(key, 'a name in the bucket without empty parts, "." and ".."', at=at)
    return key


FILES_SCHEMA = {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}
_PATH_SCHEMAS: Sequence[Mapping[str, Any]] = (
    {"type": "string", "minLength": 1},
    {
        "type": "object",
        "properties": {
            "local": {"type": "string", "minLength": 1, "description": "The local directory."},
            "remote": {"type": "string", "description": "Directory in the bucket; empty is its root."},
            "direction": {"enum": [direction.value for direction in Direction]},
            "include": STRING_LIST_SCHEMA,
            "exclude": STRING_LIST_SCHEMA,
        },
        "required": ["local"],
        "additionalProperties": False,
    },
)
PATHS_SCHEMA: Mapping[str, Any] = {
    "anyOf": [{"type": "array", "items": {"anyOf": list(_PATH_SCHEMAS)}}, *_PATH_SCHEMAS]
}


def find_shared_key(maps: Mapping[str, Mapping[str, str]]) -> tuple[str, str] | None:
    """Return where two local files of several settings have the same key, and a message; `None` if none have."""
    owners: dict[str, str] = {}
    for setting_name, files in maps.items():
        for local, key in files.items():
            if key in owners:
                return (
                    f"{setting_name}.{local}",
                    f"setting '{setting_name}' maps {local!r} onto {key!r}, which {owners[key]!r} has already; "
                    "remove one",
                )
            owners[key] = local
    return None
