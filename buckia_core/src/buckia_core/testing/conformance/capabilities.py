"""Tests of capabilities: they agree with the protocols, and the declared methods work."""

from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import (
    BucketCopy,
    Coroutines,
    Lifecycle,
    PrefixListing,
    PublicUrl,
    ReadAttributes,
    ResumableDownload,
    ResumableUpload,
    ServerCopy,
    SignedUrl,
    TagExpiry,
    Versioned,
    WithOptions,
)
from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.errors import AdapterError, NotFound
from buckia_core.testing.conformance.suite import Suite, put, read, require


class CapabilityTests(Suite):
    """Capabilities, protocols, errors and URLs."""

    def test_capabilities_agree_with_protocols(self, adapter: BaseSync) -> None:
        capabilities = adapter.probe()
        for declared, protocol in (
            (capabilities.list_prefixes, PrefixListing),
            (capabilities.server_copy, ServerCopy),
            (capabilities.public_url, PublicUrl),
            (capabilities.signed_url, SignedUrl),
            (capabilities.with_options, WithOptions),
            (capabilities.lifecycle, Lifecycle),
            (capabilities.bucket_copy, BucketCopy),
            (capabilities.attributes, ReadAttributes),
            (capabilities.tag_expiry, TagExpiry),
            (capabilities.resumable_upload, ResumableUpload),
            (capabilities.resumable_download, ResumableDownload),
            (capabilities.versions, Versioned),
            (capabilities.coroutines, Coroutines),
        ):
            assert not declared or isinstance(adapter, protocol), f"it declares what {protocol.__name__} needs"

    def test_capabilities_stay(self, adapter: BaseSync) -> None:
        probed = adapter.probe()
        assert adapter.probe() == probed
        assert adapter.capabilities == probed, "a probe updates the capabilities"

    def test_capabilities_cost_no_request(self, adapter: BaseSync) -> None:
        before = adapter.request_count
        assert adapter.capabilities == adapter.capabilities
        assert adapter.identity == adapter.identity
        assert adapter.request_count == before

    def test_nested_keys_that_are_not_declared_are_refused(self, adapter: BaseSync) -> None:
        if adapter.capabilities.nested_keys:
            pytest.skip("the adapter declares nested_keys")
        put(adapter, ["a", "d/b"])
        for key in ("a/below", "d"):
            with pytest.raises(AdapterError) as caught:
                adapter.upload_file(b"1", key)
            assert not caught.value.retryable
        assert [(found.key, found.size) for found in adapter.list_files()] == [("a", 1), ("d/b", 3)]

    def test_limits_are_sensible(self, adapter: BaseSync) -> None:
        capabilities = adapter.capabilities
        assert capabilities.delete_batch_size >= 1
        assert capabilities.workers >= 1
        assert capabilities.max_key_bytes >= 100
        assert capabilities.max_object_bytes is None or capabilities.max_object_bytes > self.large_bytes

    def test_provider_and_identity(self, adapter: BaseSync, second: BaseSync) -> None:
        assert adapter.provider
        assert adapter.provider == adapter.provider.lower()
        before = adapter.identity
        put(adapter, ["a"])
        assert adapter.identity == before == second.identity
        assert before

    def test_requests_only_grow(self, adapter: BaseSync) -> None:
        before = adapter.request_count
        put(adapter, ["a"])
        list(adapter.list_files())
        after = adapter.request_count
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert after >= before + 2

    def test_limit_holds_for_each_request(self, adapter: BaseSync) -> None:
        """`limit_requests` returns true only if every request waits, those of each page and part too."""
        waits: list[None] = []

        async def wait() -> None:
            waits.append(None)

        if not adapter.limit_requests(wait):
            pytest.skip("the adapter leaves the limit to the wrapper")
        before = adapter.request_count
        put(adapter, ["a"])
        list(adapter.list_files())
        assert read(adapter, "a") == b"a"
        assert len(waits) >= 3
        assert before is None or adapter.request_count == before + len(waits)

    def test_objects_and_outcomes_can_be_pickled(self, adapter: BaseSync) -> None:
        uploaded = adapter.upload_file(b"1", "k")
        reported = adapter.stat_file("k")
        for each in (uploaded, reported, *adapter.list_files(), DeleteOutcome("k")):
            assert _pickled(each) == each
            assert copy.deepcopy(each) == each

    def test_errors_have_provider_and_key(self, adapter: BaseSync) -> None:
        with pytest.raises(AdapterError) as caught:
            adapter.stat_file("none")
        error = caught.value
        assert isinstance(error, NotFound)
        assert (error.provider, error.key, error.retryable) == (adapter.provider, "none", False)
        assert "none" in str(error)
        unpickled = _pickled(error)
        assert (type(unpickled), unpickled.key, str(unpickled)) == (NotFound, "none", str(error))

    def test_closing_twice(self, adapter: BaseSync) -> None:
        put(adapter, ["a"])
        adapter.close()
        adapter.close()

    def test_public_url(self, adapter: BaseSync) -> None:
        require(adapter, lambda each: each.capabilities.public_url, "public_url")
        assert isinstance(adapter, PublicUrl)
        url = adapter.public_url("d/a b+ü.txt")
        assert url.isascii()
        assert " " not in url
        assert adapter.public_url("d/other") != url

    def test_signed_url(self, adapter: BaseSync) -> None:
        require(adapter, lambda each: each.capabilities.signed_url, "signed_url")
        assert isinstance(adapter, SignedUrl)
        url = adapter.signed_url("d/a b+ü.txt", seconds=60)
        assert url.isascii()
        assert " " not in url
        assert adapter.signed_url("d/other", seconds=60) != url
        with pytest.raises(ValueError, match=r"."):
            adapter.signed_url("a", seconds=60, method="NO SUCH METHOD")

    def test_signed_url_grants_access_for_its_time(
        self, adapter: BaseSync, fetch: Callable[[str], tuple[int, bytes]]
    ) -> None:
        require(adapter, lambda each: each.capabilities.signed_url, "signed_url")
        if "fetch" in self.lacks:
            pytest.skip(self.lacks["fetch"])
        assert isinstance(adapter, SignedUrl)
        put(adapter, {"d/a b+ü.txt": b"content", "d/other": b"other"})
        assert fetch(adapter.signed_url("d/a b+ü.txt", seconds=600)) == (200, b"content")
        short = adapter.signed_url("d/other", seconds=1)
        deadline = time.monotonic() + 10
        while fetch(short)[0] == 200:
            assert time.monotonic() < deadline, "the URL is still valid after 10 seconds, of 1"
            time.sleep(0.2)
        assert fetch(short)[0] in (400, 401, 403)


def _pickled(each: Any) -> Any:
    return pickle.loads(pickle.dumps(each))  # trusted: pickled in the same line
