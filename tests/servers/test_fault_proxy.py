"""Each fault of the proxy happens exactly as its name says, and is counted."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.servers.certificate import can_make_certificates, make_certificate
from tests.servers.fault_proxy import FaultProxy
from tests.servers.faults import Answer, Corrupt, Cut, Delay, LoseReply, Refuse, Reset, Stall, Truncate
from tests.servers.origin import Origin, content, running_origin
from tests.servers.s3_kind import s3_kind


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
    with FaultProxy(origin.endpoint) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(proxy.endpoint).netloc, timeout=10)
    yield connection
    connection.close()


def get(client: http.client.HTTPConnection, target: str) -> tuple[int, bytes]:
    client.request("GET", target)
    response = client.getresponse()
    return response.status, response.read()


def put(client: http.client.HTTPConnection, target: str, body: bytes) -> tuple[int, bytes]:
    client.request("PUT", target, body)
    response = client.getresponse()
    return response.status, response.read()


class Wire:
    """A bare connection, on which an end of data and a reset can be told apart."""

    def __init__(self, proxy: FaultProxy) -> None:
        address = urlsplit(proxy.endpoint)
        self.socket = socket.create_connection((address.hostname, address.port), timeout=10)

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self, marker: bytes) -> bytes:
        data = b""
        while marker not in data:
            data += self.socket.recv(1)
        return data

    def receive_all(self) -> tuple[bytes, str]:
        """Return what comes until the connection ends, and how it ends: `closed` or `reset`."""
        data = b""
        try:
            while piece := self.socket.recv(65536):
                data += piece
        except ConnectionResetError:
            return data, "reset"
        return data, "closed"


@pytest.fixture
def wire(proxy: FaultProxy) -> Iterator[Wire]:
    wire = Wire(proxy)
    yield wire
    wire.close()


def request(method: str, target: str, body: bytes = b"") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: bucket.example\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


# Without faults


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
    with FaultProxy(origin.endpoint, certificate=certificate) as proxy:
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


# Rules


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
        with FaultProxy(origin.endpoint) as proxy, closing(Wire(proxy)) as wire:
            proxy.fault(Answer(503), when=broken)
            wire.send(request("GET", "/1"))
            assert wire.receive_all() == (b"", "reset")

    with pytest.raises(RuntimeError) as caught:
        provoke()
    assert isinstance(caught.value.__cause__, LookupError)


# Faults


def test_refuse(proxy: FaultProxy, wire: Wire, client: http.client.HTTPConnection, origin: Origin) -> None:
    get(client, "/1")
    proxy.fault(Refuse(seconds=0.5), times=1)
    began = time.monotonic()
    wire.send(request("GET", "/1"))
    assert wire.receive_all() == (b"", "reset")
    with pytest.raises(ConnectionResetError):
        get(client, "/1")
    with pytest.raises(ConnectionRefusedError):
        Wire(proxy)
    while time.monotonic() < began + 5:
        client.close()
        try:
            assert get(client, "/2") == (200, content(2))
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            break
    assert time.monotonic() - began >= 0.5
    assert [(one.fault, one.status) for one in proxy.requests] == [(None, 200), (Refuse(0.5), None), (None, 200)]
    assert len(origin.arrivals) == 2


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
    proxy.fault(Delay(0.3))
    wire.send(request("GET", "/5"))
    time.sleep(0.15)
    assert origin.arrivals == []
    wire.receive(content(5))
    assert proxy.requests[0].fault == Delay(0.3)


def test_delay_of_the_answer(proxy: FaultProxy, wire: Wire, origin: Origin) -> None:
    proxy.fault(Delay(0.3, direction="down"))
    began = time.monotonic()
    wire.send(request("GET", "/5"))
    assert origin.arrival().target == "/5" and time.monotonic() - began < 0.3
    wire.receive(b"HTTP/1.1 200")
    assert time.monotonic() - began >= 0.3


def test_stall_within_the_answer(proxy: FaultProxy, wire: Wire) -> None:
    proxy.fault(Stall(0.3, after=400))
    began = time.monotonic()
    wire.send(request("GET", "/1000"))
    wire.receive(b"\r\n\r\n" + content(400))
    assert time.monotonic() - began < 0.3
    wire.receive(content(1000)[400:])
    assert time.monotonic() - began >= 0.3
    assert proxy.requests[0].fault == Stall(0.3, after=400)


def test_stall_within_the_request(proxy: FaultProxy, client: http.client.HTTPConnection, origin: Origin) -> None:
    proxy.fault(Stall(0.3, after=4, direction="up"))
    began = time.monotonic()
    assert put(client, "/a", b"123456789") == (200, b"")
    assert time.monotonic() - began >= 0.3
    assert origin.arrival().body == b"123456789"


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


def test_answer_before_a_body_is_asked_for(proxy: FaultProxy, wire: Wire) -> None:
    proxy.fault(Answer(503))
    wire.send(b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    answer, end = wire.receive_all()
    assert answer.startswith(b"HTTP/1.1 503") and end == "closed"


def test_a_dead_server_looks_dead(origin: Origin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with FaultProxy(f"http://127.0.0.1:{port}") as proxy, closing(Wire(proxy)) as wire:
        wire.send(request("GET", "/1"))
        assert wire.receive_all() == (b"", "reset")


# Kinds

KINDS = """
GET    /                        list_buckets
GET    /b?list-type=2&prefix=x  list
GET    /b/                      list
GET    /b?versions&prefix=x     list_versions
GET    /b?uploads               list_uploads
GET    /b?lifecycle             bucket_settings
HEAD   /b                       head_bucket
PUT    /b                       create_bucket
PUT    /b?versioning            bucket_settings
DELETE /b                       delete_bucket
DELETE /b?policy                bucket_settings
POST   /b?delete                delete_many
GET    /b/k                     get
GET    /b//k                    get
GET    /b/k/                    get
GET    /b/k?tagging             object_settings
HEAD   /b/k                     head
PUT    /b/k                     put
PUT    /b/k?copy                copy
DELETE /b/k?versionId=1         delete
POST   /b/k?uploads             create_multipart
PUT    /b/k?partNumber=1&uploadId=u        upload_part
PUT    /b/k?partNumber=1&uploadId=u&copy   copy_part
GET    /b/k?uploadId=u          list_parts
POST   /b/k?uploadId=u          complete_multipart
DELETE /b/k?uploadId=u          abort_multipart
"""


@pytest.mark.parametrize("row", KINDS.strip().splitlines(), ids=lambda row: " ".join(row.split()))
def test_kinds(row: str) -> None:
    method, target, kind = row.split()
    path, _, text = target.partition("?")
    query = {word.partition("=")[0]: word.partition("=")[2] for word in text.split("&") if word}
    # `copy` in the table stands for the header that names the source.
    headers = {"x-amz-copy-source": "b/s"} if query.pop("copy", None) is not None else {}
    assert s3_kind(method, path, query, headers) == kind
