"""Fetching URLs that others gave: what is refused, and that no answer of DNS gets around it."""

from __future__ import annotations

import hashlib
import io
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from buckia_core.errors import AdapterError, BuckiaError, Transient
from buckia_core.objects import fetch
from buckia_core.objects.fetch import Fetcher, FetchRefused, is_public
from tests.servers.certificate import can_make_certificates, make_certificate

CONTENT = b"\x89PNG" + bytes(100_000)
PUBLIC = "93.184.216.34"


class Handler(BaseHTTPRequestHandler):
    """A CDN: `/a.png`, and answers of all kinds."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        headers: dict[str, str] = {}
        status, body = 200, CONTENT
        match path:
            case "/a.png":
                headers = {"Content-Type": "image/png; charset=x"}
            case "/endless":
                self.send_response(200)
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(bytes(100_000))
                except OSError:
                    return
            case "/zipped":
                headers = {"Content-Encoding": "gzip"}
            case "/short":
                headers = {"Content-Length": str(len(CONTENT) + 5)}
            case "/missing":
                status, body = 404, b""
            case "/busy":
                status, body = 503, b""
            case _ if path.startswith("/to/"):
                status, body, headers = 302, b"", {"Location": self.server.targets[path]}  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if path == "/short":
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def cdn(tmp_path_factory) -> Iterator[Any]:
    """A server with TLS on 127.0.0.1."""
    if not can_make_certificates():
        pytest.skip("openssl is not installed")
    certificate = make_certificate(tmp_path_factory.mktemp("certificate"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.targets, server.ca_file = {}, certificate.ca_file  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def here(cdn, monkeypatch) -> str:
    """The URL of the server, as if its address were public."""
    monkeypatch.setattr(fetch, "is_public", lambda address: True)
    monkeypatch.setenv("SSL_CERT_FILE", str(cdn.ca_file))
    return f"https://localhost:{cdn.server_port}"


def fetched(url: str, max_bytes: int = 1 << 20, **options: Any) -> tuple[fetch.Fetched, bytes]:
    target = io.BytesIO()
    return Fetcher(max_bytes, timeout=10.0, **options).fetch(url, target), target.getvalue()


def test_content_is_hashed_on_the_way(here):
    found, content = fetched(f"{here}/a.png?X-Amz-Signature=abcdef0123456789")
    assert content == CONTENT
    assert (found.size, found.content_type) == (len(CONTENT), "image/png")
    assert found.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert "abcdef0123456789" not in found.url


@pytest.mark.parametrize(
    "url",
    ["http://example.com/a", "file:///etc/passwd", "ftp://example.com/a", "gopher://x", "a", "", "https://", "//h/a"],
)
def test_only_https_is_fetched(url):
    with pytest.raises(FetchRefused):
        fetched(url)


@pytest.mark.parametrize("url", ["https://user:pw@example.com/", "https://user@example.com/", "https://h:99999/"])
def test_a_url_with_a_user_or_a_wrong_port_is_refused_without_showing_it(url):
    with pytest.raises(FetchRefused) as caught:
        fetched(url)
    assert "pw" not in str(caught.value)


REFUSED = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"),
    *("224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1"),
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::7f00:1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("2002:7f00:1::", "2002:a00:1::", "64:ff9b:1::1"),
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address, monkeypatch):
    assert not is_public(ipaddress.ip_address(address))
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answer)
    monkeypatch.setattr(socket, "create_connection", lambda *args, **kwargs: pytest.fail("it was connected to"))
    with pytest.raises(FetchRefused, match="not public"):
        fetched("https://cdn.example.com/a")


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_allowed(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
)
def test_this_machine_is_refused_in_every_spelling(cdn, host):
    with pytest.raises((FetchRefused, Transient)) as caught:
        fetched(f"https://{host}:{cdn.server_port}/a.png")
    assert isinstance(caught.value, FetchRefused) or "resol" in str(caught.value) or "Name" in str(caught.value)


def test_a_host_with_one_private_address_among_public_ones_is_refused(monkeypatch):
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in (PUBLIC, "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answer)
    with pytest.raises(FetchRefused, match=r"10\.0\.0\.1"):
        fetched("https://cdn.example.com/a")


def test_an_answer_of_dns_that_changes_has_no_effect(monkeypatch):
    answers = iter([PUBLIC, "127.0.0.1", "127.0.0.1"])
    asked: list[str] = []
    connected: list[Any] = []

    def resolve(host, *args, **kwargs):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 443))]

    def connect(address, **kwargs):
        connected.append(address)
        raise ConnectionRefusedError("no")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Transient):
        fetched("https://rebinding.example.com/a")
    assert asked == ["rebinding.example.com"] and connected == [(PUBLIC, 443)]
    with pytest.raises(FetchRefused):
        fetched("https://rebinding.example.com/a")
    assert len(connected) == 1


def test_a_redirect_is_followed_where_it_leads_to_a_public_address(here, cdn):
    cdn.targets |= {"/to/a": "/to/b", "/to/b": f"{here}/a.png"}
    assert fetched(f"{here}/to/a")[1] == CONTENT


@pytest.mark.parametrize("location", ["http://localhost/a.png", "file:///etc/passwd", "https://user:pw@h/", "//"])
def test_a_redirect_to_another_scheme_is_refused(here, cdn, location):
    cdn.targets["/to/other"] = location
    with pytest.raises(FetchRefused):
        fetched(f"{here}/to/other")


def test_a_redirect_to_a_private_address_is_refused(here, cdn, monkeypatch):
    cdn.targets["/to/inside"] = "https://169.254.169.254/latest/meta-data/"
    real = is_public
    monkeypatch.setattr(fetch, "is_public", lambda address: address.is_loopback or real(address))
    with pytest.raises(FetchRefused, match=r"169\.254\.169\.254 is not public"):
        fetched(f"{here}/to/inside")


def test_redirects_end(here, cdn):
    cdn.targets["/to/loop"] = "/to/loop"
    with pytest.raises(FetchRefused, match="more than 5 redirects"):
        fetched(f"{here}/to/loop")


def test_content_that_is_too_large_is_refused_early_and_while_it_comes(here):
    with pytest.raises(FetchRefused, match="larger than 1000 bytes"):
        fetched(f"{here}/a.png", 1000)
    with pytest.raises(FetchRefused, match="larger than 1000000 bytes"):
        fetched(f"{here}/endless", 1_000_000)
    assert fetched(f"{here}/a.png", len(CONTENT))[0].size == len(CONTENT)


def test_content_that_takes_too_long_is_given_up(here):
    with pytest.raises(Transient, match="longer than"):
        fetched(f"{here}/endless", 1 << 40, max_seconds=0.0)


@pytest.mark.parametrize(
    ("path", "kind"),
    [("zipped", FetchRefused), ("short", BuckiaError), ("missing", AdapterError), ("busy", Transient)],
)
def test_an_answer_that_is_not_the_content_is_an_error(here, path, kind):
    with pytest.raises(kind):
        fetched(f"{here}/{path}")


def test_a_certificate_of_another_host_is_refused(cdn, monkeypatch):
    monkeypatch.setattr(fetch, "is_public", lambda address: True)
    with pytest.raises(Transient, match=r"(?i)certificate"):
        fetched(f"https://localhost:{cdn.server_port}/a.png")


def test_a_proxy_of_the_environment_is_not_used(here, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert fetched(f"{here}/a.png")[1] == CONTENT


def test_a_signature_of_a_url_does_not_show_in_errors(here):
    with pytest.raises(AdapterError) as caught:
        fetched(f"{here}/missing?X-Amz-Signature=abcdef0123456789&token=secret-token-value")
    assert "abcdef0123456789" not in str(caught.value) and "secret-token-value" not in str(caught.value)
