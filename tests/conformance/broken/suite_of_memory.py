"""The conformance suite on one broken variant of the memory adapter, named by `BUCKIA_BROKEN_ADAPTER`."""

from __future__ import annotations

import os
from typing import ClassVar

import pytest

from buckia_core.adapters.memory.bucket import MemoryBucket
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.testing import AdapterConformance

from .variants import MEMORY_VARIANTS

VARIANT = os.environ["BUCKIA_BROKEN_ADAPTER"]
BROKEN = MEMORY_VARIANTS.get(VARIANT, MemorySync)


class TestVariant(AdapterConformance):
    lacks: ClassVar = dict.fromkeys(("missing", "refused", "proxied"), "the variants over HTTP have them")
    large_bytes = (2 << 20) + 1

    @pytest.fixture
    def bucket(self):
        return MemoryBucket("conformance", versions=BROKEN.__module__.endswith(("reads", "edges")))

    @pytest.fixture
    def adapter(self, bucket, prefix):
        return BROKEN(MemorySettings(prefix=prefix), bucket=bucket)

    @pytest.fixture
    def second(self, bucket, prefix):
        return BROKEN(MemorySettings(prefix=prefix), bucket=bucket)

    @pytest.fixture
    def outside(self, bucket):
        return BROKEN(MemorySettings(), bucket=bucket)
