"""Provider `file` against the conformance suite."""

from __future__ import annotations

from typing import ClassVar

import pytest

from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.testing import AdapterConformance

NO_SERVER = "a folder has no credentials and no network"

NO_TYPES = "a file has no content type, so the one that its name suggests is reported"
ONE_TIME = "a file has one time of modification, which is also reported as that of the upload"


class TestDirectory(AdapterConformance):
    lacks: ClassVar = dict.fromkeys(("refused", "proxied"), NO_SERVER)
    known_failures: ClassVar = {
        "test_attributes_of_a_large_object": NO_TYPES,
        "test_content_type_of_the_upload_is_kept": NO_TYPES,
        "test_modification_time_is_that_of_the_upload_or_absent": ONE_TIME,
        "test_upload_time_is_that_of_the_provider": ONE_TIME,
    }

    @pytest.fixture
    def adapter(self, tmp_path, prefix):
        (tmp_path / "bucket").mkdir()
        return DirectorySync(DirectorySettings(root=tmp_path / "bucket", prefix=prefix))

    @pytest.fixture
    def second(self, adapter, tmp_path, prefix):
        return DirectorySync(DirectorySettings(root=tmp_path / "bucket", prefix=prefix))

    @pytest.fixture
    def outside(self, adapter, tmp_path):
        return DirectorySync(DirectorySettings(root=tmp_path / "bucket"))

    @pytest.fixture
    def missing(self, tmp_path, prefix):
        return DirectorySync(DirectorySettings(root=tmp_path / "parent that is missing" / "bucket", prefix=prefix))
