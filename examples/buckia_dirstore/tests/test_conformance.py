"""Provider `dirstore` against the conformance suite of Buckia."""

from __future__ import annotations

import pytest

from buckia_core.testing import AdapterConformance
from buckia_dirstore.settings import DirstoreSettings
from buckia_dirstore.sync import DirstoreSync


class TestDirstore(AdapterConformance):
    @pytest.fixture
    def adapter(self, tmp_path, prefix):
        return DirstoreSync(DirstoreSettings(root=tmp_path / "store", prefix=prefix))

    @pytest.fixture
    def second(self, tmp_path, prefix):
        return DirstoreSync(DirstoreSettings(root=tmp_path / "store", prefix=prefix))
