"""The core API: who asks, which call it is, and what every call has in common (PROVIDERS 1.7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from . import account_calls, pull_zone_calls, purge_calls, storage_zone_calls
from .accounts import World
from .core_call import CoreCall
from .front import Handle
from .request import Request
from .response import Response, core_error

Carry = Callable[[CoreCall], Response]

_ROUTES: Final[Mapping[tuple[str, str], tuple[str, Carry]]] = MappingProxyType(
    {
        ("GET", "/storagezone"): ("list_zones", storage_zone_calls.list_all),
        ("POST", "/storagezone"): ("create_zone", storage_zone_calls.create),
        ("POST", "/storagezone/checkavailability"): ("check_zone", storage_zone_calls.check_availability),
        ("POST", "/storagezone/resetReadOnlyPassword"): ("reset_read_only", storage_zone_calls.reset_read_only),
        ("GET", "/storagezone/{id}"): ("get_zone", storage_zone_calls.get),
        ("POST", "/storagezone/{id}"): ("update_zone", storage_zone_calls.update),
        ("DELETE", "/storagezone/{id}"): ("delete_zone", storage_zone_calls.delete),
        ("POST", "/storagezone/{id}/resetPassword"): ("reset_password", storage_zone_calls.reset_password),
        ("GET", "/storagezone/{id}/statistics"): ("zone_statistics", storage_zone_calls.statistics),
        ("GET", "/pullzone"): ("list_pull_zones", pull_zone_calls.list_all),
        ("POST", "/pullzone"): ("create_pull_zone", pull_zone_calls.create),
        ("GET", "/pullzone/{id}"): ("get_pull_zone", pull_zone_calls.get),
        ("POST", "/pullzone/{id}"): ("update_pull_zone", pull_zone_calls.update),
        ("DELETE", "/pullzone/{id}"): ("delete_pull_zone", pull_zone_calls.delete),
        ("POST", "/pullzone/{id}/addHostname"): ("add_hostname", pull_zone_calls.add_hostname),
        ("DELETE", "/pullzone/{id}/removeHostname"): ("remove_hostname", pull_zone_calls.remove_hostname),
        ("POST", "/pullzone/{id}/resetSecurityKey"): ("reset_security_key", pull_zone_calls.reset_security_key),
        ("POST", "/pullzone/{id}/purgeCache"): ("purge_zone", purge_calls.purge_zone),
        ("POST", "/purge"): ("purge", purge_calls.purge_url),
        ("GET", "/purge"): ("purge", purge_calls.purge_url),
        ("GET", "/region"): ("regions", account_calls.regions),
        ("GET", "/apikey"): ("api_keys", account_calls.api_keys),
        ("GET", "/statistics"): ("statistics", account_calls.statistics),
    }
)
_NUMBER: Final = re.compile(r"(?<=/)\d+(?=/|$)")


def core_host(world: World) -> Handle:
    """Return what answers as the core API."""

    async def handle(request: Request) -> Response:
        account = world.account_with(request.headers.get("accesskey", ""))
        if account is None:
            raise core_error(401, "unauthorized", "The request authorization failed")
        path = request.raw_path.rstrip("/")
        numbers = _NUMBER.findall(path)
        template = _NUMBER.sub("{id}", path)
        route = _ROUTES.get((request.method, template))
        if route is None:
            known = any(template == one for _, one in _ROUTES)
            raise core_error(405 if known else 404, "not_found", "There is no such call")
        kind, carry = route
        with account.during(kind, "core", None):
            try:
                given = await request.read_object()
            except ValueError as error:
                raise core_error(400, "validation_error", "The body is no JSON object") from error
            response = await account.interfere(kind, of_core=True)
            return response or carry(CoreCall(world, account, request.query, given, int(numbers[0]) if numbers else 0))

    return handle
