"""Vendor `r2`, on a fake of Cloudflare's API, with the objects on moto."""

from __future__ import annotations

import copy
import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buckia_core import Access, AlreadyExists, BucketOptions, KeyScope, PreconditionFailed, Secret, Unauthenticated
from buckia_core.adapters.factory import open_bucket
from buckia_core.config import load
from buckia_core.errors import ConfigError
from buckia_core.provisioning.request import Action, Request
from buckia_core.provisioning.session import Provisioned, Provisioning
from buckia_s3.provisioning.r2 import Jurisdiction, R2AccountSettings, R2Provisioner
from tests.servers.cloudflare_api import GROUPS, CloudflareApi, cloudflare_api
from tests.servers.moto_server import MotoServer


@pytest.fixture
def service(moto_server: MotoServer) -> Iterator[CloudflareApi]:
    with cloudflare_api(moto_server) as api:
        yield api


def settings(service: CloudflareApi, **more: Any) -> R2AccountSettings:
    given = {
        "account_id": service.account_id,
        "api_token": Secret(service.token),
        "api_url": service.url,
        "endpoint_url": service.storage.endpoint,
    }
    return R2AccountSettings(**{**given, **more})


@pytest.fixture
def vendor(service: CloudflareApi) -> Iterator[R2Provisioner]:
    vendor = R2Provisioner(settings(service))
    yield vendor
    vendor.close()


@pytest.fixture
def name() -> str:
    return f"prov-{uuid.uuid4().hex[:10]}"


def test_a_bucket_is_created_emptied_and_deleted(vendor, service, name):
    assert vendor.find_bucket(name) is None
    bucket = vendor.create_bucket(name, BucketOptions())
    assert vendor.find_bucket(name) == bucket
    with pytest.raises(AlreadyExists):
        vendor.create_bucket(name, BucketOptions())
    service.storage.client().put_object(Bucket=name, Key="a", Body=b"1")
    assert not vendor.is_empty(bucket)
    with pytest.raises(PreconditionFailed):
        vendor.delete_bucket(bucket)
    vendor.empty_bucket(bucket)
    assert vendor.is_empty(bucket)
    vendor.delete_bucket(bucket)
    vendor.delete_bucket(bucket)


def test_a_key_is_a_token_for_the_bucket(vendor, service, name):
    bucket = vendor.create_bucket(name, BucketOptions())
    issued = vendor.create_key(bucket, f"buckia/{name}/0a1b2c3d", KeyScope(Access.READ_ONLY))
    (token,) = service.tokens.values()
    assert issued.public == {"access_key_id": token["id"]}
    assert issued.secret["secret_access_key"].reveal() == hashlib.sha256(token["value"].encode()).hexdigest()
    (policy,) = token["policies"]
    assert policy["resources"] == {f"com.cloudflare.edge.r2.bucket.{service.account_id}_default_{name}": "*"}
    assert policy["permission_groups"] == [{"id": GROUPS["Workers R2 Storage Bucket Item Read"]}]
    assert vendor.list_keys(bucket, f"buckia/{name}/") == [issued.key]
    vendor.delete_key(bucket, issued.key)
    vendor.delete_key(bucket, issued.key)
    assert service.tokens == {}


def test_the_tokens_of_a_namesake_in_another_jurisdiction_are_not_its_own(vendor, service, name):
    bucket, label = vendor.create_bucket(name, BucketOptions()), f"buckia/{name}/0a1b2c3d"
    european = R2Provisioner(settings(service, jurisdiction=Jurisdiction.EU))
    theirs = european.create_key(bucket, label, KeyScope())
    assert vendor.list_keys(bucket, f"buckia/{name}/") == []
    assert european.list_keys(bucket, label) == [theirs.key]
    european.close()


def test_all_pages_of_tokens_are_looked_through(vendor, service, name):
    for number in range(120):
        service.tokens[f"{number}"] = {"name": f"other {number}"}
    bucket = vendor.create_bucket(name, BucketOptions())
    issued = vendor.create_key(bucket, f"buckia/{name}/0a1b2c3d", KeyScope())
    assert vendor.list_keys(bucket, f"buckia/{name}/0a1b2c3d") == [issued.key]


def test_a_bucket_becomes_public_and_private_again(vendor, service, name):
    bucket = vendor.create_bucket(name, BucketOptions())
    assert vendor.publish(bucket, None) == f"https://pub-{name}.r2.dev"
    for _ in range(2):
        assert vendor.publish(bucket, "files.example.com") == "https://files.example.com"
    assert service.buckets[name] == {"managed": True, "custom": {"files.example.com": "zone1"}}
    with pytest.raises(ConfigError, match="no zone"):
        vendor.publish(bucket, "files.example.net")
    vendor.unpublish(bucket)
    assert service.buckets[name] == {"managed": False, "custom": {}}
    vendor.delete_bucket(bucket)
    vendor.unpublish(bucket)


@pytest.mark.parametrize("published", [None, "files.example.com", "www.example.com"])
@pytest.mark.parametrize("managed", [True, False])
def test_what_made_a_bucket_public_before_stays(vendor, service, name, managed, published):
    bucket = vendor.create_bucket(name, BucketOptions())
    before = {"managed": managed, "custom": {"www.example.com": "zone1"}}
    service.buckets[name] = copy.deepcopy(before)
    keep = vendor.public_access(bucket)
    vendor.publish(bucket, published)
    vendor.unpublish(bucket, keep=keep)
    assert service.buckets[name] == before
    vendor.delete_bucket(bucket)
    assert vendor.public_access(bucket) == []


def test_a_jurisdiction_has_its_own_endpoint(service):
    given = settings(service, endpoint_url=None, jurisdiction=Jurisdiction.EU)
    assert given.s3_url == f"https://{service.account_id}.eu.r2.cloudflarestorage.com"


def test_a_wrong_token_is_told_without_showing_it(service, name):
    vendor = R2Provisioner(settings(service, api_token=Secret("a-wrong-token-of-some-length")))
    with pytest.raises(Unauthenticated, match="Authentication error") as caught:
        vendor.find_bucket(name)
    assert "a-wrong-token" not in str(caught.value)
    vendor.close()


def test_a_bucket_is_provisioned_rotated_and_destroyed(service, name, tmp_path: Path):
    account = {
        "account_id": service.account_id,
        "api_token": service.token,
        "api_url": service.url,
        "endpoint_url": service.storage.endpoint,
    }
    provisioning = Provisioning(tmp_path / ".buckia", account)

    def run(action: Action, **given: Any) -> Provisioned:
        return provisioning.run(provisioning.complete(Request(action=action, name=name, **given)))

    run(Action.BUCKET, vendor="r2", store="file:secrets", settings={"addressing_style": "path"})
    (before,) = service.tokens
    run(Action.ROTATE)
    (after,) = service.tokens
    assert after != before
    config = load(tmp_path / ".buckia").bucket(name)
    assert config.settings["access_key_id"] == after
    with open_bucket(config) as adapter:
        adapter.upload_file(b"1", "a.txt")
    run(Action.DESTROY, delete_content=True)
    assert (service.buckets, service.tokens) == ({}, {})
    assert [each for each in (tmp_path / "secrets").glob("*") if each.is_file()] == []
