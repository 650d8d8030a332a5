"""Clients that nobody here wrote find in the Bunny server what they expect of the service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from BunnyCDN.CDN import CDN
from BunnyCDN.Storage import Storage

from tests.servers.bunny.node_sdk import NodeSdk
from tests.servers.bunny.server import BunnyAccount, BunnyServer, BunnyZone


def storage_of(zone: BunnyZone, key: str | None = None) -> Any:
    storage = Storage(zone.password if key is None else key, zone.name, zone.region.lower())
    storage.base_url = f"{zone.endpoint}/{zone.name}/"
    return storage


@pytest.fixture
def cdn(bunny_account: BunnyAccount) -> Any:
    cdn = CDN(bunny_account.api_key)
    cdn.base_url = f"{bunny_account.core_url}/"
    return cdn


def test_bunnycdnpython_with_files(bunny_account: BunnyAccount, tmp_path: Path) -> None:
    zone = bunny_account.new_zone()
    storage = storage_of(zone)
    (tmp_path / "local.txt").write_bytes(b"content")
    assert storage.PutFile("local.txt", "dir/a b.txt", str(tmp_path))["HTTP"] == 201
    assert storage.PutFile("local.txt", local_upload_file_path=str(tmp_path))["HTTP"] == 201
    assert storage.GetStoragedObjectsList() == [{"Folder_Name": "dir"}, {"File_Name": "local.txt"}]
    assert storage.GetStoragedObjectsList("dir") == [{"File_Name": "a b.txt"}]
    assert storage.GetStoragedObjectsList("missing") == []
    assert storage.DownloadFile("dir/a b.txt", str(tmp_path))["HTTP"] == 200
    assert (tmp_path / "a%20b.txt").read_bytes() == b"content"
    assert storage.DownloadFile("dir/missing", str(tmp_path))["HTTP"] == 404
    assert storage.DeleteFile("dir/a b.txt")["HTTP"] == 200
    # It takes a refusal for a success; the status tells.
    assert storage.DeleteFile("dir/a b.txt") == {"status": "success", "HTTP": 404, "msg": "Object Successfully Deleted"}
    assert storage_of(zone, "wrong").GetStoragedObjectsList()["HTTP"] == 401


def test_bunnycdnpython_with_zones(bunny_account: BunnyAccount, cdn: Any) -> None:
    zone = bunny_account.new_zone()
    made = cdn.AddStorageZone(f"{zone.name[5:]}x")
    assert made["HTTP"] == 201 and made["msg"]["ReplicationRegions"] == []
    assert cdn.StorageZoneList() == [{zone.name: zone.id}, {f"{zone.name[5:]}x": made["msg"]["Id"]}]
    pull_zone = bunny_account.new_pull_zone(zone)
    assert cdn.StorageZoneData()[0]["host_names"] == [pull_zone.hostname]
    assert cdn.GetStorageZone(zone.id)["Password"] == zone.password
    assert cdn.GetPullZone(pull_zone.id)["StorageZoneId"] == zone.id
    assert cdn.GetPullZoneList() == [{f"{zone.name}-cdn": pull_zone.id}]
    other = cdn.CreatePullZone(f"{zone.name}-other", "https://origin.example.org", 0)
    assert other["OriginUrl"] == "https://origin.example.org"
    # With a storage zone it sends a form, which the service cannot read.
    assert cdn.CreatePullZone(f"{zone.name}-third", "https://x.example.org", 0, zone.id)["HTTP"] == 400
    assert cdn.AddCustomHostname(other["Id"], f"{zone.name}.example.org")["HTTP"] == 204
    assert cdn.DeleteCustomHostname(other["Id"], f"{zone.name}.example.org")["HTTP"] == 204
    assert cdn.PurgeUrlCache(f"https://{pull_zone.hostname}/file")["HTTP"] == 200
    assert cdn.PurgePullZoneCache(pull_zone.id)["HTTP"] == 204
    assert cdn.Stats()["TotalRequestsServed"] == 0
    assert cdn.DeletePullZone(other["Id"])["HTTP"] == 204
    assert cdn.DeleteStorageZone(zone.id)["HTTP"] == 204
    assert cdn.GetPullZoneList() == []


def test_the_official_typescript_client(
    node_sdk: NodeSdk, bunny_server: BunnyServer, bunny_account: BunnyAccount
) -> None:
    zone = bunny_account.new_zone()
    told = node_sdk.use(bunny_server, zone)
    expected = told.pop("expected")
    unauthorized = f"Unauthorized access to storage zone: {zone.name}"
    assert told == {
        "made": True,
        "madeAgain": False,
        "uploaded": True,
        "wrongChecksum": "Unable to upload file. Either invalid path specified, either provided checksum invalid",
        "rightChecksum": True,
        "listed": ["new_file", "typed"],
        "root": ["tests"],
        "missingDirectory": [],
        "download": [10240, True, "text/x-own"],
        "shown": [10240, expected, False, f"/{zone.name}/tests/one/", False],
        "missing": "File not found: /tests/one/missing",
        "wrongKey": unauthorized,
        "wrongRegion": unauthorized,
        "removed": True,
        "removedAgain": False,
        "removedDirectory": True,
        "left": [],
    }
