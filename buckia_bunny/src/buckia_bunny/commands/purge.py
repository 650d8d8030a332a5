"""`buckia bunny purge`: let the pull zone forget what it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from buckia_bunny.commands.adapter import pull_zone_of, zone_account

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost


def register_commands(bunny: click.Group) -> None:
    """Add the command to the group `bunny`."""

    @bunny.command("purge")
    @click.argument("what", metavar="[URL|KEY|PREFIX/]", required=False)
    @click.option("--all", "everything", is_flag=True, help="All that the pull zone keeps.")
    @click.pass_obj
    def purge_command(host: CommandHost, what: str | None, everything: bool) -> None:
        """Purge an address, an object by its key, all below a PREFIX that ends in a slash, or everything."""
        if everything == (what is not None):
            raise click.UsageError("Say what to purge, or --all.")
        from buckia_bunny.cdn.purge import PurgePlan, encoded, purger_of  # noqa: PLC0415  # needs urllib3

        with zone_account(host) as (settings, account):
            name = pull_zone_of(settings)
            purger = purger_of(account, name, settings.hostname)
            if what is None:
                purger.carry_out(PurgePlan(everything=True))
            elif what.startswith(("http://", "https://")):
                purger.purge(encoded(what))
            else:
                from buckia_bunny.after_sync import zone_paths  # noqa: PLC0415

                (path,) = zone_paths(settings, [what.rstrip("/")])
                purger.carry_out(PurgePlan(directories=(f"{path}/",)) if what.endswith("/") else PurgePlan((path,)))
            record = {"type": "purged", "pull_zone": name, "what": what}
            host.result(record, f"{name}: {what or 'everything'} is purged")
