"""The setting `share`, and where it leads."""

from __future__ import annotations

import pytest

from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig, load
from buckia_core.config.share_settings import ShareAccess, ShareSettings
from buckia_core.errors import BucketNotConfigured, ConfigError, InvalidSetting, UnknownSetting
from buckia_core.sharing.config import ShareConfig


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"bucket": "b"}, ShareSettings("b", ShareAccess.PROTECTED, 7)),
        ({"bucket": "b", "access": "public", "ttl_days": 0}, ShareSettings("b", ShareAccess.PUBLIC, 0)),
        ({"bucket": "b", "access": "public", "ttl_days": "30"}, ShareSettings("b", ShareAccess.PUBLIC, 30)),
        ({"bucket": "b", "lifecycle": "true"}, ShareSettings("b", lifecycle=True)),
    ],
)
def test_a_setting(given, kept):
    assert BucketConfig(provider="memory", share=given).share == kept


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("b", InvalidSetting, "a mapping of bucket, access"),
        ({"access": "public"}, InvalidSetting, "has no 'bucket'"),
        ({"bucket": "b", "acess": "public"}, UnknownSetting, "access"),
        ({"bucket": "b", "access": "secret"}, InvalidSetting, "public, protected"),
        ({"bucket": "b", "ttl_days": -1}, InvalidSetting, "from 0 to"),
        ({"bucket": "b", "ttl_days": 8}, InvalidSetting, "from 1 to 7, since access is protected"),
        ({"bucket": "b", "ttl_days": "x"}, InvalidSetting, "whole number"),
    ],
    ids=str,
)
def test_a_setting_that_makes_no_sense(given, error, message):
    with pytest.raises(error, match=message):
        BucketConfig(provider="memory", share=given)


def test_the_share_bucket_is_another_one_of_the_file(tmp_path):
    path = tmp_path / ".buckia"
    path.write_text(
        "a: {provider: file, root: a, share: {bucket: b, access: public, ttl_days: 3}}\n"
        "b: {provider: file, root: b}\nc: {provider: file, root: c, share: {bucket: none}}\n"
    )
    for name in "ab":
        (tmp_path / name).mkdir()
    buckets = load(path).buckets
    with BuckiaClient(buckets["a"]) as client:
        client.objects.put("x.txt", b"1")
        share = client.shares.add("x.txt")
        assert (tmp_path / "b" / share.share_key).read_bytes() == b"1"
        assert (client.shares.config.mode, client.shares.config.ttl_days) == (ShareAccess.PUBLIC, 3)
    with pytest.raises(ConfigError, match="no setting 'share'"):
        _ = BuckiaClient(buckets["b"]).shares
    with pytest.raises(BucketNotConfigured):
        _ = BuckiaClient(buckets["c"]).shares
    with pytest.raises(ConfigError, match="pass a ShareConfig"):
        _ = BuckiaClient(BucketConfig(provider="memory", share={"bucket": "b"})).shares


def test_a_config_of_the_wrong_kind():
    with pytest.raises(InvalidSetting, match="must be a BucketConfig"):
        ShareConfig("bucket")  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match="access must be public or protected"):
        ShareConfig(BucketConfig(provider="memory"), access="all")


def test_a_sync_leaves_records_alone(tmp_path):
    for name in ("project", "bucket", "shared"):
        (tmp_path / name).mkdir()
    config = BucketConfig(provider="file", root=str(tmp_path / "bucket"), base_dir=tmp_path / "project")
    shared = ShareConfig(BucketConfig(provider="file", root=str(tmp_path / "shared")), access="public")
    (tmp_path / "project" / "a.txt").write_text("a")
    with BuckiaClient(config, share=shared) as client:
        assert client.sync(tmp_path / "project").uploaded == 1
        share = client.shares.add("a.txt")
        result = client.sync(tmp_path / "project", delete_orphaned=True)
        assert (result.unchanged, result.downloaded, result.deleted_remote) == (1, 0, 0)
        assert [each.id for each in client.shares.list()] == [share.id]
        assert not (tmp_path / "project" / ".buckia-shares").exists()
