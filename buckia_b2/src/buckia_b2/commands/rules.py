"""`buckia b2 lifecycle` and `buckia b2 cors`: show, set and remove rules of the bucket."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from buckia_b2.admin.bucket_rules import RuleChange, RuleKind, canonical, parse_rules
from buckia_b2.commands.adapter import native
from buckia_core.adapters.commands.config_change import PlannedChange, confirm_and_apply, read_text
from buckia_core.adapters.commands.options import dry_run_option, yes_option

if TYPE_CHECKING:
    from buckia_b2.admin.bucket_admin import BucketAdmin
    from buckia_core.adapters.commands.host import CommandHost

_TITLES = {RuleKind.LIFECYCLE: "lifecycle rules", RuleKind.CORS: "CORS rules"}
_NAMES = {RuleKind.LIFECYCLE: "--prefix", RuleKind.CORS: "--name"}


def register_commands(b2: click.Group) -> None:
    """Add the groups to the group `b2`."""
    for kind in RuleKind:
        group = b2.group(kind.topic, help=f"Show or change the {_TITLES[kind]}.")(_nothing)
        _add_get(group, kind)
        _add_set(group, kind)
        _add_delete(group, kind)


def _nothing() -> None:
    pass


def _add_get(group: click.Group, kind: RuleKind) -> None:
    @group.command("get", help=f"Show the {_TITLES[kind]}, as JSON.")
    @click.pass_obj
    def get_command(host: CommandHost) -> None:
        with native(host) as b2:
            rules = canonical(b2.rules(kind))
            name = host.one_bucket().name
            record = {"type": "configuration", "bucket": name, "topic": kind.topic, "document": rules}
            host.result(record, *json.dumps(rules, indent=2, ensure_ascii=False).splitlines())


def _add_set(group: click.Group, kind: RuleKind) -> None:
    text = (
        f"Set the {_TITLES[kind]} from FILE: a list in JSON or YAML; - is standard input. Rules with another "
        f"{kind.name_field} are kept."
    )

    @group.command("set", help=text)
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
    @click.option("--replace", is_flag=True, help="Remove all other rules.")
    @dry_run_option
    @yes_option
    @click.pass_obj
    def set_command(host: CommandHost, file: str, replace: bool, dry_run: bool, yes: bool) -> int | None:
        rules = parse_rules(kind, *read_text(file))
        return _change(host, lambda b2: b2.plan(kind, rules, replace=replace), dry_run=dry_run, yes=yes)


def _add_delete(group: click.Group, kind: RuleKind) -> None:
    @group.command("delete", help=f"Remove all {_TITLES[kind]}, or some.")
    @click.option(
        _NAMES[kind], "names", multiple=True, help=f"Remove only the rule with this {kind.name_field}. May be repeated."
    )
    @dry_run_option
    @yes_option
    @click.pass_obj
    def delete_command(host: CommandHost, names: tuple[str, ...], dry_run: bool, yes: bool) -> int | None:
        return _change(host, lambda b2: b2.plan_removal(kind, names), dry_run=dry_run, yes=yes)


def _change(host: CommandHost, plan: Callable[[BucketAdmin], RuleChange], *, dry_run: bool, yes: bool) -> int | None:
    """Show a change, ask for confirmation and apply it. Returns exit code 1 if the user declines."""
    with native(host) as b2:
        planned = plan(b2)
        before, after = canonical(planned.before), canonical(planned.after)
        change = PlannedChange(planned.kind.topic, before, after, planned.diff())
        return confirm_and_apply(host, change, lambda: canonical(b2.apply(planned)), dry_run=dry_run, yes=yes)
