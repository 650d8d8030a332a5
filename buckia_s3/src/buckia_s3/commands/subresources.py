"""`buckia s3 policy`, `buckia s3 lifecycle` and so on: a group for each subresource, with `get`, `set` and `delete`.

A table here describes the commands, so that help does not import `buckia_s3.administration`, and boto3 with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from buckia_core.adapters.commands.config_change import STDIN, PlannedChange, confirm_and_apply, read_text
from buckia_core.adapters.commands.options import dry_run_option, yes_option
from buckia_core.errors import AlreadyExists
from buckia_s3.commands.adapter import s3_adapter

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_s3.administration import Administration, Change

PlanChange: TypeAlias = "Callable[[Administration], Change]"


@dataclass(frozen=True, slots=True)
class _CommandSpec:
    """Commands of one subresource.

    Attributes:
        title: Name in help texts.
        delete_help: Help of `delete`; empty without that command.
        entry: Option of `delete` for single entries, `id` or `key`, of subresources that `set` merges.
        canned: Choices of `--canned`.
        states: Commands that set one status each: name, status, help.
    """

    title: str
    delete_help: str = ""
    entry: str = ""
    canned: tuple[str, ...] = ()
    states: tuple[tuple[str, str, str], ...] = ()


_CANNED = ("private", "public-read", "public-read-write", "authenticated-read", "log-delivery-write")

_SUBRESOURCES = {
    "policy": _CommandSpec("the bucket policy", "Delete the bucket policy."),
    "acl": _CommandSpec("the access control list", "Reset the ACL to `private`.", canned=_CANNED),
    "lifecycle": _CommandSpec("the lifecycle rules", "Delete all lifecycle rules, or some.", entry="id"),
    "cors": _CommandSpec("the CORS rules", "Delete all CORS rules, or some.", entry="id"),
    "versioning": _CommandSpec(
        "versioning",
        states=(
            ("enable", "Enabled", "Keep older versions from now on."),
            ("suspend", "Suspended", "Keep no more versions; existing ones stay."),
        ),
    ),
    "encryption": _CommandSpec("the default encryption", "Delete the default encryption."),
    "public-access-block": _CommandSpec("the public access block", "Delete the public access block."),
    "object-lock": _CommandSpec("the default retention", "Delete the default retention; objects can still be locked."),
    "tags": _CommandSpec("the tags of the bucket", "Delete all tags, or some.", entry="key"),
    "website": _CommandSpec("the website configuration", "Stop serving a website."),
    "accelerate": _CommandSpec("transfer acceleration", "Suspend transfer acceleration."),
    "request-payment": _CommandSpec("who pays for requests", "Let the owner of the bucket pay."),
    "ownership-controls": _CommandSpec("who owns new objects", "Delete the ownership controls."),
}


def register_commands(s3: click.Group) -> None:
    """Add the groups to the group `s3`."""
    for name, spec in _SUBRESOURCES.items():
        group = s3.group(name, help=f"Show or change {spec.title}.")(_empty_group)
        _add_get(group, name, spec)
        _add_set(group, name, spec)
        for command, status, text in spec.states:
            _add_state(group, name, command, status, text)
        if spec.delete_help:
            _add_delete(group, name, spec)


def _empty_group() -> None:
    pass


def _add_get(group: click.Group, name: str, spec: _CommandSpec) -> None:
    @group.command("get", help=f"Show {spec.title}, or write to FILE.")
    @click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True))
    @click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML instead of JSON.")
    @click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
    @click.pass_obj
    def get_command(host: CommandHost, file: str | None, as_yaml: bool, overwrite: bool) -> None:
        _show(host, name, file, as_yaml=as_yaml, overwrite=overwrite)


def _add_set(group: click.Group, name: str, spec: _CommandSpec) -> None:
    def set_command(
        host: CommandHost,
        file: str | None,
        dry_run: bool,
        yes: bool,
        replace: bool = False,
        canned: str | None = None,
    ) -> int | None:
        if (file is None) == (canned is None):
            raise click.UsageError(f"Give a FILE{', or --canned' if spec.canned else ''}.")

        def plan(administration: Administration) -> Change:
            if canned is not None:
                return administration.plan_canned(canned)
            assert file is not None
            text, source = read_text(file)
            return administration.plan_text(name, text, source=source, replace=replace)

        return _change(host, name, plan, dry_run=dry_run, yes=yes)

    merging = f" Other entries are kept, those with the same {spec.entry} are replaced." if spec.entry else ""
    options: list[Callable[[Any], Any]] = [dry_run_option, yes_option]
    if spec.entry:
        options.append(click.option("--replace", is_flag=True, help="Remove all other entries."))
    if spec.canned:
        options.append(
            click.option("--canned", type=click.Choice(spec.canned), help="Use a canned ACL instead of FILE.")
        )
    argument = click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
    text = f"Set {spec.title} from FILE: JSON, YAML or XML; - is standard input.{merging}"
    group.command("set", help=text)(_decorate([argument, *options, click.pass_obj], set_command))


def _add_state(group: click.Group, name: str, command: str, status: str, text: str) -> None:
    @group.command(command, help=text)
    @dry_run_option
    @yes_option
    @click.pass_obj
    def state_command(host: CommandHost, dry_run: bool, yes: bool) -> int | None:
        document = {"Status": status}
        return _change(host, name, lambda bucket: bucket.plan(name, document), dry_run=dry_run, yes=yes)


def _add_delete(group: click.Group, name: str, spec: _CommandSpec) -> None:
    def delete_command(host: CommandHost, dry_run: bool, yes: bool, entries: tuple[str, ...] = ()) -> int | None:
        return _change(host, name, lambda bucket: bucket.plan_removal(name, entries), dry_run=dry_run, yes=yes)

    options: list[Callable[[Any], Any]] = [dry_run_option, yes_option]
    if spec.entry:
        text = f"Remove only the entry with this {spec.entry}. May be repeated."
        options.append(click.option(f"--{spec.entry}", "entries", multiple=True, help=text))
    group.command("delete", help=spec.delete_help)(_decorate([*options, click.pass_obj], delete_command))


def _decorate(decorators: Iterable[Callable[[Any], Any]], function: Callable[..., Any]) -> Callable[..., Any]:
    """Apply decorators to a function, in the order in which they would stand above it."""
    for decorator in reversed(list(decorators)):
        function = decorator(function)
    return function


def _change(host: CommandHost, name: str, plan: PlanChange, *, dry_run: bool, yes: bool) -> int | None:
    """Show the difference of a planned change, ask, and apply it. Returns exit code 1 if the user declines."""
    with s3_adapter(host) as adapter:
        change = plan(adapter.administration)
        return confirm_and_apply(
            host,
            PlannedChange(name, change.before, change.after, change.diff()),
            lambda: adapter.administration.apply(change),
            dry_run=dry_run,
            yes=yes,
            # The server may add ids to rules, or return the old document for some time.
            describe_mismatch=lambda document: replace(change, before=change.after, after=document).diff(),
        )


def _show(host: CommandHost, name: str, file: str | None, *, as_yaml: bool, overwrite: bool) -> None:
    """Print a document, or write it to a file: as YAML with `as_yaml`, or by the file's extension.

    Raises:
        AlreadyExists: The file exists, and `overwrite` is false.
    """
    from buckia_s3.administration import SUBRESOURCES, documents  # noqa: PLC0415  # it imports boto3

    target = None if file in (None, STDIN) else Path(str(file))
    if target is not None and target.exists() and not overwrite:
        raise AlreadyExists(f"{target} exists: give --overwrite to replace it")
    with s3_adapter(host) as adapter:
        bucket = host.one_bucket().name
        document = adapter.administration.get(name)
    record = {"type": "configuration", "bucket": bucket, "topic": name, "document": document}
    if document is None:
        host.result(record)
        host.note(f"{bucket}: {name} is not set")
        return
    yaml = as_yaml or (target is not None and target.suffix.lower() in (".yaml", ".yml"))
    text = documents.format_document(SUBRESOURCES[name], document, as_yaml=yaml)
    if target is None:
        host.result(record, *text.splitlines())
        return
    target.write_text(text, encoding="utf-8")
    host.result(record | {"path": str(target)}, f"{bucket}: {name} is written to {target}")
