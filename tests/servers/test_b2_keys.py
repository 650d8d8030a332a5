"""Application keys of the B2 server: each restriction holds in each call."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.servers.b2.server import B2Account
from tests.servers.b2.wire import B2Wire

EVERYTHING = [
    *("listBuckets", "writeBuckets", "deleteBuckets", "listKeys", "writeKeys"),
    *("listFiles", "readFiles", "writeFiles", "deleteFiles", "shareFiles"),
]

NewKey = Callable[..., B2Wire]


@pytest.fixture
def wire(b2_account: B2Account) -> Iterator[B2Wire]:
    with B2Wire(b2_account) as wire:
        yield wire


@pytest.fixture
def new_key(b2_account: B2Account, wire: B2Wire) -> Iterator[NewKey]:
    wires: list[B2Wire] = []

    def make(capabilities: list[str], version: int = 4, **fields: Any) -> B2Wire:
        made = wire.call("b2_create_key", keyName="k", capabilities=capabilities, **fields).json
        wires.append(B2Wire(b2_account, made["applicationKeyId"], made["applicationKey"], version))
        return wires[-1]

    yield make
    for one in wires:
        one.__exit__(None, None, None)


def new_bucket(wire: B2Wire) -> str:
    return wire.bucket(f"test-{uuid.uuid4().hex}")


def test_a_key_for_a_prefix_of_a_bucket(wire: B2Wire, new_key: NewKey) -> None:
    mine, other = new_bucket(wire), new_bucket(wire)
    inside, outside = wire.upload(mine, "in/a").json, wire.upload(mine, "out/a").json
    key = new_key(EVERYTHING, bucketIds=[mine], namePrefix="in/")
    allowed = key.authorize().json["apiInfo"]["storageApi"]["allowed"]
    assert [one["id"] for one in allowed["buckets"]] == [mine] and allowed["namePrefix"] == "in/"

    assert key.call("b2_list_file_names", bucketId=mine, prefix="in/").status == 200
    assert key.call("b2_list_buckets", bucketId=mine).status == 200
    assert key.upload(mine, "in/b").status == 200
    assert key.call("b2_get_file_info", fileId=inside["fileId"]).status == 200
    large = {"bucketId": mine, "contentType": "text/plain"}
    assert key.call("b2_start_large_file", fileName="in/c", **large).status == 200

    refused = [
        key.call("b2_list_file_names", bucketId=mine),
        key.call("b2_list_file_versions", bucketId=other, prefix="in/"),
        key.call("b2_list_buckets"),
        key.call("b2_list_buckets", bucketId=other),
        key.call("b2_create_bucket", bucketName="whatever", bucketType="allPrivate"),
        key.upload(mine, "out/b"),
        key.call("b2_get_upload_url", bucketId=other),
        key.call("b2_get_file_info", fileId=outside["fileId"]),
        key.call("b2_hide_file", bucketId=mine, fileName="out/a"),
        key.call("b2_delete_file_version", fileId=outside["fileId"], fileName="out/a"),
        key.call("b2_copy_file", sourceFileId=outside["fileId"], fileName="in/stolen"),
        key.call("b2_copy_file", sourceFileId=inside["fileId"], fileName="out/put"),
        key.call("b2_start_large_file", fileName="out/c", **large),
        key.call("b2_get_download_authorization", bucketId=mine, fileNamePrefix="", validDurationInSeconds=9),
    ]
    assert [one.refusal for one in refused] == [(401, "unauthorized")] * len(refused)


@pytest.mark.parametrize(
    ("missing", "call"),
    [
        ("listFiles", lambda key, bucket, made: key.call("b2_list_file_versions", bucketId=bucket)),
        ("readFiles", lambda key, bucket, made: key.call("b2_get_file_info", fileId=made)),
        ("writeFiles", lambda key, bucket, made: key.call("b2_get_upload_url", bucketId=bucket)),
        ("deleteFiles", lambda key, bucket, made: key.call("b2_delete_file_version", fileId=made, fileName="a")),
        ("listBuckets", lambda key, bucket, made: key.call("b2_list_buckets")),
        ("listKeys", lambda key, bucket, made: key.call("b2_list_keys")),
    ],
)
def test_a_key_without_a_capability(
    wire: B2Wire, new_key: NewKey, missing: str, call: Callable[[B2Wire, str, str], Any]
) -> None:
    bucket = new_bucket(wire)
    made = wire.upload(bucket, "a").json["fileId"]
    lacking = new_key([one for one in EVERYTHING if one != missing])
    assert call(lacking, bucket, made).refusal == (401, "unauthorized")
    assert call(new_key([missing]), bucket, made).status == 200


def test_a_key_that_may_not_lock(wire: B2Wire, new_key: NewKey) -> None:
    locked, plain = wire.bucket(f"lock-{uuid.uuid4().hex}", fileLockEnabled=True), new_bucket(wire)
    until = {"X_Bz_File_Retention_Mode": "governance", "X_Bz_File_Retention_Retain_Until_Timestamp": str(4 * 10**12)}
    kept, free = wire.upload(locked, "a", **until).json["fileId"], wire.upload(plain, "a").json["fileId"]
    lacking = new_key(EVERYTHING)
    assert lacking.upload(locked, "b", **until).refusal == (401, "unauthorized")
    assert lacking.upload(plain, "b", **until).refusal == (401, "unauthorized")
    later = {"fileRetention": {"mode": "governance", "retainUntilTimestamp": 5 * 10**12}}
    for file_id in (kept, free):
        here = {"fileId": file_id, "fileName": "a"}
        assert lacking.call("b2_update_file_retention", **here, **later).refusal == (403, "access_denied")
        assert lacking.call("b2_update_file_legal_hold", **here, legalHold="on").refusal == (403, "access_denied")
    refused = wire.call("b2_update_file_legal_hold", fileId=free, fileName="a", legalHold="on")
    assert refused.refusal == (400, "bucket_missing_file_lock")
    here = {"fileId": kept, "fileName": "a"}
    assert lacking.call("b2_delete_file_version", **here).refusal == (401, "access_denied")
    assert lacking.call("b2_delete_file_version", **here, bypassGovernance=True).refusal == (401, "unauthorized")


def test_keys_end(b2_account: B2Account, wire: B2Wire, new_key: NewKey) -> None:
    bucket = new_bucket(wire)
    short, deleted = new_key(EVERYTHING, validDurationInSeconds=60), new_key(EVERYTHING)
    for key in (short, deleted):
        assert key.call("b2_get_upload_url", bucketId=bucket).status == 200
    place = deleted.call("b2_get_upload_url", bucketId=bucket).json
    assert len(wire.call("b2_list_keys").json["keys"]) == 2
    b2_account.set(clock_ahead_seconds=61)
    assert short.call("b2_get_upload_url", bucketId=bucket).refusal == (401, "expired_auth_token")
    assert short.authorize().refusal == (401, "unauthorized")
    [left] = wire.call("b2_list_keys").json["keys"]
    assert wire.call("b2_delete_key", applicationKeyId=left["applicationKeyId"]).status == 200
    assert deleted.call("b2_get_upload_url", bucketId=bucket).refusal == (401, "bad_auth_token")
    assert deleted.send(place, b"x", X_Bz_File_Name="a").refusal == (401, "bad_auth_token")
    assert deleted.authorize().refusal == (401, "unauthorized")


def test_a_key_for_several_buckets_is_of_version_4(wire: B2Wire, new_key: NewKey) -> None:
    buckets = [new_bucket(wire), new_bucket(wire)]
    assert new_key(EVERYTHING, version=3, bucketIds=buckets).authorize().refusal == (401, "unauthorized")
    key = new_key(EVERYTHING, bucketIds=buckets)
    assert [key.call("b2_list_file_names", bucketId=one).status for one in buckets] == [200, 200]
    assert key.call("b2_list_file_names", bucketId=new_bucket(wire)).refusal == (401, "unauthorized")
    wrong = wire.call("b2_create_key", keyName="k", capabilities=["listFiles"], bucketIds=["nowhere"])
    assert wrong.refusal == (400, "bad_bucket_id")


def test_what_a_key_may_not_read_is_not_shown(wire: B2Wire, new_key: NewKey) -> None:
    bucket = new_bucket(wire)
    wire.upload(bucket, "a")
    key = new_key(["listFiles", "listBuckets"])
    [shown] = key.call("b2_list_file_names", bucketId=bucket).json["files"]
    assert shown["fileRetention"] == shown["legalHold"] == {"isClientAuthorizedToRead": False, "value": None}
    [listed] = key.call("b2_list_buckets").json["buckets"]
    assert listed["fileLockConfiguration"] == {"isClientAuthorizedToRead": False, "value": None}
