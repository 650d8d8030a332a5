"""What the service does not have: paths below `/control/` by which a test makes accounts, sets switches and looks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from .accounts import Account, World
from .buckets import Bucket
from .errors import bad_request, not_found
from .keys import Key
from .lifecycle import apply_lifecycle
from .params import Params
from .storing import Wanted, keep, new_version
from .switches import Failing, Settings

PATH: Final = "/control/"


def control(world: World, path: str, body: bytes) -> dict[str, Any]:
    """Do what a test asks for. `accounts` makes an account; `ACCOUNT/WHAT` is about one."""
    given = Params.parse(body)
    fields: Mapping[str, Any] = given.mapping("given") or {}
    try:
        if path == "accounts":
            account = world.new_account(Settings().changed(fields))
            return {"account_id": account.account_id, "key_id": account.master.key_id, "key": account.master.secret}
        account_id, _, what = path.partition("/")
        with world.account(account_id) as account:
            return _about(world, account, what, fields)
    except (TypeError, ValueError) as error:
        raise bad_request(str(error)) from error


def _about(world: World, account: Account, what: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    match what:
        case "settings":
            account.settings = account.settings.changed(fields)
            return asdict(account.settings)
        case "failing":
            account.failing.append(Failing.from_json(fields))
        case "stop-failing":
            account.failing.clear()
        case "expire-tokens":
            account.expire_tokens()
        case "lifecycle":
            apply_lifecycle(account)
        case "fill":
            _fill(account, **fields)
        case "forget-calls":
            account.calls.clear()
            account.refusals.clear()
            account.bytes_sent = 0
        case "seen":
            return {
                "calls": account.calls,
                "refusals": account.refusals,
                "bytes_stored": account.bytes_stored,
                "bytes_sent": account.bytes_sent,
            }
        case "drop":
            world.drop(account)
        case _:
            raise not_found(f"no such control: {what}")
    return {}


def _fill(account: Account, bucket: str, names: str, count: int, content: str = "") -> None:
    """Make files as by uploads, without their cost: `names` is a pattern such as `d/{:06d}`."""
    place: Bucket = next(one for one in account.buckets.values() if one.name == bucket)
    master: Key = account.master
    data = content.encode()
    sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    for number in range(count):
        wanted = Wanted(names.format(number), "text/plain")
        version = new_version(account, place, master, wanted, "upload")
        version.data, version.sha1, version.md5 = data, sha1, md5
        keep(account, place, version)
