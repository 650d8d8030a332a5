"""Declaration of settings as fields of frozen dataclasses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field, fields
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints


class SettingSpec(NamedTuple):
    """Declaration of one setting.

    Attributes:
        help: One sentence for the documentation.
        env: Environment variables that are read, in order, when the configuration has no value.
        required: Whether a value must be given, in the configuration or the environment.
        aliases: Alternative names in the configuration.
        minimum: Smallest number allowed.
        parse: Converts the given value, not `None`, where the type alone is not enough; of a secret, it takes the
            `Secret`. Must be idempotent. Raises `ValueError` with what is expected, such as "a region of the provider".
        schema: JSON Schema of the values that `parse` takes.
        public: Of a `Secret`: others may read it, such as an access key's id. It may be written into a file.
        runs_code: Returns whether a string names code to run, such as `module:function`. In a file, such a value is
            only accepted if the user agreed to it (`buckia trust`).
    """

    help: str
    env: tuple[str, ...] = ()
    required: bool = False
    aliases: tuple[str, ...] = ()
    minimum: float | None = None
    parse: Callable[[Any], Any] | None = None
    schema: Mapping[str, Any] | None = None
    public: bool = False
    runs_code: Callable[[str], bool] | None = None


def setting(
    *,
    help: str,
    default: Any = None,
    env: tuple[str, ...] = (),
    required: bool = False,
    aliases: tuple[str, ...] = (),
    minimum: float | None = None,
    parse: Callable[[Any], Any] | None = None,
    schema: Mapping[str, Any] | None = None,
    public: bool = False,
    runs_code: Callable[[str], bool] | None = None,
) -> Any:
    """Declare one field of a settings class, in place of `dataclasses.field`.

    A callable `default`, such as `dict`, is a factory. The other arguments are those of `SettingSpec`.
    """
    metadata = {"buckia": SettingSpec(help, env, required, aliases, minimum, parse, schema, public, runs_code)}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def setting_fields(settings: type[Any]) -> Mapping[str, tuple[Field[Any], SettingSpec]]:
    """Return the settings that a class declares, by name, in order of declaration."""
    return {each.name: (each, each.metadata["buckia"]) for each in fields(settings) if "buckia" in each.metadata}


def default_value(dataclass_field: Field[Any]) -> Any:
    """Return the default of a setting."""
    if dataclass_field.default_factory is not MISSING:
        return dataclass_field.default_factory()
    return dataclass_field.default


def field_types(settings: type[Any]) -> Mapping[str, Any]:
    """Return the type of each declared setting by name, without `| None`.

    Raises:
        TypeError: A type is a union of several types, or can't be resolved.
    """
    try:
        hints = get_type_hints(settings)
    except NameError as error:
        raise TypeError(f"{settings.__name__}: a type of a setting can't be found: {error}") from error
    return {name: _without_none(hints[name], f"{settings.__name__}.{name}") for name in setting_fields(settings)}


def _without_none(hint: Any, name: str) -> Any:
    if get_origin(hint) not in (Union, UnionType):
        return hint
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    if len(kinds) != 1:
        raise TypeError(f"{name}: a setting has one type, and not {hint}")
    return kinds[0]
