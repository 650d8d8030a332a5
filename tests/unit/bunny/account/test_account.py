"""The account: zones, pull zones, statistics, and the host and password of a zone. By both clients."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest

from buckia_bunny.account.models import Period
from buckia_bunny.settings import ClientKind
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, MissingCredentials, NotFound, Throttled, Transient, Unauthenticated


@pytest.fixture(params=list(ClientKind))
def account(request, connect, bunny_account):
    """The account by each client."""
    return connect(client=request.param, api_key=Secret(bunny_account.api_key)).account


def test_storage_zones(account, bunny_account, zone):
    bunny_account.new_zone(region="NY", ReplicationRegions=["DE"])
    found = account.storage_zone(zone.name)
    assert (found.id, found.name, found.region, found.s3) == (zone.id, zone.name, "de", False)
    assert found.password is not None and found.password.reveal() == zone.password
    assert zone.password not in repr(found)
    assert sorted((each.region, each.replicas) for each in account.storage_zones()) == [("de", ()), ("ny", ("de",))]
    with pytest.raises(NotFound, match="no storage zone 'none'"):
        account.storage_zone("none")


def test_lists_have_pages(account, bunny_account, zone, monkeypatch):
    monkeypatch.setattr("buckia_bunny.account.api._PAGE_SIZE", 5)
    for number in range(12):
        bunny_account.core("POST", "/pullzone", {"Name": f"{zone.name}-{number}", "StorageZoneId": zone.id})
    assert len(account.pull_zones()) == 12


def test_pull_zones_are_made_found_and_linked(account, bunny_account, zone):
    made = account.create_pull_zone(f"{zone.name}-x", zone.id)
    assert made.hosts == (f"{zone.name}-x.b-cdn.net",)
    assert made.storage_zone == zone.id
    assert account.pull_zone(made.name) == account.pull_zone(str(made.id)) == made
    other = bunny_account.new_zone()
    assert account.link_pull_zone(made.id, other.id).storage_zone == other.id
    with pytest.raises(AdapterError, match="already taken"):
        account.create_pull_zone(made.name, zone.id)
    for name in ("none", "1"):
        with pytest.raises(NotFound):
            account.pull_zone(name)


def test_own_host_names_come_first(account, bunny_account, zone):
    made = bunny_account.new_pull_zone(zone)
    bunny_account.core("POST", f"/pullzone/{made.id}/addHostname", {"Hostname": f"{zone.name}.example.com"})
    assert account.pull_zone(str(made.id)).hosts == (f"{zone.name}.example.com", made.hostname)


def test_statistics(account, adapter, bunny_account, zone):
    adapter.upload_file(b"12345", "k")
    pull_zone = bunny_account.new_pull_zone(zone)
    for _ in range(4):
        bunny_account.fetch(f"https://{pull_zone.hostname}/k")
    found = account.statistics(pull_zone.id, Period(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)))
    assert (found.requests, found.bytes, found.cache_hit_rate) == (4, 20, 75.0)
    assert account.statistics().requests == 4


def test_purges(account, adapter, bunny_account, zone):
    pull_zone = bunny_account.new_pull_zone(zone)
    keys = ["a b+ü.txt", "d/x", "d/y", "e/z"]

    def served():
        return [
            bunny_account.fetch(f"https://{pull_zone.hostname}/{key}")[1] for key in ("a%20b%2B%C3%BC.txt", *keys[1:])
        ]

    for key in keys:
        adapter.upload_file(b"1", key)
    served()
    for key in keys:
        adapter.upload_file(b"2", key)
    account.purge_url(f"https://{pull_zone.hostname}/a%20b%2B%C3%BC.txt")
    account.purge_url(f"https://{pull_zone.hostname}/d/*")
    assert served() == [b"2", b"2", b"2", b"1"]
    account.purge_zone(pull_zone.id)
    assert served() == [b"2"] * 4


@pytest.mark.parametrize(
    ("how", "error"), [({"status": 401}, Unauthenticated), ({"status": 429}, Throttled), ({"status": 0}, Transient)]
)
def test_failures_are_errors(account, bunny_account, how, error):
    bunny_account.fail(**how)
    with pytest.raises(error):
        account.purge_zone(1)
    with pytest.raises(error):
        account.statistics()


def test_failures_are_retried(account, bunny_account, zone):
    pull_zone = bunny_account.new_pull_zone(zone)
    bunny_account.fail("get_pull_zone", times=2)
    assert account.pull_zone(str(pull_zone.id)).id == pull_zone.id


@pytest.mark.parametrize("client", list(ClientKind))
def test_a_wrong_key_says_which_one(connect, client):
    account = connect(client=client, api_key=Secret("wrong")).account
    for call in (account.storage_zones, account.statistics):
        with pytest.raises(Unauthenticated, match="api_key, which is the API key of the account"):
            call()


@pytest.mark.parametrize("client", list(ClientKind))
def test_an_account_that_does_not_respond_times_out(connect, client):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        adapter = connect(client=client, api_key=Secret("k"), api_url=url, connect_timeout=0.02, read_timeout=0.03)
        with pytest.raises(Transient):
            adapter.account.statistics()


def test_the_host_and_the_password_are_asked_for(connect, bunny_account):
    zone = bunny_account.new_zone(region="SG")
    adapter = connect(
        bucket_name=zone.name, endpoint_url=None, storage_api_key=None, api_key=Secret(bunny_account.api_key)
    )
    assert adapter.upload_file(b"1", "k").size == 1
    assert adapter.read_file("k")[1] == b"1"
    assert bunny_account.seen()["calls"]["list_zones"] == 1
    assert adapter.identity == f"bunny:{zone.name}/"


def test_identity_is_the_same_in_another_spelling(connect):
    adapters = [connect(endpoint_url=url) for url in ("https://Edge.example/", "https://edge.example:443")]
    assert adapters[0].identity == adapters[1].identity
    assert adapters[0].identity.startswith("bunny:https://edge.example:443/")
    assert adapters[0].earlier_identities[0].startswith("bunny:https://Edge.example/")
    assert connect(endpoint_url="http://edge.example").identity != adapters[0].identity


def test_an_account_without_the_zone(connect, bunny_account):
    adapter = connect(
        bucket_name="nobodys", endpoint_url=None, storage_api_key=None, api_key=Secret(bunny_account.api_key)
    )
    with pytest.raises(NotFound, match="no storage zone 'nobodys'"):
        list(adapter.list_files())


def test_without_an_api_key_there_is_no_account(adapter):
    with pytest.raises(MissingCredentials, match="BUNNY_API_KEY"):
        _ = adapter.account
