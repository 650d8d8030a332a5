"""What is said where the settings lead to a wrong place."""

from __future__ import annotations

import pytest

from buckia_core.config import BucketConfig
from buckia_core.config.bucket import COMMON_SETTING_NAMES
from buckia_core.config.settings import setting_fields
from buckia_core.errors import AdapterError, ConfigError, InvalidSetting, Transient
from buckia_linode.settings import LinodeSettings
from buckia_s3.config.settings import S3Settings
from buckia_s3.objects.checksums import ChecksumAlgorithm
from tests.unit.s3.scripted_server import HELLO, Answer


@pytest.mark.parametrize("name", ["s3://my-media", "my-media/photos", "/my-media"])
def test_a_bucket_is_no_address_and_no_path(name):
    with pytest.raises(ValueError, match="bucket_name is a name without slashes"):
        S3Settings(bucket_name=name)


def test_https_where_there_is_none(connect):
    adapter, server = connect(lambda asked: Answer())
    here = server.endpoint.replace("http:", "https:")
    adapter, _ = connect(lambda asked: Answer(), endpoint_url=here)
    with pytest.raises(AdapterError, match="does not speak TLS: does its address begin with http://") as caught:
        adapter.stat_file("k")
    assert not caught.value.retryable


def test_a_server_that_hangs_up_on_the_first_word_may_want_https(connect):
    adapter, server = connect(lambda asked: None)
    with pytest.raises(Transient, match=r"asked without TLS: perhaps it wants https://"):
        adapter.stat_file("k")
    server.script = lambda asked: HELLO
    adapter.stat_file("k")
    server.script = lambda asked: None
    with pytest.raises(Transient) as caught:
        adapter.stat_file("k")
    assert "TLS" not in str(caught.value), "it has answered before, and so it is another fault"


@pytest.mark.parametrize(("content", "complaint"), [(None, "can't be read: No such file"), (b"x", "no certificate")])
def test_a_bundle_that_is_none_is_named(connect, tmp_path, content, complaint):
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_bytes(content)
    adapter, _ = connect(lambda asked: Answer(), endpoint_url="https://127.0.0.1:1", ca_bundle=bundle)
    for use in (lambda: adapter.stat_file("k"), lambda: adapter.upload_file(b"1", "k")):
        with pytest.raises(InvalidSetting, match=f"setting 'ca_bundle': .*ca.pem .*{complaint}"):
            use()


@pytest.mark.parametrize("kind", [S3Settings, LinodeSettings])
def test_every_setting_can_be_given_beside_those_of_every_bucket(kind):
    hidden = {
        name
        for name, its in setting_fields(kind).items()
        if name in COMMON_SETTING_NAMES
        and name not in ("bucket_name", "prefix")
        and not set(its.aliases) - set(COMMON_SETTING_NAMES)
    }
    assert not hidden, "BucketConfig keeps a setting of that name to itself"


def test_the_checksum_of_s3_is_another_setting_than_the_digest_of_the_engine():
    config = BucketConfig(provider="s3", bucket_name="b", checksum_algorithm="sha512", aws_checksum_algorithm="crc32")
    assert config.checksum_algorithm == "sha512"
    assert config.adapter_settings(S3Settings, environ={}).checksum_algorithm is ChecksumAlgorithm.CRC32
    with pytest.raises(ConfigError, match="aws_checksum_algorithm"):
        config.with_changes(aws_checksum_algorithm="md5").adapter_settings(S3Settings, environ={})


def test_bounds_are_reported_in_full():
    config = BucketConfig(provider="s3", bucket_name="b", part_size="1000")
    with pytest.raises(InvalidSetting, match="a whole number of at least 5242880"):
        config.adapter_settings(S3Settings, environ={})
