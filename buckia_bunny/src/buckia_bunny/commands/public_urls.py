"""`buckia bunny signed-url`: URLs that expire, with optional restrictions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from buckia_bunny.commands.adapter import require_pull_zone, zone_settings
from buckia_core.errors import ConfigError

if TYPE_CHECKING:
    from buckia_bunny.account.account import BunnyAccount
    from buckia_bunny.settings import BunnySettings
    from buckia_core.adapters.commands.host import CommandHost


def register_commands(bunny: click.Group) -> None:
    """Add the command to the group `bunny`."""

    @bunny.command("signed-url")
    @click.argument("key")
    @click.option(
        "--seconds", type=click.IntRange(1), default=3600, show_default=True, help="Seconds until the URL expires."
    )
    @click.option("--ip", metavar="ADDRESS", help="Allow only this IP address; the pull zone must check addresses.")
    @click.option(
        "--country",
        "countries",
        multiple=True,
        metavar="CODE",
        help="Allow only this country, such as DE. May be repeated.",
    )
    @click.option(
        "--block-country", "blocked", multiple=True, metavar="CODE", help="Block this country. May be repeated."
    )
    @click.option(
        "--limit", type=click.IntRange(1), metavar="KB", help="Limit the speed to this many kilobytes per second."
    )
    @click.option("--below", metavar="PREFIX/", help="Allow all keys below this prefix, including KEY.")
    @click.option("--in-path", is_flag=True, help="Put the token into the path, so that relative URLs carry it too.")
    @click.option("--basic", is_flag=True, help="Use the older kind of token, which supports --ip only.")
    @click.pass_obj
    def signed_url_command(
        host: CommandHost,
        key: str,
        seconds: int,
        ip: str | None,
        countries: tuple[str, ...],
        blocked: tuple[str, ...],
        limit: int | None,
        below: str | None,
        in_path: bool,
        basic: bool,
    ) -> None:
        """Show a URL that gives read access to the object KEY for a limited time."""
        if basic and (countries or blocked or limit or below or in_path):
            raise click.UsageError("--basic goes with --ip and --seconds only.")
        from buckia_bunny.after_sync import zone_paths  # noqa: PLC0415  # when the command runs
        from buckia_bunny.cdn.signed_urls import Restrictions, sign_advanced, sign_basic  # noqa: PLC0415
        from buckia_bunny.storage.key_encoding import quote_path  # noqa: PLC0415

        with zone_settings(host) as (settings, account):
            name, token_key = _find_signing_key(settings, account)
            (path,) = zone_paths(settings, [key])
            directory = None if below is None else f"/{zone_paths(settings, [below.rstrip('/')])[0]}/"
        url, expires = f"https://{name}/{quote_path(path)}", int(time.time()) + seconds
        try:
            if basic:
                signed = sign_basic(url, token_key, expires=expires, ip=ip)
            else:
                restrictions = Restrictions(
                    directory=directory,
                    ip=ip,
                    countries=countries,
                    blocked_countries=blocked,
                    kilobytes_per_second=limit,
                )
                signed = sign_advanced(url, token_key, expires=expires, restrictions=restrictions, in_path=in_path)
        except ValueError as error:
            raise click.UsageError(f"{error}.") from error
        host.disclose({"type": "url", "key": key, "url": signed, "seconds": seconds, "method": "GET"}, signed)


def _find_signing_key(settings: BunnySettings, account: BunnyAccount | None) -> tuple[str, str]:
    """Return the host and the signing key, from the settings or from the account."""
    if settings.public_host is not None and settings.token_key is not None:
        return settings.public_host, settings.token_key.reveal()
    if account is None:
        raise ConfigError(
            "to sign URLs, set token_key and pull_zone; or api_key and pull_zone, to read the key from the account"
        )
    zone = account.pull_zone(require_pull_zone(settings))
    key = settings.token_key or zone.key
    if key is None or not (settings.hostname or zone.hosts):
        raise ConfigError(
            f"the API returns no key or no host name of the pull zone {zone.name!r}: set token_key and hostname"
        )
    return settings.hostname or zone.hosts[0], key.reveal()
