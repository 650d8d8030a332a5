"""The commands `buckia bunny …`, run as they are typed."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from tests.unit.commands import ran


@pytest.fixture
def front(bunny_account, zone):
    """A pull zone in front of the zone that serves signed addresses only."""
    return bunny_account.new_pull_zone(zone, ZoneSecurityEnabled=True)


@pytest.fixture
def bunny(zone, front, bunny_account, tmp_path, monkeypatch, capsys):
    """Run `buckia bunny …` in a project on the zone; settings may be changed by name."""
    monkeypatch.chdir(tmp_path)

    def running(*arguments, **settings):
        given = {
            "provider": "bunny",
            "bucket_name": zone.name,
            "endpoint_url": zone.endpoint,
            "storage_api_key": zone.password,
            "api_key": bunny_account.api_key,
            "api_url": bunny_account.core_url,
            "pull_zone": f"{zone.name}-cdn",
            "prefix": "app/",
        } | settings
        given = {name: value for name, value in given.items() if value is not None}
        (tmp_path / ".buckia").write_text(json.dumps({"assets": given}), "utf-8")
        return ran(capsys, "bunny", *arguments)

    return running


@pytest.fixture
def served(connect, bunny_account):
    """Write an object and have it kept by the pull zone's cache; return what tells what is served now."""
    adapter = connect(prefix="app")

    def serve(front, *keys):
        bunny_account.core("POST", f"/pullzone/{front.id}", {"ZoneSecurityEnabled": False})
        for content in (b"old", b"new"):
            for key in keys:
                adapter.upload_file(content, key)
                bunny_account.fetch(f"https://{front.hostname}/app/{quote(key)}")
        return lambda: [bunny_account.fetch(f"https://{front.hostname}/app/{quote(key)}")[1] for key in keys]

    return serve


def test_zones(bunny, zone, adapter):
    adapter.upload_file(b"12345", "k")
    assert bunny("zones").out.split() == ["de", "1", "5", zone.name, f"{zone.name}-cdn"]
    (record,) = bunny("zones", "--json").records
    assert (record["name"], record["files"], record["size"], record["s3"]) == (zone.name, 1, 5, False)
    assert zone.password not in bunny("zones", "--json").out


def test_pull_zones(bunny, zone, front, bunny_account):
    assert bunny("pull-zones", "list").out.split() == [str(front.id), f"{zone.name}-cdn", front.hostname]
    made = bunny("pull-zones", "create", f"{zone.name}-2")
    assert (made.code, made.out) == (
        0,
        f"The pull zone {zone.name}-2 serves {zone.name} at https://{zone.name}-2.b-cdn.net.\n",
    )
    other = bunny_account.new_zone()
    asked = bunny("pull-zones", "link", bucket_name=other.name)
    assert asked.code == 2
    linked = bunny("pull-zones", "link", "--yes", "--json", bucket_name=other.name)
    assert (linked.code, linked.records[0]["storage_zone"]) == (0, other.id)
    assert bunny("pull-zones", "link", bucket_name=other.name).code == 0, "it is linked already"
    assert bunny("pull-zones", "create", pull_zone=None).code == 2


@pytest.mark.parametrize(
    ("what", "now"),
    [
        ("d/a b", [b"new", b"old", b"old"]),
        ("d/", [b"new", b"new", b"old"]),
        ("https://HOST/app/d/*", [b"new", b"new", b"old"]),
        ("https://HOST/app/e", [b"old", b"old", b"new"]),
        ("--all", [b"new", b"new", b"new"]),
    ],
)
def test_purge(bunny, front, served, what, now):
    seen = served(front, "d/a b", "d/c", "e")
    assert seen() == [b"old"] * 3
    ran = bunny("purge", what.replace("HOST", front.hostname))
    assert ran.code == 0, ran.err
    assert seen() == now


def test_purge_wants_to_know_what(bunny):
    assert bunny("purge").code == 2
    assert bunny("purge", "k", "--all").code == 2
    none = bunny("purge", "--all", pull_zone=None)
    assert (none.code, "set pull_zone" in none.err) == (2, True)


def test_statistics(bunny, front, served, bunny_account):
    served(front, "k")
    (record,) = bunny("statistics", "--json").records
    assert (record["requests"], record["bytes"], record["cache_hit_rate"]) == (2, 6, 50.0)
    assert (record["pull_zone"], bunny("statistics", "--all", "--json").records[0]["pull_zone"]) == (
        f"{front.hostname.removesuffix('.b-cdn.net')}",
        None,
    )
    assert "50.0%" in bunny("statistics", "--from", "2024-01-01", "--to", "2024-02-01").out


SIGNED = {
    "plain": ([], {}),
    "basic": (["--basic"], {}),
    "in_path": (["--in-path"], {}),
    "directory": (["--below", "d/"], {}),
    "country": (["--country", "DE", "--limit", "500"], {}),
    "ip": (["--ip", "203.0.113.9"], {"visitor_ip": "203.0.113.9"}),
}


@pytest.mark.parametrize("case", SIGNED)
def test_signed_addresses_are_served(bunny, connect, bunny_account, case):
    options, visitor = SIGNED[case]
    connect(prefix="app").upload_file(b"content", "d/ä b")
    ran = bunny("signed-url", "d/ä b", *options)
    assert ran.code == 0, ran.err
    if visitor:
        assert bunny_account.fetch(ran.out.strip())[0] == 403
        bunny_account.set(**visitor)
    assert bunny_account.fetch(ran.out.strip())[:2] == (200, b"content")


def test_a_signed_address_that_is_for_others(bunny, connect, bunny_account):
    connect(prefix="app").upload_file(b"content", "k")
    assert bunny_account.fetch(bunny("signed-url", "k", "--block-country", "DE").out.strip())[0] == 403


def test_a_signed_address_costs_no_request_where_all_is_known(bunny, bunny_account, front):
    bunny_account.forget_calls()
    ran = bunny("signed-url", "k", "--json", api_key=None, token_key=front.security_key)
    assert (ran.code, ran.records[0]["seconds"]) == (0, 3600)
    assert bunny_account.seen()["calls"] == {}


@pytest.mark.parametrize(
    "options",
    [["--basic", "--country", "DE"], ["--country", "Germany"], ["--below", "other/"], ["--ip", "nowhere"]],
)
def test_what_can_not_be_signed_is_an_error(bunny, options):
    assert bunny("signed-url", "k", *options).code == 2


def test_missing_settings_are_errors(bunny):
    assert "BUNNY_API_KEY" in bunny("zones", api_key=None).err
    assert "set token_key and pull_zone" in bunny("signed-url", "k", api_key=None).err
    wrong = bunny("zones", api_key="wrong")
    assert (wrong.code, "check api_key" in wrong.err) == (3, True)
    other = bunny(
        "zones", provider="memory", endpoint_url=None, storage_api_key=None, api_key=None, api_url=None, pull_zone=None
    )
    assert (other.code, "works on 'bunny'" in other.err) == (2, True)
