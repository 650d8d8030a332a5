"""Without faults the proxy changes nothing and counts everything; rules choose the requests that suffer."""

from __future__ import annotations

import http.client
import ssl
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from buckia_core.testing.fault_proxy.faults import Answer, Cut
from buckia_core.testing.fault_proxy.proxy import FaultProxy
from tests.servers.certificate import can_make_certificates, make_certificate
from tests.servers.origin import Origin, content
from tests.servers.s3_faults import S3FaultProxy
from tests.servers.wire import Wire, get, put, request


def test_requests_pass_over_one_connection_and_are_counted(
    proxy: FaultProxy, origin: Origin, client: http.client.HTTPConnection
) -> None:
    assert get(client, "/bucket/1000") == (200, content(1000))
    assert put(client, "/bucket/a%2Fb?partNumber=1&uploadId=x", b"12345") == (200, b"")
    assert get(client, "/bucket/chunked/250?list-type=2") == (200, content(250))

    assert origin.connections == 1
    assert [arrival.target for arrival in origin.arrivals][1] == "/bucket/a%2Fb?partNumber=1&uploadId=x"
    assert [(one.number, one.method, one.path, one.status) for one in proxy.requests] == [
        (1, "GET", "/bucket/1000", 200),
        (2, "PUT", "/bucket/a%2Fb", 200),
        (3, "GET", "/bucket/chunked/250", 200),
    ]
    assert proxy.requests[1].query == {"partNumber": "1", "uploadId": "x"}
    assert proxy.counts() == {"get": 2, "upload_part": 1}
    assert (proxy.bytes_up, proxy.bytes_down) == (5, 1250)

    proxy.reset_counts()
    get(client, "/1")
    assert [one.number for one in proxy.requests] == [1]


def test_chunks_pass_in_both_directions(proxy: FaultProxy, origin: Origin, client: http.client.HTTPConnection) -> None:
    client.request("PUT", "/chunks", iter([b"abc", b"defgh"]), encode_chunked=True)
    assert client.getresponse().read() == b""
    assert (origin.arrival().body, origin.arrival().complete) == (b"abcdefgh", True)

    assert get(client, "/chunked/1234") == (200, content(1234))
    assert [(one.bytes_in, one.bytes_out) for one in proxy.requests] == [(8, 0), (0, 1234)]


def test_the_head_passes_unchanged(wire: Wire, origin: Origin) -> None:
    wire.send(request("GET", "/3?a=%20&b"))
    wire.receive(content(3))
    assert (origin.arrival().host, origin.arrival().target) == ("bucket.example", "/3?a=%20&b")


def test_the_consent_to_send_a_body_comes_from_the_server(wire: Wire, origin: Origin) -> None:
    wire.send(b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert wire.receive(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
    wire.send(b"abc")
    assert wire.receive(b"\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert origin.arrival().body == b"abc"


def test_a_body_that_the_server_does_not_want_is_not_waited_for(wire: Wire, proxy: FaultProxy) -> None:
    wire.send(b"PUT /unwanted HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    answer, end = wire.receive_all()
    assert answer.startswith(b"HTTP/1.1 412") and answer.endswith(b"no") and end == "closed"
    assert b"Connection: close" in answer
    assert proxy.requests[0].bytes_in == 0


def test_a_large_body_passes_whole(proxy: FaultProxy, client: http.client.HTTPConnection, origin: Origin) -> None:
    body = content(1000) * 5000
    assert put(client, "/large", body) == (200, b"")
    assert origin.arrival().body == body


def test_https_for_clients(origin: Origin, tmp_path: Path) -> None:
    if not can_make_certificates():
        pytest.skip("the openssl command is not found")
    certificate = make_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=certificate.ca_file)
    with S3FaultProxy(origin.endpoint, certificate=certificate) as proxy:
        address = urlsplit(proxy.endpoint)
        assert address.scheme == "https"
        with closing(http.client.HTTPSConnection(address.netloc, context=trust, timeout=10)) as client:
            assert get(client, "/1000000") == (200, content(1000000))
            proxy.fault(Cut(after=4))
            with pytest.raises(http.client.IncompleteRead):
                get(client, "/10")


def test_many_clients_at_once(proxy: FaultProxy) -> None:
    wires = [Wire(proxy) for _ in range(20)]
    for wire in wires:
        wire.send(request("GET", "/100"))
    for wire in wires:
        wire.receive(content(100))
        wire.close()
    assert [one.number for one in proxy.requests] == list(range(1, 21))
    assert proxy.bytes_down == 2000


def test_a_rule_chooses_by_predicate_and_as_often_as_told(
    proxy: FaultProxy, client: http.client.HTTPConnection
) -> None:
    rule = proxy.fault(Answer(503), when=lambda request: request.method == "GET" and request.number > 1, times=2)
    statuses = [get(client, "/1")[0], put(client, "/a", b"")[0], *(get(client, "/1")[0] for _ in range(3))]
    assert statuses == [200, 200, 503, 503, 200]
    assert rule.chosen == 2


def test_the_oldest_rule_that_chooses_a_request_wins(proxy: FaultProxy, client: http.client.HTTPConnection) -> None:
    proxy.fault(Answer(500), times=1)
    proxy.fault(Answer(429))
    assert [get(client, "/1")[0] for _ in range(2)] == [500, 429]
    proxy.clear_faults()
    assert get(client, "/1")[0] == 200


def test_chance_can_be_repeated(proxy: FaultProxy, client: http.client.HTTPConnection) -> None:
    runs = []
    for _ in range(2):
        proxy.clear_faults()
        proxy.fault(Answer(503), probability=0.5, seed=7)
        runs.append([get(client, "/1")[0] for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


def test_a_predicate_that_raises_is_not_hidden(origin: Origin) -> None:
    def broken(request: object) -> bool:
        raise LookupError("broken")

    def provoke() -> None:
        with S3FaultProxy(origin.endpoint) as proxy, closing(Wire(proxy)) as wire:
            proxy.fault(Answer(503), when=broken)
            wire.send(request("GET", "/1"))
            assert wire.receive_all() == (b"", "reset")

    with pytest.raises(RuntimeError) as caught:
        provoke()
    assert isinstance(caught.value.__cause__, LookupError)
