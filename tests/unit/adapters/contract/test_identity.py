"""One bucket has one identity, however its address is spelt."""

from __future__ import annotations

import pytest

from buckia_core.adapters.contract.identity import endpoint_identity
from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.example.com",
        "https://s3.example.com/",
        "HTTPS://S3.Example.COM",
        "https://s3.example.com:443",
        "https://s3.example.com:443//",
        "https://s3.example.com.",
        "https://user:secret@s3.example.com/?query#fragment",
    ],
)
def test_an_endpoint_has_one_spelling(url):
    assert endpoint_identity(url) == "https://s3.example.com:443"


@pytest.mark.parametrize(
    "url",
    ["http://s3.example.com", "https://s3.example.com:8443", "https://s3.example.com/Path", "https://s3.example.org"],
)
def test_other_endpoints_stay_others(url):
    assert endpoint_identity(url) != "https://s3.example.com:443"
    assert endpoint_identity(endpoint_identity(url)) == endpoint_identity(url)


def test_the_case_of_a_path_counts():
    assert endpoint_identity("http://h/A/") == "http://h:80/A"


def folder(root, prefix: str = "") -> str:
    return DirectorySync(DirectorySettings(root=root, prefix=prefix)).identity


def test_a_folder_has_one_identity(tmp_path, monkeypatch):
    (tmp_path / "bucket").mkdir()
    (tmp_path / "link").symlink_to("bucket", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    spelt = [tmp_path / "bucket", "bucket", "bucket/", "./link", "x/../bucket", tmp_path / "link"]
    assert len({folder(root) for root in spelt}) == 1
    assert folder("bucket", "p") == folder("link", "/p/") != folder("bucket")


def test_a_folder_of_0_6_is_known_by_the_path_that_is_configured(tmp_path):
    (tmp_path / "bucket").mkdir()
    (tmp_path / "link").symlink_to("bucket", target_is_directory=True)
    adapter = DirectorySync(DirectorySettings(root=tmp_path / "link"))
    assert adapter.earlier_identities == (f"file:{tmp_path / 'link'}/",)
