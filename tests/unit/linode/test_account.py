"""What a token allows."""

from __future__ import annotations

import pytest

from buckia_core.errors import AdapterError, NotFound, Unauthenticated
from buckia_linode.endpoint_types import EndpointType
from buckia_linode.models import Access, BucketAcl, Grant, LinodeEndpoint
from tests.servers.linode_api import READ_ONLY, Trouble


def test_endpoints(api, account):
    api.account.endpoints.append({"region": "new", "endpoint_type": "E7", "s3_endpoint": "new-1.example"})
    found = account.endpoints()
    assert found[0] == LinodeEndpoint("us-ord", "us-ord-1.linodeobjects.com", EndpointType.E1)
    assert found[-2] == LinodeEndpoint("jp-osa", None, EndpointType.E2)
    assert found[-1] == LinodeEndpoint("new", "new-1.example", None)
    assert (found[0].url, found[-2].url) == ("https://us-ord-1.linodeobjects.com", None)


def test_a_bucket_comes_is_seen_and_goes(api, account):
    made = account.create_bucket("us-ord", "photos")
    assert (made.region, made.endpoint, made.type) == ("us-ord", "us-ord-1.linodeobjects.com", EndpointType.E1)
    api.account.store.objects["photos"] = {"a": 3, "b": 4}
    seen = account.bucket("us-ord", "photos")
    assert (seen.objects, seen.size, seen.hostname) == (2, 7, "photos.us-ord-1.linodeobjects.com")
    assert account.buckets() == account.buckets("us-ord") == [seen]
    with pytest.raises(AdapterError, match=r"removing bucket 'photos'.*not empty"):
        account.delete_bucket("us-ord", "photos")
    api.account.store.objects["photos"] = {}
    account.delete_bucket("us-ord", "photos")
    assert account.buckets() == []
    with pytest.raises(NotFound):
        account.bucket("us-ord", "photos")


def test_a_region_that_looks_like_a_cluster_is_asked_for_as_a_region(api, account):
    assert account.create_bucket("de-fra-2", "photos").endpoint == "de-fra-1.linodeobjects.com"
    assert api.asked[-1].body == {"label": "photos", "region": "de-fra-2", "acl": "private"}


def test_buckets_of_several_pages(api, account):
    api.account.page_limit = 7
    for number in range(20):
        account.create_bucket("us-ord", f"bucket-{number:02}")
    assert [each.name for each in account.buckets()] == [f"bucket-{number:02}" for number in range(20)]


def test_a_limited_key_shows_its_secret_once(api, account):
    account.create_bucket("us-ord", "photos")
    made = account.create_key("phone", grants=[Grant("photos", "us-ord", write=False)])
    assert made.limited and made.regions == ("us-ord",)
    assert made.secret is not None and len(made.secret.reveal()) == 40
    assert made.secret.reveal() not in repr(made)
    (listed,) = account.access_keys()
    assert listed.secret is None
    assert (listed.access_key, listed.grants) == (made.access_key, (Grant("photos", "us-ord", write=False),))
    account.delete_key(made.id)
    assert account.access_keys() == []
    with pytest.raises(NotFound):
        account.delete_key(made.id)


def test_a_key_for_everything(account):
    made = account.create_key("server", regions=["us-ord", "us-iad"])
    assert not made.limited and made.grants == ()
    assert set(made.regions) == {"us-ord", "us-iad"}


def test_a_key_for_a_bucket_of_another_account_is_refused(account):
    with pytest.raises(AdapterError, match="bucket_access: You do not own this bucket"):
        account.create_key("phone", grants=[Grant("other", "us-ord", write=True)])


def test_access(account):
    account.create_bucket("us-ord", "photos", acl=BucketAcl.PUBLIC_READ, cors=True)
    assert account.access("us-ord", "photos") == Access("public-read", True)
    account.set_access("us-ord", "photos", cors=False)
    assert account.access("us-ord", "photos") == Access("public-read", False)
    account.set_access("us-ord", "photos", acl=BucketAcl.PRIVATE)
    assert account.access("us-ord", "photos") == Access("private", False)


@pytest.mark.parametrize("key", ["a.txt", "a b/ü&?.txt", "x/../y"])
def test_the_acl_of_an_object(api, account, key):
    account.create_bucket("us-ord", "photos")
    api.account.store.objects["photos"][key] = 1
    assert account.object_acl("us-ord", "photos", key) == "private"
    account.set_object_acl("us-ord", "photos", key, BucketAcl.PUBLIC_READ)
    assert account.object_acl("us-ord", "photos", key) == "public-read"
    assert api.asked[-1].query == {"name": key}


def test_addresses(account):
    account.create_bucket("us-ord", "photos")
    assert "Expires=360" in account.object_url("us-ord", "photos", "a", seconds=360)
    url = account.object_url("us-ord", "photos", "a", seconds=400, method="PUT", content_type="image/png")
    assert url.endswith("method=PUT&type=image/png")


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"seconds": 359}, "359"), ({"seconds": 86_401}, "86401"), ({"seconds": 400, "method": "PUT"}, "content type")],
)
def test_addresses_that_are_not_signed(api, account, settings, said):
    with pytest.raises(ValueError, match=said):
        account.object_url("us-ord", "photos", "a", **settings)
    assert api.asked == []


def test_quotas_and_transfer(api, account):
    account.create_bucket("us-ord", "photos")
    api.account.transferred = 1 << 40
    quota = account.quotas()[0]
    assert (quota.endpoint, quota.used, quota.limit, quota.metric) == ("us-ord-1.linodeobjects.com", 1, 1000, "bucket")
    assert account.transfer() == 1 << 40


def test_a_token_that_may_only_read(connect):
    from buckia_core.config.secrets.secret import Secret

    account = connect(region="us-ord", token=Secret(READ_ONLY)).account
    assert account.buckets() == []
    with pytest.raises(Unauthenticated, match="object_storage:read_write"):
        account.create_bucket("us-ord", "photos")


@pytest.mark.parametrize("answer", [b"{}", b'{"data": 5, "pages": 1}', b'{"data": [{}], "pages": 1}', b"[]"])
def test_a_response_in_an_unknown_form_is_an_error(api, account, answer):
    api.troubles.append(Trouble(200, answer))
    with pytest.raises(AdapterError, match="form that is not known"):
        account.endpoints()
