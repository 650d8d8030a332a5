"""The client against servers that give every kind of response, by both ways to call."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from buckia_core.http.blocking import run_blocking
from buckia_core.http.client import HttpClient, HttpRequest
from buckia_core.http.errors import (
    IncompleteResponse,
    LocalFileError,
    NoResponse,
    ProtocolError,
    UnusableResponse,
)
from buckia_core.http.origin import Origin, split_url
from buckia_core.http.timeouts import Timeouts

USUAL = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "x"\r\n\r\nhello'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;more=1\r\nllo\r\n0\r\nTrailer: t\r\n\r\n"
MIB = 1 << 20


def get(server, method="GET", **options):
    return HttpRequest(method, server.origin, "/k", **options)


def keep(*pieces):
    """Return a handler that sends the same response to request after request."""

    def handler(peer):
        while peer.request()[0]:
            peer.send(*pieces)

    return handler


class TestRequests:
    def test_head_and_small_body(self, face, serve):
        seen = []

        def handler(peer):
            seen.append(peer.request())
            peer.send(USUAL)

        server = serve(handler)
        request = get(server, "PUT", headers={"X-One": "1", "X-Two": "ä"}, body=b"content")
        response = face.send(face.client(), request)
        assert (response.status, response.headers.get("ETag"), response.body) == (200, '"x"', b"hello")
        [(head, body)] = seen
        host = f"Host: 127.0.0.1:{server.port}".encode()
        lines = [b"PUT /k HTTP/1.1", host, b"X-One: 1", "X-Two: ä".encode("latin-1"), b"Content-Length: 7"]
        assert (head.split(b"\r\n"), body) == (lines, b"content")

    @pytest.mark.parametrize(("method", "length"), [("GET", False), ("HEAD", False), ("DELETE", False), ("POST", True)])
    def test_without_a_body(self, face, serve, method, length):
        seen = []

        def handler(peer):
            seen.append(peer.request()[0])
            peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")

        face.send(face.client(), get(serve(handler), method))
        assert (b"Content-Length: 0" in seen[0]) is length

    @pytest.mark.parametrize("size", [64 << 10, (64 << 10) + 1, 5 * MIB + 3])
    @pytest.mark.parametrize("kind", [bytes, memoryview, "chunks"])
    def test_bodies(self, face, serve, size, kind):
        content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        seen = []

        def handler(peer):
            while (received := peer.request())[0]:
                seen.append(received[1] == content)
                peer.send(USUAL)

        body = (content[at : at + 100_000] for at in range(0, size, 100_000)) if kind == "chunks" else kind(content)
        server = serve(handler)
        client = face.client()
        face.send(client, get(server, "PUT", body=body, length=size))
        face.send(client, get(server, "PUT", body=content))
        assert (seen, server.connections) == ([True, True], 1)

    def test_chunks_need_a_length(self, face, serve):
        with pytest.raises(TypeError, match="length"):
            face.send(face.client(), get(serve(keep(USUAL)), "PUT", body=iter([b"x"])))

    @pytest.mark.parametrize("size", [1, 100_000])
    def test_a_body_that_can_not_be_read(self, face, serve, size):
        def chunks():
            yield b"x"
            raise PermissionError(13, "no", "the file")

        with pytest.raises(LocalFileError) as caught:
            face.send(face.client(), get(serve(keep(USUAL)), "PUT", body=chunks(), length=size))
        assert isinstance(caught.value.error, PermissionError)

    @pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\0", "é\u2028"])
    def test_headers_that_can_not_be_sent(self, face, serve, value):
        server = serve(keep(USUAL))
        with pytest.raises(ValueError, match="header") as caught:
            face.send(face.client(), get(server, headers={"Authorization": "secret", "X": value}))
        assert "secret" not in repr(caught.value)
        assert caught.value.__cause__ is None

    def test_repr_shows_no_secrets(self):
        request = HttpRequest("GET", Origin("http", "h", 80), "/k?sig=secret", {"Authorization": "secret"}, b"secret")
        assert "secret" not in repr(request)


class TestResponses:
    @pytest.mark.parametrize("response", [USUAL, CHUNKED])
    @pytest.mark.parametrize("place", [1, 9, 20, 40, 60, -1, -3])
    def test_in_pieces(self, face, serve, response, place):
        server = serve(keep(response[:place], response[place:]))
        client = face.client()
        for _ in range(3):
            assert face.send(client, get(server)).body == b"hello"
        assert server.connections == 1

    def test_interim_responses_are_skipped(self, face, serve):
        interim = b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        server = serve(keep(*interim, USUAL))
        client = face.client()
        assert [face.send(client, get(server)).body for _ in range(2)] == [b"hello"] * 2
        content = bytes(MIB)
        assert face.send(client, get(server, "PUT", body=content)).status == 200

    def test_connection_close(self, face, serve):
        server = serve(keep(USUAL.replace(b"ETag", b"Connection: close\r\nETag")))
        client = face.client()
        assert [face.send(client, get(server)).body for _ in range(3)] == [b"hello"] * 3
        assert server.connections == 3

    @pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"])
    def test_a_body_that_ends_with_the_connection(self, face, serve, head):
        server = serve([head, b"he", b"llo"])
        client = face.client()
        assert [face.send(client, get(server)).body for _ in range(2)] == [b"hello"] * 2
        assert server.connections == 2

    def test_http_1_0_that_keeps_the_connection(self, face, serve):
        response = USUAL.replace(b"HTTP/1.1", b"HTTP/1.0")
        server = serve(keep(response.replace(b"ETag", b"Connection: Keep-Alive\r\nETag")))
        client = face.client()
        assert [face.send(client, get(server)).body for _ in range(2)] == [b"hello"] * 2
        assert server.connections == 1

    def test_head_has_no_body(self, face, serve):
        server = serve(keep(USUAL.removesuffix(b"hello")))
        client = face.client()
        for _ in range(2):
            response = face.send(client, get(server, "HEAD"))
            assert (response.headers["content-length"], response.body) == ("5", b"")
        assert server.connections == 1

    def test_bytes_that_nobody_asked_for(self, face, serve):
        server = serve(keep(USUAL + USUAL))
        client = face.client()
        assert [face.send(client, get(server)).body for _ in range(2)] == [b"hello"] * 2
        assert server.connections == 2

    @pytest.mark.parametrize(
        ("response", "error"),
        [
            (b"", NoResponse),
            (b"HTTP/1.1 100 Continue\r\n\r\n", NoResponse),
            (b"HTTP/1.1 200 OK\r\nContent-Le", IncompleteResponse),
            (USUAL[:-2], IncompleteResponse),
            (CHUNKED[: CHUNKED.index(b"llo") + 1], IncompleteResponse),
            (CHUNKED.replace(b"2\r\n", b"z\r\n"), ProtocolError),
            (CHUNKED.replace(b"he", b"hey"), ProtocolError),
            (CHUNKED.replace(b";more=1", b";" + b"x" * 20_000), ProtocolError),
            (CHUNKED.replace(b"Trailer: t\r\n", b"Trailer: t\r\n" * 40_000), ProtocolError),
            (USUAL.replace(b"ETag", b"X: " + b"x" * (300 << 10) + b"\r\nETag"), ProtocolError),
            (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20_000 + USUAL, ProtocolError),
            (USUAL.replace(b"5", b"5\r\nContent-Length: 4"), UnusableResponse),
            (USUAL.replace(b"5", b"-5"), UnusableResponse),
            (USUAL.replace(b"5", b""), UnusableResponse),
            (USUAL.replace(b"5", b"9" * 30), UnusableResponse),
            (USUAL.replace(b"Content-Length: 5", b"Transfer-Encoding: gzip, chunked"), UnusableResponse),
            (USUAL.replace(b"HTTP/1.1", b"HTTP/2"), ProtocolError),
            (USUAL.replace(b"ETag:", b"ETag"), ProtocolError),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", ProtocolError),
            (b"SSH-2.0-OpenSSH\r\n", ProtocolError),
            (b"<html>", ProtocolError),
        ],
    )
    def test_odd_ones(self, face, serve, response, error):
        server = serve([response])
        with pytest.raises(error) as caught:
            face.send(face.client(), get(server))
        assert type(caught.value) is error
        assert str(caught.value)

    @pytest.mark.parametrize(
        "response",
        [
            USUAL.replace(b"5", b"5\r\ncontent-length: 5"),
            USUAL.replace(b"5", b"005"),
            USUAL.replace(b"\r\n", b"\n"),
            USUAL.replace(b'"x"', b'"x"\r\nX-Long: one\r\n\t two'),
            USUAL.replace(b"ETag:", b"ETag :"),
            USUAL.replace(b"OK", "schön".encode()),
            USUAL.replace(b" OK", b""),
            CHUNKED.replace(b"chunked", b"CHUNKED"),
            CHUNKED.replace(b"\r\n2", b"\r\n00002"),
        ],
    )
    def test_odd_ones_that_are_clear(self, face, serve, response):
        assert face.send(face.client(), get(serve([response]))).body == b"hello"

    def test_a_length_beside_chunks_is_ignored_and_ends_the_connection(self, face, serve):
        server = serve(keep(CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n", 1)))
        client = face.client()
        assert [face.send(client, get(server)).body for _ in range(2)] == [b"hello"] * 2
        assert server.connections == 2

    @pytest.mark.parametrize("response", [USUAL, CHUNKED, b"HTTP/1.1 200 OK\r\n\r\nhello"])
    def test_more_bytes_than_allowed(self, face, serve, response):
        server = serve([response])
        with pytest.raises(UnusableResponse, match="more than 4 bytes"):
            face.send(face.client(), get(server), max_bytes=4)
        assert face.send(face.client(), get(server), max_bytes=5).body == b"hello"


class TestFailures:
    @pytest.mark.parametrize("sent", [b"", USUAL[:10], USUAL[:-2], CHUNKED[:60]])
    def test_resets(self, face, serve, sent):
        acted = threading.Event()

        def handler(peer):
            peer.request()
            peer.send(sent)
            acted.wait(0.2)
            peer.reset()

        with pytest.raises((OSError, IncompleteResponse)):
            face.send(face.client(), get(serve(handler)))

    def test_no_server(self, face):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        with pytest.raises(ConnectionRefusedError) as caught:
            face.send(face.client(), HttpRequest("GET", Origin("http", "127.0.0.1", port), "/"))
        assert caught.value.strerror
        assert "connect call" not in caught.value.strerror.lower()

    def test_no_such_host(self, face):
        with pytest.raises(socket.gaierror):
            face.send(face.client(), HttpRequest("GET", Origin("http", "no-such-host.invalid", 80), "/"))

    @pytest.mark.parametrize("end", ["closes", "resets", "stays", "half"])
    def test_a_response_before_the_body_is_sent(self, face, serve, end):
        """The server refuses a large upload by its head; what it does then must not hide the refusal."""
        done = threading.Event()

        def handler(peer):
            peer.head()
            peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
            if end == "half":
                peer.sock.shutdown(socket.SHUT_WR)
            if end in ("stays", "half"):
                done.wait(10)
            elif end == "closes":
                # What is unread makes a reset of it; wait until the client has the response.
                done.wait(0.5)

        server = serve(handler)
        # With blocking sockets, a response is looked for when sending takes too long.
        client = face.client(Timeouts(10, 10, write=0.5))
        try:
            response = face.send(client, get(server, "PUT", body=bytes(64 * MIB)))
        except OSError:
            assert end in ("closes", "resets")
        else:
            assert (response.status, response.body) == (413, b"big")
        finally:
            done.set()

    def test_an_interim_response_before_the_body_is_sent(self, face, serve):
        def handler(peer):
            peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert len(peer.request()[1]) == 8 * MIB
            peer.send(USUAL)

        assert face.send(face.client(), get(serve(handler), "PUT", body=bytes(8 * MIB))).body == b"hello"

    def test_a_connection_that_the_server_closed_is_not_used_again(self, face, serve):
        closed = threading.Semaphore(0)

        def handler(peer):
            peer.request()
            peer.send(USUAL)
            peer.sock.close()
            closed.release()

        server = serve(handler)
        client = face.client()
        for _ in range(5):
            assert face.send(client, get(server)).body == b"hello"
            closed.acquire()
        assert server.connections == 5


class TestStreaming:
    def test_read_in_blocks(self, face, serve):
        content = bytes(range(256)) * (12 << 10)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        server = serve(keep(head + content))
        client = face.client()

        async def read():
            async with client.open(get(server)) as response:
                assert response.remaining == len(content)
                blocks = [await response.read(100_000)]
                buffer = bytearray(1 << 20)
                count = await response.read_into(buffer)
                blocks += [bytes(buffer[:count]), await response.read()]
                assert response.remaining == 0
                assert [await response.read(5), await response.read(), await response.read_into(buffer)] == [
                    b"",
                    b"",
                    0,
                ]
                return b"".join(blocks)

        assert [face.run(read()) == content for _ in range(2)] == [True, True]
        assert server.connections == 1

    @pytest.mark.parametrize("response", [CHUNKED, b"HTTP/1.1 200 OK\r\n\r\nhello", USUAL])
    @pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
    def test_blocks_of_any_body(self, face, serve, response, size):
        client = face.client()
        server = serve([response])

        async def read():
            async with client.open(get(server)) as opened:
                blocks = []
                while block := await opened.read(size):
                    blocks.append(bytes(block))
                return blocks

        assert face.run(read()) == [b"hello"[at : at + size] for at in range(0, 5, size)]

    @pytest.mark.parametrize("response", [USUAL[:-2], CHUNKED[: CHUNKED.index(b"llo") + 1]])
    def test_cut_short(self, face, serve, response):
        client = face.client()
        server = serve([response])

        async def read():
            async with client.open(get(server)) as opened:
                first = await opened.read(100)
                with pytest.raises(IncompleteResponse):
                    await opened.read(100)
                return bytes(first)

        assert face.run(read()) == b"hel"

    def test_a_response_that_is_not_read_ends_its_connection(self, face, serve):
        server = serve(keep(USUAL))
        client = face.client()

        async def look():
            async with client.open(get(server)) as response:
                return response.status

        assert [face.run(look()) for _ in range(2)] == [200, 200]
        assert server.connections == 2

    def test_an_error_ends_the_connection(self, face, serve):
        server = serve(keep(USUAL))
        client = face.client()

        async def fail():
            async with client.open(get(server)) as response:
                await response.read()
                raise KeyError

        for _ in range(2):
            with pytest.raises(KeyError):
                face.run(fail())
        assert server.connections == 2

    def test_a_slow_reader_holds_the_server_back(self, face, serve):
        sent = []

        def handler(peer):
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
            for _ in range(64):
                peer.send(bytes(MIB))
                sent.append(MIB)

        client = face.client()
        server = serve(handler)
        waited = threading.Event()

        async def read():
            async with client.open(get(server)) as response:
                first = await response.read(10)
                if face.loop is None:
                    waited.wait(0.3)
                else:
                    await asyncio.sleep(0.3)
                before = sum(sent)
                count = len(first)
                while block := await response.read(MIB):
                    count += len(block)
                return before, count

        before, count = face.run(read())
        assert count == 64 * MIB
        assert before < 48 * MIB

    def test_without_an_event_loop(self, serve):
        client = HttpClient(Timeouts(10, 10))
        with client.open(get(serve([USUAL]))) as response:
            assert run_blocking(response.read()) == b"hello"
        client.close()


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("http://h/a?b=c", Origin("http", "h", 80), "/a?b=c"),
        ("https://h", Origin("https", "h", 443), "/"),
        ("https://[::1]:8/", Origin("https", "::1", 8), "/"),
    ],
)
def test_split_url(url, origin, target):
    assert split_url(url) == (origin, target)


@pytest.mark.parametrize(
    ("origin", "authority"),
    [(Origin("https", "h", 443), "h"), (Origin("http", "h", 443), "h:443"), (Origin("http", "::1", 80), "[::1]")],
)
def test_authorities(origin, authority):
    assert origin.authority == authority


@pytest.mark.parametrize("url", ["ftp://h/secret", "secret", "http:///secret", "http://h:x/secret"])
def test_other_urls(url):
    with pytest.raises(ValueError, match="URL") as caught:
        split_url(url)
    assert "secret" not in str(caught.value)
