"""Arguments of the public API: converts and validates them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from buckia_core.config import BucketConfig
from buckia_core.config.bandwidth import BandwidthTimetable
from buckia_core.config.parsers import check_whole_number
from buckia_core.errors import ConfigError, InvalidSetting
from buckia_core.planning.policy import ConflictPolicy, Direction
from buckia_core.planning.safety import DeleteLimit
from buckia_core.syncing.scan.mappings import RunOverrides

if TYPE_CHECKING:
    from buckia_core.planning.mapping import PathMapping
    from buckia_core.planning.scope import Scope
    from buckia_core.syncing.scan.sync_paths import SyncPaths
    from buckia_core.syncing.state.locations import StateFiles

Member = TypeVar("Member", bound=Enum)


def as_overrides(**given: Any) -> RunOverrides:
    """Return the overrides of one run from the arguments of `BuckiaClient.sync` with the same names.

    Raises:
        InvalidSetting: An argument is invalid.
        TypeError: There is no argument of that name.
    """
    given = {name: value for name, value in given.items() if value is not None}
    for name in ("include", "exclude"):
        if name in given:
            given[name] = as_strings(given[name], name)
    if "local_path" in given:
        given["local_path"] = as_path(given["local_path"], "local_path")
    return RunOverrides(
        **given
        | {
            "direction": as_enum(Direction, given.get("direction"), "direction"),
            "conflict": as_enum(ConflictPolicy, given.get("conflict"), "conflict"),
        }
    )


def as_config(value: object) -> BucketConfig:
    """Return the only bucket of a `.buckia` file, or of the nearest such file above a directory.

    Raises:
        InvalidSetting: The value is not a path.
        ConfigError: The file does not exist, is invalid, or has several buckets.
    """
    if not isinstance(value, str | os.PathLike):
        raise InvalidSetting(f"config must be a BucketConfig, or the path of a .buckia file, not {value!r}")
    from buckia_core.config import find, load  # noqa: PLC0415  # loads the YAML parser

    path = as_path(value, "config")
    file = load(find(path) if path.is_dir() else path)
    if len(file.buckets) > 1:
        names = ", ".join(file.buckets)
        raise ConfigError(
            f"it has several buckets ({names}); pass the one you mean: load_config(path).bucket(name)",
            source=str(file.path),
        )
    return next(iter(file.buckets.values()))


def as_path(value: object, name: str) -> Path:
    """Return a path from a string or a path object.

    Raises:
        InvalidSetting: The value has another type, is empty, or has a NUL character.
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or not path:
        raise InvalidSetting(f"{name} must be a path, not {value!r}")
    if "\x00" in path:
        raise InvalidSetting(f"{name} must be a path, and a path has no NUL character: {value!r}")
    return Path(path)


def as_sync_paths(
    values: Iterable[object],
    relative_to: object,
    base: Path,
    mappings: Sequence[PathMapping],
    folders: Scope,
    files: StateFiles,
) -> SyncPaths:
    """Resolve the paths that a run is limited to; see `find_sync_paths`.

    Raises:
        InvalidSetting: The value is not a list of paths, or one of the paths is invalid.
    """
    from buckia_core.syncing.scan.sync_paths import find_sync_paths  # noqa: PLC0415  # most syncs cover everything

    bases = [base] if relative_to is None else [as_path(relative_to, "relative_to"), base]
    return find_sync_paths(as_strings(values, "sync_paths", paths=True), bases, mappings, folders, files)


def as_strings(values: Iterable[object], name: str, *, paths: bool = False) -> tuple[str, ...]:
    """Return the strings of an iterable. A single string is refused, because it would be an iterable of characters.

    Raises:
        InvalidSetting: The value is not an iterable, or has an item that is not a string; with `paths`, nor a path.
    """
    kinds = "strings or paths" if paths else "strings"
    if isinstance(values, str | bytes | os.PathLike):
        raise InvalidSetting(f"{name} must be a list of {kinds}, not {values!r}; write [{values!r}]")
    try:
        items = tuple(values)
    except TypeError:
        raise InvalidSetting(f"{name} must be a list of {kinds}, not {values!r}") from None
    found = tuple(os.fspath(each) if paths and isinstance(each, os.PathLike) else each for each in items)
    if wrong := [each for each in found if not isinstance(each, str)]:
        raise InvalidSetting(f"{name} must be a list of {kinds}, and {wrong[0]!r} is not")
    return tuple(str(each) for each in found)


def as_count(value: int | None, name: str) -> int | None:
    """Return a positive number.

    Raises:
        InvalidSetting: The value is not a positive integer.
    """
    return None if value is None else check_whole_number(value, name)


def as_delete_limit(text: str | int | None) -> DeleteLimit | None:
    """Return a deletion limit from a number or a share such as `10%`.

    Raises:
        InvalidSetting: The value is neither.
    """
    if text is None:
        return None
    try:
        return DeleteLimit.parse(str(text))
    except ValueError as error:
        raise InvalidSetting(f"max_delete: {error}") from error


def as_bandwidth(text: int | str) -> BandwidthTimetable:
    """Return a bandwidth limit from a number or a string such as `4M`, `10M:1M` or a timetable.

    Raises:
        InvalidSetting: The value is neither.
    """
    try:
        return BandwidthTimetable.parse(text)
    except ValueError as error:
        raise InvalidSetting(f"bwlimit must be {error}") from error


def as_enum(kind: type[Member], value: Member | str | None, name: str) -> Member | None:
    """Return a member of an enumeration from a member or its value.

    Raises:
        InvalidSetting: The value is neither.
    """
    if value is None or isinstance(value, kind):
        return value
    try:
        return kind(value)
    except ValueError:
        allowed = ", ".join(str(each.value) for each in kind)
        raise InvalidSetting(f"{name} must be one of {allowed}, not {value!r}") from None
