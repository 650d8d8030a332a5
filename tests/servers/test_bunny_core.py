"""The core API as the Bunny server plays it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from tests.servers.bunny.server import BunnyAccount
from tests.servers.bunny.wire import BunnyWire


def purge(account: BunnyAccount, url: str, *more: str) -> int:
    return account.core("POST", "&".join([f"/purge?url={quote(url, safe='')}", *more]))[0]


def test_a_zone_is_made_used_and_deleted(bunny_account: BunnyAccount) -> None:
    zone = bunny_account.new_zone(region="SG", ReplicationRegions=["NY", "SG"])
    with BunnyWire(zone) as wire:
        wire.put("file", b"12345")
        status, shown = bunny_account.core("GET", f"/storagezone/{zone.id}")
        assert status == 200 and (shown["FilesStored"], shown["StorageUsed"]) == (1, 5)
        assert (shown["Region"], shown["ReplicationRegions"]) == ("SG", ["NY"])
        assert shown["StorageHostname"] == bunny_account.server.storage["SG"]
        chart = bunny_account.core("GET", f"/storagezone/{zone.id}/statistics")[1]
        assert list(chart["StorageUsedChart"].values()) == [5]
        assert bunny_account.core("POST", "/storagezone/checkavailability", {"Name": zone.name})[1] == {
            "Available": False
        }
        assert bunny_account.core("DELETE", f"/storagezone/{zone.id}") == (204, None)
        assert wire.get("file").status == 401
    assert bunny_account.core("GET", f"/storagezone/{zone.id}")[0] == 404
    assert bunny_account.core("GET", "/storagezone") == (200, [])
    [deleted] = bunny_account.core("GET", "/storagezone?includeDeleted=true")[1]
    assert deleted["Deleted"]
    assert bunny_account.core("POST", "/storagezone/checkavailability", {"Name": zone.name})[1] == {"Available": True}


def test_passwords_are_replaced(bunny_account: BunnyAccount) -> None:
    zone = bunny_account.new_zone()
    assert bunny_account.core("POST", f"/storagezone/{zone.id}/resetPassword") == (204, None)
    assert bunny_account.core("POST", f"/storagezone/resetReadOnlyPassword?id={zone.id}") == (204, None)
    shown = bunny_account.core("GET", f"/storagezone/{zone.id}")[1]
    for old, new in ((zone.password, shown["Password"]), (zone.read_only_password, shown["ReadOnlyPassword"])):
        assert old != new
        with BunnyWire(zone, password=old) as wire, BunnyWire(zone, password=new) as renewed:
            assert (wire.get("").status, renewed.get("").status) == (401, 200)


def test_regions_are_added_and_never_taken_away(bunny_account: BunnyAccount) -> None:
    zone = bunny_account.new_zone(ReplicationRegions=["NY"])
    assert bunny_account.core("POST", f"/storagezone/{zone.id}", {"ReplicationZones": ["UK"]}) == (204, None)
    assert bunny_account.core("GET", f"/storagezone/{zone.id}")[1]["ReplicationRegions"] == ["NY", "UK"]
    codes = {one["RegionCode"] for one in bunny_account.core("GET", "/region")[1]}
    assert codes >= {"DE", "UK", "NY", "LA", "SG", "SE", "BR", "JH", "SYD", "JP"}


def test_pages_and_the_plain_array(bunny_account: BunnyAccount) -> None:
    names = [bunny_account.new_zone().name for _ in range(7)]
    plain = bunny_account.core("GET", "/storagezone")[1]
    assert (
        [one["Name"] for one in plain]
        == names
        == [one["Name"] for one in bunny_account.core("GET", "/storagezone?page=0&perPage=5")[1]]
    )
    first = bunny_account.core("GET", "/storagezone?page=1&perPage=5")[1]
    second = bunny_account.core("GET", "/storagezone?page=2&perPage=5")[1]
    assert [one["Name"] for one in first["Items"] + second["Items"]] == names
    assert (first["CurrentPage"], first["TotalItems"], first["HasMoreItems"], second["HasMoreItems"]) == (
        *(1, 7),
        *(True, False),
    )
    assert bunny_account.core("GET", "/storagezone?page=1&perPage=4")[0] == 400
    assert [one["Name"] for one in bunny_account.core("GET", f"/storagezone?search={names[3]}")[1]] == [names[3]]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Name": "a"},
        {"Name": "no spaces"},
        {"Name": "good-name", "Region": "XX"},
        {"Name": "good-name", "Region": "NY", "ZoneTier": 1},
        {"Name": "good-name", "ReplicationRegions": ["JP"]},
        {"Name": "abc", "StorageZoneType": 1},
        [1],
    ],
)
def test_zones_that_cannot_be(bunny_account: BunnyAccount, given: object) -> None:
    status, error = bunny_account.core("POST", "/storagezone", given)
    assert status == 400 and error.keys() == {"ErrorKey", "Field", "Message"}


def test_names_are_everybodys(bunny_account: BunnyAccount) -> None:
    zone = bunny_account.new_zone()
    other = bunny_account.server.new_account()
    status, error = other.core("POST", "/storagezone", {"Name": zone.name})
    assert (status, error["Field"]) == (400, "Name")
    assert other.core("GET", f"/storagezone/{zone.id}")[0] == 404 and other.core("GET", "/storagezone")[1] == []
    other.drop()


def test_who_may_and_what_there_is(bunny_account: BunnyAccount) -> None:
    zone = bunny_account.new_zone()
    for key in ("", "wrong", zone.password):
        status, error = bunny_account.core("GET", "/storagezone", api_key=key)
        assert status == 401 and error.keys() == {"ErrorKey", "Field", "Message"}
    assert bunny_account.core("GET", "/nothing")[0] == 404 and bunny_account.core("PUT", "/storagezone")[0] == 405
    assert bunny_account.core("GET", "/pullzone/1")[0] == 404
    assert bunny_account.core("GET", "/apikey")[1]["Items"][0]["Key"] == bunny_account.api_key
    bunny_account.fail("list_zones", status=429, times=1)
    assert [bunny_account.core("GET", "/storagezone")[0] for _ in range(2)] == [429, 200]


def test_pull_zones(bunny_account: BunnyAccount) -> None:
    zone = bunny_account.new_zone()
    pull_zone = bunny_account.new_pull_zone(zone)
    path = f"/pullzone/{pull_zone.id}"
    assert bunny_account.core("GET", f"/storagezone/{zone.id}")[1]["PullZones"][0]["Id"] == pull_zone.id
    own = f"files-{uuid.uuid4().hex}.example.org"
    assert bunny_account.core("POST", f"{path}/addHostname", {"Hostname": own})[0] == 204
    assert bunny_account.core("POST", f"{path}/addHostname", {"Hostname": own})[0] == 400
    shown = bunny_account.core("GET", path)[1]
    assert [one["Value"] for one in shown["Hostnames"]] == [pull_zone.hostname, own]
    assert bunny_account.core("DELETE", f"{path}/removeHostname", {"Hostname": own})[0] == 204
    assert bunny_account.core("DELETE", f"{path}/removeHostname", {"Hostname": pull_zone.hostname})[0] == 400
    changed = bunny_account.core("POST", path, {"ZoneSecurityEnabled": True, "Unknown": 1})[1]
    assert changed["ZoneSecurityEnabled"] and changed["StorageZoneId"] == zone.id
    assert bunny_account.core("POST", path, {"ZoneSecurityEnabled": "yes"})[0] == 400
    assert bunny_account.core("POST", f"{path}/resetSecurityKey")[0] == 204
    assert bunny_account.core("GET", path)[1]["ZoneSecurityKey"] != pull_zone.security_key
    status, error = bunny_account.core("POST", "/pullzone", {"Name": f"{zone.name}-cdn", "OriginUrl": "http://x"})
    assert (status, error["Field"]) == (400, "Name")
    assert bunny_account.core("POST", "/pullzone", {"Name": "no-origin"})[0] == 400
    assert len(bunny_account.core("GET", "/pullzone?page=1&perPage=5")[1]["Items"]) == 1
    assert bunny_account.core("DELETE", path) == (204, None) and bunny_account.core("GET", path)[0] == 404


@pytest.mark.parametrize(("query", "left"), [("", 0), ("?deleteLinkedPullZones=false", 1)])
def test_pull_zones_go_with_their_zone(bunny_account: BunnyAccount, query: str, left: int) -> None:
    zone = bunny_account.new_zone()
    bunny_account.new_pull_zone(zone)
    bunny_account.core("DELETE", f"/storagezone/{zone.id}{query}")
    assert len(bunny_account.core("GET", "/pullzone")[1]) == left


def test_purges_are_limited_and_flow_back(bunny_account: BunnyAccount) -> None:
    site = f"https://{bunny_account.new_pull_zone(bunny_account.new_zone()).hostname}"
    bunny_account.set(purge_urls_per_second=0, purge_prefixes_per_second=0)
    with ThreadPoolExecutor(4) as pool:
        exact = list(pool.map(lambda number: purge(bunny_account, f"{site}/{number}"), range(121)))
    assert sorted(exact) == [200] * 120 + [429]
    below = [purge(bunny_account, f"{site}/{number}/*") for number in range(20)]
    assert below == [200] * 20 and purge(bunny_account, f"{site}/x/") == 429
    assert purge(bunny_account, f"{site}/x/", "exactPath=true") == 429
    bunny_account.set(purge_urls_per_second=5, purge_prefixes_per_second=0.5, clock_ahead_seconds=4)
    assert [purge(bunny_account, f"{site}/x/") for _ in range(2)] == [200, 200]
    assert [purge(bunny_account, f"{site}/x") for _ in range(20)] == [200] * 20


def test_purges_that_cannot_be(bunny_account: BunnyAccount) -> None:
    assert purge(bunny_account, "no-url") == 400 and purge(bunny_account, "https://elsewhere.example.org/x") == 404
