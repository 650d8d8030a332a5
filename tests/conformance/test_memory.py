"""Provider `memory` against the conformance suite."""

from __future__ import annotations

from typing import ClassVar

import pytest

from buckia_core.adapters.memory.bucket import MemoryBucket
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.testing import AdapterConformance

NO_SERVER = "a bucket in memory exists as soon as it is named, and has no credentials and no network"


class TestMemory(AdapterConformance):
    lacks: ClassVar = dict.fromkeys(("missing", "refused", "proxied"), NO_SERVER)

    @pytest.fixture(params=[False, True], ids=["unversioned", "versioned"])
    def bucket(self, request):
        return MemoryBucket("conformance", versions=request.param)

    @pytest.fixture
    def adapter(self, bucket, prefix):
        return MemorySync(MemorySettings(prefix=prefix), bucket=bucket)

    @pytest.fixture
    def second(self, bucket, prefix):
        return MemorySync(MemorySettings(prefix=prefix), bucket=bucket)

    @pytest.fixture
    def outside(self, bucket):
        return MemorySync(MemorySettings(), bucket=bucket)
