"""The fake of Linode's API is one to Linode's own SDK, which works on it unchanged."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from linode_api4 import ApiError, LinodeClient, ObjectStorageACL

from tests.servers.linode_api import READ_ONLY, READ_WRITE, Trouble, linode_api


@pytest.fixture
def api():
    with linode_api() as api:
        yield api


@pytest.fixture
def linode(api):
    client = LinodeClient(READ_WRITE, base_url=api.url, retry=False)
    yield client.object_storage
    client.session.close()


def test_the_sdk_makes_lists_and_removes_buckets(api, linode):
    made = linode.bucket_create("us-ord", "photos", acl=ObjectStorageACL.PRIVATE)
    assert (made.label, made.region, made.endpoint_type) == ("photos", "us-ord", "E1")
    assert [each.label for each in linode.buckets()] == ["photos"]
    assert [each.hostname for each in linode.buckets_in_region("us-ord")] == ["photos.us-ord-1.linodeobjects.com"]
    api.account.store.objects["photos"]["a.txt"] = 5
    with pytest.raises(ApiError, match="not empty") as caught:
        made.delete()
    assert caught.value.status == 400
    del api.account.store.objects["photos"]["a.txt"]
    assert made.delete()
    assert len(linode.buckets()) == 0


def test_the_sdk_reads_all_pages(api, linode):
    api.account.endpoints = [
        {"region": f"r-{number}", "endpoint_type": "E1", "s3_endpoint": f"r-{number}-1.example"}
        for number in range(230)
    ]
    assert [each.region for each in linode.endpoints()] == [f"r-{number}" for number in range(230)]
    assert len(api.asked) == 3


def test_the_sdk_makes_and_revokes_keys(linode):
    linode.bucket_create("us-ord", "photos")
    key = linode.keys_create("phone", bucket_access=linode.bucket_access("us-ord", "photos", "read_only"))
    assert key.limited and len(key.secret_key) == 40
    (listed,) = linode.keys()
    assert (listed.access_key, listed.secret_key) == (key.access_key, "[REDACTED]")
    assert listed.bucket_access[0].permissions == "read_only"
    assert listed.delete()
    assert len(linode.keys()) == 0


def test_the_sdk_changes_access_and_signs_addresses(api, linode):
    bucket = linode.bucket_create("us-ord", "photos")
    assert bucket.access_update(acl="public-read", cors_enabled=True)
    assert (bucket.access_get().acl, bucket.access_get().cors_enabled) == ("public-read", True)
    api.account.store.objects["photos"]["a b/ü.txt"] = 5
    assert linode.object_acl_config_update("us-ord", "photos", "public-read", "a b/ü.txt").acl == "public-read"
    assert linode.object_acl_config("us-ord", "photos", "a b/ü.txt").acl == "public-read"
    assert "Expires=360" in linode.object_url_create("us-ord", "photos", "GET", "a.txt", expires_in=360).url
    with pytest.raises(ApiError, match="expires_in: Must be 360-86400"):
        linode.object_url_create("us-ord", "photos", "GET", "a.txt", expires_in=5)


def test_the_sdk_reads_quotas_and_transfer(api, linode):
    linode.bucket_create("us-ord", "photos")
    quota = next(each for each in linode.quotas() if each.s3_endpoint == "us-ord-1.linodeobjects.com")
    assert (quota.usage().usage, quota.usage().quota_limit) == (1, 1000)
    api.account.transferred = 12345
    assert linode.transfer().used == 12345


@pytest.mark.parametrize(("token", "reason"), [("wrong", "Invalid Token"), (READ_ONLY, "not authorized")])
def test_tokens_are_checked(api, token, reason):
    client = LinodeClient(token, base_url=api.url, retry=False)
    with pytest.raises(ApiError, match=reason) as caught:
        client.object_storage.bucket_create("us-ord", "photos")
    assert caught.value.status == 401
    client.session.close()


def test_trouble_comes_instead_of_the_answer_and_may_come_after_the_deed(api, linode):
    api.troubles.append(Trouble(429, b'{"errors": [{"reason": "Too many requests"}]}', {"Retry-After": "7"}))
    with pytest.raises(ApiError, match="Too many requests") as caught:
        linode.transfer()
    assert caught.value.response.headers["Retry-After"] == "7"
    api.troubles.append(Trouble(502, after=True))
    with pytest.raises(ApiError, match="502"):
        linode.bucket_create("us-ord", "photos")
    assert [each.label for each in linode.buckets()] == ["photos"]


def test_every_answer_tells_the_rate_limit(api):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{api.url}/object-storage/transfer", timeout=10)
    assert caught.value.code == 401
    assert caught.value.headers["X-RateLimit-Limit"] == "800"
    caught.value.close()
