"""Provider `file` against the conformance suite."""

from __future__ import annotations

import pytest

from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.testing import AdapterConformance


class TestDirectory(AdapterConformance):
    @pytest.fixture
    def adapter(self, tmp_path, prefix):
        (tmp_path / "bucket").mkdir()
        return DirectorySync(DirectorySettings(root=tmp_path / "bucket", prefix=prefix))

    @pytest.fixture
    def second(self, adapter, tmp_path, prefix):
        return DirectorySync(DirectorySettings(root=tmp_path / "bucket", prefix=prefix))
