"""`LinodeSync`: limits by the type of the endpoint, credentials, and what it has besides S3."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.factory import open_bucket
from buckia_core.adapters.wrappers import RateLimit, Wrapper
from buckia_core.config import BucketConfig
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import MissingCredentials, NotSupported
from buckia_linode.endpoint_types import EndpointType
from buckia_linode.models import BucketAcl
from buckia_linode.settings import LinodeSettings
from buckia_linode.sync import LinodeSync
from tests.servers.linode_api import READ_WRITE, linode_api

TB = 10**12


@pytest.mark.parametrize(
    ("kind", "rate", "largest"),
    [(None, 750, 5 << 40), ("E0", 750, TB), ("E1", 750, 5 << 40), ("E2", 2000, 5 << 40), ("E3", 2000, 5 << 40)],
)
def test_the_type_of_the_endpoint_sets_the_limits(connect, kind, rate, largest):
    known = connect(cluster="us-ord-1", endpoint_type=kind and EndpointType(kind)).capabilities
    assert (known.requests_per_second, known.max_object_bytes) == (rate, largest)


def rate_of(adapter: BaseSync) -> float:
    while not isinstance(adapter, RateLimit):
        assert isinstance(adapter, Wrapper)
        adapter = adapter.inner
    return adapter._bucket.rate


@pytest.mark.parametrize(("settings", "rate"), [({}, 2000), ({"rate_limit": 5}, 5)])
def test_the_rate_of_the_type_is_kept_to_unless_another_is_set(settings, rate):
    config = BucketConfig(provider="linode", bucket_name="b", cluster="us-ord-1", endpoint_type="E3", **settings)
    with open_bucket(config) as adapter:
        assert rate_of(adapter) == rate


@pytest.mark.parametrize("use", [lambda adapter: adapter.stat_file("k"), lambda adapter: list(adapter.list_files())])
def test_without_an_access_key_the_bucket_is_closed_and_the_account_is_open(connect, monkeypatch, use):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-another-service")
    adapter = connect(cluster="us-ord-1")
    with pytest.raises(MissingCredentials, match="LINODE_OBJ_ACCESS_KEY"):
        use(adapter)
    assert adapter.account.buckets() == []


def test_the_sdk_is_imported_only_by_what_needs_it():
    code = (
        "import sys, buckia_linode.plugin\nassert 'buckia_s3.sync' not in sys.modules\n"
        "from buckia_linode.settings import LinodeSettings\nfrom buckia_linode.sync import LinodeSync\n"
        "adapter = LinodeSync(LinodeSettings(bucket_name='b', cluster='us-ord-1'))\nadapter.capabilities\n"
        "print(sorted({'linode_api4', 'requests', 'botocore'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("kind", ["E2", "E3"])
def test_what_an_endpoint_does_not_have_is_not_asked_for(api, connect, kind):
    adapter = connect(cluster="us-iad-10", endpoint_type=EndpointType(kind))
    adapter.account.create_bucket("us-iad", "photos", type=EndpointType.E3)
    asked = len(api.asked)
    for use in (
        lambda: adapter.managed.set_access(cors=True),
        lambda: adapter.managed.object_acl("k"),
        lambda: adapter.managed.set_object_acl("k", BucketAcl.PRIVATE),
        lambda: adapter.administration.get("cors"),
        lambda: adapter.administration.plan("cors", {"CORSRules": []}),
        lambda: adapter.administration.plan_removal("cors"),
    ):
        with pytest.raises(NotSupported, match="only E0 and E1 do"):
            use()
    assert {each.method for each in api.asked[asked:]} <= {"GET"}


@pytest.fixture(scope="module")
def at_linode(ceph):
    """A fake of the API whose buckets are on Ceph, the software that Linode runs."""
    with linode_api(ceph) as api:
        yield api


@pytest.fixture
def stored(ceph, at_linode):
    """An adapter for a new bucket that was made through the API, and that is found by its region."""
    name = f"linode-{uuid.uuid4().hex[:16]}"
    settings = LinodeSettings(
        bucket_name=name,
        prefix="app/",
        region="us-ord",
        token=Secret(READ_WRITE),
        api_url=at_linode.url,
        access_key_id=Secret(ceph.access_key),
        secret_access_key=Secret(ceph.secret_key),
        ca_bundle=Path(ceph.ca_file),
    )
    with LinodeSync(settings) as adapter:
        adapter.account.create_bucket(adapter.region, name)
        yield adapter


def test_a_bucket_is_found_by_its_region_and_used(stored, ceph):
    assert stored.probe().conditional_write
    stored.upload_file(b"hello", "a b/ü.txt")
    assert [each.key for each in stored.list_files()] == ["a b/ü.txt"]
    assert stored.managed.location.url == ceph.endpoint_tls
    assert (stored.managed.info().objects, stored.managed.info().size) == (1, 5)


def fetched(url, ceph, **request):
    import ssl

    trusted = ssl.create_default_context(cafile=ceph.ca_file)
    with urllib.request.urlopen(urllib.request.Request(url, **request), context=trusted, timeout=10) as response:
        return response.read()


def test_an_object_is_made_public_and_its_address_works(stored, ceph):
    stored.upload_file(b"hello", "a b/ü.txt")
    with pytest.raises(urllib.error.HTTPError, match="403") as caught:
        fetched(stored.public_url("a b/ü.txt"), ceph)
    caught.value.close()
    assert stored.managed.object_acl("a b/ü.txt") == "private"
    stored.managed.set_object_acl("a b/ü.txt", BucketAcl.PUBLIC_READ)
    assert stored.managed.object_acl("a b/ü.txt") == "public-read"
    assert fetched(stored.public_url("a b/ü.txt"), ceph) == b"hello"


def test_addresses_that_linode_signs_read_and_write(stored, ceph):
    url = stored.managed.object_url("new.txt", seconds=600, method="PUT", content_type="text/plain")
    fetched(url, ceph, method="PUT", data=b"new", headers={"Content-Type": "text/plain"})
    assert stored.stat_file("new.txt").size == 3
    assert fetched(stored.managed.object_url("new.txt", seconds=600), ceph) == b"new"


def test_lifecycle_and_cors_are_those_of_s3(stored):
    rules = {"Rules": [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}]}
    stored.administration.apply(stored.administration.plan("lifecycle", rules))
    assert stored.administration.get("lifecycle")["Rules"][0]["ID"] == "old"
    cors = {"CORSRules": [{"ID": "all", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    stored.administration.apply(stored.administration.plan("cors", cors))
    assert stored.administration.get("cors")["CORSRules"][0]["AllowedOrigins"] == ["*"]
