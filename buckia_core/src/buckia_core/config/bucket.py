"""`BucketConfig`: the configuration of one bucket. The settings of a provider are declared in its adapter's package."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from pathlib import Path
from typing import Any, Self, TypeVar

from buckia_core.config.app_profile import APP_SCHEMA, AppProfile, parse_app
from buckia_core.config.bandwidth import parse_bwlimit
from buckia_core.config.parsers import parse_patterns, parse_sqlite
from buckia_core.config.path_rules import (
    FILES_SCHEMA,
    PATHS_SCHEMA,
    PathRule,
    find_shared_key,
    parse_files,
    parse_folders,
    parse_paths,
    parse_prefix,
)
from buckia_core.config.secrets.references import PluginStores
from buckia_core.config.settings import GivenValues, read_settings, read_values, setting, setting_fields
from buckia_core.config.share_settings import SHARE_SCHEMA, ShareSettings, parse_share
from buckia_core.config.values import STRING_LIST_SCHEMA, FrozenMapping, HiddenMapping, freeze
from buckia_core.errors import InvalidSetting
from buckia_core.planning.policy import ConflictPolicy, Direction
from buckia_core.planning.safety import DeleteLimit

T = TypeVar("T")

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

    def applies(self, *, loses_data: bool, versions: bool, free_reads: bool) -> bool:
        """Tell whether to download an object.

        Args:
            loses_data: A user wrote this version, and did not delete or replace it.
            versions: The bucket keeps versions.
            free_reads: Downloads from the bucket are free of charge.
        """
        if self is KeepReplaced.AUTO:
            return not versions and (loses_data or free_reads)
        return self is KeepReplaced.ALWAYS


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


# Only a base and a list of fields: making methods that nobody calls would take 1 % of a start.
@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)
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
    sqlite: tuple[str, ...] = setting(
        help="SQLite databases to upload as snapshots even while they look unused, as patterns in `.gitignore` syntax; "
        "`off` treats databases as other files.",
        default=(),
        parse=parse_sqlite,
        schema={"anyOf": [{"const": "off"}, STRING_LIST_SCHEMA]},
    )
    app: AppProfile | None = setting(
        help="Data of an app: the folders of its user and its demo, and its SQLite database.",
        parse=parse_app,
        schema=APP_SCHEMA,
    )
    cache: str | None = setting(help="Directory for `sync --fetch-only`; by default in `.buckia-state`.")
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
    bwlimit: str | None = setting(
        help="Maximum bytes per second (units of 1024): `4M` for both directions together, `10M:1M` for uploads and "
        "downloads, `off`, or a timetable such as `08:00,512k 19:00,10M 23:00,off`.",
        parse=parse_bwlimit,
        schema={"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]},
    )
    retry_attempts: int = setting(help="Maximum attempts of a request; 1 disables retries.", default=5, minimum=1)
    retry_seconds: float = setting(help="Maximum seconds to retry a request.", default=120.0, minimum=0)
    share: ShareSettings | None = setting(
        help="Bucket that `buckia share` copies objects to, who can open them, and for how long.",
        parse=parse_share,
        schema=SHARE_SCHEMA,
    )


COMMON_SETTING_NAMES = tuple(each.name for each in fields(CommonSettings))
"""Names of the common settings, in order."""

_FILE_MAPS = ("files", "upload_files", "download_files")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _BucketFields(CommonSettings):
    name: str
    base_dir: Path
    source: str | None = field(compare=False)
    lines: Mapping[str, int] = field(compare=False)
    settings: Mapping[str, object]
    file_references: frozenset[str] = field(default=frozenset(), compare=False)


class BucketConfig(_BucketFields):
    """Configuration of one bucket. Immutable; `with_changes` returns a changed copy.

        BucketConfig(provider="s3", bucket_name="my-bucket", region="us-west-2")
        BucketConfig(provider="bunny", bucket_name="my-bucket", credentials={"api_key": "env:BUNNY_KEY"})

    The common settings (`CommonSettings`) are attributes and are validated by the constructor. All other settings
    belong to the adapter: they are kept in `settings` and validated by the adapter's settings class. Values have the
    form of a file (`bwlimit="4M"`) or the type of the attribute; `None` counts as not given.

    An instance can be pickled. Secrets among the settings are kept as given, as references or plain strings; they are
    part of a pickle and never part of `repr`. A setting given as a `Secret` can't be pickled.

    Attributes:
        name: Name of the bucket in the file; else `bucket_name`, else `provider`.
        base_dir: Absolute base of relative paths: the directory of the file, or the current directory.
        source: The file that the configuration was read from.
        lines: Line number of each setting in that file, of parts as `paths[0].remote`, of the bucket as "".
        settings: Settings for the adapter by name, including `bucket_name` and `prefix` where they are set.
        file_references: References to secrets in files, of all buckets of the file; see `secret_files`.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        provider: str,
        bucket_name: str | None = None,
        credentials: Mapping[str, object] | None = None,
        name: str | None = None,
        base_dir: Path | str | None = None,
        **settings: Any,
    ) -> None:
        """Create a configuration from common settings and settings of the provider.

        Args:
            provider: The provider's id.
            bucket_name: The bucket's name at the provider.
            credentials: More settings of the provider, by name.
            name: Name of the bucket in messages and commands; `bucket_name` or `provider` by default.
            base_dir: Base of relative paths; the current directory by default.
            **settings: All other settings, common or of the provider.

        Raises:
            InvalidSetting: A common setting has an invalid value.
            UnknownSetting: An entry of `paths` has an unknown field.
        """
        values = {"provider": provider, "bucket_name": bucket_name, "credentials": credentials, **settings}
        super().__init__(**_resolve(values, name, base_dir))

    @classmethod
    def from_mapping(
        cls,
        values: Mapping[str, object],
        *,
        name: str | None = None,
        base_dir: Path | str | None = None,
        source: str | None = None,
        lines: Mapping[str, int] | None = None,
    ) -> Self:
        """Create a configuration from settings as in a file; the other arguments are the attributes.

        Raises:
            InvalidSetting, UnknownSetting: As in the constructor, with the location in the file.
        """
        return cls._create(_resolve(values, name, base_dir, source, lines))

    def with_changes(self, **changes: Any) -> Self:
        """Return a copy with these settings, `name` or `base_dir` changed; `None` unsets a setting.

        Raises:
            InvalidSetting, UnknownSetting: As in the constructor.
        """
        name = changes.pop("name", self.name)
        base_dir = changes.pop("base_dir", self.base_dir)
        changed = {*changes, *(changes.get("credentials") or {})}
        values = {option: getattr(self, option) for option in COMMON_SETTING_NAMES} | dict(self.settings)
        values = {key: value for key, value in values.items() if key not in changed} | changes
        # A changed value is not in the file, so errors about it must not show a line.
        lines = {key: line for key, line in self.lines.items() if key.split("[")[0].split(".")[0] not in changed}
        kept = {"source": self.source, "file_references": self.file_references}
        return self._create(_resolve(values, name, base_dir, None, lines) | kept)

    def with_file_references(self, references: frozenset[str]) -> Self:
        """Return a copy with these `file_references`."""
        return self._create(
            {each.name: getattr(self, each.name) for each in fields(self)} | {"file_references": references}
        )

    def adapter_settings(
        self,
        cls: type[T],
        *,
        environ: Mapping[str, str] | None = None,
        secret_stores: PluginStores | None = None,
    ) -> T:
        """Return the adapter's settings as an instance of its settings class; see `read_settings`."""
        return read_settings(
            cls,
            self.settings,
            provider=self.provider,
            base_dir=self.base_dir,
            environ=environ,
            secret_stores=secret_stores,
            source=self.source,
            lines=self.lines,
            other_names=COMMON_SETTING_NAMES,
        )

    @classmethod
    def _create(cls, resolved: Mapping[str, Any]) -> Self:
        config = cls.__new__(cls)
        _BucketFields.__init__(config, **resolved)
        return config

    def __repr__(self) -> str:
        shown = [f"name={self.name!r}"]
        for option, declared in setting_fields(CommonSettings).items():
            value = getattr(self, option)
            if value != declared.default_value:
                shown.append(f"{option}={value!r}")
        return f"BucketConfig({', '.join(shown)}, base_dir={str(self.base_dir)!r}, settings={self.settings!r})"


def _resolve(
    values: Mapping[str, object],
    name: str | None,
    base_dir: Path | str | None,
    source: str | None = None,
    lines: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return the fields of a `BucketConfig` from settings as in a file."""
    owner = f"bucket {name!r}" if name else "the bucket"
    base = Path(os.path.abspath(base_dir or "."))
    given = _merge_credentials(GivenValues(owner=owner, values=values, base_dir=base, source=source, lines=lines or {}))
    common = {key: value for key, value in given.values.items() if key in COMMON_SETTING_NAMES}
    read = read_values(CommonSettings, replace(given, values=common))
    if (shared_key := find_shared_key({each: read.get(each, {}) for each in _FILE_MAPS})) is not None:
        raise InvalidSetting(shared_key[1], source=given.location(shared_key[0]))
    shared = {key: read[key] for key in ("bucket_name", "prefix") if read.get(key)}
    rest = {key: freeze(value) for key, value in given.values.items() if key not in common and value is not None}
    return read | {
        "name": name or read.get("bucket_name") or read["provider"],
        "base_dir": given.base_dir,
        "source": source,
        "lines": FrozenMapping(given.lines),
        "settings": HiddenMapping(shared | rest),
    }


def _merge_credentials(given: GivenValues) -> GivenValues:
    """Return the values with those under `credentials` merged in, and their lines."""
    merged = {str(key): value for key, value in given.values.items()}
    lines = dict(given.lines)
    credentials = merged.pop("credentials", None)
    if not isinstance(credentials, Mapping | None):
        message = "setting 'credentials' must be a mapping of names to values"
        raise InvalidSetting(message, source=given.location("credentials"))
    for key, value in (credentials or {}).items():
        where = f"credentials.{key}"
        if key in COMMON_SETTING_NAMES:
            raise InvalidSetting(f"{key!r} does not belong under 'credentials'", source=given.location(where))
        if merged.get(key) is not None:
            message = f"setting {key!r} is given under 'credentials' and beside it; remove one"
            raise InvalidSetting(message, source=given.location(where))
        merged[key] = value
        if where in lines:
            lines[key] = lines[where]
    return replace(given, values=merged, lines=lines)
