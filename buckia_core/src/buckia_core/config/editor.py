"""Editor of the `.buckia` file: adds, changes and removes buckets and settings, and keeps everything else as it is.

    with edit_config(path) as file:
        file.add_bucket("photos", {"provider": "s3", "bucket_name": "my-photos"}, settings=S3Settings)
        file.set("videos", "region", "us-west-2")

The file is locked from reading to writing, and written atomically.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from buckia_core.config.secrets.references import PluginStores
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.trust.bounded_read import decode_text, read_bytes
from buckia_core.config.values import suggest
from buckia_core.config.writer import HEAD, as_yaml, check_references, render_bucket
from buckia_core.config.yaml_edit import YamlText, as_value, dump
from buckia_core.config.yaml_reader import Value
from buckia_core.errors import BucketNotConfigured, ConfigError, InvalidSetting, LockHeld

LOCK_SECONDS = 10.0
"""Maximum time to wait for another process that edits the file."""


@contextmanager
def edit_config(path: Path, *, stores: PluginStores | None = None) -> Iterator[ConfigEditor]:
    """Edit a configuration file in a block. It is written at the end, unless the block raises or changes nothing.

    Args:
        path: The file; created if it does not exist. Of a symbolic link, the target is written.
        stores: Secret stores of plugins, whose references may be written.

    Raises:
        ConfigError: The file is not a configuration, or can't be edited without changing other parts of it.
        LockHeld: Another process edits the file.
        OSError: The file can't be read or written.
    """
    from buckia_core.localfs.file_lock import lock_beside  # noqa: PLC0415  # few runs edit a configuration
    from buckia_core.localfs.replace import SHARED_MODE, replace_file  # noqa: PLC0415  # as above

    try:
        with lock_beside(path, seconds=LOCK_SECONDS):
            editor = ConfigEditor(_read(path), path, stores)
            before = editor.text
            yield editor
            if editor.text != before:
                replace_file(path, editor.text.encode(), mode=SHARED_MODE)
    except TimeoutError as error:
        raise LockHeld(f"another process is editing {path}") from error


def read_config_text(path: Path, *, stores: PluginStores | None = None) -> ConfigEditor:
    """Read a configuration as it is written, to look at it without a lock.

    Raises:
        ConfigError: The file is not a configuration.
        OSError: The file can't be read.
    """
    return ConfigEditor(_read(path), path, stores)


class ConfigEditor:
    """Text of a configuration file, and changes of it.

    Args:
        text: The text; empty for a new file.
        path: The file, for messages.
        stores: Secret stores of plugins, whose references may be written.

    Raises:
        ConfigError: The text is not a configuration.
    """

    def __init__(self, text: str, path: Path, stores: PluginStores | None = None) -> None:
        self._source = str(path)
        self._yaml = YamlText(text, self._source)
        self._stores = stores

    @property
    def text(self) -> str:
        """The text of the file."""
        return self._yaml.text

    @property
    def buckets(self) -> Mapping[str, Mapping[str, Value]]:
        """Settings of all buckets by name, as written: variables such as `${NAME}` are not replaced in settings.

        The name of a single bucket, which comes from a setting, is the one that `load` gives it.
        """
        value = self._yaml.value
        if self._is_single:
            return {_interpolated(str(value.get("bucket_name") or value["provider"])): value}
        return {name: settings for name, settings in value.items() if isinstance(settings, dict)}

    def add_bucket(self, name: str, values: Mapping[str, object], *, settings: type[Any] | None = None) -> None:
        """Add a bucket at the end of the file. A file with the settings of one bucket gets names for both.

        Args:
            name: Name of the bucket in the file.
            values: Settings by name, with `provider`; `None` omits one.
            settings: Settings class of the provider, for comments and to find out which values are secrets.

        Raises:
            ConfigError: The file has a bucket of that name.
            InvalidSetting: A value is a secret instead of a reference.
        """
        if name in self.buckets:
            raise ConfigError(f"there is a bucket {name!r} already", source=self._source)
        if self._is_single:
            self._name_single_bucket()
        lines = render_bucket(name, values, settings=settings, secret_stores=self._stores)
        newline = self._yaml.newline()
        before = self.text or HEAD
        if not before.endswith(("\n", "\r")):
            before += newline
        separator = newline if self.buckets else ""
        rendered = {key: as_value(as_yaml(value)) for key, value in values.items() if value is not None}
        self._yaml.replace_text(before + separator + newline.join([*lines, ""]), {**self._yaml.value, name: rendered})

    def remove_bucket(self, name: str) -> None:
        """Remove a bucket, with the comment directly above it.

        Raises:
            BucketNotConfigured: The file has no such bucket.
        """
        self._check_bucket(name)
        if self._is_single:
            self._yaml.replace_text("".join(re.findall(r"(?m)^#.*\n?", self.text)), {})
        else:
            self._yaml.remove((), name)

    def value(self, bucket: str, setting: str) -> Value:
        """Return a setting of a bucket as it is written, where `set` would change it; `None` if there is none.

        Raises:
            BucketNotConfigured: The file has no such bucket.
        """
        found: Any = self._yaml.value
        for part in self._path(bucket, setting):
            found = found[part]
        value: Value = found.get(setting)
        return value

    def set(self, bucket: str, setting: str, value: object, *, settings: type[Any] | None = None) -> None:
        """Set a setting of a bucket, or of its `credentials` if it stands there.

        Args:
            bucket: Name of the bucket.
            setting: Name of the setting.
            value: The value, in the form of a file.
            settings: Settings class of the provider, to find out whether the value is a secret.

        Raises:
            BucketNotConfigured: The file has no such bucket.
            InvalidSetting: The value is a secret instead of a reference.
        """
        check_references({setting: value}, settings, self._stores)
        self._yaml.set(self._path(bucket, setting), setting, as_yaml(value))

    def set_in_group(self, bucket: str, group: str, setting: str, value: str) -> None:
        """Set one field of a setting that is a mapping, such as `app`, which the bucket must have.

        Raises:
            BucketNotConfigured: The file has no such bucket.
            ConfigError: The bucket has no such mapping.
        """
        path = self._path(bucket, group)
        if not isinstance(self.buckets[bucket].get(group), dict):
            raise ConfigError(f"bucket {bucket!r} has no mapping {group!r} in this file", source=self._source)
        self._yaml.set((*path, group), setting, value)

    def unset(self, bucket: str, setting: str) -> bool:
        """Remove a setting of a bucket, with the comment directly above it; return whether it was set.

        Raises:
            BucketNotConfigured: The file has no such bucket.
        """
        path = self._path(bucket, setting)
        values: Any = self.buckets[bucket]
        if path and path[-1:] == ("credentials",):
            values = values["credentials"]
        if setting not in values:
            return False
        self._yaml.remove(path, setting)
        return True

    def append(self, bucket: str, setting: str, item: str) -> None:
        """Append a string to a setting that is a list, such as `folders`; a missing list is added.

        Raises:
            BucketNotConfigured: The file has no such bucket.
            InvalidSetting: The item is a secret.
        """
        if isinstance(item, Secret):
            raise InvalidSetting(f"setting {setting!r}: secrets are not written into the file")
        self._yaml.append(self._path(bucket, setting), setting, item)

    @property
    def _is_single(self) -> bool:
        """Whether the file has the settings of one bucket at its top."""
        return "provider" in self._yaml.value and not isinstance(self._yaml.value["provider"], dict)

    def _check_bucket(self, name: str) -> None:
        if name not in self.buckets:
            raise BucketNotConfigured(f"there is no bucket {name!r}.{suggest(name, self.buckets)}", source=self._source)

    def _path(self, bucket: str, setting: str) -> tuple[str, ...]:
        self._check_bucket(bucket)
        path = () if self._is_single else (bucket,)
        credentials = self.buckets[bucket].get("credentials")
        return (*path, "credentials") if isinstance(credentials, dict) and setting in credentials else path

    def _name_single_bucket(self) -> None:
        """Move the settings at the top of the file below the name of the bucket."""
        (name,) = self.buckets
        lines = self.text.splitlines()
        first = next(at for at, line in enumerate(lines) if line.strip() and not line.startswith("#"))
        named = dump({name: {}}).removesuffix(" {}\n")
        inner = [f"  {line}" if line.strip() else line for line in lines[first:]]
        self._yaml.replace_text(
            self._yaml.newline().join([*lines[:first], named, *inner, ""]), {name: dict(self._yaml.value)}
        )


def _interpolated(name: str) -> str:
    from buckia_core.config.file import interpolate  # noqa: PLC0415  # few names have variables

    try:
        return interpolate(name, os.environ) if "$" in name else name
    except ValueError:
        return name


def _read(path: Path) -> str:
    try:
        return decode_text(read_bytes(path), str(path))
    except FileNotFoundError:
        return ""
