"""Calls about buckets and keys."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from .buckets import Bucket, conflict
from .call import Call, Carry
from .errors import Refused, bad_request, no_such_bucket, unauthorized
from .keys import CAPABILITIES, Key
from .names import check_bucket_name

_BUCKETS_LIMIT: Final = 100
_LONGEST_KEY: Final = 1000 * 86_400


def _create_bucket(call: Call) -> dict[str, Any]:
    call.check_account()
    call.key.demand_unrestricted("writeBuckets")
    _check_capabilities(call)
    name = call.params.text("bucketName")
    check_bucket_name(name)
    if len(call.account.buckets) >= _BUCKETS_LIMIT:
        raise Refused(400, "too_many_buckets", f"An account can have at most {_BUCKETS_LIMIT} buckets")
    bucket = Bucket(call.account.account_id, secrets.token_hex(12), name, call.params.text("bucketType"))
    bucket.change(call.params)
    call.world.claim_name(bucket)
    call.account.buckets[bucket.bucket_id] = bucket
    return bucket.as_json(call.key)


def _list_buckets(call: Call) -> dict[str, Any]:
    """Source of the rule for restricted keys: docs, "b2_list_buckets" (name it, or be denied)."""
    call.check_account()
    call.key.demand("listBuckets")
    bucket_id, name = call.params.text_or_none("bucketId"), call.params.text_or_none("bucketName")
    kinds = call.params.texts("bucketTypes") or ["all"]
    asked = [
        bucket
        for bucket in call.account.buckets.values()
        if bucket_id in {None, bucket.bucket_id} and name in {None, bucket.name}
    ]
    allowed = call.key.bucket_ids
    if allowed is not None:
        named = bucket_id is not None or name is not None
        if not named or not asked or any(bucket.bucket_id not in allowed for bucket in asked):
            raise unauthorized("this key lists a bucket that it is restricted to, and needs its name or id")
    shown = [bucket.as_json(call.key) for bucket in asked if "all" in kinds or bucket.kind in kinds]
    return {"buckets": sorted(shown, key=lambda one: str(one["bucketName"]))}


def _update_bucket(call: Call) -> dict[str, Any]:
    call.check_account()
    bucket = call.bucket("writeBuckets")
    _check_capabilities(call)
    if call.params.number_or_none("ifRevisionIs") not in {None, bucket.revision}:
        raise conflict()
    bucket.change(call.params)
    bucket.revision += 1
    return bucket.as_json(call.key)


def _delete_bucket(call: Call) -> dict[str, Any]:
    call.check_account()
    bucket = call.bucket("deleteBuckets")
    if len(bucket.versions):
        raise Refused(400, "cannot_delete_non_empty_bucket", "Cannot delete non-empty bucket")
    call.world.release_name(bucket)
    del call.account.buckets[bucket.bucket_id]
    return bucket.as_json(call.key)


def _create_key(call: Call) -> dict[str, Any]:
    call.check_account()
    call.key.demand("writeKeys")
    capabilities = call.params.texts("capabilities") or []
    unknown = [one for one in capabilities if one not in CAPABILITIES]
    if unknown or not capabilities:
        raise bad_request(f"invalid capabilities: {', '.join(unknown) or 'none'}")
    name = call.params.text("keyName")
    if not 1 <= len(name) <= 100 or not all(one.isascii() and (one.isalnum() or one == "-") for one in name):
        raise bad_request(f"invalid keyName: {name}")
    seconds = call.params.number("validDurationInSeconds", 0, 0, _LONGEST_KEY)
    old = call.params.text_or_none("bucketId")
    ids = call.params.texts("bucketIds") if call.version >= 4 else ([old] if old else None)
    for bucket_id in ids or []:
        if bucket_id not in call.account.buckets:
            raise no_such_bucket(bucket_id)
    key = Key(
        key_id=f"005{call.account.account_id}{len(call.account.keys):010d}{secrets.token_hex(2)}",
        secret=f"K005{secrets.token_urlsafe(20)}",
        name=name,
        capabilities=tuple(capabilities),
        bucket_ids=tuple(ids) if ids else None,
        prefix=call.params.text_or_none("namePrefix") or None,
        expires=call.account.now() + 1000 * seconds if seconds else None,
    )
    call.account.keys[key.key_id] = key
    return {**key.as_json(call.account.account_id, call.version), "applicationKey": key.secret}


def _list_keys(call: Call) -> dict[str, Any]:
    call.check_account()
    call.key.demand("listKeys")
    count = call.params.number("maxKeyCount", 100, 1, 10_000)
    start = call.params.text_or_none("startApplicationKeyId") or ""
    now = call.account.now()
    ids = sorted(one.key_id for one in call.account.keys.values() if one.expires is None or one.expires > now)
    ids = [one for one in ids if one >= start]
    shown = [call.account.keys[one].as_json(call.account.account_id, call.version) for one in ids[:count]]
    return {"keys": shown, "nextApplicationKeyId": ids[count] if len(ids) > count else None}


def _delete_key(call: Call) -> dict[str, Any]:
    call.key.demand("deleteKeys")
    key = call.account.keys.pop(call.params.text("applicationKeyId"), None)
    if key is None:
        raise bad_request("application key does not exist")
    return key.as_json(call.account.account_id, call.version)


def _check_capabilities(call: Call) -> None:
    for field, capability in (
        ("defaultServerSideEncryption", "writeBucketEncryption"),
        ("defaultRetention", "writeBucketRetentions"),
        ("fileLockEnabled", "writeBucketRetentions"),
    ):
        if field in call.params:
            call.key.demand(capability)


CALLS: Final[Mapping[str, Carry]] = {
    "b2_create_bucket": _create_bucket,
    "b2_create_key": _create_key,
    "b2_delete_bucket": _delete_bucket,
    "b2_delete_key": _delete_key,
    "b2_list_buckets": _list_buckets,
    "b2_list_keys": _list_keys,
    "b2_update_bucket": _update_bucket,
}
