"""The conformance suite: everything that `BaseSync` promises, as tests that a subclass runs on its adapter."""

from __future__ import annotations

from buckia_core.testing.conformance.abilities import CapabilityTests
from buckia_core.testing.conformance.deleting import DeleteTests
from buckia_core.testing.conformance.keys import KeyTests
from buckia_core.testing.conformance.listing import ListingTests
from buckia_core.testing.conformance.preconditions import PreconditionTests
from buckia_core.testing.conformance.reading import ReadingTests
from buckia_core.testing.conformance.resuming import ResumeTests
from buckia_core.testing.conformance.versions import VersionTests
from buckia_core.testing.conformance.writing import WritingTests

__all__ = ["AdapterConformance"]


class AdapterConformance(
    ListingTests,
    KeyTests,
    WritingTests,
    PreconditionTests,
    ReadingTests,
    DeleteTests,
    CapabilityTests,
    VersionTests,
    ResumeTests,
):
    """Derive from this, give the fixture `adapter`, and pytest runs the suite.

        class TestBox(AdapterConformance):
            known_failures = {"test_keys_round_trip[newline]": "Box answers 400 to line breaks"}

            @pytest.fixture
            def adapter(self, prefix, tmp_path):
                with BoxSync(BoxSettings(root=tmp_path / "box", prefix=prefix)) as adapter:
                    yield adapter

    Each test starts with an adapter on an empty bucket, or on an empty part of one. Use the fixture `prefix`:
    then everything runs twice, plainly and under a prefix. Give the fixture `second` where it matters that
    another adapter, on the same bucket and prefix, sees the same; without it the same adapter stands for both.

    Attributes:
        known_failures: What this provider can't do: name of a test, with its parameter in brackets where only that one
            is meant, to the reason in words. Such a test is expected to fail; if it passes, the entry is stale
            and the test fails.
        listing_count: How many objects the long listing has; more than one page of the provider's.
        large_bytes: Size of the large object; more than one part of the provider's uploads.
    """
