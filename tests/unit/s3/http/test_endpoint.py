"""Where buckets are reached."""

from __future__ import annotations

import pytest

from buckia_s3.config.fields import AddressingStyle
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import EndpointResolver, identity, resolve_endpoint


def root(region="eu-west-1", **settings):
    return resolve_endpoint(S3Settings(**{"bucket_name": "bucket"} | settings), region).root


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "https://bucket.s3.eu-west-1.amazonaws.com"),
        ({"bucket_name": "with.dots"}, "https://s3.eu-west-1.amazonaws.com/with.dots"),
        ({"bucket_name": "Under_score"}, "https://s3.eu-west-1.amazonaws.com/Under_score"),
        ({"addressing_style": AddressingStyle.PATH}, "https://s3.eu-west-1.amazonaws.com/bucket"),
        ({"endpoint_url": "http://localhost:9000"}, "http://localhost:9000/bucket"),
        ({"endpoint_url": "http://localhost:80/"}, "http://localhost/bucket"),
        ({"endpoint_url": "https://[::1]:8443"}, "https://[::1]:8443/bucket"),
        ({"endpoint_url": "https://h.example/base/s3/"}, "https://h.example/base/s3/bucket"),
        (
            {"endpoint_url": "https://h.example:444", "addressing_style": AddressingStyle.VIRTUAL},
            "https://bucket.h.example:444",
        ),
        ({"endpoint_url": "https://s3.eu-west-1.amazonaws.com"}, "https://bucket.s3.eu-west-1.amazonaws.com"),
    ],
)
def test_addresses(settings, expected):
    assert root(**settings) == expected


def test_china_is_another_domain():
    assert root("cn-north-1") == "https://bucket.s3.cn-north-1.amazonaws.com.cn"


def test_paths_of_keys():
    place = resolve_endpoint(S3Settings(bucket_name="b", endpoint_url="http://h"), "r")
    assert place.path("a b/ü#?+%2F//./..") == "/b/a%20b/%C3%BC%23%3F%2B%252F//./.."
    assert place.path(None) == "/b"
    assert resolve_endpoint(S3Settings(bucket_name="bucket"), "r").path(None) == "/"


def test_a_bucket_that_is_elsewhere():
    site = EndpointResolver(S3Settings(bucket_name="bucket"), lambda: None)
    assert site.endpoint.host == "bucket.s3.us-east-1.amazonaws.com"
    assert site.set_region("ap-south-1")
    assert (site.endpoint.host, site.endpoint.region) == ("bucket.s3.ap-south-1.amazonaws.com", "ap-south-1")
    assert not site.set_region("ap-south-1")


def test_another_service_keeps_its_host_in_every_region():
    site = EndpointResolver(
        S3Settings(bucket_name="b", endpoint_url="https://s3.us-east-1.example.com"), lambda: "profile-region"
    )
    assert site.endpoint.region == "profile-region"
    site.set_region("elsewhere")
    assert (site.endpoint.host, site.endpoint.region) == ("s3.us-east-1.example.com", "elsewhere")


def test_one_bucket_has_one_identity():
    def told(prefix="", **settings):
        return identity(S3Settings(**{"bucket_name": "b"} | settings), prefix)

    assert told() == told(region="eu-west-1") == told(addressing_style=AddressingStyle.PATH) == "aws/b/"
    assert told(endpoint_url="https://H.example/") == told(endpoint_url="https://h.example:443")
    different = [
        told(),
        told("p/"),
        told(bucket_name="c"),
        told(endpoint_url="https://h"),
        told(endpoint_url="http://h"),
        told(endpoint_url="https://h:1"),
        told(region="cn-north-1"),
    ]
    assert len(set(different)) == len(different)
