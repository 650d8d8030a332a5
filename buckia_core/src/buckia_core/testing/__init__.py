"""Test support for adapters and applications. Requires pytest; `strategies` requires hypothesis too."""

from __future__ import annotations

import pytest

# pytest must rewrite the asserts of the suite before it is imported.
pytest.register_assert_rewrite("buckia_core.testing.conformance")

from buckia_core.testing.conformance import AdapterConformance  # noqa: E402  # see above
from buckia_core.testing.faults import Fault, Faulty  # noqa: E402  # see above
from buckia_core.testing.miniatures import Miniature, content, m  # noqa: E402  # see above

__all__ = ["AdapterConformance", "Fault", "Faulty", "Miniature", "content", "m"]
