"""The adapter on a zone of the test server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from buckia_bunny.factory import open_zone
from buckia_bunny.http import RETRY_POLICY
from buckia_bunny.settings import BunnySettings
from buckia_bunny.sync import BunnySync
from buckia_core.config.secrets.secret import Secret
from tests.servers.bunny.server import BunnyAccount, BunnyZone

Connect = Callable[..., BunnySync]


@pytest.fixture(autouse=True)
def _no_account_from_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("BUNNY") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def zone(bunny_account: BunnyAccount) -> BunnyZone:
    """A fresh zone."""
    return bunny_account.new_zone()


@pytest.fixture
def connect(zone: BunnyZone, bunny_account: BunnyAccount) -> Iterator[Connect]:
    """Return adapters of the zone, closed at the end; a setting that is `None` is not given."""
    with ExitStack() as stack:

        def connected(**settings: Any) -> BunnySync:
            given: dict[str, Any] = {
                "bucket_name": zone.name,
                "endpoint_url": zone.endpoint,
                "storage_api_key": Secret(zone.password),
                "api_url": bunny_account.core_url,
            } | settings
            given = {name: value for name, value in given.items() if value is not None}
            adapter = stack.enter_context(open_zone(BunnySettings(**given)))
            assert isinstance(adapter, BunnySync)
            return adapter

        yield connected


@pytest.fixture
def adapter(connect: Connect) -> BunnySync:
    """The adapter as the defaults make it."""
    return connect()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr("buckia_bunny.http.RETRY_POLICY", replace(RETRY_POLICY, initial_wait=0.0))
