"""A bucket by its address alone."""

from __future__ import annotations

import pytest

from buckia_core.config.settings import read_settings
from buckia_core.errors import ConfigError
from buckia_s3.config.bucket_url import parse_bucket_url
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import resolve_endpoint
from buckia_s3.sync import S3Sync

# Address; bucket, prefix, region; the URL that keys follow, and the region that is signed for.
ADDRESSES = [
    ("s3://b4t/p/q", "b4t", "p/q", None, "https://b4t.s3.us-east-1.amazonaws.com"),
    ("s3a://b4t", "b4t", "", None, "https://b4t.s3.us-east-1.amazonaws.com"),
    ("s3://b4t/a?b#c%20", "b4t", "a?b#c%20", None, "https://b4t.s3.us-east-1.amazonaws.com"),
    ("https://s3.eu-west-1.amazonaws.com/b4t/p", "b4t", "p", "eu-west-1", "https://b4t.s3.eu-west-1.amazonaws.com"),
    ("https://s3-eu-west-1.amazonaws.com/b4t", "b4t", "", "eu-west-1", "https://b4t.s3.eu-west-1.amazonaws.com"),
    (
        "https://b4t.s3.eu-west-1.amazonaws.com/p%20q",
        "b4t",
        "p q",
        "eu-west-1",
        "https://b4t.s3.eu-west-1.amazonaws.com",
    ),
    ("https://s3.amazonaws.com/b4t", "b4t", "", None, "https://b4t.s3.us-east-1.amazonaws.com"),
    ("https://my.b.s3.eu-west-1.amazonaws.com", "my.b", "", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/my.b"),
    (
        "https://b4t.s3.cn-north-1.amazonaws.com.cn",
        "b4t",
        "",
        "cn-north-1",
        "https://b4t.s3.cn-north-1.amazonaws.com.cn",
    ),
    (
        "https://b4t.s3.dualstack.eu-west-1.amazonaws.com",
        "b4t",
        "",
        "eu-west-1",
        "https://b4t.s3.dualstack.eu-west-1.amazonaws.com",
    ),
    (
        "https://s3-fips.us-gov-west-1.amazonaws.com/b4t",
        "b4t",
        "",
        "us-gov-west-1",
        "https://b4t.s3-fips.us-gov-west-1.amazonaws.com",
    ),
    ("https://b4t.s3-accelerate.amazonaws.com/p", "b4t", "p", None, "https://b4t.s3-accelerate.amazonaws.com"),
    (
        "https://b4t.s3-accelerate.dualstack.amazonaws.com",
        "b4t",
        "",
        None,
        "https://b4t.s3-accelerate.dualstack.amazonaws.com",
    ),
    (
        "https://b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/p",
        "b--use1-az4--x-s3",
        "p",
        "us-east-1",
        "https://b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com",
    ),
    ("https://ac0.r2.cloudflarestorage.com/b4t/p", "b4t", "p", "auto", "https://ac0.r2.cloudflarestorage.com/b4t"),
    ("https://ac0.eu.r2.cloudflarestorage.com/b4t", "b4t", "", "auto", "https://ac0.eu.r2.cloudflarestorage.com/b4t"),
    ("https://b4t.us-east-1.linodeobjects.com/p", "b4t", "p", "us-east-1", "https://b4t.us-east-1.linodeobjects.com"),
    ("https://us-east-1.linodeobjects.com/b4t", "b4t", "", "us-east-1", "https://us-east-1.linodeobjects.com/b4t"),
    ("https://my.b.us-east-1.linodeobjects.com", "my.b", "", "us-east-1", "https://us-east-1.linodeobjects.com/my.b"),
    (
        "https://s3.us-west-004.backblazeb2.com/b4t",
        "b4t",
        "",
        "us-west-004",
        "https://s3.us-west-004.backblazeb2.com/b4t",
    ),
    (
        "https://b4t.s3.us-west-004.backblazeb2.com",
        "b4t",
        "",
        "us-west-004",
        "https://b4t.s3.us-west-004.backblazeb2.com",
    ),
    ("https://b4t.nyc3.digitaloceanspaces.com/p", "b4t", "p", "nyc3", "https://b4t.nyc3.digitaloceanspaces.com"),
    ("https://NYC3.digitaloceanspaces.com/b4t", "b4t", "", "nyc3", "https://nyc3.digitaloceanspaces.com/b4t"),
]


@pytest.mark.parametrize(("url", "bucket", "prefix", "region", "root"), ADDRESSES, ids=[each[0] for each in ADDRESSES])
def test_an_address_has_all_settings(url, bucket, prefix, region, root):
    settings = S3Settings.from_url(url)
    assert (settings.bucket_name, settings.prefix, settings.region) == (bucket, prefix, region)
    assert resolve_endpoint(settings, region or "us-east-1").root == root
    assert resolve_endpoint(S3Settings(url=url), region or "us-east-1").root == root, (
        "without the environment it is the same"
    )


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///key",
        "s3://user:the-password@b/p",
        "ftp://b",
        "b/p",
        "http://s3.eu-west-1.amazonaws.com/b",
        "https://s3.eu-west-1.amazonaws.com",
        "https://s3.eu-west-1.amazonaws.com/",
        "https://user:the-password@s3.eu-west-1.amazonaws.com/b",
        "https://s3.eu-west-1.amazonaws.com:8443/b",
        "https://s3.eu-west-1.amazonaws.com/b?versionId=x",
        "https://example.com/b",
        "https://b.nyc3.cdn.digitaloceanspaces.com",
        "https://evil.com/.amazonaws.com",
    ],
)
def test_what_is_no_address(url):
    with pytest.raises(ConfigError, match="url") as caught:
        S3Settings.from_url(url)
    assert "the-password" not in str(caught.value)
    with pytest.raises(ValueError, match="url"):
        parse_bucket_url(url)


class TestPrecedence:
    def read(self, tmp_path, environ, **values):
        return read_settings(S3Settings, values, provider="s3", base_dir=tmp_path, environ=environ)

    def test_what_is_given_by_name_goes_before_the_address(self, tmp_path):
        url = "https://b4t.s3.eu-west-1.amazonaws.com/p"
        settings = self.read(tmp_path, {}, url=url, bucket="other", region_name="eu-west-2", prefix="q")
        assert (settings.bucket_name, settings.region, settings.prefix) == ("other", "eu-west-2", "q")

    def test_the_address_goes_before_the_environment(self, tmp_path):
        environ = {
            "AWS_BUCKET": "env",
            "AWS_REGION": "env",
            "AWS_ENDPOINT_URL": "https://env.example",
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
        }
        aws = self.read(tmp_path, environ, url="https://s3.eu-west-1.amazonaws.com/b4t")
        assert (aws.bucket_name, aws.region, aws.endpoint_url) == ("b4t", "eu-west-1", "")
        r2 = self.read(tmp_path, environ, url="https://ac0.r2.cloudflarestorage.com/b4t")
        assert resolve_endpoint(r2, "auto").root == "https://ac0.r2.cloudflarestorage.com/b4t"
        told_less = self.read(tmp_path, environ, url="s3://b4t")
        assert (told_less.bucket_name, told_less.region) == ("b4t", "env")
        assert told_less.endpoint_url == "https://env.example", "an address of no service is one of any"

    def test_an_invalid_address_is_reported_with_its_location(self, tmp_path):
        with pytest.raises(ConfigError, match="not a known service") as caught:
            read_settings(
                S3Settings, {"url": "https://x.example/b"}, provider="s3", base_dir=tmp_path, source="f", lines={"": 7}
            )
        assert caught.value.source == "f:7"


def test_an_adapter_by_its_address():
    with S3Sync.from_url("s3://b4t/photos", region="eu-west-1", skip_signature=True) as adapter:
        assert adapter.public_url("a") == "https://b4t.s3.eu-west-1.amazonaws.com/photos/a"
        assert adapter.identity == "s3:aws/b4t/photos/"
