"""TLS: which servers are trusted, and connections to them."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from pathlib import Path

import pytest

from buckia_core.errors import InvalidSetting
from buckia_core.http.client import HttpClient, HttpRequest
from buckia_core.http.errors import LocalFileError
from buckia_core.http.origin import Origin
from buckia_core.http.timeouts import Timeouts
from buckia_core.http.tls import installed_bundle, tls_context
from tests.servers.certificate import can_make_certificates, make_certificate

pytestmark = pytest.mark.skipif(not can_make_certificates(), reason="the command openssl is not here")

MIB = 1 << 20


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def server(serve, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)

    def echo(peer):
        while (received := peer.request())[0]:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(received[1]), received[1])

    return serve(echo, context)


@pytest.mark.parametrize("size", [0, 5, 70_000, 3 * MIB])
def test_with_an_authority_of_ones_own(face, server, certificate, size):
    client = face.client(tls=lambda: tls_context(ca_bundle=certificate.ca_file))
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    for _ in range(3):
        assert face.send(client, HttpRequest("PUT", server.origin, "/", body=content), 4 * MIB).body == content
    assert server.connections == 1


def test_with_certificates_as_text(face, server, certificate):
    client = face.client(tls=lambda: tls_context(more=certificate.ca_file.read_bytes(), system=False))
    assert face.send(client, HttpRequest("GET", server.origin, "/")).status == 200


def test_an_unknown_authority(face, server):
    with pytest.raises(ssl.SSLCertVerificationError):
        face.send(face.client(), HttpRequest("GET", server.origin, "/"))


def test_another_name(face, server, certificate, monkeypatch):
    client = face.client(tls=lambda: tls_context(ca_bundle=certificate.ca_file))
    find = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *more, **options: find("127.0.0.1", *more, **options))
    with pytest.raises(ssl.SSLCertVerificationError):
        face.send(client, HttpRequest("GET", Origin("https", "objects.example", server.port), "/"))


def test_without_verification(face, server):
    client = face.client(tls=lambda: tls_context(verify=False))
    assert face.send(client, HttpRequest("GET", server.origin, "/")).status == 200


def test_a_server_without_tls(face, serve):
    server = serve(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(ssl.SSLError) as caught:
        face.send(face.client(), HttpRequest("GET", Origin("https", "127.0.0.1", server.port), "/"))
    assert not isinstance(caught.value, ssl.SSLCertVerificationError)


def test_a_bundle_that_is_missing(face, server):
    client = face.client(tls=lambda: tls_context(ca_bundle=Path("missing.pem")))
    with pytest.raises(InvalidSetting, match="missing"):
        face.send(client, HttpRequest("GET", server.origin, "/"))


def test_a_bundle_that_can_not_be_read(face, server):
    def refuse():
        raise PermissionError(13, "no", "bundle.pem")

    with pytest.raises(LocalFileError) as caught:
        face.send(face.client(tls=refuse), HttpRequest("GET", server.origin, "/"))
    assert caught.value.error.filename == "bundle.pem"


def test_a_server_that_ends_tls_in_the_middle(face, serve, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    server = serve([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"], context)
    client = face.client(tls=lambda: tls_context(ca_bundle=certificate.ca_file))
    with pytest.raises(Exception, match="cut short"):
        face.send(client, HttpRequest("GET", server.origin, "/"))


class TestManyAtOnce:
    def test_hundreds_of_handshakes(self, server, certificate):
        client = HttpClient(
            Timeouts(10, 30), tls=lambda: tls_context(ca_bundle=certificate.ca_file), find_proxy=lambda _: None
        )

        async def main():
            request = HttpRequest("PUT", server.origin, "/", body=b"x")
            found = await asyncio.gather(*(client.send(request, max_bytes=9) for _ in range(500)))
            await client.close_async()
            return [each.body for each in found]

        assert asyncio.run(main()) == [b"x"] * 500
        assert server.connections < 500

    @pytest.mark.parametrize("steps", range(12))
    @pytest.mark.parametrize("closes", [False, True])
    def test_cancelled_while_they_connect(self, server, certificate, steps, closes):
        client = HttpClient(
            Timeouts(10, 30), tls=lambda: tls_context(ca_bundle=certificate.ca_file), find_proxy=lambda _: None
        )
        request = HttpRequest("PUT", server.origin, "/", body=b"x")

        async def main():
            tasks = [asyncio.create_task(client.send(request, max_bytes=9)) for _ in range(5)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if not closes:
                assert (await client.send(request, max_bytes=9)).body == b"x"
            await client.close_async()

        asyncio.run(main())
        gc.collect()


def test_bundles_of_packages():
    bundle = installed_bundle("certifi")
    assert bundle is None or bundle.stat().st_size > 100_000
    assert installed_bundle("no_such_package") is None
