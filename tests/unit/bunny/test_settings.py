"""Settings: where the zone is, which key is used, what does not go together."""

from __future__ import annotations

from typing import Any

import pytest

from buckia_bunny.settings import ApiKind, BunnySettings
from buckia_core.config import BucketConfig
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import InvalidSetting, MissingCredentials

KEY = Secret("zone-password")


def settings(**given: Any) -> BunnySettings:
    values: dict[str, Any] = {"bucket_name": "assets", "storage_api_key": KEY} | given
    return BunnySettings(**values)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "https://storage.bunnycdn.com"),
        ({"region": "de"}, "https://storage.bunnycdn.com"),
        ({"region": "ny"}, "https://ny.storage.bunnycdn.com"),
        ({"region": "ny", "domain": "storage.example.com"}, "https://ny.storage.example.com"),
        ({"region": "ny", "endpoint_url": "http://127.0.0.1:1/"}, "http://127.0.0.1:1"),
        ({"api_key": Secret("a")}, None),
        ({"api_key": Secret("a"), "region": "sg"}, "https://sg.storage.bunnycdn.com"),
        ({"api": ApiKind.S3, "region": "syd"}, "https://syd-s3.storage.bunnycdn.com"),
    ],
)
def test_where_the_zone_is(given, address):
    assert settings(**given).address == address


def test_the_example_of_the_first_description_can_be_used(tmp_path):
    config = BucketConfig(
        provider="bunny",
        bucket_name="common-assets",
        domain="storage.bunnycdn.net",
        region="eu-central",
        api_key="YOUR_API_KEY",
        storage_api_key="YOUR_STORAGE_API_KEY",
        password="YOUR_PASSWORD",
        base_dir=tmp_path,
    )
    read = config.adapter_settings(BunnySettings, environ={})
    assert read.address == "https://storage.bunnycdn.net"
    assert read.zone_key is not None
    assert read.zone_key.reveal() == "YOUR_STORAGE_API_KEY"
    assert "YOUR" not in repr(read)


@pytest.mark.parametrize(
    ("given", "key"), [({"password": "p"}, "p"), ({"storage_api_key": "s", "password": "p"}, "s"), ({}, "environment")]
)
def test_a_key_that_is_given_goes_before_the_environment(tmp_path, given, key):
    config = BucketConfig(provider="bunny", bucket_name="a", base_dir=tmp_path, **given)
    read = config.adapter_settings(BunnySettings, environ={"BUNNY_STORAGE_API_KEY": "environment"})
    assert read.zone_key is not None
    assert read.zone_key.reveal() == key


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"bucket_name": ""}, "give bucket_name or storage_zone"),
        ({"bucket_name": "a/b"}, "not the name of a storage zone"),
        ({"domain": "https://x"}, "domain is the name of a host"),
        ({"endpoint_url": "storage.bunnycdn.com"}, "endpoint_url must be like"),
        ({"api_url": "https://u:p@host"}, "without user"),
        ({"token_key": Secret("t")}, "give pull_zone or hostname"),
        ({"api": ApiKind.S3}, "needs region or endpoint_url"),
    ],
)
def test_what_can_not_be(given, words):
    with pytest.raises(ValueError, match=words):
        settings(**given)


@pytest.mark.parametrize(
    ("given", "words"),
    [({}, "no key: give storage_api_key"), ({"api": "s3", "api_key": "k", "region": "de"}, "needs storage_api_key")],
)
def test_a_missing_key_is_an_error_with_its_location(tmp_path, given, words):
    config = BucketConfig(provider="bunny", bucket_name="a", base_dir=tmp_path, **given)
    with pytest.raises(MissingCredentials, match=f"provider 'bunny': .*{words}"):
        config.adapter_settings(BunnySettings, environ={})


def test_an_unknown_region_is_an_error_that_lists_the_regions(tmp_path):
    config = BucketConfig(provider="bunny", bucket_name="a", region="mars", storage_api_key="k", base_dir=tmp_path)
    with pytest.raises(InvalidSetting, match="syd"):
        config.adapter_settings(BunnySettings, environ={})


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ({}, None),
        ({"pull_zone": "12"}, None),
        ({"pull_zone": "media"}, "media.b-cdn.net"),
        ({"pull_zone": "12", "hostname": "cdn.example.com"}, "cdn.example.com"),
    ],
)
def test_the_host_of_addresses(given, host):
    assert settings(**given).public_host == host
