"""Conversion of given values to the types that settings declare.

    declared type         accepted values
    --------------------------------------------------------------------------------------------
    str                   a string
    int, float            a number, or a numeric string; never a boolean
    bool                  a boolean, or one of the strings true, false, yes, no, on, off
    Path                  a path, or a string; relative to the configuration's directory
    Secret                a `Secret`, or a string: the secret itself, or a reference
    Enum, Literal         one of the values
    tuple[str, ...]       a list of strings, or a single string
    Mapping[str, str]     a mapping of strings

From environment variables, lists are separated by commas, mappings are `a=1,b=2`, booleans may be 1 and 0.
"""

from __future__ import annotations

import collections.abc
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from buckia_core.config.frozen import FrozenMapping
from buckia_core.config.secrets.redaction import redact
from buckia_core.config.secrets.references import SecretStore, resolve_reference
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.setting_fields import SettingSpec

E = TypeVar("E", bound=Enum)
T = TypeVar("T")

MAX_SHOWN = 80
"""Number of characters of a value that messages show."""


STRING_LIST_SCHEMA: Mapping[str, Any] = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}
STRING_MAP_SCHEMA: Mapping[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}


class InvalidValue(ValueError):
    """Invalid value of a setting.

    Attributes:
        clause: The problem, as the end of a sentence: "is 'up-down', but must be one of up, down".
        at: Path of the invalid part, such as `[1].direction`; empty for the setting itself.
        unknown: Whether the part has an unknown name.
    """

    def __init__(self, clause: str, *, at: str = "", unknown: bool = False) -> None:
        super().__init__(clause)
        self.clause = clause
        self.at = at
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class ConvertContext:
    """Context of a conversion.

    Attributes:
        base_dir: Base of relative paths.
        environ: Environment variables.
        stores: Secret stores of plugins, by scheme.
    """

    base_dir: Path
    environ: Mapping[str, str]
    stores: Mapping[str, SecretStore] = field(default_factory=dict)


def invalid_value(value: object, expected: str, *, at: str = "") -> InvalidValue:
    """Build the error for a value that is not as expected, such as "a whole number"."""
    representation = redact(repr(value.value if isinstance(value, Enum) else value))
    if len(representation) > MAX_SHOWN:
        representation = representation[:MAX_SHOWN] + "…"
    return InvalidValue(f"is {representation}, but must be {expected}", at=at)


def convert(value: object, kind: Any, spec: SettingSpec, context: ConvertContext) -> object:
    """Convert a value, not `None`, to the declared type.

    Raises:
        InvalidValue: The value can't be converted. The message never shows a secret.
        ConfigError: A reference to a secret can't be resolved.
        TypeError: The declared type is not supported.
    """
    if kind is Secret:
        value = _convert_secret(value, context, is_public=spec.public)
    if spec.parse is not None:
        return _call_parser(value, spec)
    if kind is Secret:
        return value
    if kind is Path:
        return _convert_path(value, context.base_dir)
    if kind is bool:
        return _convert_bool(value)
    if kind is int or kind is float:
        return _convert_number(value, kind, spec.minimum)
    if kind is str:
        return as_str(value)
    if get_origin(kind) is Literal:
        return _convert_choice(value, {str(each): each for each in get_args(kind)})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return as_enum(value, kind)
    if kind == tuple[str, ...]:
        return as_str_list(value)
    if get_origin(kind) is collections.abc.Mapping and get_args(kind) == (str, str):
        return FrozenMapping(as_str_map(value))
    raise TypeError(f"a setting can't be of type {kind!r}")


def parse_variable(text: str, kind: Any) -> object:
    """Parse the value of an environment variable into the form that `convert` takes.

    A secret is taken literally, never as a reference.
    """
    if kind is Secret:
        return Secret(text)
    if kind is bool:
        return {"1": "true", "0": "false"}.get(text.strip(), text)
    if kind == tuple[str, ...]:
        return [part.strip() for part in text.split(",") if part.strip()]
    if get_origin(kind) is collections.abc.Mapping:
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        if not all(equals for _, equals, _ in pairs):
            raise invalid_value(text, "of the form name=value,name=value")
        return {name.strip(): value.strip() for name, _, value in pairs}
    return text


def as_str(value: object, *, at: str = "") -> str:
    """Return the value, which must be a string, or the string value of an enum member."""
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, str):
        hint = ' (put it in quotes: "…")' if isinstance(value, int | float) else ""
        raise invalid_value(value, f"text{hint}", at=at)
    return value


def as_str_list(value: object, *, at: str = "") -> tuple[str, ...]:
    """Return the value, a list of strings or a single string, as a tuple."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        raise invalid_value(value, "a list of strings", at=at)
    return tuple(as_str(each, at=f"{at}[{index}]") for index, each in enumerate(value))


def as_str_map(value: object, *, at: str = "") -> dict[str, str]:
    """Return the value, a mapping of strings to strings, as a dictionary."""
    if not isinstance(value, Mapping):
        raise invalid_value(value, "a mapping of strings to strings", at=at)
    return {as_str(name, at=at): as_str(each, at=f"{at}.{name}") for name, each in value.items()}


def as_enum(value: object, kind: type[E], *, at: str = "") -> E:
    """Return the value, a member of the enum or the value of one, as a member."""
    return value if isinstance(value, kind) else _convert_choice(value, {str(each.value): each for each in kind}, at)


def _call_parser(value: object, spec: SettingSpec) -> object:
    assert spec.parse is not None
    try:
        return spec.parse(value)
    except InvalidValue:
        raise
    except ValueError as error:
        raise invalid_value(value, str(error)) from error


def _convert_secret(value: object, context: ConvertContext, *, is_public: bool) -> Secret:
    if isinstance(value, str):
        value = resolve_reference(value, base_dir=context.base_dir, environ=context.environ, stores=context.stores)
    if not isinstance(value, Secret):
        raise InvalidValue("must be text (put it in quotes), or a reference to a secret")
    value.is_public = value.is_public or is_public
    return value


def _convert_path(value: object, base_dir: Path) -> Path:
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise invalid_value(value, "a path")
    if "\x00" in str(value):
        raise invalid_value(value, "a path, and a path has no NUL character")
    try:
        return base_dir / Path(value).expanduser()
    except RuntimeError as error:
        raise invalid_value(value, "a path; there is no such home directory") from error


def _convert_bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        match value.strip().lower():
            case "true" | "yes" | "on":
                return True
            case "false" | "no" | "off":
                return False
    raise invalid_value(value, "true or false")


def _convert_number(value: object, kind: type[int | float], minimum: float | None) -> int | float:
    expected = "a whole number" if kind is int else "a number"
    if minimum is not None:
        expected += f" of at least {minimum:.15g}"
    form = r"[+-]?\d+" if kind is int else r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
    text = value.strip() if isinstance(value, str) else ""
    # Python refuses to parse numbers of thousands of digits; no setting needs one.
    if len(text) < MAX_SHOWN and re.fullmatch(form, text, re.ASCII):
        number: int | float = kind(text)
    elif isinstance(value, int if kind is int else int | float) and not isinstance(value, bool):
        number = kind(value)
    else:
        raise invalid_value(value, expected)
    if not math.isfinite(number) or (minimum is not None and number < minimum):
        raise invalid_value(value, expected)
    return number


def _convert_choice(value: object, allowed: Mapping[str, T], at: str = "") -> T:
    text = str(value.value) if isinstance(value, Enum) else str(value)
    if text not in allowed or isinstance(value, Mapping | list | tuple):
        raise invalid_value(value, f"one of {', '.join(allowed)}", at=at)
    return allowed[text]
