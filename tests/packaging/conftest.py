"""What the tests of the distributions share."""

from __future__ import annotations

import pytest

from tests.packaging.building import Built, build_all


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The wheels and source distributions of all packages."""
    return build_all(tmp_path_factory.mktemp("built"))
