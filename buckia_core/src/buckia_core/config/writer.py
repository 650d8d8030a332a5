"""Writer: renders the `.buckia` file for `buckia init`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import yaml

from buckia_core.config.bucket import CommonSettings
from buckia_core.config.secrets.references import PluginStores, is_reference
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting_fields
from buckia_core.errors import InvalidSetting

_VARIABLE = re.compile(r"\$\{[A-Za-z_]\w*\}", re.ASCII)

SCHEMA_URL = "https://raw.githubusercontent.com/thepian/buckia/main/docs/buckia.schema.json"
"""URL of the JSON Schema of the file, for editors."""

_HEAD = f"""\
# yaml-language-server: $schema={SCHEMA_URL}
# Buckets to sync, each under a name of your choice. Paths are relative to this
# file. Keep secrets out of it: write env:NAME, file:PATH, keyring:SERVICE/USER
# or op://VAULT/ITEM/FIELD instead.
"""

_EXAMPLES = {
    "paths": """\
Without paths, this whole folder is synced with the whole bucket. A folder in
paths stands for the root of the bucket: with `paths: [images/]`,
images/cat.png is stored as cat.png. This keeps images/ in the key:
paths: [{local: images/, remote: images/}]""",
    "exclude": 'exclude: ["*.tmp"]   # .gitignore patterns, also in a file .buckiaignore',
    "direction": "direction: up        # or down; both ways by default",
}


def render(
    provider: str,
    name: str,
    values: Mapping[str, object],
    *,
    settings: type[Any] | None = None,
    secret_stores: PluginStores | None = None,
) -> str:
    """Render a configuration file with one bucket.

    Strings are written as given, so `${NAME}` stays a variable; `load` restores all others.

    Args:
        provider: The provider's id.
        name: Name of the bucket in the file.
        values: Settings by name; `None` omits one.
        settings: Settings class of the provider, for comments and to find out which values are secrets.
        secret_stores: Secret stores of plugins, whose references may be written.

    Raises:
        InvalidSetting: A value is a secret instead of a reference.
    """
    comments = {name: each.help for name, each in setting_fields(CommonSettings).items()}
    if settings is not None:
        comments |= {name: each.help for name, each in setting_fields(settings).items()}
    secret = _secret_names(settings)
    lines = [
        _HEAD.rstrip("\n"),
        _dump({name: {}}).removesuffix(" {}\n"),
        "  " + _dump({"provider": provider}).rstrip("\n"),
    ]
    for each, value in values.items():
        if value is None:
            continue
        if isinstance(value, Secret) or (each in secret and not _is_reference(value, secret_stores)):
            raise InvalidSetting(
                f"setting {each!r} is a secret, and secrets are not written into the file; "
                "give a reference such as env:NAME or keyring:SERVICE/USER"
            )
        lines += [f"  # {comments[each]}"] if each in comments else []
        lines += [f"  {line}" for line in _dump({each: _to_yaml_value(value)}).rstrip("\n").split("\n")]
    unset = (example for each, example in _EXAMPLES.items() if values.get(each) is None)
    examples = [f"  # {line}" for example in unset for line in example.splitlines()]
    return "\n".join([*lines, *([""] if examples else []), *examples]) + "\n"


def _secret_names(settings: type[Any] | None) -> frozenset[str]:
    if settings is None:
        return frozenset()
    secret = [each for each in setting_fields(settings).values() if each.kind is Secret and not each.public]
    return frozenset(name for each in secret for name in (each.name, *each.aliases))


def _is_reference(value: object, stores: PluginStores | None) -> bool:
    return isinstance(value, str) and (is_reference(value, stores) or bool(_VARIABLE.fullmatch(value)))


def _to_yaml_value(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case os.PathLike():
            return os.fspath(value)
        case Mapping():
            return {str(name): _to_yaml_value(each) for name, each in value.items()}
        case list() | tuple():
            return [_to_yaml_value(each) for each in value]
        case _:
            return value


class _Dumper(yaml.SafeDumper):
    """YAML dumper that writes strings with line breaks of any kind in double quotes, where they are escaped."""


def _represent_string(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = '"' if re.search("[\n\r\x85\u2028\u2029]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_string)


def _dump(value: object) -> str:
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100_000
    )
