"""A folder and a bucket for each test of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.syncing.sides import Sides


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    """An empty folder, an empty bucket in memory, no baseline."""
    return Sides(tmp_path / "folder")
