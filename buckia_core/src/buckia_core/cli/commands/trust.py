"""`buckia trust`."""

from __future__ import annotations

from pathlib import Path

import click

from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.config.bucket import BucketConfig
from buckia_core.config.file import FILE_NAME, find_in, load, locate
from buckia_core.config.settings import setting_fields
from buckia_core.config.trust.consent import TrustedFile, revoke_trust, trust_file, trusted_files
from buckia_core.errors import ConfigError, PluginError


@click.command("trust", cls=Command)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--list", "lists", is_flag=True, help="List the trusted files, and change nothing.")
@click.option("--revoke", "revokes", is_flag=True, help="Stop trusting the file.")
@pass_context
def trust_command(context: CliContext, path: Path | None, lists: bool, revokes: bool) -> ExitCode:
    """Trust a configuration file.

    Needed if other users can write the file, or if it runs code. Read it first: it decides where your files go.
    PATH is the file or its directory; the default is the nearest .buckia.
    """
    if lists and (path or revokes):
        raise click.UsageError("--list can't be combined with PATH or --revoke.")
    if lists:
        for each in trusted_files():
            _show(context, each)
        return ExitCode.DONE
    if path is None:
        path = context.options.config or locate(Path.cwd())
    if path.is_dir():
        path = find_in(path) or path / FILE_NAME
    if revokes:
        if not revoke_trust(path):
            raise click.UsageError(f"{path} is not trusted. See: buckia trust --list")
        context.output.result({"type": "revoked", "path": str(path.absolute())}, f"no longer trusted: {path}")
        return ExitCode.DONE
    if not path.is_file():
        raise click.UsageError(f"There is no file {path}.")
    _show(context, trust_file(path, find_code_settings(path)))
    return ExitCode.DONE


def _show(context: CliContext, trusted: TrustedFile) -> None:
    record = {"type": "trusted", "path": trusted.path, "owner": trusted.owner, "code": list(trusted.code)}
    code = f", and may run {', '.join(trusted.code)}" if trusted.code else ""
    context.output.result(record, f"trusted: {trusted.path}, which belongs to {trusted.owner_name}{code}")


def find_code_settings(path: Path) -> list[str]:
    """Return the values in a configuration that run code, in order; empty if the file is not a configuration."""
    try:
        buckets = load(path).buckets.values()
    except ConfigError:
        return []
    found = [value for config in buckets for value in _bucket_code_settings(config)]
    return list(dict.fromkeys(found))


def _bucket_code_settings(config: BucketConfig) -> list[str]:
    try:
        settings = registry().spec(config.provider).settings_class()
    except PluginError:
        return []
    found = []
    for declared in setting_fields(settings).values():
        given = (config.settings.get(each) for each in (declared.name, *declared.aliases))
        runs_code = declared.runs_code
        found += [each for each in given if runs_code and isinstance(each, str) and runs_code(each)]
    return found
