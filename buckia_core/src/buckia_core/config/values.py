"""Values of settings: conversion functions, the error for an invalid value, and immutable mappings.

    function      accepted values
    -------------------------------------------------------------------------------
    as_str        a string, or a member of an enumeration
    as_number     a number, or a numeric string; never a boolean
    as_bool       a boolean, or one of the strings true, false, yes, no, on, off
    as_choice     one of the given strings
    as_enum       a member of the enumeration, or the value of one
    as_str_list   a list of strings, or a single string
    as_str_map    a mapping of strings

All raise `InvalidValue`. `at` is the path of the value within its setting, such as `[1].direction`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, TypeVar

from buckia_core.config.secrets.redaction import redact

E = TypeVar("E", bound=Enum)
N = TypeVar("N", int, float)
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


def invalid_value(value: object, expected: str, *, at: str = "") -> InvalidValue:
    """Build the error for a value that is not as expected, such as "a whole number"."""
    try:
        representation = redact(repr(value.value if isinstance(value, Enum) else value))
    except ValueError:
        # Python refuses to print integers of thousands of digits.
        representation = "too large"
    if len(representation) > MAX_SHOWN:
        representation = representation[:MAX_SHOWN] + "…"
    return InvalidValue(f"is {representation}, but must be {expected}", at=at)


def as_str(value: object, *, at: str = "") -> str:
    """Return the value, which must be a string, or the string value of an enum member."""
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, str):
        hint = ' (put it in quotes: "…")' if isinstance(value, int | float) else ""
        raise invalid_value(value, f"text{hint}", at=at)
    return value


MAX_SECONDS = 2_147_483.0
"""The longest timeout of a socket: 24 days."""


def as_number(value: object, kind: type[N], *, minimum: float | None = None) -> N:
    """Return the value as a number of this kind, at least `minimum`.

    Numbers of kind `float` are seconds or factors of them, so they are finite, and `MAX_SECONDS` at most.
    """
    expected = "a whole number" if kind is int else "a number"
    if minimum is not None:
        expected += f" of at least {minimum:.15g}"
    form = r"[+-]?\d+" if kind is int else r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
    text = value.strip() if isinstance(value, str) else ""
    # Python refuses to parse numbers of thousands of digits; no setting needs one.
    if len(text) < MAX_SHOWN and re.fullmatch(form, text, re.ASCII):
        number = kind(text)
    elif isinstance(value, int if kind is int else int | float) and not isinstance(value, bool):
        # `float` can't take every `int`.
        number = kind(value) if kind is int else kind(max(min(value, MAX_SECONDS + 1), -MAX_SECONDS - 1))
    else:
        raise invalid_value(value, expected)
    if kind is float and not abs(number) <= MAX_SECONDS:
        raise invalid_value(value, f"{expected}, and at most {MAX_SECONDS:.0f}")
    if minimum is not None and number < minimum:
        raise invalid_value(value, expected)
    return number


def as_bool(value: object) -> bool:
    """Return the value as a boolean."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        match value.strip().lower():
            case "true" | "yes" | "on":
                return True
            case "false" | "no" | "off":
                return False
    raise invalid_value(value, "true or false")


def as_choice(value: object, allowed: Mapping[str, T], *, at: str = "") -> T:
    """Return what the value, one of the names, stands for."""
    text = str(value.value) if isinstance(value, Enum) else str(value)
    if text not in allowed or isinstance(value, Mapping | list | tuple):
        raise invalid_value(value, f"one of {', '.join(allowed)}", at=at)
    return allowed[text]


def as_enum(value: object, kind: type[E], *, at: str = "") -> E:
    """Return the value, a member of the enum or the value of one, as a member."""
    return value if isinstance(value, kind) else as_choice(value, {str(each.value): each for each in kind}, at=at)


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


def check_names(given: Iterable[str], known: Iterable[str], *, at: str = "") -> None:
    """Raise `InvalidValue` for a name that is not among the known ones; it suggests the closest one."""
    for name in given:
        if name not in known:
            raise InvalidValue(f"is not known.{suggest(str(name), known)}", at=f"{at}.{name}", unknown=True)


def suggest(name: str, known: Iterable[str], *, list_all: bool = True) -> str:
    """Return a sentence with the closest known name, or else, if `list_all`, with all; it begins with a space."""
    names = sorted(set(known) - {name})
    if close := closest_match(name.lower(), names):
        return f" Did you mean {close!r}?"
    return f" Known are: {', '.join(names)}." if names and list_all else ""


def closest_match(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the most similar of the known names; empty if none is similar, by the ratio `cutoff` (0 to 1)."""
    import difflib  # noqa: PLC0415  # only after a mistake

    return next(iter(difflib.get_close_matches(name, known, 1, cutoff)), "")


class FrozenMapping(Mapping[str, T]):
    """Immutable mapping with a stable order; unlike `MappingProxyType`, it can be hashed and pickled."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, T] | None = None) -> None:
        self._items = dict(items or {})

    def __getitem__(self, name: str) -> T:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)


class HiddenMapping(FrozenMapping[T]):
    """Frozen mapping whose `repr` shows only the names, since values may be secrets."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"


def freeze(value: object) -> object:
    """Return the value with all nested lists as tuples and all nested mappings frozen."""
    match value:
        case list() | tuple():
            return tuple(freeze(each) for each in value)
        case Mapping():
            return HiddenMapping({str(name): freeze(each) for name, each in value.items()})
        case _:
            return value
