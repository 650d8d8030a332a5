"""Which servers are reached without the proxy, by `NO_PROXY` as curl and Go read it."""

from __future__ import annotations

import sys

import pytest

from buckia_core.http.proxy import (
    bypasses_proxy,
    no_proxy_of_environment,
    parse_no_proxy,
    system_proxy,
)

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("entry", "host", "port", "covered"),
    [
        ("*", "anything", 443, True),
        ("example.com", "example.com", 443, True),
        ("example.com", "s3.example.com", 443, True),
        ("example.com", "badexample.com", 443, False),
        (".example.com", "s3.example.com", 443, True),
        (".example.com", "example.com", 443, True),
        ("*.example.com", "s3.example.com", 443, True),
        ("EXAMPLE.com.", "Example.COM", 443, True),
        ("example.com", "example.com.", 443, True),
        ("example.com:8443", "example.com", 8443, True),
        ("example.com:8443", "example.com", 443, False),
        (".example.com:80", "a.example.com", 80, True),
        ("127.0.0.1", "127.0.0.1", 7480, True),
        ("127.0.0.1:7480", "127.0.0.1", 7480, True),
        ("127.0.0.1:7481", "127.0.0.1", 7480, False),
        ("127.0.0.0/8", "127.1.2.3", 80, True),
        ("10.0.0.0/8", "127.1.2.3", 80, False),
        ("10.1.2.3/8", "10.9.9.9", 80, True),
        ("127.0.0.0/8", "localhost", 80, False),
        ("::1", "::1", 80, True),
        ("[::1]", "::1", 80, True),
        ("[::1]:80", "::1", 80, True),
        ("[::1]:81", "::1", 80, False),
        ("2001:db8::/32", "2001:db8:1::5", 80, True),
        ("fe80::/10", "fe80::1%eth0", 80, True),
        ("127.0.0.0/8", "::ffff:127.0.0.1", 80, True),
        ("0.0.1", "127.0.0.1", 80, False),
        ("300.0.0.0/8", "127.0.0.1", 80, False),
        (".", "example.com", 80, False),
        ("", "example.com", 80, False),
    ],
)
def test_entries(entry, host, port, covered):
    assert bypasses_proxy([entry], host, port) is covered
    assert bypasses_proxy(["other.example", entry], host, port) is covered


def test_entries_stand_between_commas_or_spaces():
    assert parse_no_proxy(" a.example, ,10.0.0.0/8\tB.example,") == ("a.example", "10.0.0.0/8", "b.example")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    import os

    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="the system may have a proxy of its own")
def test_no_proxy_without_an_environment():
    assert system_proxy("https", "example.com", 443) is None


@pytest.mark.parametrize(
    ("no_proxy", "found"),
    [("", PROXY), ("other.example", PROXY), ("10.0.0.0/8", None), ("10.0.0.1:80", PROXY), ("10.0.0.1:443", None)],
)
def test_the_proxy_of_the_environment(monkeypatch, no_proxy, found):
    monkeypatch.setenv("https_proxy", PROXY)
    monkeypatch.setenv("no_proxy", no_proxy)
    assert system_proxy("https", "10.0.0.1", 443) == found
    assert system_proxy("http", "10.0.0.1", 443) is None


def test_lower_case_goes_before_upper_case(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "a.example")
    assert no_proxy_of_environment() == ("a.example",)
    if sys.platform != "win32":
        monkeypatch.setenv("no_proxy", "b.example")
        assert no_proxy_of_environment() == ("b.example",)
