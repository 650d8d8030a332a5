"""What a test asks of the server and a client cannot: accounts, switches, counters, generated files."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from .accounts import Account, World
from .front import Handle
from .generated import GeneratedFiles, directory_name
from .nodes import Directory
from .request import Request
from .response import Refused, Response, core_error
from .switches import Failing, Gate
from .zones import StorageZone, new_password


def control_host(world: World) -> Handle:
    """Return what answers a test: `POST /accounts`, `POST /ACCOUNT/WHAT`."""

    async def handle(request: Request) -> Response:
        given = await request.read_object()
        account_id, _, what = request.path.removeprefix("/").partition("/")
        try:
            if account_id == "accounts":
                account = world.new_account()
                account.settings = account.settings.changed(given)
                return Response.of_json({"account_id": account.id, "api_key": account.api_key})
            return Response.of_json(await _carry_out(world, world.accounts[account_id], what, given))
        except (KeyError, TypeError, ValueError) as error:
            raise _wrong(error) from error

    return handle


async def _carry_out(world: World, account: Account, what: str, given: Mapping[str, Any]) -> dict[str, Any]:
    match what:
        case "settings":
            account.settings = account.settings.changed(given)
        case "failing":
            account.failing.append(Failing.from_json(given))
        case "stop-failing":
            account.failing.clear()
        case "hold":
            account.gates[given["call"]] = Gate()
        case "wait-for-held":
            await account.gates[given["call"]].wait_for(given["calls"])
        case "let-go":
            account.gates.pop(given["call"]).open()
        case "replace-key":
            account.api_key = str(uuid.uuid4()) + secrets.token_hex(16)
            return {"api_key": account.api_key}
        case "replace-password":
            zone = _zone(account, given)
            zone.password = new_password()
            return {"password": zone.password}
        case "replicated":
            _zone(account, given).replicate()
        case "generate":
            _generate(account, _zone(account, given), given)
        case "tag":
            account.pull_zones[given["pull_zone_id"]].tags[given["prefix"]] = given["tag"]
        case "seen":
            return _seen(account)
        case "forget-calls":
            account.calls.clear()
            account.refusals.clear()
            account.peaks.clear()
            account.bytes_stored = account.bytes_sent = 0
        case "drop":
            world.drop(account)
        case _:
            raise KeyError(what)
    return {}


def _generate(account: Account, zone: StorageZone, given: Mapping[str, Any]) -> None:
    for number in range(given["directories"]):
        source = GeneratedFiles(number, given["files"], given["seed"])
        zone.tree.root.put(directory_name(number), Directory(account.now(), source))


def _seen(account: Account) -> dict[str, Any]:
    return {
        "calls": dict(account.calls),
        "refusals": dict(account.refusals),
        "peaks": dict(account.peaks),
        "bytes_stored": account.bytes_stored,
        "bytes_sent": account.bytes_sent,
    }


def _zone(account: Account, given: Mapping[str, Any]) -> StorageZone:
    return account.storage_zones[given["zone_id"]]


def _wrong(error: Exception) -> Refused:
    return core_error(400, "control", f"{type(error).__name__}: {error}")
