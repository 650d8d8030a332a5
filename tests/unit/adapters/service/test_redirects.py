"""Addresses that a service tells: where requests may go, and where not."""

from __future__ import annotations

import pytest

from buckia_core.adapters.service.redirects import check_service_address

OWN = ("cloud.example",)


@pytest.mark.parametrize(
    ("address", "configured"),
    [
        ("https://f1.cloud.example", "https://api.cloud.example"),
        ("https://f1.cloud.example:8443/up?x=1", "https://api.cloud.example/v1"),
        ("https://cloud.example/", "https://api.cloud.example"),
        ("http://127.0.0.1:2/up", "http://127.0.0.1:1"),
        ("https://127.0.0.1:2", "http://127.0.0.1:1"),
        ("https://f1.store.corp.example", "https://api.store.corp.example"),
        ("https://f1.cloud.example", "https://mirror.corp.example"),
        ("http://localhost:2", "http://localhost:1"),
        ("http://[::1]:2", "http://[::1]:1"),
    ],
)
def test_requests_may_go_there(address, configured):
    assert check_service_address(address, configured=configured, domains=OWN) == address.rstrip("/")


@pytest.mark.parametrize(
    ("address", "configured"),
    [
        ("http://f1.cloud.example", "https://api.cloud.example"),
        ("https://evil.example", "https://api.cloud.example"),
        ("https://notcloud.example", "https://api.cloud.example"),
        ("https://cloud.example.evil.example", "https://api.cloud.example"),
        ("https://api.cloud.example@evil.example", "https://api.cloud.example"),
        ("https://evil.example\\.cloud.example", "https://api.cloud.example"),
        ("https://evil.example#.cloud.example", "https://api.cloud.example"),
        ("https://evil.example/\n.cloud.example", "https://api.cloud.example"),
        ("https://cloud.example:99999", "https://api.cloud.example"),
        ("http://127.0.0.2:1", "http://127.0.0.1:1"),
        ("http://169.254.169.254/latest", "http://10.0.0.1"),
        ("https://corp.example", "https://store.example"),
        ("https://evil.localhost", "http://localhost:1"),
        ("ftp://f1.cloud.example", "https://api.cloud.example"),
        ("//f1.cloud.example", "https://api.cloud.example"),
        ("", "https://api.cloud.example"),
        (None, "https://api.cloud.example"),
        (5, "https://api.cloud.example"),
    ],
)
def test_requests_may_not_go_there(address, configured):
    with pytest.raises(ValueError, match=r"."):
        check_service_address(address, configured=configured, domains=OWN)
