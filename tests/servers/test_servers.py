"""Each server starts, stores and lists, and behaves in the ways that make it worth starting."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from buckia_core.testing.fault_proxy.faults import LoseReply
from tests.servers.ceph import CephGateway
from tests.servers.moto_server import MotoServer
from tests.servers.rclone_serve import RcloneServer
from tests.servers.s3_faults import S3FaultProxy
from tests.servers.s3_server import NewBucket, S3Server


@pytest.fixture(params=["ceph", "moto_server", "rclone_server"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["ceph", "moto_server"])
def conditional(request: pytest.FixtureRequest) -> S3Server:
    """A server that honours conditions on PUT."""
    found: S3Server = request.getfixturevalue(request.param)
    return found


def status_of(call: Callable[..., Any], **arguments: Any) -> int:
    try:
        answer = call(**arguments)
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def round_trip(client: Any, bucket: str) -> None:
    body = os.urandom(100_000)
    etag = client.put_object(Bucket=bucket, Key="a/b c+ü.bin", Body=body)["ETag"]
    assert etag.strip('"') == hashlib.md5(body, usedforsecurity=False).hexdigest()
    assert client.get_object(Bucket=bucket, Key="a/b c+ü.bin")["Body"].read() == body
    [listed] = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert (listed["Key"], listed["Size"]) == ("a/b c+ü.bin", len(body))
    # rclone's list has it without quotes.
    assert listed["ETag"].strip('"') == etag.strip('"')


def test_round_trip(server: S3Server, bucket_name: NewBucket) -> None:
    round_trip(server.client(), bucket_name(server))


def test_round_trip_over_https(conditional: S3Server, bucket_name: NewBucket) -> None:
    if conditional.endpoint_tls is None:
        pytest.skip("no https without the openssl command")
    round_trip(conditional.client(tls=True), bucket_name(conditional))


def test_round_trip_through_the_proxy(server: S3Server, bucket_name: NewBucket) -> None:
    bucket = bucket_name(server)
    with S3FaultProxy(server.endpoint) as proxy:
        round_trip(server.behind(proxy.endpoint).client(), bucket)
        assert proxy.counts() == {"put": 1, "get": 1, "list": 1}
        assert proxy.bytes_up == 100_000
        assert proxy.requests[0].headers["expect"] == "100-continue"


def test_every_bucket_is_new(moto_server: MotoServer, bucket_name: NewBucket) -> None:
    names = {bucket_name(moto_server, "photos") for _ in range(3)}
    assert len(names) == 3 and all(name.startswith("photos-") for name in names)


def test_conditions_that_do_not_hold_are_refused(conditional: S3Server, bucket_name: NewBucket) -> None:
    client, bucket = conditional.client(), bucket_name(conditional)
    place = {"Bucket": bucket, "Key": "k"}
    first = client.put_object(**place, Body=b"1", IfNoneMatch="*")["ETag"].strip('"')
    assert status_of(client.put_object, **place, Body=b"2", IfNoneMatch="*") == 412
    second = client.put_object(**place, Body=b"22", IfMatch=first)["ETag"].strip('"')
    assert status_of(client.put_object, **place, Body=b"3", IfMatch=first) == 412
    assert client.get_object(**place, IfMatch=second)["Body"].read() == b"22"
    assert status_of(client.get_object, **place, IfMatch=first) == 412


def test_ceph_16_knows_the_etag_of_a_put_only_without_quotes(ceph: CephGateway, bucket_name: NewBucket) -> None:
    client, bucket = ceph.client(), bucket_name(ceph)
    place = {"Bucket": bucket, "Key": "k"}
    quoted = client.put_object(**place, Body=b"1")["ETag"]
    assert quoted.startswith('"')
    assert status_of(client.get_object, **place, IfMatch=quoted) == 200
    if not ceph.version().startswith("16."):
        pytest.skip(f"this is Ceph {ceph.version()}")
    assert status_of(client.put_object, **place, Body=b"2", IfMatch=quoted) == 412
    assert status_of(client.put_object, **place, Body=b"2", IfMatch=quoted.strip('"')) == 200


def test_rclone_ignores_conditions(rclone_server: RcloneServer, bucket_name: NewBucket) -> None:
    client, bucket = rclone_server.client(), bucket_name(rclone_server)
    for body in (b"1", b"2"):
        client.put_object(Bucket=bucket, Key="k", Body=body, IfNoneMatch="*")
    assert (Path(rclone_server.root) / bucket / "k").read_bytes() == b"2"


def test_moto_forgets(moto_server: MotoServer, tmp_path: Path) -> None:
    with MotoServer.running(tmp_path) as own:
        own.new_bucket()
        own.forget_everything()
        assert own.client().list_buckets()["Buckets"] == []
    assert own.endpoint != moto_server.endpoint


@pytest.mark.parametrize("server", ["ceph", "rclone_server"], indirect=True)
def test_wrong_signatures_are_refused(server: S3Server, bucket_name: NewBucket) -> None:
    bucket, wrong = bucket_name(server), dataclasses.replace(server, secret_key="wrong")
    assert status_of(wrong.client().list_objects_v2, Bucket=bucket) == 403


def test_a_lost_reply_was_carried_out(ceph: CephGateway, bucket_name: NewBucket) -> None:
    bucket = bucket_name(ceph)
    with S3FaultProxy(ceph.endpoint) as proxy:
        proxy.fault(LoseReply(), when=lambda request: request.kind == "put", times=1)
        client = ceph.behind(proxy.endpoint).client()
        with pytest.raises(Exception, match="Connection was closed"):
            client.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
        assert [(one.kind, one.status, one.server_status) for one in proxy.requests] == [
            ("put", None, 200),
            ("get", 200, 200),
        ]


def test_ceph_applies_lifecycle_rules(ceph: CephGateway, tmp_path: Path) -> None:
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    with CephGateway.running(tmp_path, lifecycle_day=1) as gateway:
        assert gateway.endpoint != ceph.endpoint
        client, bucket = gateway.client(), gateway.new_bucket()
        client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
        for key in ("tmp/a", "kept"):
            client.put_object(Bucket=bucket, Key=key, Body=b"1")
        deadline = time.monotonic() + 30
        while len(left := client.list_objects_v2(Bucket=bucket)["Contents"]) > 1 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [one["Key"] for one in left] == ["kept"]
