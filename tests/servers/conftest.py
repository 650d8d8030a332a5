"""A proxy before a small server, and clients of it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from buckia_core.testing.fault_proxy.proxy import FaultProxy
from tests.servers.origin import Origin, running_origin
from tests.servers.s3_faults import S3FaultProxy
from tests.servers.wire import Wire


@pytest.fixture(scope="module")
def _origin() -> Iterator[Origin]:
    with running_origin() as origin:
        yield origin


@pytest.fixture
def origin(_origin: Origin) -> Origin:
    """An origin that has seen nothing yet."""
    _origin.arrivals.clear()
    _origin.connections = 0
    return _origin


@pytest.fixture
def proxy(origin: Origin) -> Iterator[FaultProxy]:
    with S3FaultProxy(origin.endpoint) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(proxy.endpoint).netloc, timeout=10)
    yield connection
    connection.close()


@pytest.fixture
def wire(proxy: FaultProxy) -> Iterator[Wire]:
    wire = Wire(proxy)
    yield wire
    wire.close()
