"""The example of an app with its data, on each kind of bucket."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.e2e.conftest import KINDS

EXAMPLE = Path(__file__).parents[3] / "examples" / "app_data" / "app.py"


@pytest.mark.parametrize("kind", ["file", "ceph", "b2", "bunny"])
def test_the_example_works(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    bucket = request.getfixturevalue(KINDS[kind])
    runpy.run_path(str(EXAMPLE))["play"](tmp_path / "devices", bucket.settings())
