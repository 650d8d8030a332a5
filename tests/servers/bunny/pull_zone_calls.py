"""Calls of the core API about pull zones (PROVIDERS 1.7)."""

from __future__ import annotations

import re
import secrets
import uuid
from typing import Final

from .core_call import CoreCall, done, invalid
from .pull_zones import SYSTEM_DOMAIN, PullZone
from .response import Response, core_error

_NAME: Final = re.compile(r"[a-z0-9-]{1,63}", re.IGNORECASE)


def list_all(call: CoreCall) -> Response:
    """List pull zones."""
    search = call.query.get("search", "")
    return call.paged([one.model() for one in call.account.pull_zones.values() if search in one.name])


def create(call: CoreCall) -> Response:
    """Make a pull zone with a host name of its own, for a storage zone or another origin."""
    name = call.text("Name")
    if _NAME.fullmatch(name) is None:
        raise invalid("Name", "A name has letters, digits and dashes, 63 at most")
    if call.world.pull_zone_name_taken(name):
        raise core_error(400, "pullzone.name_taken", "The pull zone name is already taken", "Name")
    zone = PullZone(call.world.new_id(), name, kind=int(call.given.get("Type") or 0))
    _change(call, zone)
    if zone.settings["OriginUrl"] is None and zone.settings["StorageZoneId"] == -1:
        raise invalid("OriginUrl", "OriginUrl or StorageZoneId is required")
    zone.hostnames[f"{name}.{SYSTEM_DOMAIN}".lower()] = call.world.new_id()
    call.account.pull_zones[zone.id] = zone
    return Response.of_json(zone.model(), 201)


def get(call: CoreCall) -> Response:
    """Show a pull zone."""
    return Response.of_json(call.pull_zone().model())


def update(call: CoreCall) -> Response:
    """Change a pull zone, and show it."""
    zone = call.pull_zone()
    _change(call, zone)
    return Response.of_json(zone.model())


def delete(call: CoreCall) -> Response:
    """Delete a pull zone."""
    del call.account.pull_zones[call.pull_zone().id]
    return done()


def add_hostname(call: CoreCall) -> Response:
    """Give a pull zone another host name."""
    zone, hostname = call.pull_zone(), call.text("Hostname").lower()
    if call.world.pull_zone(hostname) is not None:
        raise core_error(400, "pullzone.hostname_already_registered", "The host name is in use", "Hostname")
    zone.hostnames[hostname] = call.world.new_id()
    return done()


def remove_hostname(call: CoreCall) -> Response:
    """Take a host name away; not the pull zone's first one."""
    zone, hostname = call.pull_zone(), call.text("Hostname").lower()
    if hostname not in zone.hostnames or hostname.endswith(f".{SYSTEM_DOMAIN}"):
        raise invalid("Hostname", "The host name cannot be removed")
    del zone.hostnames[hostname]
    return done()


def reset_security_key(call: CoreCall) -> Response:
    """Replace the key that signs URLs; signed ones are wrong from now on."""
    call.pull_zone().security_key = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
    return done()


def _change(call: CoreCall, zone: PullZone) -> None:
    linked = next((one for key, one in call.given.items() if key.lower() == "storagezoneid"), None)
    if linked not in {None, -1} and linked not in call.account.storage_zones:
        raise invalid("StorageZoneId", "There is no such storage zone")
    try:
        zone.change(dict(call.given))
    except TypeError as error:
        raise invalid(str(error), f"The value of {error} is wrong") from error
