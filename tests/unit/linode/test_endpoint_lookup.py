"""Finding where the bucket is."""

from __future__ import annotations

import logging

import pytest

from buckia_core.errors import ConfigError, MissingCredentials, Transient, Unauthenticated
from buckia_linode.endpoint_lookup import BucketLocation
from buckia_linode.endpoint_types import EndpointType
from tests.servers.linode_api import Trouble


def endpoint_of(adapter):
    return adapter.public_url("k").removesuffix("/photos/k")


def test_the_only_endpoint_of_a_region_is_the_one(api, connect):
    adapter = connect(region="us-ord")
    assert api.asked == []
    assert endpoint_of(adapter) == "https://us-ord-1.linodeobjects.com"
    assert endpoint_of(adapter) == "https://us-ord-1.linodeobjects.com"
    assert api.paths() == ["GET /object-storage/endpoints"]
    assert adapter.request_count == 1
    assert adapter.managed.location == BucketLocation("us-ord", "https://us-ord-1.linodeobjects.com", EndpointType.E1)


def test_a_region_may_look_like_a_cluster_with_another_number(connect):
    assert endpoint_of(connect(region="de-fra-2")) == "https://de-fra-1.linodeobjects.com"


def test_a_cluster_may_stand_where_the_region_does(connect):
    adapter = connect(region="us-ord-1")
    assert adapter.managed.location == BucketLocation("us-ord", "https://us-ord-1.linodeobjects.com", EndpointType.E1)


def test_all_pages_are_read(api, connect):
    api.account.page_limit = 2
    assert endpoint_of(connect(region="nl-ams")) == "https://nl-ams-1.linodeobjects.com"
    assert len(api.asked) == 3


def test_of_several_endpoints_the_one_with_the_bucket_is_the_one(connect):
    connect(region="us-iad").account.create_bucket("us-iad", "photos", type=EndpointType.E3)
    adapter = connect(region="us-iad")
    assert endpoint_of(adapter) == "https://us-iad-10.linodeobjects.com"
    assert adapter.managed.location.type is EndpointType.E3


def test_of_several_endpoints_the_type_may_tell(connect):
    adapter = connect(region="us-iad", endpoint_type=EndpointType.E3)
    assert endpoint_of(adapter) == "https://us-iad-10.linodeobjects.com"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"region": "us-iad"}, r"none of them has a bucket 'photos'.*us-iad-1\S* \(E1\), us-iad-10\S* \(E3\)"),
        ({"region": "mars"}, "region 'mars' has no endpoint.*buckia linode endpoints"),
        ({"region": "jp-osa"}, "region 'jp-osa' has no endpoint"),
        ({"region": "us-ord", "endpoint_type": EndpointType.E3}, "no endpoint of type E3"),
    ],
)
def test_an_endpoint_that_is_not_found_has_advice(connect, settings, said):
    with pytest.raises(ConfigError, match=said):
        endpoint_of(connect(**settings))


def test_the_identity_costs_no_request_and_stays(api, connect):
    adapter = connect(region="us-ord", prefix="p")
    before = adapter.identity
    assert api.asked == []
    endpoint_of(adapter)
    assert adapter.identity == before == "linode:https://us-ord.linodeobjects.com:443/photos/p/"
    assert connect(region="us-iad").identity != before


def test_a_failure_is_one_of_the_call_and_passes(api, connect):
    adapter = connect(region="us-ord")
    api.troubles += [Trouble(502)] * 3
    with pytest.raises(Transient):
        endpoint_of(adapter)
    assert endpoint_of(adapter) == "https://us-ord-1.linodeobjects.com"


def test_a_known_address_asks_nothing_but_the_type(api, connect):
    adapter = connect(cluster="us-iad-10")
    assert endpoint_of(adapter) == "https://us-iad-10.linodeobjects.com"
    assert api.asked == []
    adapter._lookup.detect_type()
    adapter._lookup.detect_type()
    assert adapter.capabilities.requests_per_second == 2000
    assert len(api.asked) == 1


def test_without_the_type_work_goes_on(api, connect, caplog):
    adapter = connect(cluster="us-iad-10")
    api.troubles.append(Trouble(401, b'{"errors": [{"reason": "Invalid Token"}]}'))
    with caplog.at_level(logging.WARNING, "buckia_linode"):
        adapter._lookup.detect_type()
        adapter._lookup.detect_type()
    assert "Invalid Token" in caplog.text
    assert len(api.asked) == 1
    assert adapter.capabilities.requests_per_second == 750


def test_a_failed_lookup_is_raised(api, connect):
    api.troubles.append(Trouble(401, b'{"errors": [{"reason": "Invalid Token"}]}'))
    with pytest.raises(Unauthenticated):
        connect(region="us-ord").probe()


def test_an_address_of_ones_own_keeps_the_region_of_the_settings(connect):
    adapter = connect(endpoint_url="https://127.0.0.1:1", region="us-ord")
    assert adapter.region == "us-ord"
    assert adapter.managed.location == BucketLocation("us-ord", "https://127.0.0.1:1", None)


def test_the_region_is_known_where_the_endpoint_is_not(connect):
    assert connect(region="us-iad").region == "us-iad"
    assert connect(region="us-ord-1").region == "us-ord"


def test_without_a_token_the_api_can_not_be_asked(connect):
    adapter = connect(cluster="us-ord-1", token=None)
    for ask in (lambda: adapter.account, lambda: adapter.managed, lambda: adapter.region):
        with pytest.raises(MissingCredentials, match="LINODE_TOKEN"):
            ask()
    adapter._lookup.detect_type()
