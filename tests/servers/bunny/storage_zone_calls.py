"""Calls of the core API about storage zones (PROVIDERS 1.7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from .core_call import CoreCall, done, invalid
from .entries import when
from .response import Response, core_error
from .zones import REPLICA_REGIONS, STANDARD_REGIONS, StorageZone, new_password

_NAME: Final = re.compile(r"[A-Za-z0-9-]{3,64}")


def list_all(call: CoreCall) -> Response:
    """List storage zones."""
    deleted, search = call.flag("includeDeleted", default=False), call.query.get("search", "")
    zones = call.account.storage_zones.values()
    return call.paged([_shown(call, one) for one in zones if search in one.name and (deleted or not one.deleted)])


def create(call: CoreCall) -> Response:
    """Make a zone; it can be used at its storage host at once. Names are shared by all accounts."""
    name, region = call.text("Name"), str(call.given.get("Region") or "DE").upper()
    tier, kind = call.given.get("ZoneTier") or 0, call.given.get("StorageZoneType") or 0
    if _NAME.fullmatch(name) is None:
        raise invalid("Name", "A name has letters, digits and dashes, 3 to 64 of them")
    # PROVIDERS 1.6, 1.7: S3 wants a character more; the Edge tier has its main region in Germany.
    if kind == 1 and len(name) < 4:
        raise invalid("Name", "The name of an S3 zone has at least 4 characters")
    if region not in STANDARD_REGIONS or (tier == 1 and region != "DE"):
        raise invalid("Region", f"{region} is no main region of this tier")
    if call.world.storage_zone(name) is not None:
        raise core_error(400, "storagezone.name_taken", "The storage zone name is already taken", "Name")
    zone = StorageZone(
        id=call.world.new_id(),
        name=name,
        user_id=call.account.user_id,
        account_id=call.account.id,
        region=region,
        hostname=call.world.storage_hosts[region],
        modified=call.account.now(),
        replication_regions=_regions(call.given.get("ReplicationRegions") or [], region, tier),
        tier=tier,
        kind=kind,
    )
    call.account.storage_zones[zone.id] = zone
    return Response.of_json(_shown(call, zone), 201)


def get(call: CoreCall) -> Response:
    """Show a zone."""
    return Response.of_json(_shown(call, call.storage_zone()))


def update(call: CoreCall) -> Response:
    """Change a zone. Regions are added and never taken away."""
    zone = call.storage_zone()
    wanted = _regions(call.given.get("ReplicationZones") or [], zone.region, zone.tier)
    zone.replication_regions += [one for one in wanted if one not in zone.replication_regions]
    zone.custom_404 = call.given.get("Custom404FilePath") or zone.custom_404
    zone.rewrite_404 = bool(call.given.get("Rewrite404To200", zone.rewrite_404))
    zone.modified = call.account.now()
    return done()


def delete(call: CoreCall) -> Response:
    """Delete a zone, and its pull zones too unless that is asked not to be done."""
    zone = call.storage_zone()
    zone.deleted = True
    zone.tree.root.clear()
    if call.flag("deleteLinkedPullZones", default=True):
        for pull_zone in list(call.account.pull_zones.values()):
            if pull_zone.settings["StorageZoneId"] == zone.id:
                del call.account.pull_zones[pull_zone.id]
    return done()


def check_availability(call: CoreCall) -> Response:
    """Tell whether a name is free."""
    return Response.of_json({"Available": call.world.storage_zone(call.text("Name")) is None})


def reset_password(call: CoreCall) -> Response:
    """Replace the password; the old one is wrong from now on."""
    call.storage_zone().password = new_password()
    return done()


def reset_read_only(call: CoreCall) -> Response:
    """Replace the password for reading; the zone's number is in the query."""
    text = call.query.get("id", "")
    zone = call.account.storage_zones.get(int(text)) if text.isdecimal() else None
    if zone is None or zone.deleted:
        raise core_error(404, "storageZone.not_found", "The requested storage zone was not found", "StorageZone")
    zone.read_only_password = new_password()
    return done()


def statistics(call: CoreCall) -> Response:
    """Show usage by day: today's."""
    size, files = call.storage_zone().tree.root.usage()
    day = datetime.fromtimestamp(call.account.now(), UTC).strftime("%Y-%m-%dT00:00:00Z")
    return Response.of_json({"StorageUsedChart": {day: size}, "FileCountChart": {day: files}})


def _regions(given: object, main: str, tier: int) -> list[str]:
    known = {**STANDARD_REGIONS, **(REPLICA_REGIONS if tier == 1 else {})}
    texts = [str(one).upper() for one in given] if isinstance(given, Iterable) else []
    for region in texts:
        if region not in known:
            raise invalid("ReplicationRegions", f"{region} is no replication region of this tier")
    return [one for one in dict.fromkeys(texts) if one != main]


def _shown(call: CoreCall, zone: StorageZone) -> dict[str, Any]:
    linked = [one.model() for one in call.account.pull_zones.values() if one.settings["StorageZoneId"] == zone.id]
    return zone.model(linked, when(zone.modified))
