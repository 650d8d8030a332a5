"""Addresses of a pull zone: those for everybody, and those that carry their own permission."""

from __future__ import annotations

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import NotSupported


def test_without_a_pull_zone_there_are_none(adapter):
    assert not (adapter.capabilities.public_url or adapter.capabilities.signed_url)
    with pytest.raises(NotSupported, match="pull_zone"):
        adapter.public_url("k")


def test_an_address_for_everybody_is_served(connect, bunny_account, zone):
    front = bunny_account.new_pull_zone(zone)
    adapter = connect(prefix="p", hostname=front.hostname)
    adapter.upload_file(b"content", "a b/ü?.txt")
    assert adapter.capabilities.public_url and not adapter.capabilities.signed_url
    with pytest.raises(NotSupported, match="token_key"):
        adapter.signed_url("k", seconds=60)
    assert bunny_account.fetch(adapter.public_url("a b/ü?.txt"))[:2] == (200, b"content")


def test_a_signed_address_is_served_until_it_ends(connect, bunny_account, zone):
    front = bunny_account.new_pull_zone(zone, ZoneSecurityEnabled=True)
    adapter = connect(hostname=front.hostname, token_key=Secret(front.security_key))
    adapter.upload_file(b"content", "a b/ü.txt")
    assert adapter.capabilities.signed_url
    assert bunny_account.fetch(adapter.public_url("a b/ü.txt"))[0] == 403
    address = adapter.signed_url("a b/ü.txt", seconds=60)
    assert bunny_account.fetch(address)[:2] == (200, b"content")
    bunny_account.set(clock_ahead_seconds=120)
    assert bunny_account.fetch(address)[0] == 403


@pytest.mark.parametrize("given", [{"seconds": 0}, {"seconds": 1 << 40}, {"seconds": 60, "method": "PUT"}])
def test_what_can_not_be_signed(connect, given):
    adapter = connect(pull_zone="media", token_key=Secret("key"))
    with pytest.raises(ValueError, match=r"signed|good for"):
        adapter.signed_url("k", **given)
