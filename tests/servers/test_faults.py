"""Each fault happens exactly as its name says, and is recorded."""

from __future__ import annotations

import http.client
import math
import socket
import time
from contextlib import closing

import pytest

from buckia_core.testing.fault_proxy.faults import (
    Answer,
    Corrupt,
    Cut,
    Delay,
    DropHeader,
    LoseReply,
    Refuse,
    Reset,
    Stall,
    Truncate,
    Unsized,
)
from buckia_core.testing.fault_proxy.proxy import FaultProxy
from tests.servers.origin import Origin, content
from tests.servers.s3_faults import S3FaultProxy
from tests.servers.wire import Wire, get, put, request


def test_refuse(proxy: FaultProxy, wire: Wire, client: http.client.HTTPConnection, origin: Origin) -> None:
    get(client, "/1")
    proxy.fault(Refuse(math.inf))
    wire.send(request("GET", "/1"))
    assert wire.receive_all() == (b"", "reset")
    with pytest.raises(ConnectionResetError):
        get(client, "/1")
    with pytest.raises(ConnectionRefusedError):
        Wire(proxy)
    assert [(one.fault, one.status) for one in proxy.requests] == [(None, 200), (Refuse(math.inf), None)]
    assert len(origin.arrivals) == 1


def test_a_server_that_refused_comes_back(proxy: FaultProxy, wire: Wire) -> None:
    proxy.fault(Refuse(seconds=0.3), times=1)
    began = time.monotonic()
    wire.send(request("GET", "/1"))
    assert wire.receive_all() == (b"", "reset")
    while True:
        try:
            with closing(Wire(proxy)) as later:
                later.send(request("GET", "/2"))
                later.receive(content(2))
            break
        except ConnectionRefusedError:
            assert time.monotonic() - began < 10
            time.sleep(0.02)
    assert time.monotonic() - began >= 0.3


def test_refusing(proxy: FaultProxy, client: http.client.HTTPConnection) -> None:
    get(client, "/1")
    with proxy.refusing():
        with pytest.raises(ConnectionResetError):
            get(client, "/1")
        with pytest.raises(ConnectionRefusedError):
            Wire(proxy)
    client.close()
    assert get(client, "/1")[0] == 200


def test_delay_of_the_request(proxy: FaultProxy, wire: Wire, origin: Origin) -> None:
    proxy.fault(Delay(math.inf))
    wire.send(request("GET", "/5"))
    assert wire.is_silent() and origin.arrivals == []
    assert proxy.requests[0].fault == Delay(math.inf)


def test_delay_of_the_answer(proxy: FaultProxy, wire: Wire, origin: Origin) -> None:
    proxy.fault(Delay(math.inf, direction="down"))
    wire.send(request("GET", "/5"))
    assert origin.arrival().target == "/5" and wire.is_silent()


def test_stall_within_the_answer(proxy: FaultProxy, wire: Wire) -> None:
    proxy.fault(Stall(math.inf, after=400))
    wire.send(request("GET", "/1000"))
    wire.receive(b"\r\n\r\n" + content(400))
    assert wire.is_silent()
    assert proxy.requests[0].fault == Stall(math.inf, after=400)


@pytest.mark.parametrize(
    "fault",
    [Delay(0.2), Delay(0.2, direction="down"), Stall(0.2, after=4), Stall(0.2, after=4, direction="up")],
)
def test_what_waited_goes_on(
    proxy: FaultProxy, client: http.client.HTTPConnection, origin: Origin, fault: Delay | Stall
) -> None:
    proxy.fault(fault)
    method, target, body = ("PUT", "/a", b"123456789") if fault.direction == "up" else ("GET", "/9", None)
    began = time.monotonic()
    client.request(method, target, body)
    assert client.getresponse().read() == (b"" if body else content(9))
    assert time.monotonic() - began >= 0.2
    assert (origin.arrival().body, proxy.requests[0].fault) == (body or b"", fault)


@pytest.mark.parametrize("target", ["/1000", "/chunked/1000"])
def test_cut_of_the_answer(proxy: FaultProxy, wire: Wire, target: str) -> None:
    proxy.fault(Cut(after=333, direction="down"))
    wire.send(request("GET", target))
    answer, end = wire.receive_all()
    assert end == "closed" and answer.startswith(b"HTTP/1.1 200")
    if target == "/1000":
        assert b"Content-Length: 1000" in answer
        assert answer.partition(b"\r\n\r\n")[2] == content(333)
    assert not answer.endswith(b"0\r\n\r\n")
    assert [(one.bytes_out, one.fault) for one in proxy.requests] == [(333, Cut(after=333))]


def test_cut_of_the_request(proxy: FaultProxy, wire: Wire, origin: Origin) -> None:
    proxy.fault(Cut(after=3, direction="up"))
    wire.send(request("PUT", "/a", b"1234567"))
    assert wire.receive_all() == (b"", "closed")
    assert (origin.arrival().body, origin.arrival().complete) == (b"123", False)
    assert [(one.status, one.server_status, one.bytes_in) for one in proxy.requests] == [(None, None, 3)]


def test_a_request_cut_at_nothing_does_not_reach_the_server(proxy: FaultProxy, wire: Wire, origin: Origin) -> None:
    proxy.fault(Cut(after=0, direction="up"), times=1)
    wire.send(request("PUT", "/a", b"1234567"))
    assert wire.receive_all() == (b"", "closed")
    assert origin.connections == 0


def test_a_body_that_ends_before_the_place_is_left_alone(proxy: FaultProxy, client: http.client.HTTPConnection) -> None:
    proxy.fault(Cut(after=10))
    assert get(client, "/10") == (200, content(10))
    assert [one.fault for one in proxy.requests] == [None]


def test_reset_of_the_request(proxy: FaultProxy, wire: Wire, origin: Origin) -> None:
    proxy.fault(Reset())
    wire.send(request("GET", "/10"))
    assert wire.receive_all() == (b"", "reset")
    assert origin.connections == 0
    assert [(one.status, one.fault) for one in proxy.requests] == [(None, Reset())]


def test_reset_within_the_answer(proxy: FaultProxy, wire: Wire) -> None:
    proxy.fault(Reset(after=5, direction="down"))
    wire.send(request("GET", "/10"))
    answer, end = wire.receive_all()
    assert end == "reset" and answer.endswith(b"\r\n\r\n" + content(5))


def test_reset_within_the_request(proxy: FaultProxy, wire: Wire, origin: Origin) -> None:
    proxy.fault(Reset(after=2, direction="up"))
    wire.send(request("PUT", "/a", b"1234567"))
    assert wire.receive_all() == (b"", "reset")
    assert (origin.arrival().body, origin.arrival().complete) == (b"12", False)


def test_truncate_with_the_promised_length(proxy: FaultProxy, wire: Wire) -> None:
    proxy.fault(Truncate(after=6))
    wire.send(request("GET", "/10"))
    answer, end = wire.receive_all()
    assert b"Content-Length: 10\r\n" in answer and answer.endswith(b"\r\n\r\n" + content(6)) and end == "closed"


@pytest.mark.parametrize("target", ["/1000", "/chunked/1000"])
def test_truncate_with_a_matching_length(
    proxy: FaultProxy, client: http.client.HTTPConnection, origin: Origin, target: str
) -> None:
    proxy.fault(Truncate(after=6, honest=True), times=1)
    assert get(client, target) == (200, content(6))
    assert get(client, target) == (200, content(1000))
    assert [(one.bytes_out, one.fault) for one in proxy.requests] == [(6, Truncate(6, honest=True)), (1000, None)]


@pytest.mark.parametrize("target", ["/1000", "/chunked/1000"])
def test_a_body_without_a_length(proxy: FaultProxy, wire: Wire, target: str) -> None:
    proxy.fault(Unsized(400))
    wire.send(request("GET", target))
    received, end = wire.receive_all()
    head, _, body = received.partition(b"\r\n\r\n")
    assert (body, end) == (content(1000)[:400], "closed")
    assert b"content-length" not in head.lower()
    assert b"transfer-encoding" not in head.lower()


def test_corrupt_the_answer(proxy: FaultProxy, client: http.client.HTTPConnection) -> None:
    proxy.fault(Corrupt(at=700))
    _, body = get(client, "/1000")
    differences = zip(body, content(1000), strict=True)
    assert [index for index, (left, right) in enumerate(differences) if left != right] == [700]


def test_corrupt_the_request(proxy: FaultProxy, client: http.client.HTTPConnection, origin: Origin) -> None:
    proxy.fault(Corrupt(at=0, direction="up"))
    put(client, "/a", b"\x00bc")
    assert origin.arrival().body == b"\xffbc"


@pytest.mark.parametrize(("reset", "end"), [(False, "closed"), (True, "reset")])
def test_lose_the_reply(proxy: FaultProxy, wire: Wire, origin: Origin, reset: bool, end: str) -> None:
    proxy.fault(LoseReply(reset=reset))
    wire.send(request("PUT", "/a", b"1234"))
    assert wire.receive_all() == (b"", end)
    assert (origin.arrival().body, origin.arrival().complete) == (b"1234", True)
    assert [(one.status, one.server_status) for one in proxy.requests] == [(None, 200)]


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (400, "InvalidRequest")])
def test_answer_in_the_place_of_the_server(
    proxy: FaultProxy, client: http.client.HTTPConnection, origin: Origin, status: int, code: str
) -> None:
    proxy.fault(Answer(status, retry_after=3), times=1)
    client.request("PUT", "/a", b"1234")
    response = client.getresponse()
    assert response.status == status
    assert response.headers["Retry-After"] == "3"
    assert f"<Code>{code}</Code>".encode() in response.read()
    assert origin.arrivals == []
    assert get(client, "/1")[0] == 200
    assert [(one.status, one.server_status) for one in proxy.requests] == [(status, None), (200, 200)]
    assert proxy.bytes_up == 0


def test_answer_with_a_body_of_ones_own(proxy: FaultProxy, client: http.client.HTTPConnection) -> None:
    proxy.fault(Answer(429, body=b'{"code": "too_many_requests"}', content_type="application/json"))
    assert get(client, "/1") == (429, b'{"code": "too_many_requests"}')


def test_redirect(proxy: FaultProxy, client: http.client.HTTPConnection) -> None:
    proxy.fault(Answer(307, body=b"", location="http://127.0.0.1:1/elsewhere"))
    client.request("GET", "/1")
    response = client.getresponse()
    assert (response.status, response.headers["Location"], response.read()) == (
        307,
        "http://127.0.0.1:1/elsewhere",
        b"",
    )


def test_header_that_does_not_reach_the_server(proxy: FaultProxy, wire: Wire, origin: Origin) -> None:
    proxy.fault(DropHeader("host"))
    wire.send(request("GET", "/3"))
    wire.receive(content(3))
    assert not origin.arrival().host
    assert [one.fault for one in proxy.requests] == [DropHeader("host")]


def test_answer_before_a_body_is_asked_for(proxy: FaultProxy, wire: Wire) -> None:
    proxy.fault(Answer(503))
    wire.send(b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    answer, end = wire.receive_all()
    assert answer.startswith(b"HTTP/1.1 503") and end == "closed"


def test_a_dead_server_looks_dead(origin: Origin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with S3FaultProxy(f"http://127.0.0.1:{port}") as proxy, closing(Wire(proxy)) as wire:
        wire.send(request("GET", "/1"))
        assert wire.receive_all() == (b"", "reset")
