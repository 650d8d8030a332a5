"""Values as they are given, turned into the types that settings declare.

    declared              taken
    --------------------------------------------------------------------------------------------
    str                   text
    int, float            a number, or text that is one; never a boolean
    bool                  a boolean, or text: true, false, yes, no, on, off
    Path                  a path, or text; relative to the configuration's directory
    Secret                a `Secret`, or text that is a secret or a reference
    Enum, Literal         one of the values
    tuple[str, ...]       a list of texts, or one text
    Mapping[str, str]     a mapping of texts

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
from typing import Any, Literal, get_args, get_origin

from buckia_core.config.frozen import FrozenMapping
from buckia_core.config.secrets.redaction import redact
from buckia_core.config.secrets.references import Secret, SecretStore, resolve
from buckia_core.config.setting_fields import SettingSpec

MAX_SHOWN = 80
"""A value that is longer is cut off in messages."""


class InvalidValue(ValueError):
    """A value that a setting can't have.

    Attributes:
        clause: What is wrong, completing "setting 'x' ", such as "is 'up-down', but must be one of up, down".
        at: Which part of the setting is wrong, such as `[1].direction`; empty if it is the setting itself.
        unknown: The part is a name that nothing has.
    """

    def __init__(self, clause: str, *, at: str = "", unknown: bool = False) -> None:
        super().__init__(clause)
        self.clause = clause
        self.at = at
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class ConvertContext:
    """What values are read with.

    Attributes:
        base_dir: What relative paths are relative to.
        environ: Environment variables.
        stores: Secret stores of plugins.
    """

    base_dir: Path
    environ: Mapping[str, str]
    stores: Mapping[str, SecretStore] = field(default_factory=dict)


def invalid_value(value: object, expected: str, *, at: str = "") -> InvalidValue:
    """Return the error for a value that is not what is expected ("a whole number")."""
    shown = redact(repr(value.value if isinstance(value, Enum) else value))
    if len(shown) > MAX_SHOWN:
        shown = shown[:MAX_SHOWN] + "…"
    return InvalidValue(f"is {shown}, but must be {expected}", at=at)


def convert(value: object, kind: Any, spec: SettingSpec, context: ConvertContext) -> object:
    """Return a value, not `None`, as the type that is declared.

    Raises:
        InvalidValue: It can't be one. Does not show the value of a secret.
        ConfigError: A reference to a secret can't be resolved.
        TypeError: The type is none that a setting can have.
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
        return value if isinstance(value, kind) else _convert_choice(value, {str(each.value): each for each in kind})
    if kind == tuple[str, ...]:
        return as_str_list(value)
    if get_origin(kind) is collections.abc.Mapping and get_args(kind) == (str, str):
        return FrozenMapping(as_str_map(value))
    raise TypeError(f"a setting can't be of type {kind!r}")


def parse_variable(text: str, kind: Any) -> object:
    """Return the value of an environment variable in the form that `convert` takes.

    A secret is the text itself, and no reference.
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
    """Return the value, which must be text; of an enumeration, the text of its member."""
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, str):
        hint = ' (put it in quotes: "…")' if isinstance(value, int | float) else ""
        raise invalid_value(value, f"text{hint}", at=at)
    return value


def as_str_list(value: object, *, at: str = "") -> tuple[str, ...]:
    """Return the value, a list of texts or one text, as a tuple."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        raise invalid_value(value, "a list of texts", at=at)
    return tuple(as_str(each, at=f"{at}[{index}]") for index, each in enumerate(value))


def as_str_map(value: object, *, at: str = "") -> dict[str, str]:
    """Return the value, a mapping of texts to texts, as a dictionary."""
    if not isinstance(value, Mapping):
        raise invalid_value(value, "a mapping of texts to texts", at=at)
    return {as_str(name, at=at): as_str(each, at=f"{at}.{name}") for name, each in value.items()}


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
        value = resolve(value, base_dir=context.base_dir, environ=context.environ, stores=context.stores)
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
    # Python refuses to read numbers of thousands of digits; no setting has one of them.
    if len(text) < MAX_SHOWN and re.fullmatch(form, text, re.ASCII):
        number: int | float = kind(text)
    elif isinstance(value, int if kind is int else int | float) and not isinstance(value, bool):
        number = kind(value)
    else:
        raise invalid_value(value, expected)
    if not math.isfinite(number) or (minimum is not None and number < minimum):
        raise invalid_value(value, expected)
    return number


def _convert_choice(value: object, allowed: Mapping[str, Any]) -> Any:
    text = str(value.value) if isinstance(value, Enum) else str(value)
    if text not in allowed or isinstance(value, Mapping | list | tuple):
        raise invalid_value(value, f"one of {', '.join(allowed)}")
    return allowed[text]
