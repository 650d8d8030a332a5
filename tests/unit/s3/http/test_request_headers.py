"""What the settings add to every request, and which of AWS's endpoints they choose."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from buckia_core.config.settings import read_settings
from buckia_core.errors import ConfigError
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import resolve_endpoint
from tests.unit.s3.operations.test_multipart import DATA, SMALL_PARTS, Parts
from tests.unit.s3.scripted_server import HELLO, Answer, page

SOURCE = RemoteObject("k", 5, "5d41402abc4b2a76b9719d911017c592")


@pytest.fixture
def read(tmp_path):
    def reading(environ=None, **values):
        return read_settings(
            S3Settings, {"bucket_name": "bucket"} | values, provider="s3", base_dir=tmp_path, environ=environ or {}
        )

    return reading


def whole_server(asked):
    if "list-type" in asked.query:
        return page("k")
    if "delete" in asked.query:
        return Answer(200, b"<DeleteResult><Deleted><Key>k</Key></Deleted></DeleteResult>")
    return Answer(200, b"<X><ETag>e</ETag></X>", HELLO.headers) if "x-amz-copy-source" in asked.headers else HELLO


def use_all(adapter, tmp_path):
    adapter.upload_file(b"hello", "k")
    adapter.read_file("k")
    adapter.stat_file("k")
    list(adapter.list_files())
    adapter.download_file("k", tmp_path / "f", expect=SOURCE)
    adapter.copy_file(SOURCE, "new")
    adapter.delete_files(["k"])
    adapter.probe()


def test_a_requester_who_pays_says_so_in_every_request(connect, tmp_path):
    adapter, server = connect(whole_server, request_payer=True)
    use_all(adapter, tmp_path)
    assert len(server.asked) >= 9
    assert {asked.headers.get("x-amz-request-payer") for asked in server.asked} == {"requester"}


def test_a_requester_who_pays_says_so_with_each_part(connect):
    adapter, server = connect(Parts(), request_payer=True, **SMALL_PARTS)
    adapter.upload_file(DATA, "k")
    assert {asked.headers.get("x-amz-request-payer") for asked in server.asked} == {"requester"}


def test_a_signed_address_says_it_too(connect):
    adapter, _ = connect(whole_server, request_payer=True)
    query = dict(parse_qsl(urlsplit(adapter.signed_url("k", seconds=60)).query))
    assert query["x-amz-request-payer"] == "requester"


def test_no_payer_by_default(connect, tmp_path):
    adapter, server = connect(whole_server)
    use_all(adapter, tmp_path)
    assert all("x-amz-request-payer" not in asked.headers for asked in server.asked)


@pytest.mark.parametrize("variable", ["AWS_REQUEST_PAYER", "AWS_REQUESTER_PAYS"])
def test_paying_by_the_environment(read, variable):
    assert read({variable: "true"}).request_payer
    assert not read({variable: "true"}, request_payer=False).request_payer


@pytest.mark.parametrize("unsigned", [True, False])
@pytest.mark.parametrize("size", [5, 300 << 10], ids=["small", "large"])
def test_what_is_sent_can_be_left_out_of_the_signature(connect, unsigned, size):
    adapter, server = connect(lambda asked: HELLO, unsigned_payload=unsigned)
    adapter.upload_file(b"x" * size, "k")
    assert (server.asked[0].headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD") is unsigned


def test_unsigned_by_the_environment(read):
    assert read({"AWS_UNSIGNED_PAYLOAD": "1"}).unsigned_payload


@pytest.mark.parametrize(
    ("values", "region", "host"),
    [
        ({}, "eu-west-1", "bucket.s3.eu-west-1.amazonaws.com"),
        ({"use_accelerate_endpoint": True}, "eu-west-1", "bucket.s3-accelerate.amazonaws.com"),
        (
            {"use_accelerate_endpoint": True, "use_dualstack_endpoint": True},
            "eu-west-1",
            "bucket.s3-accelerate.dualstack.amazonaws.com",
        ),
        ({"use_dualstack_endpoint": True}, "eu-west-1", "bucket.s3.dualstack.eu-west-1.amazonaws.com"),
        ({"use_dualstack_endpoint": True}, "cn-north-1", "bucket.s3.dualstack.cn-north-1.amazonaws.com.cn"),
        ({"use_fips_endpoint": True}, "us-west-2", "bucket.s3-fips.us-west-2.amazonaws.com"),
        (
            {"use_fips_endpoint": True, "use_dualstack_endpoint": True},
            "us-west-2",
            "bucket.s3-fips.dualstack.us-west-2.amazonaws.com",
        ),
        (
            {"use_dualstack_endpoint": True, "bucket_name": "a.b"},
            "eu-west-1",
            "s3.dualstack.eu-west-1.amazonaws.com",
        ),
    ],
)
def test_endpoints_of_aws(read, values, region, host):
    place = resolve_endpoint(read(**values), region)
    assert (place.scheme, place.host, place.aws) == ("https", host, True)


def test_an_accelerated_bucket_stays_so_in_another_region(read):
    place = resolve_endpoint(read(use_accelerate_endpoint=True), "us-east-1").in_region("eu-west-1")
    assert (place.host, place.region) == ("bucket.s3-accelerate.amazonaws.com", "eu-west-1")


def test_endpoints_by_the_environment(read):
    settings = read({"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "true"})
    assert settings.use_dualstack_endpoint
    assert settings.use_fips_endpoint


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"use_accelerate_endpoint": True, "endpoint_url": "https://h"}, "leave out endpoint_url"),
        ({"use_dualstack_endpoint": True, "endpoint_url": "https://h"}, "leave out endpoint_url"),
        ({"use_fips_endpoint": True, "endpoint_url": "https://h"}, "leave out endpoint_url"),
        ({"use_accelerate_endpoint": True, "bucket_name": "a.b"}, "dot in its name"),
        ({"use_accelerate_endpoint": True, "addressing_style": "path"}, "addressing_style"),
        ({"use_accelerate_endpoint": True, "use_fips_endpoint": True}, "exclude each other"),
    ],
)
def test_endpoints_that_there_are_not(read, values, message):
    with pytest.raises(ConfigError, match=message):
        read(**values)
