"""JSON Schema of the `.buckia` file, for editors; derived from the settings classes."""

from __future__ import annotations

import collections.abc
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from buckia_core.config.bucket import COMMON_SETTING_NAMES, CommonSettings
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import Setting, setting_fields
from buckia_core.config.values import STRING_LIST_SCHEMA, STRING_MAP_SCHEMA

Schema = dict[str, Any]

_VARIABLE: Schema = {"type": "string", "pattern": r"\$\{"}


def json_schema(providers: Mapping[str, type[Any]]) -> Schema:
    """Build the schema, draft 2020-12, of a file with the common settings and those of the given providers.

    Settings of other providers are not validated. Secrets are marked `writeOnly`.

    Args:
        providers: Settings class of each provider, by provider id.

    Raises:
        TypeError: A class declares a setting of an unsupported type.
    """
    definitions: Schema = {
        "common": {"type": "object", "properties": _properties(CommonSettings) | {"credentials": _CREDENTIALS}},
        "bucket": {
            "type": "object",
            "$ref": "#/$defs/common",
            "required": ["provider"],
            "allOf": [
                {
                    "if": {"properties": {"provider": {"const": provider}}, "required": ["provider"]},
                    "then": {"$ref": f"#/$defs/provider-{provider}"},
                }
                for provider in sorted(providers)
            ],
        },
    }
    if not providers:
        del definitions["bucket"]["allOf"]
    for provider in sorted(providers):
        definitions[f"provider-{provider}"] = _provider_schema(provider, providers[provider])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The .buckia file",
        "description": "One bucket, with `provider` at the top, or several, each under its name.",
        "type": "object",
        "minProperties": 1,
        "if": {"properties": {"provider": {"not": {"type": "object"}}}, "required": ["provider"]},
        "then": {"$ref": "#/$defs/bucket"},
        "else": {"additionalProperties": {"$ref": "#/$defs/bucket"}},
        "$defs": definitions,
    }


def _provider_schema(provider: str, settings: type[Any]) -> Schema:
    declared = setting_fields(settings)
    schema: Schema = {
        "title": f"Settings of provider {provider}",
        "$ref": "#/$defs/common",
        "properties": {name: each for name, each in _properties(settings).items() if name not in COMMON_SETTING_NAMES},
        "unevaluatedProperties": False,
    }
    # A secret may be given under `credentials`, and a setting with an environment variable may be absent from the file.
    required = [
        name
        for name, each in declared.items()
        if each.required and not (each.env or each.aliases or each.kind is Secret)
    ]
    return schema | ({"required": required} if required else {})


_CREDENTIALS: Schema = {
    "type": "object",
    "description": "Settings of the provider, secrets above all, in a group of their own.",
    "writeOnly": True,
}


def _properties(settings: type[Any]) -> Schema:
    properties: Schema = {}
    for name, each in setting_fields(settings).items():
        schema: Schema = {"description": each.help} | _setting_schema(each)
        default = each.default_value
        if isinstance(default, str | int | float) and default != "":
            schema["default"] = default
        elif isinstance(default, Enum):
            schema["default"] = default.value
        for alias in (name, *each.aliases):
            properties[alias] = schema
    return properties


def _setting_schema(declared: Setting) -> Schema:
    kind = declared.kind
    if declared.schema is not None:
        return dict(declared.schema)
    bound = {} if declared.minimum is None else {"minimum": declared.minimum}
    if kind is Secret:
        return {"type": "string", "writeOnly": True}
    if kind is str or kind is Path:
        return {"type": "string"}
    if kind is bool:
        return {"anyOf": [{"type": "boolean"}, _VARIABLE]}
    if kind is int or kind is float:
        return {"anyOf": [{"type": "integer" if kind is int else "number"} | bound, _VARIABLE]}
    if get_origin(kind) is Literal:
        return {"anyOf": [{"enum": list(get_args(kind))}, _VARIABLE]}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"anyOf": [{"enum": [each.value for each in kind]}, _VARIABLE]}
    if kind == tuple[str, ...]:
        return dict(STRING_LIST_SCHEMA)
    if get_origin(kind) is collections.abc.Mapping and get_args(kind) == (str, str):
        return dict(STRING_MAP_SCHEMA)
    if declared.parse is not None:
        return {}
    raise TypeError(f"a setting can't be of type {kind!r}")
