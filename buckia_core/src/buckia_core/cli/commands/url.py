"""`buckia url`."""

from __future__ import annotations

from datetime import timedelta

import click

from buckia_core.adapters.commands.options import parse_age
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.object_names import open_bucket_of
from buckia_core.cli.report.json_records import iso_time

_DEFAULT = timedelta(hours=1)


@click.command("url", cls=Command)
@click.argument("key")
@click.option(
    "--expires",
    callback=parse_age,
    metavar="TIME",
    help="Time until a signed URL expires, such as 45m, 12h or 7d; an hour by default, 7d at most.",
)
@click.option("--public", is_flag=True, help="Show the URL for everybody, which does not expire.")
@click.option(
    "--method",
    type=click.Choice(["GET", "PUT"]),
    default="GET",
    show_default=True,
    help="Allow reading or writing the object.",
)
@click.option("--content-type", metavar="TYPE", help="Type of the response; with PUT, the type that must be sent.")
@pass_context
def url_command(
    context: CliContext, key: str, expires: timedelta | None, public: bool, method: str, content_type: str | None
) -> ExitCode:
    """Show a URL of the object KEY, which need not exist.

    The URL is the public one if `public_url_base` is set, and otherwise a signed one, if the provider signs. With
    --expires it is signed. Whoever has a signed URL can use it until it expires.
    """
    if public and (expires is not None or method != "GET" or content_type is not None):
        raise click.UsageError("A public URL does not expire, and is for reading: --public goes without other options.")
    lifetime = expires or _DEFAULT
    with open_bucket_of(context, key) as (client, names):
        (key,) = names
        store = client.objects
        if method == "PUT":
            found = store.presigned_put(key, expires_in=lifetime, content_type=content_type)
        elif content_type is not None:
            found = store.presigned_get(key, expires_in=lifetime, response_content_type=content_type)
        else:
            policy = "public" if public else "auto" if expires is None else "presigned"
            found = store.url(key, policy=policy, expires_in=lifetime)
    record = {
        "type": "url",
        "bucket": client.config.name,
        "key": key,
        "url": found.url,
        "method": found.method,
        "expires": iso_time(found.expires),
    }
    context.output.disclose(record, found.url)
    return ExitCode.DONE
