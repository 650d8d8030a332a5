"""What is unsafe about how a provider is reached is logged whenever its adapter is opened."""

from __future__ import annotations

import importlib.util
import logging

import pytest

from buckia_core.adapters.factory import open_bucket, settings_warnings
from buckia_core.config import BucketConfig

S3 = {"provider": "s3", "bucket_name": "b", "region": "r", "access_key_id": "a", "secret_access_key": "s"}
LINODE = {
    "provider": "linode",
    "bucket_name": "b",
    "cluster": "us-ord-1",
    "access_key_id": "a",
    "secret_access_key": "s",
}
B2 = {"provider": "b2", "bucket_name": "b", "application_key_id": "a", "application_key": "s"}
BUNNY = {"provider": "bunny", "bucket_name": "b", "password": "s"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (S3 | {"endpoint_url": "https://example.com"}, []),
        (S3 | {"endpoint_url": "http://127.0.0.1:9000"}, []),
        (S3 | {"endpoint_url": "http://minio:9000"}, ["endpoint_url http://minio"]),
        (S3 | {"verify_tls": "false"}, ["verify_tls: false"]),
        (S3 | {"client_options": {"allow_invalid_certificates": "true"}}, ["allow_invalid_certificates"]),
        (S3 | {"endpoint_url": "http://minio", "verify_tls": "false"}, ["verify_tls: false", "endpoint_url"]),
        (
            {"provider": "s3", "bucket_name": "b", "endpoint_url": "http://minio", "skip_signature": "true"},
            [],
        ),
        (LINODE | {"endpoint_url": "http://example.com"}, ["endpoint_url"]),
        (LINODE | {"verify_tls": "false"}, ["verify_tls: false"]),
        (B2 | {"api_url": "http://example.com"}, ["api_url"]),
        (BUNNY | {"endpoint_url": "http://example.com"}, ["endpoint_url"]),
        ({"provider": "memory"}, []),
    ],
)
def test_what_is_unsafe_is_logged(settings, words, caplog):
    provider = settings["provider"]
    if provider != "memory" and importlib.util.find_spec(f"buckia_{provider}") is None:
        pytest.skip(f"buckia-{provider} is not installed")
    config = BucketConfig(name="assets", **settings)
    with caplog.at_level(logging.WARNING):
        open_bucket(config).close()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == len(words) == len(settings_warnings(config))
    assert all(line.startswith("assets: ") and word in line for line, word in zip(told, words, strict=True))
