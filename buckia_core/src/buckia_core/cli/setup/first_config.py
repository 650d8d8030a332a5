"""First configuration of a project, from options and from answers at a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from buckia_core.adapters.commands.config_change import parse_json_or_yaml
from buckia_core.adapters.factory import secret_stores
from buckia_core.adapters.plugins.account_sources import FoundAccount
from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli.setup.new_secrets import NewSecrets
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.prompts import ask, can_ask, choose
from buckia_core.config import BucketConfig
from buckia_core.config.secrets.references import is_reference
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import Setting, setting_fields
from buckia_core.config.writer import render
from buckia_core.errors import ConfigError, InvalidSetting, MissingCredentials
from buckia_core.localfs.replace import SHARED_MODE, replace_file

T = TypeVar("T")


def render_first_config(
    output: Output,
    provider: str | None,
    name: str | None,
    given: dict[str, str],
    secrets: NewSecrets,
    account: FoundAccount | None,
    choose_content: Callable[[], tuple[dict[str, object], T]],
) -> tuple[str, T]:
    """Render a configuration with one bucket, and store its secrets once everything else is known to be valid.

    Args:
        output: Output of the command.
        provider: The provider; `None` to ask for it, unless the account says it.
        name: Name of the bucket in the configuration; `None` to ask for it.
        given: Settings as text, which precede those of the account.
        secrets: Secrets to store.
        account: Account of another tool to take over.
        choose_content: Called after the questions about the bucket; returns settings of what to sync, and anything.

    Returns:
        The text of the file, and what `choose_content` returned besides settings.

    Raises:
        click.UsageError: The provider is not given, and there is no terminal to ask for it.
        AdapterNotInstalled, AdapterBroken: The provider's adapter can't be used.
        UnknownSetting, InvalidSetting: A setting is unknown, invalid or missing.
        ConfigError: A secret can't be stored.
    """
    interactive = can_ask(output)
    if account is not None:
        if provider not in (None, account.provider):
            raise click.UsageError(f"The account of --from is one of the provider {account.provider}.")
        provider = account.provider
        for note in account.notes:
            output.note(note)
    if provider is None:
        if not interactive:
            raise click.UsageError(
                "There is no terminal to ask for the provider; give --provider. See: buckia providers"
            )
        provider = choose("Provider", [each.provider for each in registry().providers() if not each.problem])
    settings = registry().spec(provider).settings_class()
    values: dict[str, object] = {key: _parse_setting(key, text) for key, text in given.items()}
    if account is not None:
        values = _without_given(account.settings, values, settings) | values
        secrets.known |= account.secrets
    if name is None:
        default = str(values.get("bucket_name") or Path.cwd().name or provider)
        name = ask("Name of the bucket in the configuration", default) if interactive else default
    values |= secrets.plan(name, setting_fields(settings), values)
    if interactive:
        wanted = list(setting_fields(settings).values())
        # An account of another tool has all that is needed to reach it.
        wanted = wanted if account is None else [each for each in wanted if each.required]
        values |= _ask_missing(output, wanted, values, name, secrets)
    content, rest = choose_content()
    values |= content
    directory = secrets.path.absolute().parent
    missing = _check_settings(directory, provider, name, values, settings)
    if secrets.references:
        secrets.keep(name)
        missing = _check_settings(directory, provider, name, values, settings)
    if missing is not None:
        output.note(f"To be set before the first sync: {missing}")
    return render(provider, name, values, settings=settings, secret_stores=secret_stores(registry())), rest


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


def _without_given(found: Mapping[str, object], given: Mapping[str, object], settings: type[Any]) -> dict[str, object]:
    """Return settings of an account without those that were given under another name."""
    names = {each.name: {each.name, *each.aliases} for each in setting_fields(settings).values()}
    return {name: value for name, value in found.items() if names.get(name, {name}).isdisjoint(given)}


def _ask_missing(
    output: Output, settings: Iterable[Setting], given: Mapping[str, object], name: str, secrets: NewSecrets
) -> dict[str, object]:
    """Ask for required settings, and for others that most users need; an empty answer leaves these out."""
    answers: dict[str, object] = {}
    for each in settings:
        known = {**given, **answers}
        if not known.keys().isdisjoint((each.name, *each.aliases)) or not _is_asked(each, known):
            continue
        variable = next(filter(os.environ.get, each.env), None)
        if each.is_secret:
            answer = _ask_secret(output, each, variable, name, secrets)
        elif not each.required:
            answer = "" if variable else ask(_question(each), name if each.name == "bucket_name" else "")
        elif each.kind is Secret and variable:
            answer = ask(_question(each), f"env:{variable}")
        else:
            answer = ask(_question(each), name if each.name == "bucket_name" else None)
        if answer:
            answers[each.name] = answer
    return answers


def _is_asked(each: Setting, known: Mapping[str, object]) -> bool:
    """Tell whether a setting is asked for: all required ones, and those that say so, possibly after another one."""
    return each.required or (each.ask if isinstance(each.ask, bool) else each.ask in known)


def _ask_secret(output: Output, each: Setting, variable: str | None, name: str, secrets: NewSecrets) -> str:
    """Ask for a secret without showing it, and return the reference to write; empty for none.

    A reference may be typed in its place. An empty answer stands for the variable of the environment.
    """
    if not each.required and variable:
        return ""
    _choose_store(output, each, name, secrets)
    default = f"env:{variable}" if variable else ""
    hint = f"press Enter for {default}" if default else "or a reference such as env:NAME"
    while True:
        question = f"{each.name} (not shown as you type, and kept in the secret store `{secrets.place}`); {hint}"
        answer = str(click.prompt(question, default=default, hide_input=True, show_default=False, err=True)).strip()
        if is_reference(answer, secret_stores(registry())):
            return answer
        if answer:
            return secrets.add(name, each.name, Secret(answer))
        if not each.required:
            return ""
        output.note(f"{each.name} is needed.")


def _choose_store(output: Output, each: Setting, name: str, secrets: NewSecrets) -> None:
    """Ask for another secret store as long as the present one can't be used, as a key ring on a server."""
    while True:
        try:
            secrets.check_place(name, each.name)
        except ConfigError as error:
            output.note(f"The secret store {secrets.place} can't be used: {error}")
            secrets.store = ask("Secret store: file (private files beside .buckia), dotenv, age, op://VAULT", "file")
        else:
            return


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
