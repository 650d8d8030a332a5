"""What provider `memory` does beyond the contract: buckets shared by name, versions, requests counted by the page."""

from __future__ import annotations

import pytest

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.plugins.registry import Registry


@pytest.fixture
def name(monkeypatch):
    monkeypatch.setattr("buckia_core.adapters.memory.bucket._buckets", {})
    return "a-shared-bucket"


def test_adapters_that_name_a_bucket_share_it(name):
    MemorySync(MemorySettings(bucket_name=name)).upload_file(b"1", "k")
    other = MemorySync(MemorySettings(bucket_name=name))
    assert [found.key for found in other.list_files()] == ["k"]
    assert other.identity == MemorySync(MemorySettings(bucket_name=name)).identity


def test_bucket_without_a_name_is_private():
    one, other = MemorySync(MemorySettings()), MemorySync(MemorySettings())
    one.upload_file(b"1", "k")
    assert list(other.list_files()) == []
    assert one.identity != other.identity


def test_prefixes_are_directories(name):
    MemorySync(MemorySettings(bucket_name=name, prefix="photos")).upload_file(b"1", "a")
    MemorySync(MemorySettings(bucket_name=name, prefix="/photos/")).upload_file(b"2", "b")
    unprefixed = MemorySync(MemorySettings(bucket_name=name))
    assert [found.key for found in unprefixed.list_files()] == ["photos/a", "photos/b"]


def test_versions_are_kept_where_asked_for():
    adapter = MemorySync(MemorySettings(versions=True))
    for data in (b"one", b"two"):
        adapter.upload_file(data, "k")
    adapter.delete_files(["k"])
    assert adapter.capabilities.versions
    _, *kept = [each.version for each in adapter.list_versions()]
    assert [content_of_version(adapter, version) for version in kept] == [b"two", b"one"]
    plain = MemorySync(MemorySettings())
    plain.upload_file(b"one", "k")
    plain.upload_file(b"two", "k")
    assert not plain.capabilities.versions
    assert [each.latest for each in plain.list_versions()] == [True]


def content_of_version(adapter, version):
    with adapter.open_version("k", version) as reader:
        return reader.read()


def test_pages_of_a_listing_are_counted():
    adapter = MemorySync(MemorySettings())
    for number in range(2500):
        adapter.upload_file(b"", f"{number:04d}")
    before = adapter.request_count
    assert len(list(adapter.list_files())) == 2500
    assert adapter.request_count - before == 3


def test_prefix_leaves_less_room_for_keys():
    adapter = MemorySync(MemorySettings(prefix="ü" * 12))
    assert adapter.capabilities.max_key_bytes == 1024 - 25


@pytest.mark.parametrize(("provider", "title"), [("memory", "Memory of this process"), ("file", "Directory on a disk")])
def test_providers_are_registered(provider, title, tmp_path):
    spec = Registry().spec(provider)
    assert spec.title == title
    settings = spec.settings_class()
    adapter = spec.adapter_class()(settings(root=tmp_path) if provider == "file" else settings())
    assert adapter.provider == provider
