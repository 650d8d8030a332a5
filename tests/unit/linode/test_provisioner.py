"""Vendor `linode`, on the fake of its API, with the objects on moto."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from buckia_core import Access, BucketOptions, KeyScope, NotSupported, PreconditionFailed, Secret
from buckia_core.adapters.factory import open_bucket
from buckia_core.config import load
from buckia_core.errors import ConfigError
from buckia_core.provisioning.request import Action, Request
from buckia_core.provisioning.session import Provisioning
from buckia_linode.provisioner import LinodeAccountSettings, LinodeProvisioner
from tests.servers.linode_api import READ_WRITE, LinodeApi, linode_api
from tests.servers.moto_server import MotoServer


@pytest.fixture
def service(moto_server: MotoServer) -> Iterator[LinodeApi]:
    """The fake, whose region us-ord is on moto."""
    assert moto_server.endpoint_tls
    with linode_api(moto_server) as api:
        api.account.endpoints[0]["s3_endpoint"] = moto_server.endpoint_tls.removeprefix("https://")
        yield api


@pytest.fixture
def vendor(service: LinodeApi, moto_server: MotoServer) -> Iterator[LinodeProvisioner]:
    ca = Path(moto_server.ca_file or "")
    vendor = LinodeProvisioner(LinodeAccountSettings(token=Secret(READ_WRITE), api_url=service.url, ca_bundle=ca))
    yield vendor
    vendor.close()


@pytest.fixture
def name() -> str:
    return f"prov-{uuid.uuid4().hex[:10]}"


def test_a_bucket_is_created_emptied_and_deleted(vendor, service, moto_server, name):
    assert vendor.find_bucket(name) is None
    bucket = vendor.create_bucket(name, BucketOptions(region="us-ord"))
    assert vendor.find_bucket(name) == bucket
    assert vendor.is_empty(bucket)
    moto_server.client().put_object(Bucket=name, Key="a", Body=b"1")
    assert not vendor.is_empty(bucket)
    with pytest.raises(PreconditionFailed):
        vendor.delete_bucket(bucket)
    vendor.empty_bucket(bucket)
    vendor.delete_bucket(bucket)
    vendor.delete_bucket(bucket)
    assert vendor.is_empty(bucket)
    assert (service.account.buckets, service.account.keys) == ({}, {})


def test_a_key_is_limited_to_the_bucket(vendor, service, name):
    bucket = vendor.create_bucket(name, BucketOptions(region="us-ord"))
    label = f"buckia/{name}/0a1b2c3d"
    issued = vendor.create_key(bucket, label, KeyScope(Access.READ_ONLY))
    (key,) = service.account.keys.values()
    grants = [(each["bucket_name"], each["region"], each["permissions"]) for each in key["bucket_access"]]
    assert (key["limited"], grants) == (True, [(name, "us-ord", "read_only")])
    assert vendor.list_keys(bucket, f"buckia/{name}/") == [issued.key]
    vendor.delete_key(bucket, issued.key)
    vendor.delete_key(bucket, issued.key)
    assert service.account.keys == {}


def test_keys_of_buckets_with_long_names_are_told_apart(vendor, service):
    first, second = (
        vendor.create_bucket(f"{'a' * 50}-{each}-{uuid.uuid4().hex[:8]}", BucketOptions(region="us-ord"))
        for each in (1, 2)
    )
    issued = vendor.create_key(first, f"buckia/{first.name}/0a1b2c3d", KeyScope())
    assert all(len(each["label"]) <= 50 for each in service.account.keys.values())
    assert vendor.list_keys(first, f"buckia/{first.name}/") == [issued.key]
    assert vendor.list_keys(second, f"buckia/{second.name}/") == []


def test_the_keys_of_a_namesake_in_another_region_are_not_its_own(service):
    service.account.endpoints.append(
        {"region": "de-fra", "endpoint_type": "E1", "s3_endpoint": "de-fra-1.linodeobjects.com"}
    )
    vendor = LinodeProvisioner(LinodeAccountSettings(token=Secret(READ_WRITE), api_url=service.url))
    name = f"prov-{uuid.uuid4().hex[:10]}"
    first, second = (vendor.create_bucket(name, BucketOptions(region=each)) for each in ("us-ord", "de-fra"))
    issued = vendor.create_key(first, f"buckia/{name}/0a1b2c3d", KeyScope())
    assert vendor.list_keys(first, f"buckia/{name}/") == [issued.key]
    assert vendor.list_keys(second, f"buckia/{name}/") == []
    vendor.close()


def test_what_linode_can_not_do_is_refused(vendor, name):
    with pytest.raises(ConfigError, match="--region"):
        vendor.create_bucket(name, BucketOptions())
    bucket = vendor.create_bucket(name, BucketOptions(region="us-ord"))
    with pytest.raises(NotSupported, match="CDN"):
        vendor.publish(bucket, "files.example.com")


def test_a_bucket_that_was_public_stays_so(vendor, service, name):
    bucket = vendor.create_bucket(name, BucketOptions(region="us-ord"))
    assert vendor.public_access(bucket) == []
    vendor.publish(bucket, None)
    before = vendor.public_access(bucket)
    vendor.unpublish(bucket, keep=before)
    assert vendor.public_access(bucket) == before != []
    vendor.unpublish(bucket)
    assert (vendor.public_access(bucket), service.account.keys) == ([], {})


def test_a_bucket_is_provisioned_published_rotated_and_destroyed(service, moto_server, name, tmp_path):
    path = tmp_path / ".buckia"
    account = {"token": READ_WRITE, "api_url": service.url, "ca_bundle": str(moto_server.ca_file)}
    provisioning = Provisioning(path, account)

    def run(action: Action, **given: object) -> str | None:
        request = Request(action=action, name=name, **given)  # type: ignore[arg-type]
        return provisioning.run(provisioning.complete(request)).public_url

    given = {"vendor": "linode", "store": "file:secrets", "region": "us-ord", "public": True}
    url = run(Action.SHARE_BUCKET, **given, settings={"addressing_style": "path"})
    assert url == f"{moto_server.endpoint_tls}/{name}"
    (before,) = service.account.keys
    run(Action.ROTATE)
    (after,) = service.account.keys
    assert after != before
    with open_bucket(load(path).bucket(name)) as adapter:
        adapter.upload_file(b"1", "a.txt")
    run(Action.DESTROY, delete_content=True)
    assert (service.account.buckets, service.account.keys) == ({}, {})
    assert [each for each in (tmp_path / "secrets").glob("*") if each.is_file()] == []
