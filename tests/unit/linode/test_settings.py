"""The settings of provider `linode`."""

from __future__ import annotations

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import read_settings
from buckia_core.errors import ConfigError
from buckia_linode.endpoint_types import EndpointType
from buckia_linode.settings import LinodeSettings
from buckia_linode.sync import LinodeSync
from buckia_s3.config.fields import AddressingStyle

HERE = {"cluster": "us-ord-1"}


@pytest.fixture
def read(tmp_path):
    def reading(environ=None, **values):
        return read_settings(
            LinodeSettings, {"bucket_name": "b"} | values, provider="linode", base_dir=tmp_path, environ=environ or {}
        )

    return reading


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({"cluster": "es-mad-1"}, "https://es-mad-1.linodeobjects.com"),
        ({"region": "us-east-1"}, "https://us-east-1.linodeobjects.com"),
        ({"cluster": "us-iad-10", "region": "us-iad"}, "https://us-iad-10.linodeobjects.com"),
        ({"cluster": "x-1", "domain": "objects.example"}, "https://x-1.objects.example"),
        ({"endpoint_url": "https://127.0.0.1:8443", "cluster": "x"}, "https://127.0.0.1:8443"),
        ({"endpoint": "https://o.example"}, "https://o.example"),
    ],
)
def test_the_endpoint_follows_from_cluster_region_or_address(read, values, address):
    settings = read(**values)
    assert settings.static_url == settings.s3().endpoint_url == address
    assert not settings.needs_lookup


@pytest.mark.parametrize(
    ("url", "given", "bucket", "prefix", "address"),
    [
        ("https://b.us-ord-1.linodeobjects.com", {}, "b", "", "https://us-ord-1.linodeobjects.com"),
        ("https://es-mad-1.linodeobjects.com/b/a/c", {}, "b", "a/c", "https://es-mad-1.linodeobjects.com"),
        ("s3://b/a", {"cluster": "us-ord-1"}, "b", "a", "https://us-ord-1.linodeobjects.com"),
        ("https://b.us-ord-1.linodeobjects.com/a", {"prefix": "z"}, "b", "z", "https://us-ord-1.linodeobjects.com"),
        ("https://b.us-ord-1.linodeobjects.com", {"endpoint_url": "https://o.example"}, "b", "", "https://o.example"),
    ],
)
def test_an_address_names_the_bucket_and_its_endpoint(url, given, bucket, prefix, address):
    with LinodeSync.from_url(url, **given, access_key="k", secret_key="s") as adapter:
        settings = adapter._linode_settings
        assert (settings.bucket_name, settings.prefix, settings.static_url) == (bucket, prefix, address)
        assert adapter.provider == "linode"
        style = AddressingStyle.VIRTUAL if url.startswith("https://b.") else settings.addressing_style
        assert settings.addressing_style is style


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("https://b.s3.eu-central-1.amazonaws.com", "'b.s3.eu-central-1.amazonaws.com' is not an address of Linode"),
        ("https://s3.us-west-001.backblazeb2.com/b", "is not an address of Linode"),
        ("https://linodeobjects.example/b", "is not a known service"),
        ("https://us-ord-1.linodeobjects.com", "names no bucket"),
        ("s3://b", "where the bucket is must be known"),
        ("b", "must begin with s3://"),
    ],
)
def test_an_address_that_is_none_of_linodes_is_refused(url, complaint):
    with pytest.raises(ConfigError, match=complaint):
        LinodeSync.from_url(url, access_key="k", secret_key="s")


def test_with_a_token_the_endpoint_of_a_region_is_searched(read):
    settings = read(region="us-ord", token="t")
    assert settings.needs_lookup
    assert not read(cluster="us-ord-1", token="t").needs_lookup
    assert settings.static_url == "https://us-ord.linodeobjects.com"


def test_the_environment_of_linodes_own_tools_is_read(read):
    environ = {"LINODE_CLI_TOKEN": "t", "LINODE_CLI_OBJ_ACCESS_KEY": "k", "LINODE_CLI_OBJ_SECRET_KEY": "s"}
    settings = read(environ, **HERE)
    assert (settings.token, settings.access_key_id, settings.secret_access_key) == (
        Secret("t"),
        Secret("k"),
        Secret("s"),
    )
    others = {"LINODE_TOKEN": "T", "LINODE_OBJ_ACCESS_KEY": "K", "LINODE_OBJ_SECRET_KEY": "S"}
    settings = read(environ | others, **HERE)
    assert (settings.token, settings.access_key_id, settings.secret_access_key) == (
        Secret("T"),
        Secret("K"),
        Secret("S"),
    )


def test_the_environment_of_aws_is_not(read, monkeypatch):
    environ = {
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_ENDPOINT_URL": "https://elsewhere.example",
        "AWS_REGION": "eu-west-1",
        "AWS_BUCKET": "another",
        "AWS_SKIP_SIGNATURE": "true",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = read(environ, **HERE)
    assert settings == read(**HERE)
    assert settings.s3() == read(**HERE).s3()
    assert settings.s3().region == "us-ord-1"


def test_other_names_for_settings(read):
    settings = read(region_name="us-ord-1", access_key="k", secret_key="s", api_key="t")
    assert (settings.region, settings.access_key_id, settings.token) == ("us-ord-1", Secret("k"), Secret("t"))
    assert settings.secret_access_key == Secret("s")


def test_what_s3_has_is_handed_on(read):
    settings = read(**HERE, prefix="p/", acl="public-read", tags={"a": "b"}, part_size=5 << 20, profile="x")
    s3 = settings.s3()
    assert (s3.bucket_name, s3.prefix, s3.acl, s3.tags, s3.part_size) == ("b", "p/", "public-read", {"a": "b"}, 5 << 20)
    assert s3.profile == "x"


def test_a_key_of_ones_own_means_encryption_with_it(read):
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    assert read(**HERE, sse_customer_key_base64=key).s3().server_side_encryption == "sse-c"
    assert read(**HERE).s3().server_side_encryption is None


def test_the_type_can_be_set_by_hand(read):
    assert read(**HERE, endpoint_type="E2").endpoint_type is EndpointType.E2


def test_secrets_do_not_show(read):
    assert "hidden" not in repr(read(**HERE, access_key_id="AK", secret_access_key="hidden-1", token="hidden-2"))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, "give region, cluster or endpoint_url"),
        ({"region": "us-ord"}, "such as us-ord-1, or endpoint_url, or a token"),
        ({"cluster": "evil.example/"}, "cluster is an id"),
        ({"region": "US East"}, "region is an id"),
        ({**HERE, "domain": "a/b"}, "domain"),
        ({**HERE, "api_url": "api.linode.com"}, "api_url"),
        ({**HERE, "api_url": "https://me:secret@api.linode.com"}, "api_url"),
        ({**HERE, "api_url": "https://api.linode.com:port"}, "api_url"),
        ({**HERE, "endpoint_type": "E9"}, "endpoint_type"),
        ({**HERE, "access_key_id": "k"}, "secret_access_key"),
        ({**HERE, "role_arn": "r"}, "no setting 'role_arn'"),
        ({"endpoint_url": "o.example"}, "endpoint_url must be like"),
        ({**HERE, "bucket_name": ""}, "bucket_name"),
    ],
)
def test_what_can_not_be(read, values, named):
    with pytest.raises(ConfigError, match=named) as caught:
        read(**values)
    assert "secret@" not in str(caught.value)
