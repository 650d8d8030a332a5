"""The CDN: a pull zone's files by its host names, cached until they are purged (PROVIDERS 1.7, 1.8)."""

from __future__ import annotations

from urllib.parse import urlencode

from .accounts import Account, World
from .front import Handle
from .nodes import File
from .pull_zones import Cached, PullZone
from .ranges import answer_with
from .request import Request
from .response import Response
from .storage_api import served_type
from .tokens import Asked, why_not
from .tree import ZonePath


def cdn_host(world: World) -> Handle:
    """Return what answers for all pull zones; `Host` names the one."""

    async def handle(request: Request) -> Response:
        found = world.pull_zone(request.host)
        if found is None:
            return Response.of_bytes(404, b"Domain suspended or not configured")
        account, zone = found
        with account.during("cdn", "cdn", None):
            response = await account.interfere("cdn") or _serve(account, zone, request)
        zone.served["requests"] += 1
        zone.served[str(response.status)] += 1
        zone.served["bytes"] += response.length
        if response.headers.get("CDN-Cache") == "HIT":
            zone.served["hits"] += 1
            zone.served["bytes_cached"] += response.length
        return response

    return handle


def _serve(account: Account, zone: PullZone, request: Request) -> Response:
    if request.method not in {"GET", "HEAD"}:
        return Response.of_bytes(405, b"Method Not Allowed")
    asked = Asked.parse(request.raw_path, request.query)
    if zone.settings["ZoneSecurityEnabled"]:
        reason = why_not(
            asked,
            zone.security_key,
            now=account.now(),
            ip=account.settings.visitor_ip or request.connection.ip,
            country=account.settings.visitor_country,
            ip_needed=zone.settings["ZoneSecurityIncludeHashRemoteIP"],
        )
        if reason is not None:
            return Response.of_bytes(403, f"Forbidden: {reason}".encode())
    # A token is no part of what a file is kept by.
    query = {name: value for name, value in asked.parameters.items() if name not in {"token", "expires"}}
    key = asked.path, "" if zone.settings["IgnoreQueryStrings"] else urlencode(sorted(query.items()))
    cached = zone.cache.get(key)
    state = "HIT" if cached is not None else "MISS"
    if cached is None:
        cached = _pull(account, zone, asked.path)
        if cached is None:
            return Response.of_bytes(404, b"Not Found", **{"CDN-Cache": state})
        zone.cache[key] = cached
    headers = {"CDN-Cache": state, "CDN-PullZone": str(zone.id)}
    if cached.tags:
        headers["CDN-Tag"] = ",".join(sorted(cached.tags))
    return answer_with(cached.content, cached.content_type, request.headers.get("range"), **headers)


def _pull(account: Account, zone: PullZone, path: str) -> Cached | None:
    """Return the file from the linked storage zone; a test server fetches nothing from elsewhere."""
    storage = account.storage_zones.get(zone.settings["StorageZoneId"])
    if storage is None or storage.deleted:
        return None
    zone_path = ZonePath.parse(path)
    file = storage.tree.find(zone_path)
    if not isinstance(file, File):
        return None
    tags = frozenset(tag for prefix, tag in zone.tags.items() if path.startswith(prefix))
    return Cached(path, file.content, served_type(zone_path.names[-1], file), tags)
