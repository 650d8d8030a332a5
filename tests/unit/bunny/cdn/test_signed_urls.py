"""Signed addresses: as the official signers write them, and as the CDN of the test server reads them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from buckia_bunny.cdn.signed_urls import Restrictions, sign_advanced, sign_basic
from tests.servers.bunny.tokens import Asked, why_not

KEY = "SecurityKey"
EXPIRES = 1598024587
SITE = "https://token-tester.b-cdn.net"
IPV4, IPV6 = "1.2.3.4", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"


def opens(url: str, *, ip: str = IPV4, country: str = "CA", ip_needed: bool = False) -> bool:
    """Tell whether the test server's CDN, which has code of its own, takes the address."""
    parts = urlsplit(url)
    asked = Asked.parse(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)))
    return why_not(asked, KEY, now=EXPIRES, ip=ip, country=country, ip_needed=ip_needed) is None


# What the official signers write for the same, published with them as test vectors: token and parameters.
@pytest.mark.parametrize(
    ("path", "wanted", "in_path", "written"),
    [
        ("/300kb.jpg", {}, False, "o10JRWlsAItyAsdKS6jJKjabHN4FrFsplDHPV1idcX4"),
        (
            *("/300kb.jpg", {"countries": ["CA", "US"]}, False),
            "i5s3Uv7mnrFfN5nznwU2BxhILpnipYeE18TapV0WNFM&token_countries=CA%2CUS",
        ),
        (
            *("/300kb.jpg", {"blocked_countries": ["ru", "cn"]}, False),
            "JS8dSuBSjSH-W2-xhdkCPC36-2rlxfDCQJjlNMPqKZQ&token_countries_blocked=RU%2CCN",
        ),
        (
            *("/300kb.jpg", {"ignore_parameters": True}, False),
            "1lwWBD_c1IAGSj1UKPoxreu8ePDQ-Z9FoWLcRn_RRH0&token_ignore_params=true",
        ),
        (
            *("/300kb.jpg", {"kilobytes_per_second": 1000}, False),
            "DAVapqNNED3Z7JkjRTYX0UOIHNtbHEuuhRNEc4A7mMQ&limit=1000",
        ),
        ("/300kb.jpg", {"ip": IPV4}, False, "1-L2rISTLcujMY9UFf2tbZ41d5i-Bme1g1oTK_Z2QMLJk"),
        ("/300kb.jpg", {"ip": IPV6}, False, "1-Z1BaGdhTZdU4iANcyKpurFR2VgCNdqC6hlBv5x_TyaI"),
        (
            *("/abc/", {"ip": IPV4, "kilobytes_per_second": 5000}, True),
            "1-X01Z6A9xAo1_ds1XFf9y8gAIzk_JpmoevOx7EtgMQhY&limit=5000",
        ),
        (
            *("/abc/", {"ip": IPV6, "countries": ("CA", "US")}, True),
            "1-LGpoP8i1bV4P1kN4NrO_iYxLJuLAD2R3Clstsy9kWAc&token_countries=CA%2CUS",
        ),
    ],
)
def test_advanced_as_the_official_signers(path: str, wanted: dict[str, Any], in_path: bool, written: str) -> None:
    signed = sign_advanced(SITE + path, KEY, expires=EXPIRES, restrictions=Restrictions(**wanted), in_path=in_path)
    if in_path:
        assert signed == f"{SITE}/bcdn_token=HS256-{written}&expires={EXPIRES}{path}"
    else:
        assert signed == f"{SITE}{path}?token=HS256-{written}&expires={EXPIRES}"
    assert opens(signed, ip=wanted.get("ip", IPV4))


@pytest.mark.parametrize("in_path", [False, True])
def test_a_directory_opens_all_below_it_and_nothing_else(in_path: bool) -> None:
    below = Restrictions(directory="/v ü/")
    signed = sign_advanced(f"{SITE}/v%20%C3%BC/list.m3u8", KEY, expires=EXPIRES, restrictions=below, in_path=in_path)
    assert opens(signed)
    assert opens(signed.replace("/list.m3u8", "/deep/1.ts"))
    assert not opens(signed.replace("/v%20%C3%BC/list.m3u8", "/w/1.ts"))


@pytest.mark.parametrize("in_path", [False, True])
def test_names_and_parameters_of_any_text(in_path: bool) -> None:
    url = f"{SITE}/a%20%C3%BC%23%3F%25+.txt?width=100&title=a%26b%20%C3%BC&empty="
    signed = sign_advanced(url, KEY, expires=EXPIRES, in_path=in_path)
    assert opens(signed) and not opens(signed.replace("width=100", "width=200"))
    assert urlsplit(signed).path.endswith("/a%20%C3%BC%23%3F%25+.txt")
    assert opens(sign_basic(url, KEY, expires=EXPIRES)) and "width=100" in sign_basic(url, KEY, expires=EXPIRES)


def test_ignored_parameters_stay_and_may_change() -> None:
    ignoring = Restrictions(ignore_parameters=True)
    signed = sign_advanced(f"{SITE}/file?width=100", KEY, expires=EXPIRES, restrictions=ignoring)
    assert "width=100" in signed and opens(signed) and opens(signed + "&more=1")


def test_restrictions_hold() -> None:
    def signed(**wanted: Any) -> str:
        return sign_advanced(f"{SITE}/file", KEY, expires=EXPIRES, restrictions=Restrictions(**wanted))

    assert opens(signed(ip=IPV4), ip_needed=True) and not opens(signed(ip=IPV4), ip="9.9.9.9")
    assert opens(signed(ip=IPV6), ip="2001:db8:85a3::1") and not opens(signed(ip=IPV6), ip="2001:db8:85a4::1")
    assert not opens(signed(), ip_needed=True)
    assert not opens(signed(countries=["DE"])) and opens(signed(countries=["DE"]), country="DE")
    assert not opens(signed(blocked_countries=["CA"])) and opens(signed(blocked_countries=["CA"]), country="DE")
    assert not opens(signed(blocked_countries=["CA"]).replace("CA", "XX"))


def test_basic() -> None:
    # The token is what `openssl md5 -binary | base64` makes of key, path and time.
    signed = sign_basic(f"{SITE}/300kb.jpg", KEY, expires=EXPIRES)
    assert signed == f"{SITE}/300kb.jpg?token=Ao9wBEuhqk4V_zyPZgkzkA&expires={EXPIRES}"
    assert opens(signed) and not opens(signed.replace("300kb", "400kb")) and not opens(signed, ip_needed=True)
    assert opens(sign_basic(f"{SITE}/300kb.jpg", KEY, expires=EXPIRES, ip=IPV4), ip_needed=True)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"directory": "v/"}, "begins and ends with a slash"),
        ({"directory": "/v"}, "begins and ends with a slash"),
        ({"countries": ["Germany"]}, "'Germany' is not a country"),
        ({"blocked_countries": "D"}, "'D' is not a country"),
        ({"kilobytes_per_second": 0}, "at least 1"),
        ({"ignore_parameters": True, "countries": ["DE"]}, "cannot be restricted and ignored"),
    ],
)
def test_restrictions_that_cannot_be(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Restrictions(**wanted)


@pytest.mark.parametrize(
    ("url", "more", "message"),
    [
        ("/file", {}, "not the URL of a file"),
        (SITE, {}, "not the URL of a file"),
        (f"{SITE}/file?token=x", {}, "'token', which is reserved for tokens"),
        (f"{SITE}/file?limit=1", {}, "'limit', which is reserved for tokens"),
        (f"{SITE}/file?a=1&a=2", {}, "'a' twice"),
        (f"{SITE}/file", {"key": ""}, "key is empty"),
        (f"{SITE}/file", {"expires": EXPIRES * 1000}, "not a time in seconds"),
        (f"{SITE}/file", {"expires": 0}, "not a time in seconds"),
        (f"{SITE}/file", {"restrictions": Restrictions(directory="/v/")}, "not below /v/"),
        (f"{SITE}/file", {"restrictions": Restrictions(ip="somewhere")}, "'somewhere' is not an IP address"),
    ],
)
def test_addresses_that_cannot_be_signed(url: str, more: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"key": KEY, "expires": EXPIRES} | more
    with pytest.raises(ValueError, match=message):
        sign_advanced(url, **given)
