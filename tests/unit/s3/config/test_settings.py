"""The settings of provider `s3`."""

from __future__ import annotations

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import read_settings
from buckia_core.errors import ConfigError
from buckia_s3.config.fields import AddressingStyle, ConditionalWrites
from buckia_s3.config.settings import S3Settings


@pytest.fixture
def read(tmp_path):
    def reading(environ=None, **values):
        return read_settings(
            S3Settings, {"bucket_name": "b"} | values, provider="s3", base_dir=tmp_path, environ=environ or {}
        )

    return reading


def test_a_name_is_enough(read):
    settings = read()
    assert settings.addressing_style is AddressingStyle.AUTO
    assert settings.conditional_writes is ConditionalWrites.AUTO
    assert settings.verify_tls


def test_the_environment_stands_in(read):
    environ = {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "x",
        "AWS_ENDPOINT_URL": "http://h",
        "AWS_CA_BUNDLE": "c",
    }
    settings = read(environ)
    assert (settings.region, settings.endpoint_url) == ("eu-west-1", "http://h")
    assert settings.ca_bundle is not None
    assert read(environ | {"AWS_ENDPOINT_URL_S3": "http://s3"}).endpoint_url == "http://s3"
    assert read(environ, region="us-west-2").region == "us-west-2"


@pytest.mark.parametrize("path", ["/b", "/b/"])
def test_the_address_of_a_bucket_is_no_endpoint(read, path):
    with pytest.raises(ConfigError, match="leave out /b"):
        read(endpoint_url=f"https://account.example.com{path}")


@pytest.mark.parametrize("path", ["", "/", "/storage/v1/b", "/bb"])
def test_an_endpoint_may_have_a_path(read, path):
    assert read(endpoint_url=f"https://account.example.com{path}").bucket_name == "b"


def test_names_as_boto3_has_them(read):
    settings = read(
        bucket_name="b", aws_access_key_id="AK", aws_secret_access_key="S", aws_session_token="T", region_name="r"
    )
    assert settings.access_key_id == Secret("AK")
    assert settings.secret_access_key == Secret("S")
    assert settings.session_token == Secret("T")
    assert settings.region == "r"


def test_secrets_do_not_show(read):
    shown = repr(read(access_key_id="AK", secret_access_key="hidden-1", session_token="hidden-2"))
    assert "hidden" not in shown


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"bucket_name": None}, "bucket_name"),
        ({"bucket_name": ""}, "bucket_name"),
        ({"access_key_id": "AK"}, "secret_access_key"),
        ({"secret_access_key": "S"}, "access_key_id"),
        ({"session_token": "T"}, "access_key_id"),
        ({"skip_signature": True, "profile": "p"}, "skip_signature"),
        ({"endpoint_url": "example.com"}, "endpoint_url"),
        ({"endpoint_url": "ftp://example.com"}, "endpoint_url"),
        ({"endpoint_url": "https://user:pw@example.com"}, "endpoint_url"),
        ({"endpoint_url": "https://example.com/?x=1"}, "endpoint_url"),
        ({"endpoint_url": "https://example.com:port"}, "endpoint_url"),
        ({"part_size": 1000}, "part_size"),
        ({"part_size": 6 << 30}, "part_size"),
        ({"multipart_threshold": 6 << 30}, "multipart_threshold"),
        ({"read_timeout": 0}, "read_timeout"),
        ({"addressing_style": "hostly"}, "addressing_style"),
        ({"conditional_writes": "maybe"}, "conditional_writes"),
    ],
)
def test_what_can_not_be(read, values, named):
    with pytest.raises(ConfigError, match=named):
        read(**values)
