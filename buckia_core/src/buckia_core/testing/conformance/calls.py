"""Calls of the contract that tests make behind a fault proxy, and the secrets that they must not show."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.errors import AdapterError
from buckia_core.planning.manifest import RemoteObject
from buckia_core.testing.conformance.suite import read
from buckia_core.testing.fault_proxy import FaultProxy, Request

DATA = bytes(range(256)) * 400

OPERATIONS = ["list", "stat", "download", "read", "open", "upload", "delete"]

behind_proxy = pytest.mark.parametrize("prefix", ["prefixed"], indirect=True)


def call(adapter: BaseSync, operation: str, directory: Path, expect: RemoteObject | None = None) -> object:
    """Make one call of the contract on the key `k`; a read of the version `expect`."""
    match operation:
        case "list":
            return list(adapter.list_files())
        case "stat":
            return adapter.stat_file("k")
        case "download":
            return adapter.download_file("k", directory / "file", expect=expect)
        case "read":
            return adapter.read_file("k", expect=expect)
        case "open":
            return read(adapter, "k", expect=expect)
        case "upload":
            return adapter.upload_file(DATA, "k")
        case _:
            delete(adapter, "k", "other")
            return None


def delete(adapter: BaseSync, *keys: str) -> None:
    """Delete objects; raise the errors of the outcomes."""
    for outcome in adapter.delete_files(keys):
        if outcome.error is not None:
            raise outcome.error


def reads(request: Request) -> bool:
    """Select the requests that may have a body to read: a provider may list by `POST` or `PROPFIND`."""
    return request.method not in ("HEAD", "PUT", "DELETE")


def assert_no_secret(error: AdapterError, proxy: FaultProxy) -> None:
    """Check that a report of the error, with its causes, has no credential, and no signature, of a request."""
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert [secret for secret in secrets_of(proxy) if secret in shown] == []


def secrets_of(proxy: FaultProxy) -> set[str]:
    """Return the credentials and signatures in the requests of a proxy, with and without the scheme before them."""
    found = {secret for request in proxy.requests for secret in _secrets(request.headers, request.query)}
    return {each for secret in found for each in (secret, secret.split()[-1])}


def _secrets(headers: Mapping[str, str], query: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if "auth" in name or "token" in name or name.endswith("key"):
            yield value
    for name, value in query.items():
        if len(value) >= 16 and ("sig" in name.lower() or "token" in name.lower() or "auth" in name.lower()):
            yield value
