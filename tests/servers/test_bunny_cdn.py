"""The CDN as the Bunny server plays it: the cache, purges, signed URLs, statistics."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.servers.bunny.server import BunnyAccount, BunnyPullZone, BunnyZone
from tests.servers.bunny.tokens import Asked, why_not
from tests.servers.bunny.wire import BunnyWire

# Signed by the official signers (PROVIDERS 1.8): key `SecurityKey`, https://token-tester.b-cdn.net.
KEY = "SecurityKey"
EXPIRES = 1598024587
IPV4, IPV6 = "1.2.3.4", "2001:db8:85a3::8a2e:370:7334"
SIGNED = {
    "plain": ("/300kb.jpg?token=HS256-o10JRWlsAItyAsdKS6jJKjabHN4FrFsplDHPV1idcX4", ""),
    "countries": ("/300kb.jpg?token=HS256-i5s3Uv7mnrFfN5nznwU2BxhILpnipYeE18TapV0WNFM&token_countries=CA%2CUS", ""),
    "blocked": (
        "/300kb.jpg?token=HS256-JS8dSuBSjSH-W2-xhdkCPC36-2rlxfDCQJjlNMPqKZQ&token_countries_blocked=RU%2CCN",
        "",
    ),
    "path": ("/abc/300kb.jpg?token=HS256-uVZvT3SbEoVKYJyDJgbcsDmSFf73cv-uNUVaJiKWpbQ&token_path=%2Fabc", ""),
    "ignore": ("/300kb.jpg?token=HS256-1lwWBD_c1IAGSj1UKPoxreu8ePDQ-Z9FoWLcRn_RRH0&token_ignore_params=true&x=1", ""),
    "limit": ("/300kb.jpg?token=HS256-DAVapqNNED3Z7JkjRTYX0UOIHNtbHEuuhRNEc4A7mMQ&limit=1000", ""),
    "ipv4": ("/300kb.jpg?token=HS256-1-L2rISTLcujMY9UFf2tbZ41d5i-Bme1g1oTK_Z2QMLJk", IPV4),
    "ipv6": ("/300kb.jpg?token=HS256-1-Z1BaGdhTZdU4iANcyKpurFR2VgCNdqC6hlBv5x_TyaI", IPV6),
    "ipv4 path": ("/abc/300kb.jpg?token=HS256-1-wag9tC0r1QWfg-2eMj5QcdzgPLCIdQb-D0WVU1Mhg2w&token_path=%2Fabc", IPV4),
    "ipv6 in path": (
        "/bcdn_token=HS256-1-LGpoP8i1bV4P1kN4NrO_iYxLJuLAD2R3Clstsy9kWAc&token_countries=CA%2CUS&expires=1598024587/abc/",
        IPV6,
    ),
    "ipv4 in path": (
        "/bcdn_token=HS256-1-X01Z6A9xAo1_ds1XFf9y8gAIzk_JpmoevOx7EtgMQhY&limit=5000&expires=1598024587/abc/",
        IPV4,
    ),
}


@pytest.fixture
def zone(bunny_account: BunnyAccount) -> BunnyZone:
    return bunny_account.new_zone()


@pytest.fixture
def wire(zone: BunnyZone) -> Iterator[BunnyWire]:
    with BunnyWire(zone) as wire:
        yield wire


def site_of(pull_zone: BunnyPullZone) -> str:
    return f"https://{pull_zone.hostname}"


def purge(account: BunnyAccount, url: str) -> None:
    assert account.core("POST", f"/purge?url={quote(url, safe='')}")[0] == 200


def text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_what_is_cached_stays_until_it_is_purged(bunny_account: BunnyAccount, zone: BunnyZone, wire: BunnyWire) -> None:
    pull_zone = bunny_account.new_pull_zone(zone)
    site = site_of(pull_zone)
    paths = ["/a/1.txt", "/a/2 ü.txt", "/b.txt"]
    urls = [site + quote(path) for path in paths]

    def bodies() -> list[bytes]:
        return [bunny_account.fetch(url)[1] for url in urls]

    def write(body: bytes) -> None:
        for path in paths:
            wire.put(path.removeprefix("/"), body)

    write(b"old")
    assert bodies() == [b"old"] * 3 and bunny_account.fetch(urls[0])[2]["CDN-Cache"] == "HIT"
    write(b"new")
    assert bodies() == [b"old"] * 3
    purge(bunny_account, urls[0])
    assert bodies() == [b"new", b"old", b"old"]
    purge(bunny_account, f"{site}/a/*")
    assert bodies() == [b"new", b"new", b"old"]
    assert bunny_account.core("POST", f"/pullzone/{pull_zone.id}/purgeCache") == (204, None)
    assert bodies() == [b"new"] * 3
    wire.delete("b.txt")
    assert bodies()[2] == b"new"
    purge(bunny_account, site + "/")
    assert bunny_account.fetch(urls[2])[0] == 404
    status, part, _ = bunny_account.fetch(urls[0], Range="bytes=1-")
    assert (status, part) == (206, b"ew")


def test_purging_by_tag(bunny_account: BunnyAccount, zone: BunnyZone, wire: BunnyWire) -> None:
    pull_zone = bunny_account.new_pull_zone(zone)
    bunny_account.tag(pull_zone, "/a/", "album")
    urls = [f"{site_of(pull_zone)}/{name}" for name in ("a/1", "b/1")]
    for body in (b"old", b"new"):
        wire.put("a/1", body)
        wire.put("b/1", body)
        assert [bunny_account.fetch(url)[1] for url in urls] == [b"old", b"old"]
    assert bunny_account.fetch(urls[0])[2]["CDN-Tag"] == "album"
    bunny_account.core("POST", f"/pullzone/{pull_zone.id}/purgeCache", {"CacheTag": "album"})
    assert [bunny_account.fetch(url)[1] for url in urls] == [b"new", b"old"]


def test_statistics(bunny_account: BunnyAccount, zone: BunnyZone, wire: BunnyWire) -> None:
    pull_zone = bunny_account.new_pull_zone(zone)
    wire.put("file", b"1234")
    for path in ("file", "file", "missing"):
        bunny_account.fetch(f"{site_of(pull_zone)}/{path}")
    shown = bunny_account.core("GET", f"/statistics?pullZone={pull_zone.id}")[1]
    assert shown["TotalRequestsServed"] == 3 and list(shown["Error4xxChart"].values()) == [1]
    assert round(shown["CacheHitRate"]) == 33
    assert bunny_account.core("GET", "/statistics?pullZone=1")[1]["TotalRequestsServed"] == 0


def test_a_host_name_that_nobody_has(bunny_account: BunnyAccount) -> None:
    assert bunny_account.fetch("https://nobody.b-cdn.net/file")[0] == 404


@pytest.mark.parametrize("name", SIGNED)
def test_what_the_official_signers_sign_opens(name: str) -> None:
    url, ip = SIGNED[name]
    path, _, query = url.partition("?")
    parameters = dict(one.split("=", 1) for one in query.replace("%2C", ",").replace("%2F", "/").split("&") if one)
    asked = Asked.parse(path, parameters if not query else {**parameters, "expires": str(EXPIRES)})

    def refused(*, key: str = KEY, now: float = EXPIRES, ip: str = ip, country: str = "CA", needed: bool = bool(ip)):
        return why_not(asked, key, now=now, ip=ip, country=country, ip_needed=needed)

    assert refused() is None
    assert refused(key="other") == "the token is wrong"
    assert refused(now=EXPIRES + 1) == "the token has expired"
    if ip:
        assert refused(ip="9.9.9.9") == "the token is wrong"
        assert (refused(ip="2001:db8:85a3::1") is None) == (ip == IPV6)
    else:
        assert refused(needed=True) == "the token is for no address"
    if name.startswith("countries"):
        assert refused(country="FR") == "the token is not for this country"
    if name == "blocked":
        assert refused(country="RU") == "the token is not for this country"


def test_the_basic_token_that_the_documentation_describes() -> None:
    expires = str(EXPIRES)
    token = text(hashlib.md5(f"key/a b.txt{expires}".encode()).digest())
    with_ip = text(hashlib.md5(f"key/a b.txt{expires}{IPV4}".encode()).digest())

    def refused(token: str, path: str = "/a%20b.txt", *, needed: bool = False) -> str | None:
        asked = Asked.parse(path, {"token": token, "expires": expires})
        return why_not(asked, "key", now=EXPIRES, ip=IPV4, country="DE", ip_needed=needed)

    assert refused(token) is None and refused(with_ip, needed=True) is None
    assert refused(token, "/other") == refused(token, needed=True) == refused(with_ip) == "the token is wrong"


def test_signed_urls_of_a_pull_zone(bunny_account: BunnyAccount, zone: BunnyZone, wire: BunnyWire) -> None:
    pull_zone = bunny_account.new_pull_zone(zone, ZoneSecurityEnabled=True)
    site, key = site_of(pull_zone), pull_zone.security_key
    for name in ("v/1 ü.ts", "v/2.ts", "w.txt"):
        wire.put(name, name.encode())
    expires = int(time.time()) + 60
    signature = hmac.digest(key.encode(), f"/v/{expires}token_path=/v/".encode(), "sha256")
    token = f"HS256-{text(signature)}&token_path=%2Fv%2F&expires={expires}"

    def status(path: str) -> int:
        return bunny_account.fetch(site + path)[0]

    assert status("/w.txt") == 403
    assert status(f"/bcdn_token={token}/v/{quote('1 ü.ts')}") == status(f"/v/2.ts?token={token}") == 200
    assert status(f"/bcdn_token={token}/w.txt") == 403 == status(f"/v/2.ts?token={token}&more=1")
    file = quote("/v/1 ü.ts")
    basic = text(hashlib.md5(f"{key}/v/1 ü.ts{expires}".encode()).digest())
    assert status(f"{file}?token={basic}&expires={expires}") == 200
    bunny_account.set(clock_ahead_seconds=120)
    assert status(f"{file}?token={basic}&expires={expires}") == 403
    bunny_account.set(clock_ahead_seconds=0, visitor_ip=IPV4)
    bunny_account.core("POST", f"/pullzone/{pull_zone.id}", {"ZoneSecurityIncludeHashRemoteIP": True})
    assert status(f"{file}?token={basic}&expires={expires}") == 403
    with_ip = text(hashlib.md5(f"{key}/v/1 ü.ts{expires}{IPV4}".encode()).digest())
    assert status(f"{file}?token={with_ip}&expires={expires}") == 200
