"""Each timeout: what is slow takes its time, what stands still fails."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from buckia_core.http.client import HttpRequest
from buckia_core.http.connection_pool import PoolLimits
from buckia_core.http.origin import Origin
from buckia_core.http.timeouts import Timeouts

USUAL = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture
def gate():
    """An event that ends what waits for it when the test ends."""
    event = threading.Event()
    yield event
    event.set()


def get(server, method="GET", **options):
    return HttpRequest(method, server.origin, "/k", **options)


def test_read(face, serve, gate):
    def handler(peer):
        peer.request()
        gate.wait(10)

    with pytest.raises(TimeoutError):
        face.send(face.client(Timeouts(10, 0.2)), get(serve(handler)))


@pytest.mark.parametrize("sent", [USUAL[:10], USUAL[:-2]])
def test_read_of_the_rest(face, serve, gate, sent):
    def handler(peer):
        peer.request()
        peer.send(sent)
        gate.wait(10)

    with pytest.raises(TimeoutError):
        face.send(face.client(Timeouts(10, 0.2)), get(serve(handler)))


def test_a_slow_response_takes_longer_than_one_read(face, serve):
    def handler(peer):
        peer.request()
        for at in range(0, len(USUAL), 8):
            time.sleep(0.1)
            peer.send(USUAL[at : at + 8])

    assert face.send(face.client(Timeouts(10, 0.4)), get(serve(handler))).body == b"hello"


def test_total(face, serve):
    def handler(peer):
        peer.request()
        for at in range(len(USUAL)):
            time.sleep(0.1)
            peer.send(USUAL[at : at + 1])

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        face.send(face.client(Timeouts(10, 10, total=0.5)), get(serve(handler)))
    assert time.monotonic() - began < 4


def test_write(face, serve, gate):
    def handler(peer):
        peer.head()
        gate.wait(10)

    with pytest.raises(TimeoutError):
        face.send(face.client(Timeouts(10, 0.2, write=0.3)), get(serve(handler), "PUT", body=bytes(64 << 20)))


def test_connect_with_tls(face, gate):
    """The server takes the connection, and never begins TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        origin = Origin("https", "127.0.0.1", listening.getsockname()[1])
        with pytest.raises(TimeoutError):
            face.send(face.client(Timeouts(0.3, 10)), HttpRequest("GET", origin, "/"))


def test_pool(face, serve, gate):
    def handler(peer):
        while peer.request()[0]:
            gate.wait(10)
            peer.send(USUAL)

    server = serve(handler)
    client = face.client(Timeouts(10, 10, pool=0.2), limits=PoolLimits(max_in_use=1))
    taken = threading.Event()
    result = []

    def occupy():
        taken.set()
        result.append(face.send(client, get(server)).body)

    thread = threading.Thread(target=occupy)
    thread.start()
    taken.wait(5)
    deadline = time.monotonic() + 5
    while not server.connections and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(TimeoutError, match="no connection became free"):
        face.send(client, get(server))
    gate.set()
    thread.join()
    assert result == [b"hello"]
    assert face.send(client, get(server)).body == b"hello", "the place is free again"
    assert server.connections == 1


def test_a_request_may_have_timeouts_of_its_own(face, serve, gate):
    def handler(peer):
        while peer.request()[0]:
            time.sleep(0.4)
            peer.send(USUAL)

    server = serve(handler)
    client = face.client(Timeouts(10, 0.2))
    assert face.send(client, get(server, timeouts=Timeouts(10, 10))).body == b"hello"
    with pytest.raises(TimeoutError):
        face.send(client, get(server))


def test_an_idle_connection_outlives_the_timeout_of_a_request(face, serve):
    def handler(peer):
        while peer.request()[0]:
            peer.send(USUAL)

    server = serve(handler)
    client = face.client(Timeouts(10, 0.2))
    for _ in range(3):
        assert face.send(client, get(server)).body == b"hello"
        time.sleep(0.3)
    assert server.connections == 1


def test_a_place_is_free_again_after_each_failure(face, serve):
    server = serve(lambda peer: peer.request())
    client = face.client(Timeouts(10, 10, pool=0.5), limits=PoolLimits(max_in_use=1))
    for _ in range(3):
        with pytest.raises(Exception, match="missing"):
            face.send(client, get(server))
