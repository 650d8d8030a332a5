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

    `AUTO`: none if the bucket keeps versions; otherwise all if reading the bucket is free; otherwise only those that a
    user would lose. `ALWAYS`: all of them. `NEVER`: none.
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

    provider: str = setting(help="Id of the provider, such as `file`; selects the adapter.", required=True)
    bucket_name: str | None = setting(help="Name of the bucket at the provider.")
    prefix: str = setting(
        help="Key prefix to sync below; keys outside of it are never touched.",
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
        help="Local directories to sync; the first one receives new downloads.",
        default=(),
        parse=parse_paths,
        schema=PATHS_SCHEMA,
    )
    files: Mapping[str, str] = setting(
        help="Local files and their keys, synced both ways.",
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
        help="Patterns, in `.gitignore` syntax, of files to sync; all files by default.",
        default=(),
        parse=parse_patterns,
        schema=STRING_LIST_SCHEMA,
    )
    exclude: tuple[str, ...] = setting(
        help="Patterns, in `.gitignore` syntax, of files to leave out.",
        default=(),
        parse=parse_patterns,
        schema=STRING_LIST_SCHEMA,
    )
    default_excludes: bool = setting(
        help="Whether `.git/`, `.hg/`, `.svn/`, `.DS_Store`, `Thumbs.db` and `desktop.ini` are left out.", default=True
    )
    delete_orphaned: bool | None = setting(
        help="Unset: deletes propagate in `both`, and one-way paths delete nothing. `true`: one-way paths mirror, "
        "deletes included. `false`: nothing is deleted from the bucket."
    )
    conflict_resolution: ConflictPolicy | None = setting(
        help="How conflicts are resolved; by default `ask` at a terminal, else `keep_both`."
    )
    keep_replaced: KeepReplaced = setting(
        help="Which objects are downloaded to the local trash before they are replaced.",
        default=KeepReplaced.AUTO,
    )
    max_delete: str | None = setting(
        help="Refuse a run that would delete more than this on one side: a number, or a share such as `10%`; by "
        "default more than half and at least 10, or all of at least 3.",
        parse=_parse_delete_limit,
        schema={"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]},
    )
    checksum_algorithm: str = setting(
        help="Digest algorithm for local content, recorded at each sync.",
        default="sha256",
        parse=_parse_algorithm,
        schema={"enum": list(CHECKSUM_ALGORITHMS)},
    )
    follow_symlinks: bool = setting(help="Whether symbolic links are followed.", default=False)
    max_workers: int | None = setting(
        help="Maximum concurrent transfers; adapted during the run by default.", minimum=1
    )
    rate_limit: float | None = setting(
        help="Maximum requests per second, including parts, pages and retries; by default what the provider is known "
        "to allow.",
        parse=_parse_rate,
        schema={"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]},
    )
    bwlimit: int | None = setting(
        help="Maximum bytes per second: `500k`, `4M`, in units of 1024.",
        parse=parse_bytes,
        schema={"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]},
    )
    retry_attempts: int = setting(
        help="Maximum attempts of a request, the first one included; 1 disables retries.", default=5, minimum=1
    )
    retry_seconds: float = setting(help="Maximum seconds that a request is retried.", default=120.0, minimum=0)


COMMON_SETTING_NAMES = tuple(setting_fields(CommonSettings))
"""Names of the common settings, in order."""
