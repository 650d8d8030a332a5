"""The wrappers, one after the other and all together, are adapters like any other."""

from __future__ import annotations

import pytest

from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.wrappers import wrap
from buckia_core.testing import AdapterConformance


class TestWrapped(AdapterConformance):
    @pytest.fixture
    def adapter(self, tmp_path, prefix):
        (tmp_path / "bucket").mkdir()
        directory = DirectorySync(DirectorySettings(root=tmp_path / "bucket", prefix=prefix))
        with wrap(directory, retry_attempts=2, rate_limit=1e9, bwlimit=10**12) as wrapped:
            yield wrapped


class TestWrappedVersions(AdapterConformance):
    @pytest.fixture
    def adapter(self, prefix):
        memory = MemorySync(MemorySettings(prefix=prefix, versions=True))
        with wrap(memory, retry_attempts=2, rate_limit=1e9, bwlimit=10**12) as wrapped:
            yield wrapped
