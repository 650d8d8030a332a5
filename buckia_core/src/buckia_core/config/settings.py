"""Settings classes of adapters: frozen dataclasses from which parsing, help and redaction are derived.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class BoxSettings:
        root: Path = setting(help="Directory that is the bucket.", required=True)
        token: Secret | None = setting(help="Access token.", env=("BOX_TOKEN",))

Supported types: `str`, `int`, `float`, `bool`, `Path`, `Secret`, `Enum` classes, `Literal[…]`, `tuple[str, ...]`,
`Mapping[str, str]`, and each of these with `| None`; any other type needs a `parse` function.
A `Path` is relative to the directory of the configuration file. A `Secret` may be given as a reference (see
`config.secrets.references`).
An adapter receives `bucket_name` and `prefix` if its class declares them; `prefix` is empty or ends in a slash.
`__post_init__` may raise `ValueError` for values that conflict, and `MissingCredentials` for missing keys.
A static method `implied(values)` may return values that follow from the given ones, such as a bucket's name from its
URL, or raise `ValueError`. Precedence: given values, implied values, environment variables, defaults.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

from buckia_core.config.convert import ConvertContext
from buckia_core.config.secrets.redaction import redact_known
from buckia_core.config.secrets.references import SecretStore
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.setting_fields import default_value, field_types, setting, setting_fields
from buckia_core.config.setting_messages import format_location
from buckia_core.config.setting_values import GivenValues, read_values
from buckia_core.errors import InvalidSetting, MissingCredentials

__all__ = ["SettingDoc", "default_value", "describe_settings", "read_settings", "setting", "setting_fields"]

T = TypeVar("T")


class SettingDoc(NamedTuple):
    """Documentation of one setting.

    Attributes:
        name: Name of the setting.
        type: Type for readers, such as "whole number".
        env: Environment variables that are read, in order.
        default: Default as written in a file; empty if there is none.
        required: Whether a value must be given, in the configuration or the environment.
        secret: Whether the value is never shown.
        help: Description.
        aliases: Alternative names in a file.
    """

    name: str
    type: str
    env: tuple[str, ...]
    default: str
    required: bool
    secret: bool
    help: str
    aliases: tuple[str, ...]


def read_settings(
    cls: type[T],
    values: Mapping[str, object],
    *,
    provider: str,
    base_dir: Path,
    environ: Mapping[str, str] | None = None,
    secret_stores: Mapping[str, SecretStore] | None = None,
    source: str | None = None,
    lines: Mapping[str, int] | None = None,
) -> T:
    """Read an instance of a settings class.

    The value of a setting is the given one, else that of its first environment variable that is set and not
    empty, else the default. `None` and empty secrets count as not given.

    Args:
        cls: The class that declares the settings.
        values: The given values by name, as in `BucketConfig.settings`.
        provider: The provider's id, for messages.
        base_dir: Base of relative paths.
        environ: Environment variables; those of the process by default.
        secret_stores: Secret stores of plugins, by scheme.
        source: The file that contains the values, for messages.
        lines: Line number of each setting in that file; that of the bucket under the empty name.

    Raises:
        UnknownSetting: The class has no setting of a given name.
        InvalidSetting: A value is invalid, or a required setting that is not a secret is missing.
        MissingCredentials: A required secret is missing, or a reference can't be resolved.
        ConfigError: A secret store failed.
    """
    wanted = setting_fields(cls)
    kept = {name: value for name, value in values.items() if name in wanted or not _is_ignorable(name, value)}
    owner, location = f"provider {provider!r}", format_location(source, lines)
    try:
        kept = _add_implied(cls, kept)
    except ValueError as error:
        raise InvalidSetting(redact_known(f"{owner}: {error}"), source=location) from None
    given = GivenValues(owner, kept, source, lines)
    context = ConvertContext(base_dir, os.environ if environ is None else environ, secret_stores or {})
    read = read_values(cls, given, context)
    try:
        return cls(**read)
    except (ValueError, MissingCredentials) as error:
        message = redact_known(f"{owner}: {error}")
        kind = MissingCredentials if isinstance(error, MissingCredentials) else InvalidSetting
    raise kind(message, source=location)


def describe_settings(settings: type[Any]) -> list[SettingDoc]:
    """Return the documentation of each setting that a class declares, in order of declaration."""
    kinds = field_types(settings)
    return [
        SettingDoc(
            name=name,
            type=_type_name(kinds[name]),
            env=spec.env,
            default=_format_default(default_value(each)),
            required=spec.required,
            secret=kinds[name] is Secret,
            help=spec.help,
            aliases=spec.aliases,
        )
        for name, (each, spec) in setting_fields(settings).items()
    ]


def _add_implied(cls: type[Any], values: dict[str, object]) -> dict[str, object]:
    implied = getattr(cls, "implied", None)
    if implied is None:
        return values
    given = {name: value for name, value in values.items() if value is not None}
    names = {name: {name, *spec.aliases} for name, (_, spec) in setting_fields(cls).items()}
    more = {name: value for name, value in implied(given).items() if names[name].isdisjoint(given)}
    return given | more


def _is_ignorable(name: str, value: object) -> bool:
    """Tell whether an adapter without this setting may ignore the value: `bucket_name`, or an empty `prefix`."""
    return name == "bucket_name" or (name == "prefix" and not value)


def _type_name(kind: Any) -> str:
    simple = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path", Secret: "secret"}
    if kind in simple:
        return simple[kind]
    if get_origin(kind) is Literal:
        return " or ".join(f"`{each}`" for each in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(f"`{each.value}`" for each in kind)
    return "map" if get_origin(kind) is not tuple else "list"


def _format_default(default: object) -> str:
    match default:
        case None | "":
            return ""
        case bool():
            return str(default).lower()
        case Enum():
            return str(default.value)
        case float():
            return f"{default:g}"
        case tuple() | Mapping() if not default:
            return ""
        case tuple():
            return ", ".join(str(each) for each in default)
        case _:
            return str(default)
