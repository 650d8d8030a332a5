"""`buckia share`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import click

from buckia_core.adapters.commands.options import parse_age
from buckia_core.adapters.commands.table import Column, Row
from buckia_core.cli.app import Group
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for, worst_exit_code
from buckia_core.cli.object_names import ObjectName, parse_names, unknown_bucket
from buckia_core.cli.report.json_records import iso_time
from buckia_core.cli.terminal.formatting import format_count, format_size, format_time
from buckia_core.cli.terminal.output import Record
from buckia_core.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient
    from buckia_core.config import BucketConfig
    from buckia_core.sharing.share import Share

_COLUMNS = (
    Column("Id", style="bold"),
    Column("Expires", styles={"never": "dim"}),
    Column("Access"),
    Column("Size", right=True),
    Column("Key"),
    Column("URL"),
)


@click.group("share", cls=Group, invoke_without_command=True)
@click.pass_context
def share_command(ctx: click.Context) -> ExitCode | None:
    """Give people links to objects.

    A share is a copy of an object in a share bucket, with a URL that nobody can guess and that expires. The setting
    `share` names that bucket. Without a command, lists the shares.
    """
    return ctx.invoke(list_command) if ctx.invoked_subcommand is None else None


@share_command.command("add")
@click.argument("key")
@click.option("--name", metavar="NAME", help="Readable part of the URL; by default the name in KEY.")
@click.option(
    "--ttl-days",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Days until the share expires; 0 for never, if the share is public.",
)
@click.option("--content-type", metavar="TYPE", help="MIME type of the copy.")
@click.option("--content-disposition", metavar="TEXT", help="Such as inline, or attachment to have it saved.")
@click.option("--cache-control", metavar="TEXT", help="Such as max-age=3600.")
@pass_context
def add_command(
    context: CliContext,
    key: str,
    name: str | None,
    ttl_days: int | None,
    content_type: str | None,
    content_disposition: str | None,
    cache_control: str | None,
) -> ExitCode:
    """Share the object KEY, and show the URL.

    Sharing the same object under the same name again renews the time at which the share expires. An object that has
    changed is a new share.
    """
    with _open_bucket_of(context, key) as (client, its_key):
        config = client.config
        share = client.shares.add(
            its_key,
            name=name,
            ttl_days=ttl_days,
            content_type=content_type,
            content_disposition=content_disposition,
            cache_control=cache_control,
        )
    url = None if share.url is None else share.url.url
    until = "it never expires" if share.expires is None else f"it expires {format_time(share.expires)}"
    context.output.disclose(_record(config, share, url), url or "")
    context.output.note(f"{_shown(context, config, share.key)} is shared as {share.id}; {until}")
    return ExitCode.DONE


@share_command.command("list")
@click.argument("key", required=False)
@pass_context
def list_command(context: CliContext, key: str | None) -> ExitCode:
    """List the shares, or those of the object KEY, the newest first.

    Public URLs are shown. To see a signed one, use `buckia share url`.
    """
    from buckia_core.config.share_settings import ShareAccess  # noqa: PLC0415  # imported with the configuration

    rows: list[Row] = []
    place = None if key is None else _place(context, key)
    configs = _buckets(context) if place is None else [context.config_file.bucket(place.bucket)]
    for config in configs:
        if config.share is None:
            raise _no_shares([config])
        with context.client(config) as client:
            shows_urls = client.shares.config.mode is ShareAccess.PUBLIC
            found = client.shares.list(None if place is None else place.key, urls=shows_urls)
        if not found and place is not None and place.unknown:
            raise unknown_bucket(context, place)
        if not found:
            context.output.note(f"{config.name}: there are no shares")
        rows.extend(_row(context, config, each) for each in found)
    context.table(_COLUMNS, rows)
    return ExitCode.DONE


@share_command.command("url")
@click.argument("share")
@click.option(
    "--expires", callback=parse_age, metavar="TIME", help="Time until a signed URL expires, if the share lasts longer."
)
@pass_context
def url_command(context: CliContext, share: str, expires: timedelta | None) -> ExitCode:
    """Show the URL of a share.

    SHARE is an id, a key in the share bucket, or the key of an object that has one share.
    """
    with _open_bucket_of(context, share) as (client, name):
        config = client.config
        found = client.shares.url(name, expires_in=expires)
    record = {
        "type": "url",
        "bucket": config.name,
        "key": found.key,
        "url": found.url,
        "method": found.method,
        "expires": iso_time(found.expires),
    }
    context.output.disclose(record, found.url)
    return ExitCode.DONE


@share_command.command("remove")
@click.argument("share")
@click.option("--all", "all_of_object", is_flag=True, help="Remove all shares of an object.")
@pass_context
def remove_command(context: CliContext, share: str, all_of_object: bool) -> ExitCode:
    """Remove a share, so that its URL stops working.

    SHARE is an id, a key in the share bucket, a URL, or the key of an object. If the object has several shares, name
    one by its id, or remove --all of them.
    """
    with _open_bucket_of(context, share) as (client, name):
        config = client.config
        removed = client.shares.remove(name, all=all_of_object)
    for each in removed:
        context.output.result(
            _record(config, each, None, "unshared"), f"removed {each.id} of {_shown(context, config, each.key)}"
        )
    return ExitCode.DONE


@share_command.command("sweep")
@pass_context
def sweep_command(context: CliContext) -> ExitCode:
    """Remove all shares that have expired.

    Run it once a day, as with cron: public URLs work until then. The record of a share is kept until its copy is gone.
    """
    codes = [ExitCode.DONE]
    for config in _buckets(context):
        with context.client(config) as client:
            result = client.shares.sweep()
        for each in result.removed:
            context.output.result(
                _record(config, each, None, "unshared"), f"removed {each.id} of {_shown(context, config, each.key)}"
            )
        for failure in result.failed:
            context.output.failed(
                f"{_shown(context, config, failure.share.key)} (share {failure.share.id})", str(failure.error)
            )
            codes.append(exit_code_for(failure.error))
        context.output.say(f"{config.name}: {format_count(len(result.removed), 'share')} removed")
    return worst_exit_code(codes)


def _buckets(context: CliContext) -> list[BucketConfig]:
    """Return the selected buckets that have shares.

    Raises:
        ConfigError: There is none.
    """
    chosen = context.buckets()
    found = [config for config in chosen if config.share is not None]
    if not found:
        raise _no_shares(chosen)
    return found


def _no_shares(chosen: Sequence[BucketConfig]) -> ConfigError:
    names = ", ".join(repr(config.name) for config in chosen)
    return ConfigError(
        f"bucket {names} has no setting 'share', which names the bucket that shares go to", source=chosen[0].source
    )


def _one_bucket(context: CliContext) -> BucketConfig:
    """Return the one selected bucket that has shares. The share bucket, which has none, need not be left out."""
    found = _buckets(context)
    if len(found) > 1:
        names = ", ".join(config.name for config in found)
        raise click.UsageError(f"This command works on one bucket. Choose it with --bucket: {names}.")
    return found[0]


def _place(context: CliContext, name: str) -> ObjectName:
    """Return the bucket that has shares, and the key, id or URL in it; see `parse_names`."""
    return parse_names(context, [name], partial(_one_bucket, context))[0]


@contextmanager
def _open_bucket_of(context: CliContext, name: str) -> Iterator[tuple[BuckiaClient, str]]:
    """Open the bucket of a name, and yield its client and the key, id or URL.

    Raises:
        BucketNotConfigured: Nothing was found, and the name has an unknown bucket.
        ConfigError: The bucket has no shares.
    """
    place = _place(context, name)
    config = context.config_file.bucket(place.bucket)
    if config.share is None:
        raise _no_shares([config])
    with context.client(config) as client:
        try:
            yield client, place.key
        except NotFound as missing:
            if not place.unknown:
                raise
            raise unknown_bucket(context, place) from missing


def _shown(context: CliContext, config: BucketConfig, key: str) -> str:
    """Return a key as `NAME:KEY` if several buckets have shares."""
    having = [each for each in context.config_file.buckets.values() if each.share is not None]
    return f"{config.name}:{key}" if len(having) > 1 else key


def _row(context: CliContext, config: BucketConfig, share: Share) -> Row:
    url = None if share.url is None else share.url.redacted
    expires = "never" if share.expires is None else format_time(share.expires)
    state = expires if share.state.value == "live" else share.state.value
    shown = "expired" if share.expired else state
    key = _shown(context, config, share.key)
    return _record(config, share, url), (share.id, shown, share.access.value, format_size(share.size), key, url)


def _record(config: BucketConfig, share: Share, url: str | None, kind: str = "share") -> Record:
    return {
        "type": kind,
        "bucket": config.name,
        "id": share.id,
        "key": share.key,
        "name": share.name,
        "share_key": share.share_key,
        "access": share.access.value,
        "size": share.size,
        "content_type": share.content_type,
        "created": iso_time(share.created),
        "renewed": iso_time(share.renewed),
        "expires": iso_time(share.expires),
        "state": share.state.value,
        "expired": share.expired,
        "url": url,
    }
