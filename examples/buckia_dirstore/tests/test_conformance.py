"""Provider `dirstore` against the conformance suite of Buckia."""

from __future__ import annotations

from typing import ClassVar

import pytest

from buckia_core.testing import AdapterConformance
from buckia_dirstore.settings import DirstoreSettings
from buckia_dirstore.sync import DirstoreSync


class TestDirstore(AdapterConformance):
    lacks: ClassVar = {
        "missing": "a bucket exists as soon as it is named",
        "refused": "a folder has no credentials",
        "server_url": "a folder has no network",
        "proxied": "a folder has no network",
    }

    @pytest.fixture
    def adapter(self, tmp_path, prefix):
        return DirstoreSync(DirstoreSettings(root=tmp_path / "store", prefix=prefix))

    @pytest.fixture
    def second(self, tmp_path, prefix):
        return DirstoreSync(DirstoreSettings(root=tmp_path / "store", prefix=prefix))

    @pytest.fixture
    def outside(self, tmp_path):
        return DirstoreSync(DirstoreSettings(root=tmp_path / "store"))
