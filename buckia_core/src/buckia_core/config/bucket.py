"""`BucketConfig`: the configuration of one bucket."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from buckia_core.config.common_settings import COMMON_SETTING_NAMES, CommonSettings
from buckia_core.config.convert import ConvertContext
from buckia_core.config.frozen import FrozenMapping, HiddenMapping, freeze
from buckia_core.config.secrets.references import SecretStore
from buckia_core.config.setting_fields import default_value, setting_fields
from buckia_core.config.setting_messages import format_location
from buckia_core.config.setting_values import GivenValues, read_values
from buckia_core.config.settings import read_settings
from buckia_core.errors import InvalidSetting

T = TypeVar("T")

_FILE_MAPS = ("files", "upload_files", "download_files")


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False)
class BucketConfig(CommonSettings):
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
    """

    name: str
    base_dir: Path
    source: str | None = field(compare=False)
    lines: Mapping[str, int] = field(compare=False)
    settings: Mapping[str, object]

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
        self._fill(values, name, base_dir, None, None)

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
        config = cls.__new__(cls)
        config._fill(values, name, base_dir, source, lines)  # noqa: SLF001  # its own class
        return config

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
        config = type(self).from_mapping(values, name=name, base_dir=base_dir, lines=lines)
        object.__setattr__(config, "source", self.source)
        return config

    def adapter_settings(
        self,
        cls: type[T],
        *,
        environ: Mapping[str, str] | None = None,
        secret_stores: Mapping[str, SecretStore] | None = None,
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
        )

    def _fill(
        self,
        values: Mapping[str, object],
        name: str | None,
        base_dir: Path | str | None,
        source: str | None,
        lines: Mapping[str, int] | None,
    ) -> None:
        lines = dict(lines or {})
        base = Path(os.path.abspath(base_dir or "."))
        owner = f"bucket {name!r}" if name else "the bucket"
        given = GivenValues(owner, _merge_credentials(values, source, lines), source, lines)
        common = GivenValues(
            owner, {key: value for key, value in given.values.items() if key in COMMON_SETTING_NAMES}, source, lines
        )
        read = read_values(CommonSettings, common, ConvertContext(base, {}))
        for option, (dataclass_field, _) in setting_fields(CommonSettings).items():
            object.__setattr__(self, option, read[option] if option in read else default_value(dataclass_field))
        _check_shared_keys({each: read.get(each, {}) for each in _FILE_MAPS}, given)
        rest = {
            key: value for key, value in given.values.items() if key not in COMMON_SETTING_NAMES and value is not None
        }
        shared = {key: read[key] for key in ("bucket_name", "prefix") if read.get(key)}
        object.__setattr__(self, "name", name or self.bucket_name or self.provider)
        object.__setattr__(self, "base_dir", base)
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "lines", FrozenMapping(lines))
        object.__setattr__(self, "settings", HiddenMapping({k: freeze(v) for k, v in (shared | rest).items()}))

    def __repr__(self) -> str:
        fields = [f"name={self.name!r}"]
        for option, (dataclass_field, _) in setting_fields(CommonSettings).items():
            value = getattr(self, option)
            if value != default_value(dataclass_field):
                fields.append(f"{option}={value!r}")
        return f"BucketConfig({', '.join(fields)}, base_dir={str(self.base_dir)!r}, settings={self.settings!r})"


def _merge_credentials(values: Mapping[str, object], source: str | None, lines: dict[str, int]) -> dict[str, object]:
    """Return the values with those under `credentials` merged in; add their lines to `lines`."""
    merged = {str(key): value for key, value in values.items()}
    location = partial(format_location, source, lines)
    credentials = merged.pop("credentials", None)
    if credentials is None:
        return merged
    if not isinstance(credentials, Mapping):
        raise InvalidSetting(
            "setting 'credentials' must be a mapping of names to values", source=location("credentials")
        )
    for key, value in credentials.items():
        where = f"credentials.{key}"
        if key in COMMON_SETTING_NAMES:
            raise InvalidSetting(f"{key!r} does not belong under 'credentials'", source=location(where))
        if merged.get(key) is not None:
            raise InvalidSetting(
                f"setting {key!r} is given under 'credentials' and beside it; remove one",
                source=location(where),
            )
        merged[key] = value
        if where in lines:
            lines[key] = lines[where]
    return merged


def _check_shared_keys(maps: Mapping[str, Mapping[str, str]], given: GivenValues) -> None:
    owners: dict[str, str] = {}
    for setting, files in maps.items():
        for local, key in files.items():
            if key in owners:
                message = (
                    f"setting '{setting}' maps {local!r} onto {key!r}, which {owners[key]!r} has already; remove one"
                )
                raise InvalidSetting(message, source=given.location(f"{setting}.{local}"))
            owners[key] = local
