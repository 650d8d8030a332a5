"""Vendor `file`: directories with their mode, found again, emptied and deleted."""

from __future__ import annotations

import os
import stat

import pytest

from buckia_core import AlreadyExists, BucketOptions, IssuesKeys, NotSupported, PreconditionFailed, ResetsPassword
from buckia_core.adapters.directory.provisioner import DirectoryAccountSettings, DirectoryProvisioner
from buckia_core.adapters.plugins.provisioners import find_vendor, find_vendors
from buckia_core.adapters.plugins.registry import Registry
from buckia_core.config.settings import read_settings
from buckia_core.errors import BuckiaError, InvalidSetting, PluginError


def read(parent, **given):
    return read_settings(DirectoryAccountSettings, {"parent": str(parent), **given}, provider="file", base_dir=parent)


@pytest.fixture
def vendor(tmp_path):
    return DirectoryProvisioner(read(tmp_path))


def test_a_directory_is_created_with_its_mode_found_and_deleted(tmp_path):
    vendor = DirectoryProvisioner(read(tmp_path, mode="750"))
    assert vendor.find_bucket("photos") is None
    bucket = vendor.create_bucket("photos", BucketOptions())
    assert bucket == vendor.find_bucket("photos")
    assert bucket.settings == {"root": str(tmp_path / "photos")}
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "photos").stat().st_mode) == 0o750
    vendor.delete_bucket(bucket)
    assert vendor.find_bucket("photos") is None
    vendor.delete_bucket(bucket)


def test_a_directory_is_emptied_without_following_links(vendor, tmp_path):
    bucket = vendor.create_bucket("photos", BucketOptions())
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("kept")
    (tmp_path / "photos" / "a").mkdir()
    (tmp_path / "photos" / "a" / "b.txt").write_text("b")
    if os.name == "posix":
        (tmp_path / "photos" / "link").symlink_to(outside)
    assert not vendor.is_empty(bucket)
    with pytest.raises(PreconditionFailed, match="not empty"):
        vendor.delete_bucket(bucket)
    vendor.empty_bucket(bucket)
    assert vendor.is_empty(bucket)
    assert (outside / "kept.txt").read_text() == "kept"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b"])
def test_a_name_that_leads_elsewhere_is_refused(vendor, name):
    with pytest.raises(InvalidSetting, match="not the name of a directory"):
        vendor.create_bucket(name, BucketOptions())


def test_what_exists_or_can_not_be_is_refused(vendor, tmp_path):
    vendor.create_bucket("photos", BucketOptions())
    (tmp_path / "file").write_text("")
    with pytest.raises(AlreadyExists):
        vendor.create_bucket("photos", BucketOptions())
    with pytest.raises(AlreadyExists, match="no directory"):
        vendor.find_bucket("file")
    with pytest.raises(NotSupported, match="region"):
        vendor.create_bucket("other", BucketOptions(region="eu"))


@pytest.mark.parametrize("mode", ["rwx", "1777", "477", "-1"])
def test_a_mode_that_locks_its_owner_out_or_is_none_is_refused(tmp_path, mode):
    with pytest.raises(InvalidSetting, match="octal mode"):
        read(tmp_path, mode=mode)


def test_the_vendor_is_registered_and_has_no_credentials(vendor):
    spec = find_vendor("file", Registry())
    assert spec.provider == "file"
    assert spec.settings_class() is DirectoryAccountSettings
    assert not isinstance(vendor, IssuesKeys | ResetsPassword)
    with pytest.raises(PluginError, match="Did you mean 'file'"):
        find_vendor("fil", Registry())


def test_a_plugin_whose_hook_fails_does_not_affect_other_vendors():
    class Broken:
        @staticmethod
        def buckia_register_provisioners():
            raise BuckiaError("out of order")

    from buckia_core import hookimpl

    hookimpl(Broken.buckia_register_provisioners)
    plugins = Registry()
    plugins.register(Broken, name="broken")
    assert "file" in find_vendors(plugins)
    assert plugins.broken_plugins["broken"] == "BuckiaError: out of order"
