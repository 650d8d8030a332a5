"""b2_authorize_account, in the shapes of v1 to v4 (docs, "b2_authorize_account"; PROVIDERS 2.2)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any

from .accounts import Account, World
from .errors import Refused, missing_token, unauthorized
from .keys import Key


def authorize_account(world: World, headers: Mapping[str, str], version: int, base_url: str) -> dict[str, Any]:
    """Return a token and where to go with it. A wrong key is 401 `unauthorized`."""
    key_id, secret = _credentials(headers.get("Authorization"))
    # Each key id holds its account's: the account id itself, or 005, the account id and digits.
    account_id = key_id if len(key_id) == 12 else key_id[3:15]
    try:
        with world.account(account_id) as account:
            key = account.master if key_id == account_id else account.keys.get(key_id)
            if key is None or not hmac.compare_digest(key.secret.encode(), secret.encode()):
                raise unauthorized("")
            test_mode = headers.get("X-Bz-Test-Mode")
            account.begin("b2_authorize_account", test_mode)
            if key.expires is not None and account.now() >= key.expires:
                raise unauthorized("the application key has expired")
            if version < 4 and key.bucket_ids is not None and len(key.bucket_ids) > 1:
                raise unauthorized("a key for several buckets needs API version 4")
            token = account.open_session(key, test_mode=test_mode)
            return _respond(account, key, token, version, base_url)
    except Refused as refused:
        if refused.code == "bad_auth_token":
            raise unauthorized("") from refused
        raise


def _credentials(header: str | None) -> tuple[str, str]:
    if not header:
        raise missing_token()
    scheme, _, encoded = header.partition(" ")
    try:
        key_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise unauthorized("") from error
    if scheme.lower() != "basic":
        raise unauthorized("")
    return key_id, secret


def _respond(account: Account, key: Key, token: str, version: int, base_url: str) -> dict[str, Any]:
    settings = account.settings
    buckets = [
        {"id": bucket_id, "name": account.buckets[bucket_id].name if bucket_id in account.buckets else None}
        for bucket_id in key.bucket_ids or ()
    ]
    only = buckets[0] if buckets else {"id": None, "name": None}
    places = {
        "absoluteMinimumPartSize": settings.minimum_part_size,
        "apiUrl": base_url,
        "downloadUrl": base_url,
        "recommendedPartSize": settings.recommended_part_size,
        "s3ApiUrl": base_url,
    }
    allowed: dict[str, Any] = {"capabilities": list(key.capabilities), "namePrefix": key.prefix}
    one_bucket = {"bucketId": only["id"], "bucketName": only["name"]}
    response: dict[str, Any] = {"accountId": account.account_id, "authorizationToken": token}
    if version <= 2:
        response |= places | {"allowed": allowed | one_bucket}
        return response | ({"minimumPartSize": settings.recommended_part_size} if version == 1 else {})
    storage: dict[str, Any] = {"infoType": "storageApi", **places}
    if version == 3:
        storage |= allowed | one_bucket
    else:
        storage |= {"allowed": allowed | {"buckets": buckets if key.bucket_ids is not None else None}}
    return response | {"apiInfo": {"storageApi": storage}, "applicationKeyExpirationTimestamp": key.expires}
