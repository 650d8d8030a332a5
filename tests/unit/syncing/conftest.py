"""A folder and a bucket for each test of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from buckia_core.localfs.directory import Directory
from tests.unit.syncing.sides import Sides


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    """An empty folder, an empty bucket in memory, no baseline."""
    return Sides(tmp_path / "folder")


@pytest.fixture
def deny(monkeypatch: pytest.MonkeyPatch):
    """Make directories unreadable, for the superuser as well."""
    denied = set()
    entries = Directory.scandir

    def refuse(directory):
        if directory.path in denied:
            raise PermissionError(13, "Permission denied", directory.path)
        return entries(directory)

    monkeypatch.setattr(Directory, "scandir", refuse)
    return lambda path: denied.add(str(path))
