"""First configuration of a project, from options and from answers at a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from buckia_core.adapters.commands.config_change import parse_json_or_yaml
from buckia_core.adapters.factory import secret_stores
from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli.init_secrets import NewSecrets
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.prompts import ask, can_ask, choose
from buckia_core.config import BucketConfig
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import Setting, setting_fields
from buckia_core.config.writer import render
from buckia_core.errors import InvalidSetting, MissingCredentials
from buckia_core.localfs.replace import SHARED_MODE, replace_file


def render_first_config(
    output: Output, provider: str | None, name: str | None, given: dict[str, str], secrets: NewSecrets
) -> str:
    """Render a configuration with one bucket, and store its secrets once everything else is known to be valid.

    Raises:
        click.UsageError: The provider is not given, and there is no terminal to ask for it.
        AdapterNotInstalled, AdapterBroken: The provider's adapter can't be used.
        UnknownSetting, InvalidSetting: A setting is unknown, invalid or missing.
        ConfigError: A secret can't be stored.
    """
    interactive = can_ask(output)
    if provider is None:
        if not interactive:
            raise click.UsageError(
                "There is no terminal to ask for the provider; give --provider. See: buckia providers"
            )
        provider = choose("Provider", [each.provider for each in registry().providers() if not each.problem])
    settings = registry().spec(provider).settings_class()
    values: dict[str, object] = {key: _parse_setting(key, text) for key, text in given.items()}
    if name is None:
        default = str(values.get("bucket_name") or Path.cwd().name or provider)
        name = ask("Name of the bucket in the configuration", default) if interactive else default
    values |= secrets.plan(name, setting_fields(settings), values)
    if interactive:
        values |= _ask_missing(setting_fields(settings).values(), values, name)
    directory = secrets.path.absolute().parent
    missing = _check_settings(directory, provider, name, values, settings)
    if secrets.references:
        secrets.keep(name)
        missing = _check_settings(directory, provider, name, values, settings)
    if missing is not None:
        output.note(f"To be set before the first sync: {missing}")
    return render(provider, name, values, settings=settings, secret_stores=secret_stores(registry()))


def write_config(path: Path, text: str) -> None:
    """Write a file atomically; a replaced file keeps its mode.

    Other users can never write it, whatever the umask is: otherwise it would not be trusted.
    """
    replace_file(path, text.encode(), mode=SHARED_MODE)


def wants_check(output: Output, check: bool | None) -> bool:
    """Tell whether to check the new configuration; asks at a terminal, if no option says it."""
    if check is not None or not can_ask(output):
        return bool(check)
    return click.confirm("Check the connection, and show what a first sync would do?", default=True, err=True)


def _parse_setting(name: str, text: str) -> object:
    """Parse a value as in the file: lists and maps are YAML, everything else is a string."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return parse_json_or_yaml(text)
    except ValueError as error:
        raise InvalidSetting(f"setting {name!r} is not a list or map: {text!r}", source="--set") from error


def _ask_missing(settings: Iterable[Setting], given: dict[str, object], name: str) -> dict[str, object]:
    """Ask for required settings, and for others that most users need; an empty answer leaves these out."""
    answers: dict[str, object] = {}
    for each in settings:
        if not given.keys().isdisjoint((each.name, *each.aliases)):
            continue
        if not each.required:
            if each.ask and not any(map(os.environ.get, each.env)) and (answer := ask(_question(each), "")):
                answers[each.name] = answer
        elif each.kind is Secret:
            default = f"env:{each.env[0]}" if each.env else None
            answers[each.name] = ask(f"{each.name}, as a reference such as env:NAME or keyring:SERVICE/USER", default)
        else:
            answers[each.name] = ask(_question(each), name if each.name == "bucket_name" else None)
    return answers


def _question(each: Setting) -> str:
    return f"{each.name} ({each.help})"


def _check_settings(
    directory: Path, provider: str, name: str, values: dict[str, object], settings: type[Any]
) -> MissingCredentials | None:
    """Check the settings; return the error of a secret that is not there."""
    # The values of variables are known when the file is read.
    fixed = {key: value for key, value in values.items() if not (isinstance(value, str) and "${" in value)}
    config = BucketConfig.from_mapping({"provider": provider} | fixed, name=name, source="--set", base_dir=directory)
    try:
        config.adapter_settings(settings, secret_stores=secret_stores(registry()))
    except MissingCredentials as error:
        return error
    except InvalidSetting:
        if fixed.keys() == values.keys():
            raise
    return None
