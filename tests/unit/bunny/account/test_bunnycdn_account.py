"""What Buckia relies on of bunnycdnpython is there, and is what it was."""

from __future__ import annotations

from BunnyCDN.CDN import CDN
from BunnyCDN.Storage import Storage

from buckia_bunny.account.bunnycdn_account import bunnycdn_zone_url
from buckia_bunny.settings import ClientKind


def test_the_attributes_that_are_relied_on():
    its = Storage("key", "zone")
    assert its.base_url == "https://storage.bunnycdn.com/zone/"
    assert its.headers["AccessKey"] == "key"
    assert isinstance(CDN("key").base_url, str)
    for name in ("PurgeUrlCache", "PurgePullZoneCache", "GetPullZone", "Stats"):
        assert callable(getattr(CDN, name))


def test_the_url_of_a_zone_is_the_packages():
    zone_url = bunnycdn_zone_url("https://ny.storage.bunnycdn.com", "zone", "key")
    assert zone_url.url == "https://ny.storage.bunnycdn.com/zone/"
    assert zone_url.headers["AccessKey"] == "key"
    assert "key" not in repr(zone_url).replace("keys", "")


def test_a_zone_by_the_package(connect):
    adapter = connect(client=ClientKind.PACKAGE)
    seen = adapter.upload_file(b"1", "d/k")
    assert adapter.stat_file("d/k") == seen
    assert [each.key for each in adapter.list_files()] == ["d/k"]
    assert adapter.delete_files(["d/k"])[0].error is None
