"""`buckia s3 policy`, `buckia s3 lifecycle` and so on: a group for each topic of a bucket's configuration.

Each has `get`, `set` and `delete`, made here from one table. What is special about a topic is in
`buckia_s3.administration.subresources`; the table here says what its commands take, so that help needs no import of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from buckia_core.adapters.commands.config_change import read_text
from buckia_s3.commands.change import Wish, change, dry_run, yes
from buckia_s3.commands.documents import overwrite, show

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost
    from buckia_s3.administration import Administration


@dataclass(frozen=True, slots=True)
class _Commands:
    """What the commands of a topic are like.

    `entry` is the option that names single entries (`--id`, `--key`); those topics are merged. `canned` are names that
    stand for documents. `states` are commands of their own that write one document.
    """

    title: str
    removal: str = ""
    entry: str = ""
    canned: tuple[str, ...] = ()
    states: tuple[tuple[str, str, str], ...] = ()


_CANNED = ("private", "public-read", "public-read-write", "authenticated-read", "log-delivery-write")

_TOPICS = {
    "policy": _Commands("the bucket policy", "Remove the bucket policy."),
    "acl": _Commands(
        "the access control list", "Leave the bucket to its owner alone, as the list `private`.", canned=_CANNED
    ),
    "lifecycle": _Commands("the lifecycle rules", "Remove all lifecycle rules, or some.", entry="id"),
    "cors": _Commands("the CORS rules", "Remove all CORS rules, or some.", entry="id"),
    "versioning": _Commands(
        "versioning",
        states=(
            ("enable", "Enabled", "Keep older versions from now on."),
            ("suspend", "Suspended", "Keep no more versions; those that are there stay."),
        ),
    ),
    "encryption": _Commands("the default encryption", "Remove the default encryption."),
    "public-access-block": _Commands("the public access block", "Remove the public access block."),
    "object-lock": _Commands("the default retention", "Remove the default retention; objects can still be locked."),
    "tags": _Commands("the tags of the bucket", "Remove all tags, or some.", entry="key"),
    "website": _Commands("the website configuration", "Stop to serve a website."),
    "accelerate": _Commands("transfer acceleration", "Suspend transfer acceleration."),
    "request-payment": _Commands("who pays for requests", "Let the owner of the bucket pay."),
    "ownership-controls": _Commands("who owns new objects", "Remove the ownership controls."),
}


def register_commands(s3: click.Group) -> None:
    """Add the groups to the group `s3`."""
    for name, commands in _TOPICS.items():
        group = s3.group(name, help=f"Show or change {commands.title}.")(_nothing)
        _add_get(group, name, commands)
        _add_set(group, name, commands)
        for command, status, text in commands.states:
            _add_state(group, name, command, status, text)
        if commands.removal:
            _add_delete(group, name, commands)


def _nothing() -> None:
    pass


def _add_get(group: click.Group, topic: str, commands: _Commands) -> None:
    @group.command("get", help=f"Show {commands.title}, or write a FILE.")
    @click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True))
    @click.option("--yaml", "as_yaml", is_flag=True, help="YAML instead of JSON.")
    @overwrite
    @click.pass_obj
    def get_command(host: CommandHost, file: str | None, as_yaml: bool, overwrite: bool) -> None:
        show(host, topic, file, as_yaml=as_yaml, overwrite=overwrite)


def _add_set(group: click.Group, topic: str, commands: _Commands) -> None:
    def set_command(
        host: CommandHost,
        file: str | None,
        dry_run: bool,
        yes: bool,
        replace: bool = False,
        canned: str | None = None,
    ) -> int | None:
        if (file is None) == (canned is None):
            raise click.UsageError(f"Give a FILE{', or --canned' if commands.canned else ''}.")
        if file is None:
            assert canned is not None
            return change(host, topic, lambda bucket: bucket.plan_canned(canned), dry_run=dry_run, yes=yes)
        wish = _from_file(topic, file, replace=replace)
        return change(host, topic, wish, dry_run=dry_run, yes=yes)

    how = f" Entries of other names stay, those of the same {commands.entry} are replaced." if commands.entry else ""
    options = [dry_run, yes]
    if commands.entry:
        options.append(click.option("--replace", is_flag=True, help="Let no other entries stay."))
    if commands.canned:
        options.append(click.option("--canned", type=click.Choice(commands.canned), help="A list by its name."))
    argument = click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
    text = f"Set {commands.title} to what FILE says: JSON, YAML or XML; - is standard input.{how}"
    group.command("set", help=text)(_with([argument, *options, click.pass_obj], set_command))


def _add_state(group: click.Group, topic: str, command: str, status: str, text: str) -> None:
    @group.command(command, help=text)
    @dry_run
    @yes
    @click.pass_obj
    def state_command(host: CommandHost, dry_run: bool, yes: bool) -> int | None:
        return change(host, topic, lambda bucket: bucket.plan(topic, {"Status": status}), dry_run=dry_run, yes=yes)


def _add_delete(group: click.Group, topic: str, commands: _Commands) -> None:
    def delete_command(host: CommandHost, dry_run: bool, yes: bool, names: tuple[str, ...] = ()) -> int | None:
        return change(host, topic, lambda bucket: bucket.plan_removal(topic, names), dry_run=dry_run, yes=yes)

    options = [dry_run, yes]
    if commands.entry:
        text = f"Only the entry with this {commands.entry}. May be repeated."
        options.append(click.option(f"--{commands.entry}", "names", multiple=True, help=text))
    group.command("delete", help=commands.removal)(_with([*options, click.pass_obj], delete_command))


def _from_file(topic: str, file: str, *, replace: bool) -> Wish:
    def wish(bucket: Administration) -> Any:
        text, source = read_text(file)
        return bucket.plan_text(topic, text, source=source, replace=replace)

    return wish


def _with(decorators: Iterable[Callable[[Any], Any]], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as if the decorators stood above it, in this order."""
    for decorator in reversed(list(decorators)):
        function = decorator(function)
    return function
