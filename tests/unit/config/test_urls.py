"""Addresses in settings: which are taken, and what is said of the others."""

from __future__ import annotations

import pytest

from buckia_core.config.urls import check_url, connection_warnings


@pytest.mark.parametrize(
    "address", [None, "https://host", "http://127.0.0.1:9000", "http://[::1]:1/", "HTTPS://host.example/v4/x"]
)
def test_what_can_be_one(address):
    check_url("endpoint_url", address)


@pytest.mark.parametrize(
    "address", ["", "host", "host:80", "ftp://host", "https://", "https:///path", "http://host:x", "http://[::1"]
)
def test_what_can_not(address):
    with pytest.raises(ValueError, match=r"^endpoint_url must be like https://host or http://host:port$"):
        check_url("endpoint_url", address)


@pytest.mark.parametrize("address", ["https://user:pass@host", "https://host?a=b", "https://host/#a"])
def test_what_does_not_belong_there_is_not_shown(address):
    with pytest.raises(ValueError, match=r"^api_url is an address only: without user, query and fragment$"):
        check_url("api_url", address)


def test_another_example():
    with pytest.raises(ValueError, match=r"must be like https://api\.example/v1$"):
        check_url("api_url", "api.example", example="https://api.example/v1")


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "https://example.com",
        "http://localhost:9000",
        "http://127.0.0.1",
        "http://[::1]:1",
        "http://a.localhost",
    ],
)
def test_loopback_addresses_are_safe(address):
    assert connection_warnings({"endpoint_url": address}) == ()


@pytest.mark.parametrize(
    "address", ["http://example.com", "http://10.0.0.1:9000/x", "http://minio:9000", "HTTP://[fe80::1]"]
)
def test_others_without_encryption_are_reported(address):
    (line,) = connection_warnings({"endpoint_url": address, "api_url": "https://example.com"})
    assert line.startswith("endpoint_url http://") and "not encrypted" in line


def test_certificates_that_are_not_checked_are_reported():
    (line,) = connection_warnings({}, ["verify_tls: false"])
    assert line.startswith("verify_tls: false turns off the check of the server's certificate")
