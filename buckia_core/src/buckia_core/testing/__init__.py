"""What tests of adapters and of applications are made of. Needs pytest; `strategies` needs hypothesis as well."""

from __future__ import annotations

import pytest

# Asserts of the suite tell what they compared only if pytest sees the modules before Python does.
pytest.register_assert_rewrite("buckia_core.testing.conformance")

from buckia_core.testing.conformance import AdapterConformance  # noqa: E402  # see above
from buckia_core.testing.faults import Fault, Faulty  # noqa: E402  # see above
from buckia_core.testing.miniatures import Miniature, content, m  # noqa: E402  # see above

__all__ = ["AdapterConformance", "Fault", "Faulty", "Miniature", "content", "m"]
