"""Provider `bunny` against the conformance suite, on a server of bunny.net's Edge Storage API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from buckia_bunny.factory import open_zone
from buckia_bunny.settings import BunnySettings, ClientKind
from buckia_core.config.secrets.secret import Secret
from buckia_core.testing import AdapterConformance


class OnZone(AdapterConformance):
    """The suite with an adapter on a fresh zone."""

    options: ClassVar[Mapping[str, Any]] = {}
    lacks: ClassVar = {
        "missing": "bunny.net answers a wrong name of a zone as a wrong key",
        "fetch": "URLs are those of the pull zone, whose signatures the unit tests check",
    }
    listing_count = 200

    @pytest.fixture
    def settings(self, bunny_account, prefix):
        zone = bunny_account.new_zone()
        return BunnySettings(
            bucket_name=zone.name,
            prefix=prefix,
            endpoint_url=zone.endpoint,
            storage_api_key=Secret(zone.password),
            **self.options,
        )

    @pytest.fixture
    def adapter(self, settings):
        with open_zone(settings) as adapter:
            yield adapter

    @pytest.fixture
    def second(self, settings):
        with open_zone(settings) as adapter:
            yield adapter

    @pytest.fixture
    def outside(self, settings):
        with open_zone(replace(settings, prefix="")) as adapter:
            yield adapter

    @pytest.fixture
    def refused(self, settings):
        with open_zone(replace(settings, storage_api_key=Secret("wrong"))) as adapter:
            yield adapter

    @pytest.fixture
    def server_url(self, settings):
        return settings.endpoint_url

    @pytest.fixture
    def proxied(self, settings, fault_proxy):
        with open_zone(replace(settings, endpoint_url=fault_proxy.endpoint)) as adapter:
            yield adapter


class TestBunny(OnZone):
    known_failures: ClassVar = {
        "test_name_is_free_again_after_a_delete": "an emptied directory stays, and is removed only if that is asked for"
    }


class TestByThePackage(OnZone):
    """With what can be switched on, at once."""

    options: ClassVar = {
        "client": ClientKind.PACKAGE,
        "escape_names": True,
        "prune_empty_directories": True,
        "pull_zone": "media",
        "token_key": Secret("the-key-of-tokens"),
    }
