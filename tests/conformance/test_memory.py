"""Provider `memory` against the conformance suite."""

from __future__ import annotations

import pytest

from buckia_core.adapters.memory.bucket import MemoryBucket
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.testing import AdapterConformance


class TestMemory(AdapterConformance):
    @pytest.fixture(params=[False, True], ids=["unversioned", "versioned"])
    def bucket(self, request):
        return MemoryBucket("conformance", versions=request.param)

    @pytest.fixture
    def adapter(self, bucket, prefix):
        return MemorySync(MemorySettings(prefix=prefix), bucket=bucket)

    @pytest.fixture
    def second(self, bucket, prefix):
        return MemorySync(MemorySettings(prefix=prefix), bucket=bucket)
