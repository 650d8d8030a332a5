"""`api: s3`: what the service's S3 interface lacks is neither declared nor asked for."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing

import pytest

from buckia_bunny.factory import open_zone
from buckia_bunny.settings import ApiKind, BunnySettings
from buckia_core.adapters.contract.types import IfAbsent, UploadInfo
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import PreconditionFailed
from buckia_core.planning.digest import Digest
from tests.servers.s3_faults import S3FaultProxy


@pytest.fixture
def zone(moto_server, bucket_name, monkeypatch):
    """Give an adapter of a bucket that stands for a zone, the proxy in front of it, and a client that looks at it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    name = bucket_name(moto_server)
    with S3FaultProxy(moto_server.endpoint) as proxy, closing(moto_server.client()) as client:
        settings = BunnySettings(
            bucket_name=name,
            api=ApiKind.S3,
            region="ny",
            endpoint_url=proxy.endpoint,
            storage_api_key=Secret("password"),
            pull_zone="media",
        )
        with open_zone(settings) as adapter:
            yield adapter, proxy, client, name


def test_what_is_not_kept_is_not_sent(zone):
    adapter, proxy, client, name = zone
    info = UploadInfo(
        mtime_ns=1_600_000_000_000_000_000, digests=(Digest("sha256", "0" * 64),), content_type="text/x-own"
    )
    adapter.upload_file(b"content", "k", info=info)
    head = client.head_object(Bucket=name, Key="k")
    assert (head["Metadata"], head["ContentType"]) == ({}, "text/x-own")
    (put,) = [request for request in proxy.requests if request.method == "PUT"]
    assert "x-amz-checksum-sha256" in put.headers
    assert not [name for name in put.headers if name.startswith("x-amz-meta")]
    assert not {"if-match", "if-none-match", "x-amz-tagging"} & put.headers.keys()
    assert f"Credential={name}/" in put.headers["authorization"], "the zone's name is the access key"


def test_preconditions_are_checked_before(zone):
    adapter, *_ = zone
    adapter.upload_file(b"1", "k")
    with pytest.raises(PreconditionFailed):
        adapter.upload_file(b"2", "k", expect=IfAbsent())
    assert adapter.read_file("k")[1] == b"1"


def test_keys_are_deleted_one_by_one(zone):
    adapter, proxy, *_ = zone
    for key in "abc":
        adapter.upload_file(b"1", key)
    proxy.reset_counts()
    assert [each.error for each in adapter.delete_files(["a", "b", "c"])] == [None] * 3
    assert Counter(request.method for request in proxy.requests) == {"DELETE": 3}
    assert list(adapter.list_files()) == []


def test_what_is_declared(zone):
    adapter, proxy, _, name = zone
    proxy.reset_counts()
    known = adapter.probe()
    assert proxy.requests == []
    assert not (known.mtime or known.metadata or known.versions or known.conditional_write)
    assert known.server_copy and known.signed_url
    assert adapter.provider == "bunny"
    assert name in adapter.identity
    assert adapter.public_url("a b") == "https://media.b-cdn.net/a%20b"
