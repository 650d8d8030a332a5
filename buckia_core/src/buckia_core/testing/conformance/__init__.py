"""Conformance suite: tests of the adapter contract, which a subclass runs on its adapter."""

from __future__ import annotations

from buckia_core.testing.conformance.attributes import AttributeTests
from buckia_core.testing.conformance.capabilities import CapabilityTests
from buckia_core.testing.conformance.copies import CopyTests
from buckia_core.testing.conformance.coroutine_failures import CoroutineFailureTests
from buckia_core.testing.conformance.coroutine_reads import CoroutineReadTests
from buckia_core.testing.conformance.coroutines import CoroutineTests
from buckia_core.testing.conformance.delete import DeleteTests
from buckia_core.testing.conformance.download import DownloadTests
from buckia_core.testing.conformance.failures import FailureTests
from buckia_core.testing.conformance.isolation import IsolationTests
from buckia_core.testing.conformance.keys import KeyTests
from buckia_core.testing.conformance.large import LargeObjectTests
from buckia_core.testing.conformance.listing import ListingTests
from buckia_core.testing.conformance.preconditions import PreconditionTests
from buckia_core.testing.conformance.races import RaceTests
from buckia_core.testing.conformance.resources import ResourceTests
from buckia_core.testing.conformance.responses import ResponseTests
from buckia_core.testing.conformance.resume import ResumeTests
from buckia_core.testing.conformance.upload import UploadTests
from buckia_core.testing.conformance.versions import VersionTests

__all__ = ["AdapterConformance"]


class AdapterConformance(
    ListingTests,
    KeyTests,
    UploadTests,
    AttributeTests,
    PreconditionTests,
    DownloadTests,
    DeleteTests,
    LargeObjectTests,
    CapabilityTests,
    CopyTests,
    ResourceTests,
    IsolationTests,
    RaceTests,
    FailureTests,
    ResponseTests,
    VersionTests,
    ResumeTests,
    CoroutineTests,
    CoroutineReadTests,
    CoroutineFailureTests,
):
    """Derive from this class and define the fixture `adapter`; pytest then runs the suite.

        class TestBox(AdapterConformance):
            known_failures = {"test_keys_round_trip[newline]": "Box answers 400 to line breaks"}

            @pytest.fixture
            def adapter(self, prefix, tmp_path):
                with BoxSync(BoxSettings(root=tmp_path / "box", prefix=prefix)) as adapter:
                    yield adapter

    Each test starts with an empty bucket or an empty prefix. Use the fixture `prefix`: each test then runs without and
    with one. Other fixtures, each of which is defined too, or has a reason in `lacks`:

    - `second`: another adapter on the same bucket and prefix; by default it is `adapter`
    - `outside`: an adapter on the same bucket without a prefix
    - `missing`: an adapter whose settings name a bucket that does not exist
    - `refused`: an adapter on the same bucket with credentials that the provider refuses
    - `server_url` and `proxied`: the http address of the server, and the adapter with `fault_proxy.endpoint` as that
      address
    - `fetch`: a function that gets a signed URL, if the server's certificate is a private one

    Attributes:
        lacks: Fixtures that the provider can't have, to the reason. Their tests are skipped.
        known_failures: Tests that the provider can't pass: name, with one or two parameters (`[busy-upload]`) if
            needed, to the reason. Such a test is expected to fail; if it passes, the suite reports the entry.
        unstable: Tests that pass in some runs only, because of the server: name to the reason. They are skipped.
        listing_count: Number of objects in the long listing; more than one page.
        large_bytes: Size of the large object; more than one part of an upload.
    """
