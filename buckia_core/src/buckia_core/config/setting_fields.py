"""How a setting is declared: once, as a field of a frozen dataclass, from which reading, help and redaction follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field, fields
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints


class SettingSpec(NamedTuple):
    """What is declared of one setting.

    Attributes:
        help: One sentence for the documentation.
        env: Environment variables that are looked at, in order, where the configuration does not have it.
        required: Whether it must be had from somewhere.
        aliases: Other names under which the configuration may have it.
        minimum: The smallest number that is allowed.
        parse: Takes the value as given, not `None`, and returns the one to keep, where the type alone does not
            say how. Raises `ValueError` with what is expected, such as "a region of the provider". A value that
            it has returned passes through it unchanged. Of a secret, it takes the `Secret`.
        schema: JSON Schema of what `parse` takes.
        open: Of a `Secret`: it may be read by others, such as an access key's id, and stand in a file as it is.
        runs_code: Tells of a text that is given whether it names code that is run, such as `module:function`. A file
            may only give such a text if the user has agreed to it (`buckia trust`).
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
    """Declare one field of a settings class; stands where `dataclasses.field` would.

    A mutable `default` is a factory (such as `dict`). The other arguments are those of `SettingSpec`.
    """
    metadata = {"buckia": SettingSpec(help, env, required, aliases, minimum, parse, schema, public, runs_code)}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def setting_fields(settings: type[Any]) -> Mapping[str, tuple[Field[Any], SettingSpec]]:
    """Return the settings that a class declares, by name, in order."""
    return {each.name: (each, each.metadata["buckia"]) for each in fields(settings) if "buckia" in each.metadata}


def default_value(dataclass_field: Field[Any]) -> Any:
    """Return the value that a setting has when nobody gives it."""
    if dataclass_field.default_factory is not MISSING:
        return dataclass_field.default_factory()
    return dataclass_field.default


def field_types(settings: type[Any]) -> Mapping[str, Any]:
    """Return the type of each setting that a class declares, by name, without `| None`.

    Raises:
        TypeError: A type is a union of more than one type, or names something that its module does not have.
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
