"""Connection pools, shared by many threads and by many coroutines."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from buckia_core.http.blocking import run_blocking
from buckia_core.http.client import HttpClient, HttpRequest
from buckia_core.http.connection_pool import PoolLimits
from buckia_core.http.event_loop import EventLoopThread
from buckia_core.http.timeouts import Timeouts


def echo(peer):
    """Respond to each request with its target."""
    while head := peer.request()[0]:
        target = head.split(b" ")[1]
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(target), target))


def request_of(server, number=0):
    return HttpRequest("GET", server.origin, f"/{number}")


def client_for(**limits):
    return HttpClient(Timeouts(10, 10), limits=PoolLimits(**limits), find_proxy=lambda _: None)


def test_many_threads(serve):
    server, client = serve(echo), client_for()
    requests = [request_of(server, number) for number in range(400)]
    with ThreadPoolExecutor(16) as pool:
        sent = list(pool.map(lambda request: run_blocking(client.send(request, max_bytes=99)), requests))
    assert [each.body for each in sent] == [f"/{number}".encode() for number in range(400)]
    assert server.connections <= 16
    client.close()


def test_many_coroutines(serve):
    server, client = serve(echo), client_for()

    async def send_all():
        numbers = iter(range(400))

        async def work():
            return [(each, (await client.send(request_of(server, each), max_bytes=99)).body) for each in numbers]

        found = await asyncio.gather(*(work() for _ in range(32)))
        await client.close_async()
        return dict(pair for pairs in found for pair in pairs)

    assert asyncio.run(send_all()) == {number: f"/{number}".encode() for number in range(400)}
    assert server.connections <= 32


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_than_a_limit_are_in_use(serve, limit):
    busy, most, lock = [], [], threading.Lock()

    def handler(peer):
        while head := peer.request()[0]:
            with lock:
                busy.append(head)
                most.append(len(busy))
            time.sleep(0.005)
            with lock:
                busy.pop()
            peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    server, client = serve(handler), client_for(max_in_use=limit)

    async def send_all():
        await asyncio.gather(*(client.send(request_of(server), max_bytes=0) for _ in range(20)))
        await client.close_async()

    asyncio.run(send_all())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: run_blocking(client.send(request_of(server), max_bytes=0)), range(20)))
    assert (max(most), len(most)) == (limit, 40)
    client.close()


def test_connections_belong_to_their_loop(face, serve):
    server, client = serve(echo), client_for()
    with EventLoopThread() as one, EventLoopThread() as other:
        for loop in (one, other, one, other):
            assert loop.run(client.send(request_of(server), max_bytes=9)).body == b"/0"
        assert run_blocking(client.send(request_of(server), max_bytes=9)).body == b"/0"
        assert server.connections == 3
        one.run(client.close_async())
        assert one.run(client.send(request_of(server), max_bytes=9)).body == b"/0", "new calls open new ones"
        assert server.connections == 4
        for loop in (one, other):
            loop.run(client.close_async())
    client.close()
    gc.collect()


def test_most_idle(face, serve):
    server = serve(echo)
    client = face.client(limits=PoolLimits(max_idle=0))
    for _ in range(3):
        face.send(client, request_of(server))
    assert server.connections == 3


def test_idle_for_too_long(face, serve):
    server = serve(echo)
    client = face.client(limits=PoolLimits(idle_timeout=0.05))
    for _ in range(3):
        face.send(client, request_of(server))
        time.sleep(0.1)
    assert server.connections == 3


def test_a_cancelled_request_ends_its_connection(serve):
    release = threading.Event()

    def handler(peer):
        while peer.request()[0]:
            if peer.number == 1:
                release.wait(10)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % peer.number)

    server, client = serve(handler), client_for(max_in_use=1)

    async def run():
        task = asyncio.create_task(client.send(request_of(server), max_bytes=9))
        while not server.connections:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()
        found = (await client.send(request_of(server), max_bytes=9)).body
        await client.close_async()
        return found

    assert asyncio.run(run()) == b"2", "the response to the cancelled request goes to nobody"


def test_a_closed_client_keeps_no_connection(serve):
    server, client = serve(echo), client_for()
    opened = client.open(request_of(server))
    with opened as response:
        client.close()
        assert run_blocking(response.read()) == b"/0"
    run_blocking(client.send(request_of(server), max_bytes=9))
    run_blocking(client.send(request_of(server), max_bytes=9))
    assert server.connections == 3
