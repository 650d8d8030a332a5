"""Tests of failing requests: a missing bucket, refused credentials, and a network that breaks."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.errors import (
    AdapterError,
    BucketNotFound,
    IntegrityError,
    PermissionDenied,
    PreconditionFailed,
    Throttled,
    Transient,
    Unauthenticated,
)
from buckia_core.testing.conformance.calls import DATA, OPERATIONS, assert_no_secret, behind_proxy, call, delete, reads
from buckia_core.testing.conformance.suite import Suite, is_same, listed_keys, put, read
from buckia_core.testing.fault_proxy import (
    Answer,
    Cut,
    Encoded,
    Fault,
    FaultProxy,
    LoseReply,
    Reset,
    Stall,
    Truncate,
)


class FailureTests(Suite):
    """No failure looks like success or like an absent object, and each says whether a retry makes sense."""

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_missing_bucket(self, missing: BaseSync, operation: str, tmp_path: Path) -> None:
        with pytest.raises(BucketNotFound) as caught:
            call(missing, operation, tmp_path)
        assert (caught.value.key, caught.value.provider, caught.value.retryable) == (None, missing.provider, False)

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_refused_credentials(self, refused: BaseSync, operation: str, tmp_path: Path) -> None:
        with pytest.raises((Unauthenticated, PermissionDenied)) as caught:
            call(refused, operation, tmp_path)
        assert not caught.value.retryable
        assert caught.value.provider == refused.provider

    @behind_proxy
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_server_errors_are_retryable(
        self, proxied: BaseSync, fault_proxy: FaultProxy, operation: str, status: int, tmp_path: Path
    ) -> None:
        error = self._fail(proxied, fault_proxy, Answer(status), operation, tmp_path)
        assert error.retryable
        assert isinstance(error, (Transient, Throttled))

    @behind_proxy
    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_throttling_has_the_time_to_wait(
        self, proxied: BaseSync, fault_proxy: FaultProxy, operation: str, tmp_path: Path
    ) -> None:
        error = self._fail(proxied, fault_proxy, Answer(429, retry_after=7), operation, tmp_path)
        assert isinstance(error, Throttled)
        assert error.retryable
        assert error.retry_after == 7

    @behind_proxy
    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_adapters_do_not_retry(
        self, proxied: BaseSync, fault_proxy: FaultProxy, operation: str, tmp_path: Path
    ) -> None:
        """The wrapper `Retry` does. A second layer multiplies the attempts, and hides the wait that a server wants."""
        self._check_sent_once(proxied, fault_proxy, Answer(503), operation, tmp_path)

    @behind_proxy
    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_adapters_do_not_retry_after_a_broken_connection(
        self, proxied: BaseSync, fault_proxy: FaultProxy, operation: str, tmp_path: Path
    ) -> None:
        """HTTP libraries do so by default. The first request may have been executed."""
        self._check_sent_once(proxied, fault_proxy, Reset(), operation, tmp_path)

    @behind_proxy
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("status", [401, 403])
    def test_refusals_are_not_retryable(
        self, proxied: BaseSync, fault_proxy: FaultProxy, operation: str, status: int, tmp_path: Path
    ) -> None:
        error = self._fail(proxied, fault_proxy, Answer(status), operation, tmp_path)
        assert isinstance(error, (Unauthenticated, PermissionDenied))
        assert not error.retryable

    @behind_proxy
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("fault", [Reset(), Cut(0, "up"), LoseReply()], ids=["reset", "closed", "lost_reply"])
    def test_broken_connections_are_retryable(
        self, proxied: BaseSync, fault_proxy: FaultProxy, operation: str, fault: Fault, tmp_path: Path
    ) -> None:
        error = self._fail(proxied, fault_proxy, fault, operation, tmp_path)
        assert isinstance(error, Transient)
        assert error.retryable

    @behind_proxy
    @pytest.mark.parametrize("operation", ["download", "read", "open"])
    @pytest.mark.parametrize(
        "fault",
        [Cut(1000), Reset(1000, "down"), Truncate(1000), Truncate(1000, honest=True)],
        ids=["cut", "reset", "cut_head", "wrong_length"],
    )
    def test_incomplete_content_is_an_error(
        self, proxied: BaseSync, fault_proxy: FaultProxy, operation: str, fault: Fault, tmp_path: Path
    ) -> None:
        expect = put(proxied, {"k": DATA})["k"]
        fault_proxy.fault(fault, when=reads)
        with pytest.raises((IntegrityError, Transient, PreconditionFailed)) as caught:
            call(proxied, operation, tmp_path, expect)
        # A response that is shorter from its head on may be taken for that of another version.
        assert caught.value.retryable or isinstance(caught.value, PreconditionFailed)
        assert caught.value.key == "k"

    @behind_proxy
    @pytest.mark.parametrize("after", [0, 100])
    def test_incomplete_listing_is_an_error(self, proxied: BaseSync, fault_proxy: FaultProxy, after: int) -> None:
        keys = listed_keys(put(proxied, [f"k{number:02d}" for number in range(30)]).values())
        fault_proxy.fault(Cut(after), when=reads)
        with pytest.raises(AdapterError) as caught:
            list(proxied.list_files())
        assert caught.value.retryable
        fault_proxy.clear_faults()
        assert listed_keys(proxied.list_files()) == keys

    @behind_proxy
    @pytest.mark.parametrize("body", [b"", b"<html>Sign in</html>", b"{}"], ids=["empty", "page", "object"])
    def test_response_of_something_else_is_no_listing(
        self, proxied: BaseSync, fault_proxy: FaultProxy, body: bytes
    ) -> None:
        """A gateway can answer with status 200, such as a hotel's. That does not prove that the bucket is empty."""
        put(proxied, ["k"])
        fault_proxy.fault(Answer(200, body=body, content_type="text/html"), when=reads)
        with pytest.raises(AdapterError):
            list(proxied.list_files())

    @behind_proxy
    @pytest.mark.parametrize("number", [1, 2])
    def test_outcomes_of_deletes_are_true(self, proxied: BaseSync, fault_proxy: FaultProxy, number: int) -> None:
        """If one of several requests fails, no key that is still there has an outcome without an error."""
        keys = ["a", "b", "c"]
        put(proxied, keys)
        before = len(fault_proxy.requests)
        fault_proxy.fault(Answer(503), when=lambda request: request.number == before + number)
        deleted: set[str] = set()
        with suppress(AdapterError):
            deleted = {outcome.key for outcome in proxied.delete_files(keys) if outcome.error is None}
        fault_proxy.clear_faults()
        assert not deleted & set(listed_keys(proxied.list_files()))

    @behind_proxy
    def test_interrupted_upload_leaves_nothing(self, proxied: BaseSync, fault_proxy: FaultProxy) -> None:
        put(proxied, {"old": b"old"})
        for key in ("new", "old"):
            rule = fault_proxy.fault(Cut(1000, "up"))
            with pytest.raises(AdapterError) as caught:
                proxied.upload_file(DATA, key)
            assert caught.value.retryable
            assert rule.chosen
            fault_proxy.clear_faults()
        assert listed_keys(proxied.list_files()) == ["old"]
        assert read(proxied, "old") == b"old"

    @behind_proxy
    def test_slow_server_is_waited_for(self, proxied: BaseSync, fault_proxy: FaultProxy, tmp_path: Path) -> None:
        put(proxied, {"k": DATA})
        fault_proxy.fault(Stall(0.2, after=1000), when=reads)
        proxied.download_file("k", tmp_path / "file")
        assert is_same((tmp_path / "file").read_bytes(), DATA)

    @behind_proxy
    def test_encoded_content_is_not_decoded(self, proxied: BaseSync, fault_proxy: FaultProxy, tmp_path: Path) -> None:
        """An object may have been stored with `Content-Encoding: gzip`: its content are the stored bytes."""
        data = gzip.compress(DATA)
        put(proxied, {"k": data})
        fault_proxy.fault(Encoded(), when=reads)
        proxied.download_file("k", tmp_path / "file")
        assert (tmp_path / "file").read_bytes() == data == read(proxied, "k") == proxied.read_file("k")[1]

    @behind_proxy
    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_unreachable_server_is_retryable(
        self, proxied: BaseSync, fault_proxy: FaultProxy, operation: str, tmp_path: Path
    ) -> None:
        put(proxied, {"k": DATA})
        with fault_proxy.refusing(), pytest.raises(Transient) as caught:
            call(proxied, operation, tmp_path)
        assert caught.value.retryable
        assert_no_secret(caught.value, fault_proxy)
        call(proxied, operation, tmp_path)

    def _check_sent_once(
        self, adapter: BaseSync, proxy: FaultProxy, fault: Fault, operation: str, directory: Path
    ) -> None:
        put(adapter, {"k": DATA})
        read(adapter, "k")
        one_request: Callable[[], object] = partial(call, adapter, operation, directory)
        if operation == "delete":
            one_request = partial(delete, adapter, "k")
        rule = proxy.fault(fault)
        with pytest.raises(AdapterError):
            one_request()
        assert rule.chosen == 1

    def _fail(
        self, adapter: BaseSync, proxy: FaultProxy, fault: Fault, operation: str, directory: Path
    ) -> AdapterError:
        """Return the error of an operation whose requests all meet a fault. Check that the adapter works afterwards."""
        put(adapter, {"k": DATA, "other": b"1"})
        rule = proxy.fault(fault)
        with pytest.raises(AdapterError) as caught:
            call(adapter, operation, directory)
        assert rule.chosen, "the operation sent no request"
        assert caught.value.provider == adapter.provider
        assert_no_secret(caught.value, proxy)
        proxy.clear_faults()
        call(adapter, operation, directory)
        return caught.value
