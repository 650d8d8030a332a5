"""The wrappers, one after the other and all together, are adapters like any other."""

from __future__ import annotations

from typing import ClassVar

import pytest

from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.adapters.memory.bucket import MemoryBucket
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.wrappers import wrap
from buckia_core.config.bandwidth import BandwidthTimetable
from buckia_core.testing import AdapterConformance
from tests.conformance.test_file import TestDirectory as _OnDirectory

NO_SERVER = "tested with the adapters that have a server, whose calls pass the same wrappers"


class TestWrapped(AdapterConformance):
    lacks: ClassVar = dict.fromkeys(("refused", "proxied"), NO_SERVER)
    known_failures = _OnDirectory.known_failures

    @pytest.fixture
    def adapter(self, tmp_path, prefix):
        (tmp_path / "bucket").mkdir()
        directory = DirectorySync(DirectorySettings(root=tmp_path / "bucket", prefix=prefix))
        with wrap(directory, retry_attempts=2, rate_limit=1e9, bwlimit=BandwidthTimetable.parse(10**12)) as wrapped:
            yield wrapped

    @pytest.fixture
    def outside(self, adapter, tmp_path):
        return DirectorySync(DirectorySettings(root=tmp_path / "bucket"))

    @pytest.fixture
    def missing(self, tmp_path):
        return wrap(DirectorySync(DirectorySettings(root=tmp_path / "parent that is missing" / "bucket")))


class TestWrappedVersions(AdapterConformance):
    lacks: ClassVar = dict.fromkeys(("missing", "refused", "proxied"), NO_SERVER)

    @pytest.fixture
    def bucket(self):
        return MemoryBucket("conformance", versions=True)

    @pytest.fixture
    def adapter(self, bucket, prefix):
        memory = MemorySync(MemorySettings(prefix=prefix), bucket=bucket)
        with wrap(memory, retry_attempts=2, rate_limit=1e9, bwlimit=BandwidthTimetable.parse(10**12)) as wrapped:
            yield wrapped

    @pytest.fixture
    def outside(self, bucket):
        return MemorySync(MemorySettings(), bucket=bucket)
