"""What pages say about the settings of a class: type, default, environment, in words."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting_fields


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


def describe_settings(settings: type[Any]) -> list[SettingDoc]:
    """Return the documentation of each setting that a class declares, in order of declaration."""
    return [
        SettingDoc(
            name=each.name,
            type=_type_name(each.kind),
            env=each.env,
            default=_format_default(each.default_value),
            required=each.required,
            secret=each.kind is Secret,
            help=each.help,
            aliases=each.aliases,
        )
        for each in setting_fields(settings).values()
    ]


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
