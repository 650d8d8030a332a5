"""Writer: renders the `.buckia` file for `buckia init`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from buckia_core.config.bucket import CommonSettings
from buckia_core.config.secrets.references import PluginStores, is_reference
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting_fields
from buckia_core.config.yaml_edit import dump
from buckia_core.errors import InvalidSetting

_VARIABLE = re.compile(r"\$\{[A-Za-z_]\w*\}", re.ASCII)

SCHEMA_URL = "https://raw.githubusercontent.com/thepian/buckia/main/docs/buckia.schema.json"
"""URL of the JSON Schema of the file, for editors."""

HEAD = f"""\
# yaml-language-server: $schema={SCHEMA_URL}
# Buckets to sync, each under a name of your choice. Paths are relative to this
# file. Keep secrets out of it: write env:NAME, file:PATH, keyring:SERVICE/USER
# or op://VAULT/ITEM/FIELD instead.
"""
"""Comment at the top of a new file."""

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
    lines = [HEAD.rstrip("\n")]
    lines += render_bucket(name, {"provider": provider, **values}, settings=settings, secret_stores=secret_stores)
    unset = (example for each, example in _EXAMPLES.items() if values.get(each) is None)
    examples = [f"  # {line}" for example in unset for line in example.splitlines()]
    return "\n".join([*lines, *([""] if examples else []), *examples]) + "\n"


def render_bucket(
    name: str,
    values: Mapping[str, object],
    *,
    settings: type[Any] | None = None,
    secret_stores: PluginStores | None = None,
) -> list[str]:
    """Render one bucket as lines of a file; the arguments are those of `render`, with `provider` among the values.

    Raises:
        InvalidSetting: A value is a secret instead of a reference.
    """
    comments = {name: each.help for name, each in setting_fields(CommonSettings).items() if name != "provider"}
    if settings is not None:
        comments |= {name: each.help for name, each in setting_fields(settings).items()}
    check_references(values, settings, secret_stores)
    lines = [dump({name: {}}).removesuffix(" {}\n")]
    for each, value in values.items():
        if value is None:
            continue
        lines += [f"  # {comments[each]}"] if each in comments else []
        lines += [f"  {line}" for line in dump({each: as_yaml(value)}).rstrip("\n").split("\n")]
    return lines


def check_references(
    values: Mapping[str, object], settings: type[Any] | None, secret_stores: PluginStores | None
) -> None:
    """Check that no value is a secret.

    Raises:
        InvalidSetting: A value is a secret instead of a reference.
    """
    secret = _secret_names(settings)
    for each, value in values.items():
        if value is None:
            continue
        if isinstance(value, Secret) or (each in secret and not _is_reference(value, secret_stores)):
            raise InvalidSetting(
                f"setting {each!r} is a secret, and secrets are not written into the file; "
                "give a reference such as env:NAME or keyring:SERVICE/USER"
            )


def _secret_names(settings: type[Any] | None) -> frozenset[str]:
    if settings is None:
        return frozenset()
    secret = [each for each in setting_fields(settings).values() if each.kind is Secret and not each.public]
    return frozenset(name for each in secret for name in (each.name, *each.aliases))


def _is_reference(value: object, stores: PluginStores | None) -> bool:
    return isinstance(value, str) and (is_reference(value, stores) or bool(_VARIABLE.fullmatch(value)))


def as_yaml(value: object) -> object:
    """Return a value of a setting as YAML has it: text, numbers, lists and mappings."""
    match value:
        case Enum():
            return value.value
        case os.PathLike():
            return os.fspath(value)
        case Mapping():
            return {str(name): as_yaml(each) for name, each in value.items()}
        case list() | tuple():
            return [as_yaml(each) for each in value]
        case _:
            return value
