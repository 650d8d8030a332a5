"""Requests through a proxy: whole URLs for http, CONNECT for https."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest

from buckia_core.http.client import HttpRequest
from buckia_core.http.errors import ProxyError
from buckia_core.http.origin import Origin
from buckia_core.http.proxy import parse_proxy, proxy_for
from buckia_core.http.timeouts import Timeouts
from buckia_core.http.tls import tls_context
from tests.servers.certificate import can_make_certificates, make_certificate

USUAL = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BEHIND = Origin("http", "objects.example", 8000)
BEHIND_TLS = Origin("https", "objects.example", 443)


def through(server):
    return lambda _: parse_proxy(f"http://me:pass%40word@127.0.0.1:{server.port}")


def test_plain(face, serve):
    heads = []

    def handler(peer):
        while head := peer.request()[0]:
            heads.append(head)
            peer.send(USUAL)

    server = serve(handler)
    client = face.client(find_proxy=through(server))
    for _ in range(2):
        assert face.send(client, HttpRequest("GET", BEHIND, "/b/k?a=b", {"X": "1"})).body == b"hello"
    assert server.connections == 1
    assert heads[0].split(b"\r\n") == [
        b"GET http://objects.example:8000/b/k?a=b HTTP/1.1",
        b"Host: objects.example:8000",
        b"X: 1",
        b"Proxy-Authorization: Basic bWU6cGFzc0B3b3Jk",
    ]


def test_plain_with_wrong_credentials(face, serve):
    server = serve([b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"])
    assert face.send(face.client(find_proxy=through(server)), HttpRequest("GET", BEHIND, "/")).status == 407


@pytest.mark.skipif(not can_make_certificates(), reason="the command openssl is not here")
def test_tunnel(face, serve, tmp_path):
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    seen = []

    def handler(peer):
        seen.append(peer.head())
        peer.send(b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n")
        peer.sock = context.wrap_socket(peer.sock, server_side=True)
        while head := peer.request()[0]:
            seen.append(head)
            peer.send(USUAL)
        peer.sock.close()

    server = serve(handler)
    client = face.client(find_proxy=through(server), tls=lambda: tls_context(ca_bundle=certificate.ca_file))
    origin = Origin("https", "localhost", 443)
    for _ in range(2):
        assert face.send(client, HttpRequest("GET", origin, "/k")).body == b"hello"
    connect, *requests = (each.split(b"\r\n") for each in seen)
    assert connect == [
        b"CONNECT localhost:443 HTTP/1.1",
        b"Host: localhost:443",
        b"Proxy-Authorization: Basic bWU6cGFzc0B3b3Jk",
    ]
    assert requests == [[b"GET /k HTTP/1.1", b"Host: localhost"]] * 2


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "asks for a user and a password"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "refuses to connect .status 403"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "sent bytes of its own"),
        (b"", "missing"),
        (b"HTTP/1.1 200 O", "cut short"),
        (b"hello\r\n\r\n", "not HTTP"),
    ],
)
def test_a_tunnel_that_is_refused(face, serve, response, words):
    def handler(peer):
        peer.head()
        peer.send(response)

    server = serve(handler)
    with pytest.raises(ProxyError, match=words) as caught:
        face.send(face.client(find_proxy=through(server)), HttpRequest("GET", BEHIND_TLS, "/"))
    assert f"127.0.0.1:{server.port}" in str(caught.value)
    assert "pass" not in repr(caught.value).replace("a password", "")


def test_a_proxy_that_is_not_there(face):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    client = face.client(find_proxy=lambda _: parse_proxy(f"http://me:secret@127.0.0.1:{port}"))
    for origin in (BEHIND, BEHIND_TLS):
        with pytest.raises(ProxyError, match=f"the proxy 127.0.0.1:{port} can't be reached") as caught:
            face.send(client, HttpRequest("GET", origin, "/"))
        assert "secret" not in repr(caught.value)


def test_a_tunnel_that_stands_still(face, serve):
    ended = threading.Event()

    def handler(peer):
        peer.head()
        ended.wait(10)

    server = serve(handler)
    try:
        with pytest.raises(TimeoutError):
            face.send(face.client(Timeouts(0.3, 10), find_proxy=through(server)), HttpRequest("GET", BEHIND_TLS, "/"))
    finally:
        ended.set()


def test_credentials_do_not_show():
    proxy = parse_proxy("http://me:secret@proxy.example:3128")
    assert (proxy.host, proxy.port, proxy.authority) == ("proxy.example", 3128, "proxy.example:3128")
    assert "secret" not in repr(proxy)
    assert parse_proxy("proxy.example").authority == "proxy.example:80"
    assert parse_proxy("http://[::1]:3128").authority == "[::1]:3128"


def test_a_header_that_can_not_be_sent_to_the_proxy(face):
    client = face.client(find_proxy=lambda _: parse_proxy("http://127.0.0.1:99999"))
    with pytest.raises(ValueError, match=r"[Pp]ort"):
        face.send(client, HttpRequest("GET", BEHIND, "/"))


def test_that_of_the_environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for(BEHIND) is None
    monkeypatch.setenv("http_proxy", "http://proxy.example:1")
    monkeypatch.setenv("no_proxy", "objects.example:443")
    found = proxy_for(BEHIND)
    assert found is not None
    assert found.authority == "proxy.example:1"
    assert proxy_for(Origin("http", "objects.example", 443)) is None
