"""Settings common to all providers. The settings of a provider are declared in its adapter's package."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from buckia_core.config.convert import STRING_LIST_SCHEMA
from buckia_core.config.frozen import FrozenMapping
from buckia_core.config.parsers import parse_bytes, parse_patterns
from buckia_core.config.path_rules import (
    FILES_SCHEMA,
    PATHS_SCHEMA,
    PathRule,
    parse_files,
    parse_folders,
    parse_paths,
    parse_prefix,
)
from buckia_core.config.setting_fields import setting, setting_fields
from buckia_core.planning.policy import ConflictPolicy, Direction
from buckia_core.planning.safety import DeleteLimit

CHECKSUM_ALGORITHMS = tuple(sorted(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake_")))
"""Algorithms of `hashlib` that exist on every platform and have digests of a fixed length."""


class KeepReplaced(Enum):
    """Policy for objects that a run replaces: which of them are downloaded to the local trash first.

    Attributes:
        AUTO: None if the bucket keeps versions; otherwise all if reading the bucket is free; otherwise only those that
            a user would lose.
        ALWAYS: All of them.
        NEVER: None.
    """

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def _parse_rate(value: object) -> float:
    expected = "a number above 0, such as 20 or 0.5"
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,15}(\.\d{1,15})?(e[+-]?\d{1,2})?", str(value).strip()):
        raise ValueError(expected)
    rate = float(str(value))
    if rate <= 0:
        raise ValueError(expected)
    return rate


def _parse_delete_limit(value: object) -> str:
    expected = "a number of deletions (25) or a share (10%)"
    try:
        return str(DeleteLimit.parse(str(value) if type(value) in (str, int) else ""))
    except ValueError as error:
        raise ValueError(expected) from error


def _parse_algorithm(value: object) -> str:
    if value not in CHECKSUM_ALGORITHMS:
        raise ValueError(f"one of {', '.join(CHECKSUM_ALGORITHMS)}")
    return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonSettings:
    """Common settings. The `help` of each field is its documentation."""

    provider: str = setting(help="Provider of the bucket, such as `file`.", required=True)
    bucket_name: str | None = setting(help="Name of the bucket at the provider.")
    prefix: str = setting(
        help="Directory of the bucket to use as its root; keys outside it are never touched.",
        default="",
        parse=parse_prefix,
        schema={"type": "string"},
    )
    folders: tuple[str, ...] = setting(
        help="Top-level folders of the bucket to sync; all by default.",
        default=(),
        parse=parse_folders,
        schema=STRING_LIST_SCHEMA,
    )
    paths: tuple[PathRule, ...] = setting(
        help="Local directories to sync; only the first one downloads new objects.",
        default=(),
        parse=parse_paths,
        schema=PATHS_SCHEMA,
    )
    files: Mapping[str, str] = setting(
        help="Local files and their keys, synced in both directions.",
        default=FrozenMapping,
        parse=parse_files,
        schema=FILES_SCHEMA,
    )
    upload_files: Mapping[str, str] = setting(
        help="Local files and their keys, uploaded only.",
        default=FrozenMapping,
        parse=parse_files,
        schema=FILES_SCHEMA,
    )
    download_files: Mapping[str, str] = setting(
        help="Local files and their keys, downloaded only.",
        default=FrozenMapping,
        parse=parse_files,
        schema=FILES_SCHEMA,
    )
    direction: Direction | None = setting(help="Direction of transfers; `both` by default.")
    include: tuple[str, ...] = setting(
        help="Sync only files that match these patterns, in `.gitignore` syntax.",
        default=(),
        parse=parse_patterns,
        schema=STRING_LIST_SCHEMA,
    )
    exclude: tuple[str, ...] = setting(
        help="Leave out files that match these patterns, in `.gitignore` syntax.",
        default=(),
        parse=parse_patterns,
        schema=STRING_LIST_SCHEMA,
    )
    default_excludes: bool = setting(
        help="Leave out `.git/`, `.hg/`, `.svn/`, `.DS_Store`, `Thumbs.db` and `desktop.ini`.", default=True
    )
    delete_orphaned: bool | None = setting(
        help="Unset: sync deletions in direction `both` only. `true`: also delete what the source of a one-way path "
        "lacks. `false`: delete nothing from the bucket."
    )
    conflict_resolution: ConflictPolicy | None = setting(
        help="How to resolve conflicts; by default `ask` at a terminal, else `keep_both`."
    )
    keep_replaced: KeepReplaced = setting(
        help="Which objects to download to the local trash before they are replaced or deleted.",
        default=KeepReplaced.AUTO,
    )
    max_delete: str | None = setting(
        help="Refuse a run that would delete more than this on one side: a number, or a share such as `10%`. Default: "
        "more than half and at least 10, or all of at least 3.",
        parse=_parse_delete_limit,
        schema={"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]},
    )
    checksum_algorithm: str = setting(
        help="Digest algorithm for local files.",
        default="sha256",
        parse=_parse_algorithm,
        schema={"enum": list(CHECKSUM_ALGORITHMS)},
    )
    follow_symlinks: bool = setting(help="Sync the targets of symbolic links.", default=False)
    max_workers: int | None = setting(
        help="Maximum concurrent transfers; by default adapted during the run.", minimum=1
    )
    rate_limit: float | None = setting(
        help="Maximum requests per second, including parts, pages and retries; by default the known limit of the "
        "provider.",
        parse=_parse_rate,
        schema={"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]},
    )
    bwlimit: int | None = setting(
        help="Maximum bytes per second, such as `500k` or `4M` (units of 1024).",
        parse=parse_bytes,
        schema={"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]},
    )
    retry_attempts: int = setting(help="Maximum attempts of a request; 1 disables retries.", default=5, minimum=1)
    retry_seconds: float = setting(help="Maximum seconds to retry a request.", default=120.0, minimum=0)


COMMON_SETTING_NAMES = tuple(setting_fields(CommonSettings))
"""Names of the common settings, in order."""
