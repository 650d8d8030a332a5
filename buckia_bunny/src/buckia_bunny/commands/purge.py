"""`buckia bunny purge`: purges the cache of the pull zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from buckia_bunny.commands.adapter import require_pull_zone, zone_account

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost


def register_commands(bunny: click.Group) -> None:
    """Add the command to the group `bunny`."""

    @bunny.command("purge")
    @click.argument("what", metavar="[URL|KEY|PREFIX/]", required=False)
    @click.option("--all", "everything", is_flag=True, help="Purge the entire pull zone.")
    @click.pass_obj
    def purge_command(host: CommandHost, what: str | None, everything: bool) -> None:
        """Purge a URL, an object by its key, all objects below a PREFIX with a trailing slash, or everything."""
        if everything == (what is not None):
            raise click.UsageError("Say what to purge, or --all.")
        from buckia_bunny.cdn.purge import PurgePlan, encode_url, open_purger  # noqa: PLC0415  # needs the HTTP client

        with zone_account(host) as (settings, account):
            name = require_pull_zone(settings)
            purger = open_purger(account, name, settings.hostname)
            if what is None:
                purger.run(PurgePlan(everything=True))
            elif what.startswith(("http://", "https://")):
                purger.purge(encode_url(what))
            else:
                from buckia_bunny.after_sync import zone_paths  # noqa: PLC0415

                (path,) = zone_paths(settings, [what.rstrip("/")])
                purger.run(PurgePlan(directories=(f"{path}/",)) if what.endswith("/") else PurgePlan((path,)))
            record = {"type": "purged", "pull_zone": name, "what": what}
            host.result(record, f"{name}: {what or 'everything'} is purged")
