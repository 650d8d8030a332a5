"""The `.buckia` file: finds it, reads it, and replaces the variables `${NAME}` and `${NAME:-default}` in it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from buckia_core.config.bucket import COMMON_SETTING_NAMES, BucketConfig
from buckia_core.config.environment import max_workers
from buckia_core.config.secret_files import with_neighbours
from buckia_core.config.settings import format_location
from buckia_core.config.trust.bounded_read import read_text
from buckia_core.config.trust.consent import check_trusted
from buckia_core.config.values import closest_match, suggest
from buckia_core.config.yaml_reader import Value, YamlDocument, parse_yaml
from buckia_core.errors import BucketNotConfigured, ConfigError, InvalidSetting
from buckia_core.planning.keys import CONFIG_FILES

FILE_NAME = CONFIG_FILES[0]

_VARIABLE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_]\w*)(?::-((?:(?!\$\{)[^}])*))?\})?", re.ASCII)


class ConfigFile(NamedTuple):
    """Content of a configuration file.

    Attributes:
        path: Absolute path of the file.
        buckets: Configuration of each bucket, by name, in the order of the file; at least one.
    """

    path: Path
    buckets: dict[str, BucketConfig]

    @property
    def synced_buckets(self) -> list[BucketConfig]:
        """The buckets to sync unless others are named: all but those that objects of another one are shared through.

        A share bucket may be public, and has only copies.
        """
        shared = {config.share.bucket for config in self.buckets.values() if config.share is not None}
        return [config for name, config in self.buckets.items() if name not in shared]

    def bucket(self, name: str) -> BucketConfig:
        """Return the bucket of that name.

        Raises:
            BucketNotConfigured: The file has no such bucket; the message suggests the closest name.
        """
        if name not in self.buckets:
            raise BucketNotConfigured(
                f"there is no bucket {name!r}.{suggest(name, self.buckets)}", source=str(self.path)
            )
        return self.buckets[name]


def find(start: Path) -> Path:
    """Return the configuration of a directory, or of the nearest parent directory that has one.

    Its name is `.buckia`, `.buckia.yaml` or `buckia.yaml`.

    Raises:
        ConfigError: There is no file, or a directory has two; or users other than this one and root can write the file
            and it is not trusted.
        OSError: The file or a directory can't be accessed.
    """
    path = locate(start)
    check_trusted(path, check_directory=True)
    return path


def locate(start: Path) -> Path:
    """Return the same file as `find`, without checking that it is trusted or regular.

    Raises:
        ConfigError: There is no file, or a directory has two.
    """
    start = Path(os.path.abspath(start))
    for directory in (start, *start.parents):
        if path := find_in(directory):
            return path
    raise ConfigError(f"there is no {FILE_NAME} file in {start} or above it; make one with: buckia init")


def find_in(directory: Path) -> Path | None:
    """Return the configuration of this directory, if it has one, without checking that it is trusted or regular.

    Raises:
        ConfigError: The directory has two.
    """
    paths = [directory / name for name in CONFIG_FILES]
    # A directory of that name is not a configuration.
    found = [path for path in paths if path.exists() and not path.is_dir()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise ConfigError(f"{directory} has {names}; keep one of them, or name one with --config")
    return found[0] if found else None


def load(path: Path, *, environ: Mapping[str, str] | None = None) -> ConfigFile:
    """Read a configuration file. Its owner and mode are not checked: a file that the user names is trusted.

    Only common settings are validated: those of adapters are known to the adapter alone. Secrets are not fetched.

    Args:
        path: The file, of any name.
        environ: Environment variables for `${NAME}`, and `BUCKIA_MAX_WORKERS`; those of the process by default.

    Raises:
        ConfigError: The file does not exist or is not a configuration. The message has the file and the line.
        InvalidSetting, UnknownSetting: A common setting is invalid, likewise.
        OSError: The file can't be read.
    """
    path = Path(os.path.abspath(path))
    source = str(path)
    document = parse_yaml(_read_text(path), source)
    environ = os.environ if environ is None else environ
    content = _interpolate_values(document.value, "", document, source, environ)
    if not content:
        raise ConfigError("is empty; write one with: buckia init --force", source=source)
    if not isinstance(content, dict):
        raise ConfigError(
            "must hold settings (name: value), or buckets with their settings",
            source=format_location(source, document.lines),
        )
    assert isinstance(document.value, dict)
    if "provider" in content and not isinstance(content["provider"], dict):
        content = _unset_emptied(content, document.value)
        bucket = BucketConfig.from_mapping(content, base_dir=path.parent, source=source, lines=document.lines)
        buckets = {bucket.name: bucket}
    else:
        buckets = {name: _parse_bucket(name, each, document, path) for name, each in content.items()}
    if workers := max_workers(environ):
        buckets = {name: each.with_changes(max_workers=workers) for name, each in buckets.items()}
    return ConfigFile(path, with_neighbours(buckets))


def _parse_bucket(name: str, settings: Value, document: YamlDocument, path: Path) -> BucketConfig:
    source = str(path)
    written = document.value[name] if isinstance(document.value, dict) else None
    if not isinstance(settings, dict) or not isinstance(written, dict):
        raise ConfigError(_not_a_bucket_message(name), source=format_location(source, document.lines, name))
    inside = f"{name}."
    lines = {key.removeprefix(inside): line for key, line in document.lines.items() if key.startswith(inside)}
    lines[""] = document.lines[name]
    if not name:
        raise ConfigError("a bucket has an empty name", source=format_location(source, lines))
    given = _unset_emptied(settings, written)
    return BucketConfig.from_mapping(given, name=name, base_dir=path.parent, source=source, lines=lines)


def _unset_emptied(settings: dict[str, Value], written: dict[str, Value]) -> dict[str, Value]:
    """Return settings without those that became empty by their variables; `written` has the variables."""
    given: dict[str, Value] = {}
    for name, value in settings.items():
        inner = written[name]
        if name == "credentials" and isinstance(value, dict) and isinstance(inner, dict):
            value = _unset_emptied(value, inner)  # noqa: PLW2901
        given[name] = None if value == "" and inner else value
    return given


def _not_a_bucket_message(name: str) -> str:
    close = closest_match(name, COMMON_SETTING_NAMES, cutoff=0.8)
    if close == "provider":
        return f"there is no setting {name!r}. Did you mean 'provider'?"
    if close:
        return f"{close!r} is a setting, but the file has no 'provider' beside it, such as provider: file"
    return f"{name!r} must be a bucket with its settings below it, or the file needs a 'provider' at its top"


def _interpolate_values(
    value: Value, at: str, document: YamlDocument, source: str, environ: Mapping[str, str]
) -> Value:
    """Return the value with the variables in its strings replaced; keys are not interpolated."""
    match value:
        case str():
            try:
                return interpolate(value, environ)
            except ValueError as error:
                problem = str(error)
            raise InvalidSetting(f"setting {at!r} {problem}", source=format_location(source, document.lines, at))
        case list():
            return [
                _interpolate_values(each, f"{at}[{index}]", document, source, environ)
                for index, each in enumerate(value)
            ]
        case dict():
            return {
                name: _interpolate_values(each, f"{at}.{name}" if at else name, document, source, environ)
                for name, each in value.items()
            }
        case _:
            return value


def interpolate(text: str, environ: Mapping[str, str]) -> str:
    """Replace the variables in a string.

    `${NAME:-default}` uses the default if the variable is unset or empty. `$${` escapes `${`, and a `$` without a
    brace is literal. Values of variables are not interpolated again.

    Raises:
        ValueError: A variable is unset and has no default, or a `${` is not closed. The message omits the string.
    """

    def value_of(found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        if found[0] == "$${":
            return "${"
        if not name:
            raise ValueError(
                "has a ${ that is not of the form ${NAME} or ${NAME:-default}, where the default has no other ${; "
                "write $${ for ${ itself"
            )
        if default is not None:
            return environ.get(name) or default
        if name not in environ:
            hint = f"${{{name}:-default}}"
            raise ValueError(f"needs the environment variable {name}, which is not set; set it, or write {hint}")
        return environ[name]

    return _VARIABLE.sub(value_of, text)


def _read_text(path: Path) -> str:
    try:
        return read_text(path)
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError("there is no such file; make one with: buckia init", source=str(path)) from None
    except IsADirectoryError:
        raise ConfigError("is a directory, and not a configuration file", source=str(path)) from None
