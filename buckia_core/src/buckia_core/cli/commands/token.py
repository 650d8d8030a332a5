"""`buckia token`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buckia_core.adapters.commands.options import yes_option
from buckia_core.adapters.commands.table import Column, Row
from buckia_core.adapters.factory import open_secret_stores
from buckia_core.cli.app import Group
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for, worst_exit_code
from buckia_core.cli.terminal.prompts import can_ask, read_secret
from buckia_core.config.trust import user_config
from buckia_core.errors import ConfigError

if TYPE_CHECKING:
    from buckia_core.adapters.secret_settings import SecretSetting
    from buckia_core.config import BucketConfig
    from buckia_core.config.secrets.references import SecretStores

_COLUMNS = (
    Column("State", styles={"ok": "green", "MISSING": "bold red", "PLAIN": "yellow"}),
    Column("Bucket", style="bold"),
    Column("Setting"),
    Column("Reference"),
    Column("Problem"),
)
_TARGET = click.argument("target", metavar="REFERENCE|SETTING")


@click.group("token", cls=Group)
def token_command() -> None:
    """Store, print, delete and list secrets.

    A REFERENCE says where a secret is, such as keyring:buckia/photos/key. A SETTING is that of a bucket, such as
    secret_access_key, and means the reference that .buckia has for it.
    """


@token_command.command("set")
@_TARGET
@click.option(
    "--store", metavar="STORE", help="Store of a SETTING without a reference, such as keyring or op://Private."
)
@pass_context
def set_command(context: CliContext, target: str, store: str | None) -> ExitCode:
    """Store a secret.

    Asks for it without showing it; in a pipe, reads it from standard input. A secret can't be an argument, because
    other users can read those. If SETTING has no reference yet, Buckia writes one into .buckia.
    """
    if _is_reference(context, target):
        if store is not None:
            raise click.UsageError("--store chooses the store of a SETTING; a REFERENCE has one.")
        _stores(context).write(target, read_secret(context.output, target))
        _say_stored(context, target)
        return ExitCode.DONE
    config = context.one_bucket()
    stores = open_secret_stores(config.base_dir)
    current = _setting(config, target)
    if current and current.is_variable and store is None:
        raise ConfigError(
            f"setting {target!r} is {current.reference}, so set that variable; --store moves the secret into a store",
            source=config.source,
        )
    reference = current.reference if current and store is None else None
    if reference is None:
        place = store or _default_store(config)
        reference = stores.new_reference(place, config.name, target)
        if current is None or current.reference != reference:
            reference = stores.free_reference(place, config.name, target)
    if not stores.is_writable(reference):
        raise ConfigError(
            f"setting {target!r} is {reference}, which can only be read; --store moves the secret into a store",
            source=config.source,
        )
    if current is not None and current.reference == reference:
        if store is None and not _agrees_to_change(context, config, target, reference):
            return ExitCode.DONE
        stores.write(reference, read_secret(context.output, f"{config.name}: {target}"))
    else:
        # A secret is not stored where the file can't refer to it.
        _check_editable(config, target, reference)
        stores.write(reference, read_secret(context.output, f"{config.name}: {target}"))
        try:
            _write_reference(config, target, reference)
        except BaseException:
            with suppress(ConfigError):
                stores.delete(reference)
            raise
    _say_stored(context, reference)
    return ExitCode.DONE


@token_command.command("get")
@_TARGET
@pass_context
def get_command(context: CliContext, target: str) -> ExitCode:
    """Print a secret on standard output."""
    reference = _reference_of(context, target)
    secret = _stores(context).read(reference).reveal()
    if context.options.json:
        context.output.disclose({"type": "secret", "reference": reference, "value": secret})
    else:
        context.output.raw(secret)
    return ExitCode.DONE


@token_command.command("delete")
@_TARGET
@yes_option
@pass_context
def delete_command(context: CliContext, target: str, yes: bool) -> ExitCode:
    """Delete a secret from its store. The reference in .buckia stays."""
    reference = _reference_of(context, target)
    if yes and reference != target and (path := _file_outside(context.one_bucket(), reference)) is not None:
        raise _outside_error(target, reference, path, "delete")
    if not context.confirm(f"Delete the secret {reference} from its store?", yes=yes):
        return ExitCode.DONE
    deleted = _stores(context).delete(reference)
    text = f"deleted: {reference}" if deleted else f"there is no secret {reference}"
    context.output.result({"type": "secret_deleted", "reference": reference, "deleted": deleted}, text)
    return ExitCode.DONE if deleted else ExitCode.NOT_FOUND


@token_command.command("list")
@click.option("--no-check", is_flag=True, help="Do not read the secrets, which may ask to unlock a store.")
@pass_context
def list_command(context: CliContext, no_check: bool) -> ExitCode:
    """List the references in use, and whether they lead to a secret. Never prints a secret.

    Without --bucket, also lists those of the accounts in your config.toml. The exit code is that of the most severe
    problem.
    """
    from buckia_core.adapters.secret_settings import secret_settings  # noqa: PLC0415  # imports the registry

    codes = [ExitCode.DONE]
    rows: list[Row] = []
    for config in context.buckets(with_share_buckets=True):
        stores = open_secret_stores(config.base_dir)
        rows += [_row(each, stores, codes, check=not no_check) for each in secret_settings(config)]
    for each in [] if context.options.buckets else _account_settings():
        rows.append(_row(each, open_secret_stores(user_config.directory()), codes, check=not no_check))
    if not rows:
        context.output.note("no setting has a secret; settings without a value come from the environment")
    context.table(_COLUMNS, rows)
    return worst_exit_code(codes)


def _account_settings() -> Iterator[SecretSetting]:
    """Yield the references of the user's accounts, each under the name that it has in `config.toml`."""
    from buckia_core.adapters.secret_settings import SecretSetting  # noqa: PLC0415  # imports the registry
    from buckia_core.config.user import load_user_config  # noqa: PLC0415  # few commands need it

    stores = open_secret_stores(user_config.directory())
    for account in load_user_config(stores.plugins).accounts.values():
        for name, value in account.settings.items():
            if stores.is_reference(value):
                yield SecretSetting("", f"accounts.{account.name}.{name}", value)


def _row(each: SecretSetting, stores: SecretStores, codes: list[ExitCode], *, check: bool) -> Row:
    problem, resolves = None, None
    if each.reference is None:
        problem = f"stands in the configuration; move it: buckia -b {each.bucket} token set {each.setting}"
    elif each.is_variable:
        resolves = True
    elif check:
        try:
            stores.read(each.reference)
            resolves = True
        except ConfigError as error:
            problem, resolves = str(error), False
            codes.append(exit_code_for(error))
    record = {
        "type": "reference",
        "bucket": each.bucket or None,
        "setting": each.setting,
        "reference": each.reference,
        "resolves": resolves,
        "problem": problem,
    }
    state = "PLAIN" if each.reference is None else "MISSING" if problem else "ok" if resolves else "-"
    return record, (state, each.bucket, each.setting, each.reference or "", problem or "")


def _is_reference(context: CliContext, target: str) -> bool:
    # A setting has no colon; whatever else has one is meant as a reference, also of a store that is not installed.
    return ":" in target or _stores(context).is_reference(target)


def _reference_of(context: CliContext, target: str) -> str:
    if _is_reference(context, target):
        return target
    config = context.one_bucket()
    found = _setting(config, target)
    if found is None:
        raise ConfigError(f"bucket {config.name!r} has no secret setting {target!r}", source=config.source)
    if found.reference is None or found.is_variable:
        raise ConfigError(
            f"setting {target!r} is no reference to a store; store it: buckia token set {target} --store STORE",
            source=config.source,
        )
    return found.reference


def _setting(config: BucketConfig, name: str) -> SecretSetting | None:
    from buckia_core.adapters.plugins.registry import registry  # noqa: PLC0415  # few commands need it
    from buckia_core.adapters.secret_settings import secret_names, secret_settings  # noqa: PLC0415  # as above
    from buckia_core.config.values import suggest  # noqa: PLC0415  # as above

    known = secret_names(config, registry())
    if known is not None and name not in known:
        raise ConfigError(f"provider {config.provider!r} has no secret setting {name!r}.{suggest(name, known)}")
    return next((each for each in secret_settings(config) if each.setting == name), None)


def _stores(context: CliContext) -> SecretStores:
    """Return the stores. References are relative to the configuration, or to this directory if there is none."""
    from buckia_core.config.file import locate  # noqa: PLC0415  # imports the YAML library

    try:
        path = context.options.config or locate(Path.cwd())
    except ConfigError:
        return open_secret_stores(Path.cwd())
    return open_secret_stores(path.absolute().parent)


def _default_store(config: BucketConfig) -> str:
    from buckia_core.config.user import load_user_config  # noqa: PLC0415  # few commands need it

    return load_user_config(open_secret_stores(config.base_dir).plugins).store_for(
        Path(config.source or config.base_dir)
    )


def _file_outside(config: BucketConfig, reference: str) -> str | None:
    """Return the existing file to which a reference of `.buckia` leads, if it is outside of the project.

    Those in the user's configuration directory do not count.
    """
    from buckia_core.config.secret_files import file_of  # noqa: PLC0415  # few commands need it

    path = file_of(reference, config.base_dir)
    if path is None or not os.path.exists(path):
        return None
    real = Path(os.path.realpath(path))
    roots = (os.path.realpath(each) for each in (config.base_dir, user_config.directory()))
    return None if any(real.is_relative_to(root) for root in roots) else str(real)


def _agrees_to_change(context: CliContext, config: BucketConfig, setting: str, reference: str) -> bool:
    """Ask before a file outside of the project is changed: whoever wrote `.buckia` may have named any."""
    path = _file_outside(config, reference)
    if path is None:
        return True
    if not can_ask(context.output):
        raise _outside_error(setting, reference, path, "set")
    return context.confirm(f"{reference} is {path}, outside of the project. Change this file?", yes=False)


def _outside_error(setting: str, reference: str, path: str, verb: str) -> ConfigError:
    import shlex  # noqa: PLC0415  # only messages need it

    return ConfigError(
        f"setting {setting!r} is {reference}, and {path} is outside of the project. If that is your secret, name it: "
        f"buckia token {verb} {shlex.quote(reference)}"
    )


def _check_editable(config: BucketConfig, setting: str, reference: str) -> None:
    from buckia_core.config.editor import read_config_text  # noqa: PLC0415  # few commands edit the file

    if config.source is None:
        raise ConfigError(f"bucket {config.name!r} has no configuration file")
    stores = open_secret_stores(config.base_dir).plugins
    read_config_text(Path(config.source), stores=stores).set(config.name, setting, reference)


def _write_reference(config: BucketConfig, setting: str, reference: str) -> None:
    from buckia_core.config.editor import edit_config  # noqa: PLC0415  # few commands edit the file

    assert config.source is not None
    stores = open_secret_stores(config.base_dir).plugins
    with edit_config(Path(config.source), stores=stores) as file:
        file.set(config.name, setting, reference)


def _say_stored(context: CliContext, reference: str) -> None:
    context.output.result({"type": "secret_stored", "reference": reference}, f"stored: {reference}")
