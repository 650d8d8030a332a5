"""Connections: kept, trusted or not, through proxies, and given up on."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, NotFound, Transient
from buckia_core.testing.fault_proxy.faults import Answer, Truncate
from tests.servers.certificate import can_make_certificates, make_certificate
from tests.servers.s3_faults import S3FaultProxy


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not can_make_certificates():
        pytest.skip("the openssl command is not here")
    return make_certificate(tmp_path_factory.mktemp("tls"))


def test_a_certificate_of_ones_own_is_trusted_where_it_is_named(connect, zone, certificate):
    with S3FaultProxy(zone.endpoint, certificate=certificate) as proxy:
        assert connect(endpoint_url=proxy.endpoint, ca_bundle=certificate.ca_file).upload_file(b"1", "k").size == 1
        with pytest.raises(AdapterError, match=r"is not trusted.*ca_bundle") as caught:
            connect(endpoint_url=proxy.endpoint).stat_file("k")
    assert not caught.value.retryable


def test_a_proxy_of_the_environment_is_used(connect, zone, monkeypatch):
    adapter = connect(endpoint_url="http://storage.example.com")
    with S3FaultProxy(zone.endpoint) as proxy:
        monkeypatch.setenv("http_proxy", proxy.endpoint.replace("//", "//somebody:p%40ss@"))
        with pytest.raises(AdapterError):
            adapter.stat_file("k")
        (asked,) = proxy.requests
    assert asked.path.startswith("http://storage.example.com/")
    assert asked.headers["proxy-authorization"].startswith("Basic ")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert connect().upload_file(b"1", "k").size == 1


def test_a_refused_connection(connect):
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(Transient, match="no connection"):
        connect(endpoint_url=endpoint).stat_file("k")


def test_a_server_that_makes_no_progress_is_given_up_on(connect):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Transient, match="no progress in time"):
            connect(endpoint_url=endpoint, read_timeout=0.05).stat_file("k")


def test_a_truncated_response_is_an_error(connect, zone, tmp_path):
    with S3FaultProxy(zone.endpoint) as proxy:
        adapter = connect(endpoint_url=proxy.endpoint)
        seen = adapter.upload_file(bytes(100_000), "k")
        proxy.fault(Truncate(1000), when=lambda request: request.method == "GET", times=1)
        with pytest.raises(Transient):
            adapter.download_file("k", tmp_path / "file", expect=seen)
        assert adapter.download_file("k", tmp_path / "file", expect=seen).size == 100_000


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"{}"])
def test_a_response_of_another_service_is_an_error(connect, zone, body):
    with S3FaultProxy(zone.endpoint) as proxy:
        proxy.fault(Answer(200, body=body, content_type="text/html"))
        adapter = connect(endpoint_url=proxy.endpoint)
        for call in (lambda: list(adapter.list_files()), lambda: adapter.stat_file("k")):
            with pytest.raises(AdapterError, match="unknown form"):
                call()


def test_a_zone_that_is_not_found_is_not_empty(connect, zone):
    with S3FaultProxy(zone.endpoint) as proxy:
        proxy.fault(Answer(404, body=b"{}"))
        with pytest.raises(NotFound):
            list(connect(endpoint_url=proxy.endpoint).list_files())


def test_keys_do_not_show(connect, zone):
    adapter = connect(api_key=Secret("the-api-key"))
    zone_url = adapter._endpoint.zone_url()
    shown = f"{adapter.settings!r} {zone_url!r} {adapter.identity}"
    assert zone.password not in shown
    assert "the-api-key" not in shown


def test_a_program_that_holds_too_many_objects_open_gets_an_error(connect, zone):
    adapter = connect(read_timeout=0.3)
    seen = adapter.upload_file(bytes(1 << 20), "k")
    with ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(adapter.open_file("k", expect=seen))
        with pytest.raises(Transient, match="no progress in time"):
            adapter.stat_file("k")
    assert adapter.stat_file("k") == seen
