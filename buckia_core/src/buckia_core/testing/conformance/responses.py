"""Tests of servers that redirect or ignore headers, of secrets outside of errors, and of the number of requests."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.errors import AdapterError
from buckia_core.testing.conformance.calls import DATA, OPERATIONS, behind_proxy, call, reads, secrets_of
from buckia_core.testing.conformance.suite import Suite, is_same, put, read
from buckia_core.testing.fault_proxy import Answer, DropHeader, FaultProxy, Unsized


class ResponseTests(Suite):
    """No response leads credentials or contents elsewhere, or gives other bytes than those asked for."""

    @behind_proxy
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("status", [302, 307])
    def test_redirects_get_no_credentials_and_no_content(
        self,
        proxied: BaseSync,
        fault_proxy: FaultProxy,
        server_url: str,
        operation: str,
        status: int,
        tmp_path: Path,
    ) -> None:
        """An adapter that follows redirects within its provider checks the address."""
        put(proxied, {"k": DATA, "other": b"1"})
        with FaultProxy(server_url) as elsewhere:
            fault_proxy.fault(Answer(status, location=f"{elsewhere.endpoint}/elsewhere"))
            with pytest.raises(AdapterError):
                call(proxied, operation, tmp_path)
            secrets = secrets_of(fault_proxy)
            assert secrets, "no request had credentials"
            for request in elsewhere.requests:
                assert not request.bytes_in
                assert not secrets & {word for value in request.headers.values() for word in (value, *value.split())}

    @behind_proxy
    @pytest.mark.parametrize(("start", "end"), [(10, 20), (10, None), (0, 10)], ids=["middle", "from", "up_to"])
    def test_range_that_the_server_ignores(
        self, proxied: BaseSync, fault_proxy: FaultProxy, start: int, end: int | None, tmp_path: Path
    ) -> None:
        """It answers 200 with the whole object: an error, or the bytes of the range."""
        put(proxied, {"k": DATA})
        rule = fault_proxy.fault(DropHeader("Range"), when=reads)
        with suppress(AdapterError):
            proxied.download_file("k", tmp_path / "file", start=start, end=end)
            assert is_same((tmp_path / "file").read_bytes(), DATA[start:end])
        with suppress(AdapterError), proxied.open_file("k", start=start, end=end) as reader:
            assert is_same(reader.read(), DATA[start:end])
        assert rule.chosen

    @behind_proxy
    @pytest.mark.parametrize("operation", ["download", "read", "open"])
    def test_content_without_a_length_is_an_error_if_it_is_cut(
        self, proxied: BaseSync, fault_proxy: FaultProxy, operation: str, tmp_path: Path
    ) -> None:
        """Its end looks like that of a complete body: compare the size, or a digest."""
        seen = put(proxied, {"k": DATA})["k"]
        fault_proxy.fault(Unsized(1000), when=reads)
        with pytest.raises(AdapterError) as caught:
            call(proxied, operation, tmp_path, seen)
        assert caught.value.key == "k"

    @behind_proxy
    def test_precondition_that_the_server_ignores(
        self, proxied: BaseSync, fault_proxy: FaultProxy, tmp_path: Path
    ) -> None:
        """The response has the version of its bytes: compare it with the one that is expected."""
        seen = put(proxied, {"k": DATA})["k"]
        put(proxied, {"k": DATA[::-1]})
        fault_proxy.fault(DropHeader("If-Match"), when=reads)
        for operation in ("download", "read", "open"):
            with pytest.raises(AdapterError):
                call(proxied, operation, tmp_path, seen)

    @behind_proxy
    def test_credentials_are_in_no_name_of_the_adapter(self, proxied: BaseSync, fault_proxy: FaultProxy) -> None:
        """Logs show the adapter, and `identity` is stored on the disk."""
        put(proxied, {"k": DATA})
        names = [repr(proxied), str(proxied), proxied.provider, proxied.identity, *proxied.earlier_identities]
        shown = " ".join([*names, repr(proxied.probe()), repr(proxied.stat_file("k")), repr(proxied.local_directory)])
        assert [secret for secret in secrets_of(fault_proxy) if secret in shown] == []

    @behind_proxy
    def test_request_count_is_that_of_the_server(self, proxied: BaseSync, fault_proxy: FaultProxy) -> None:
        """Limits and reports count requests; repeated ones and those of parts and pages too."""
        put(proxied, {"warm": DATA})
        before, known = proxied.request_count, len(fault_proxy.requests)
        if before is None:
            pytest.skip("the adapter does not count requests")
        put(proxied, {"k": DATA, "large": bytes(self.large_bytes)})
        proxied.stat_file("k")
        assert is_same(read(proxied, "k"), proxied.read_file("k")[1])
        list(proxied.list_files())
        proxied.delete_files(["k", "none"])
        assert proxied.request_count == before + len(fault_proxy.requests) - known
