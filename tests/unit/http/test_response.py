"""Answers: what is read of them, however they are cut into pieces."""

from __future__ import annotations

import http.client
import io
import re
from collections import deque
from contextlib import closing, contextmanager
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buckia_core.http.blocking import run_blocking
from buckia_core.http.errors import IncompleteResponse, NoResponse, ProtocolError, UnusableResponse
from buckia_core.http.http11 import ResponseParser
from buckia_core.http.response import Response

USUAL = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "x"\r\n\r\nhello'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;more=1\r\nllo\r\n0\r\nTrailer: t\r\n\r\n"


class PieceConnection:
    """A connection from which these pieces come, one with each read; then its end, or nothing more in time."""

    def __init__(self, pieces, closes):
        self._pieces = deque(pieces)
        self._closes = closes

    async def receive(self):
        if self._pieces:
            return self._pieces.popleft()
        if not self._closes:
            raise TimeoutError
        return b""

    async def receive_into(self, buffer):
        data = await self.receive()
        if len(data) > len(buffer):
            self._pieces.appendleft(data[len(buffer) :])
        count = min(len(data), len(buffer))
        buffer[:count] = data[:count]
        return count


class Reader:
    """A response with blocking calls."""

    def __init__(self, response):
        self._response = response
        self.status, self.headers = response.status, response.headers

    def read(self, size=None):
        return run_blocking(self._response.read(size))

    def read_body(self, most):
        return run_blocking(self._response.read_body(most))

    def isclosed(self):
        return self._response.is_complete

    @property
    def will_close(self):
        return self.isclosed() and not self._response.is_reusable


async def read_response(method, connection):
    parser = ResponseParser(method)
    while (head := parser.feed(await connection.receive())) is None:
        pass
    return Response(head, connection)


@contextmanager
def answering(*pieces, method="GET", closes=False):
    yield Reader(run_blocking(read_response(method, PieceConnection(pieces, closes))))


def answered(*pieces, method="GET", closes=False):
    """Return what an answer came to: its body, whether it was read to its end, and whether the connection is over."""
    with answering(*pieces, method=method, closes=closes) as answer:
        return answer.read(), answer.isclosed(), answer.will_close


def cut(data, places):
    """Return the pieces of an answer that is cut at these places."""
    edges = sorted({0, len(data), *(place for place in places if place < len(data))})
    return [data[start:end] for start, end in pairwise(edges)]


class TestUsualAnswers:
    def test_in_one_read(self):
        with answering(USUAL) as answer:
            assert (answer.status, answer.headers) == (200, {"content-length": "5", "etag": '"x"'})
            assert not answer.isclosed()
            assert answer.read() == b"hello"
            assert (answer.isclosed(), answer.will_close) == (True, False)
            assert (answer.read(), answer.read(5)) == (b"", b"")

    def test_with_its_body_in_several_reads(self):
        pieces = cut(USUAL, [len(USUAL) - 5, len(USUAL) - 4, len(USUAL) - 2])
        with answering(*pieces) as answer:
            assert answer.read() == b"hello"
            assert (answer.isclosed(), answer.will_close) == (True, False)

    @pytest.mark.parametrize("size", range(1, 7))
    def test_read_in_blocks(self, size):
        for place in range(len(USUAL) - 5, len(USUAL)):
            with answering(*cut(USUAL, [place])) as answer:
                blocks = [answer.read(size) for _ in range(0, 5, size)]
                assert blocks == [b"hello"[start : start + size] for start in range(0, 5, size)]
                assert (answer.isclosed(), answer.will_close) == (True, False)

    def test_a_block_and_then_the_rest(self):
        with answering(USUAL) as answer:
            assert (answer.read(0), answer.read(2), answer.isclosed(), answer.read()) == (b"", b"he", False, b"llo")
            assert answer.isclosed()

    def test_a_body_that_is_large(self):
        body = bytes(range(256)) * (9 << 10)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        assert answered(head, *cut(body, range(0, len(body), 32 << 10))) == (body, True, False)

    def test_names_of_headers_are_found_in_any_case(self):
        with answering(b"HTTP/1.1 200\r\ncontent-LENGTH:0\r\neTag:\t x y \t\r\nEmpty:\r\n\r\n") as answer:
            assert answer.headers == {"content-length": "0", "etag": "x y", "empty": ""}
            assert [answer.headers.get(name) for name in ("ETAG", "ETag", "etag", "other")] == ["x y"] * 3 + [None]
            assert answer.headers.get("other", "o") == "o"

    @pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
    @pytest.mark.parametrize("length", [b"", b"Content-Length: 5\r\n"])
    def test_without_a_body_by_its_status(self, status, length):
        # Such an answer may tell how long the body would have been.
        assert answered(b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n") == (b"", True, False)

    def test_to_head(self):
        with answering(USUAL.removesuffix(b"hello"), method="HEAD") as answer:
            assert answer.headers["content-length"] == "5"
            assert (answer.read(), answer.isclosed(), answer.will_close) == (b"", True, False)

    @pytest.mark.parametrize("value", [b"close", b"Close", b"x, close"])
    def test_connection_close(self, value):
        answer = USUAL.replace(b"ETag: ", b"Connection: " + value + b"\r\nETag: ")
        assert answered(answer) == (b"hello", True, True)

    def test_what_follows_unasked_is_no_part_of_it(self):
        assert answered(USUAL + b"HTTP/1.1 200 OK\r\n") == (b"hello", True, True)
        assert answered(USUAL, method="HEAD") == (b"", True, True)
        assert answered(b"HTTP/1.1 204 No Content\r\n\r\nhello") == (b"", True, True)


class TestUnusualAnswers:
    @pytest.mark.parametrize("answer", [USUAL, CHUNKED], ids=["length", "chunked"])
    def test_in_two_reads(self, answer):
        for place in range(1, len(answer)):
            assert answered(*cut(answer, [place])) == (b"hello", True, False), f"cut after {answer[:place]!r}"

    def test_in_reads_of_one_byte(self):
        for answer in (USUAL, CHUNKED):
            assert answered(*cut(answer, range(len(answer)))) == (b"hello", True, False)

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
    def test_chunks_read_in_blocks(self, size):
        with answering(CHUNKED) as answer:
            assert b"".join(iter(lambda: answer.read(size), b"")) == b"hello"
            assert (answer.isclosed(), answer.will_close) == (True, False)

    def test_http_1_0(self):
        head = b"HTTP/1.0 200 OK\r\n"
        assert answered(head + b"Content-Length: 5\r\n\r\nhello") == (b"hello", True, True)
        assert answered(head + b"Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello") == (b"hello", True, False)
        assert answered(head + b"\r\nhe", b"llo", closes=True) == (b"hello", True, True)

    def test_a_body_that_ends_with_the_connection(self):
        assert answered(b"HTTP/1.1 200 OK\r\n\r\nhe", b"llo", closes=True) == (b"hello", True, True)

    def test_of_a_header_that_is_there_twice_the_first_counts(self):
        twice = USUAL.replace(b"\r\n\r\n", b'\r\nEtag: "y"\r\nContent-length: 5\r\n\r\n')
        with answering(twice) as answer:
            assert answer.headers == {"content-length": "5", "etag": '"x"'}
            assert answer.headers.get("ETag") == '"x"'
            assert (answer.read(), answer.will_close) == (b"hello", False)

    def test_a_header_in_two_lines(self):
        folded = USUAL.replace(b'"x"', b'"x"\r\nX-Long: one\r\n\t two')
        with answering(folded) as answer:
            assert (answer.headers["x-long"].split(), answer.headers["etag"]) == (["one", "two"], '"x"')
            assert answer.read() == b"hello"

    def test_white_space_after_a_value_is_no_part_of_it(self):
        spaced = USUAL.replace(b'"x"', b'"x" \t ')
        for place in (len(spaced), 20):
            with answering(*cut(spaced, [place])) as answer:
                assert answer.headers["etag"] == '"x"'

    def test_a_reason_that_is_no_ascii(self):
        assert answered(USUAL.replace(b"OK", "schön".encode())) == (b"hello", True, False)

    def test_continue_goes_before_the_response(self):
        interim = b"HTTP/1.1 100 Continue\r\n\r\n"
        told = b"HTTP/1.1 100 Continue\r\nContent-Length: 3\r\nETag: no\r\n\r\n"
        for pieces in ([interim, USUAL], [interim + USUAL], [told + interim, USUAL]):
            with answering(*pieces) as answer:
                assert (answer.status, answer.headers["etag"], answer.read()) == (200, '"x"', b"hello")
                assert (answer.isclosed(), answer.will_close) == (True, False)

    @pytest.mark.parametrize("value", [b"005", b"5\r\nContent-Length: 5"])
    def test_a_length_that_can_be_read(self, value):
        assert answered(USUAL.replace(b" 5\r\n", b" " + value + b"\r\n")) == (b"hello", True, False)

    @pytest.mark.parametrize(
        "value",
        [b"abc", b"-1", b"+5", b"", b"5, 5", b"5.0", b"\xb2", b"9" * 19, b"9" * 5000, b"5\r\nContent-Length: 3"],
    )
    def test_a_length_that_can_not_be(self, value):
        answer = USUAL.replace(b" 5\r\n", b" " + value + b"\r\n")
        for pieces in ([answer], cut(answer, [10])):
            with pytest.raises(UnusableResponse, match="Content-Length"):
                answered(*pieces, closes=True)


class TestReadWhole:
    @pytest.mark.parametrize("data", [USUAL, CHUNKED], ids=["length", "chunked"])
    def test_as_much_as_may_come(self, data):
        with answering(data) as answer:
            assert answer.read_body(5) == b"hello"
        with answering(data) as answer, pytest.raises(UnusableResponse, match="more than 4 bytes"):
            answer.read_body(4)

    def test_what_is_too_much_is_not_read(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
        with answering(head, bytes(1000)) as answer, pytest.raises(UnusableResponse):
            answer.read_body(1000)

    def test_a_body_without_an_end(self):
        with answering(b"HTTP/1.1 200 OK\r\n\r\n", bytes(5000)) as answer, pytest.raises(UnusableResponse):
            answer.read_body(1000)

    @pytest.mark.parametrize("cuts", [[], [20]])
    def test_a_part_is_not_complete(self, cuts):
        with answering(*cut(USUAL[:-2], cuts), closes=True) as answer, pytest.raises(IncompleteResponse):
            answer.read_body(100)


class TestCutShort:
    def test_all_was_asked_for(self):
        for pieces in ([USUAL[:-2]], cut(USUAL[:-2], [len(USUAL) - 4]), cut(USUAL[:-2], [30])):
            with answering(*pieces, closes=True) as answer, pytest.raises(IncompleteResponse):
                answer.read()

    @pytest.mark.parametrize("size", [4, 5, 100])
    def test_a_block_was_asked_for(self, size):
        with answering(USUAL[:-2], closes=True) as answer:
            assert answer.read(size) == b"hel"
            with pytest.raises(IncompleteResponse):
                answer.read(size)
            assert not answer.isclosed()

    def test_as_a_block_ends(self):
        with answering(USUAL[:-2], closes=True) as answer:
            assert answer.read(3) == b"hel"
            with pytest.raises(IncompleteResponse):
                answer.read(3)
            assert not answer.isclosed()

    @pytest.mark.parametrize("digits", [13, 16, 18])
    def test_what_is_claimed_is_not_believed_before_it_came(self, digits):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * digits + b"\r\n\r\nhello"
        with answering(head, closes=True) as answer, pytest.raises(IncompleteResponse):
            answer.read()

    @pytest.mark.parametrize(
        ("method", "answer", "end"),
        [
            ("GET", USUAL, b"hello"),
            ("HEAD", USUAL, b"\r\n\r\n"),
            # Trailers, which nobody reads, may be missing.
            ("GET", CHUNKED, b"\r\n0"),
            ("HEAD", CHUNKED, b"\r\n\r\n"),
        ],
    )
    def test_a_part_is_never_taken_for_a_complete_response(self, method, answer, end):
        for length in range(answer.index(end) + len(end)):
            for places in ([], [length // 2]):
                with pytest.raises(IncompleteResponse):
                    answered(*cut(answer[:length], places), method=method, closes=True)

    def test_a_body_is_waited_for(self):
        with answering(USUAL[:-2]) as answer:
            with pytest.raises(TimeoutError):
                answer.read()
            assert not answer.isclosed()


class TestNoAnswer:
    def test_nothing_at_all(self):
        with pytest.raises(NoResponse):
            answered(closes=True)

    def test_nothing_after_continue(self):
        with pytest.raises(NoResponse):
            answered(b"HTTP/1.1 100 Continue\r\n\r\n", closes=True)

    @pytest.mark.parametrize(
        "garbage",
        [
            b"hello\r\n\r\n",
            b"\r\n\r\n",
            b"\x16\x03\x01\x00\x02\x02\n",
            b"HTTP/1.1 abc OK\r\n\r\n",
            b"HTTP/1.1 20\r\n\r\n",
            b"HTTP/1.1 2000 OK\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
            USUAL.replace(b"ETag:", b"ETag"),
            b"SSH-2.0-x\r\n",
        ],
    )
    def test_garbage(self, garbage):
        with pytest.raises(ProtocolError):
            answered(garbage, closes=True)

    def test_a_version_that_is_unknown(self):
        with pytest.raises(ProtocolError):
            answered(USUAL.replace(b"HTTP/1.1", b"HTTP/2.0"))

    def test_silence(self):
        with pytest.raises(TimeoutError):
            answered()


class Held:
    """What `http.client` takes for a socket: all that an answer consists of, and its end."""

    def __init__(self, data):
        self._data = data

    def makefile(self, mode):
        return io.BytesIO(self._data)


def by_http_client(method, data):
    response = http.client.HTTPResponse(Held(data), method=method)  # type: ignore[arg-type]  # of a socket, it asks for `makefile` only
    response.begin()
    return response


def read_of(answer, size):
    """Return the body; `None` if it is cut short or invalid."""
    try:
        if size is None:
            return answer.read()
        return b"".join(iter(lambda: bytes(answer.read(size)), b""))
    except (ProtocolError, http.client.HTTPException):
        return None


def lines_of(draw, body):
    """Return the lines of a head that tell of a body, in one way or another."""
    length = f"Content-Length: {len(body)}"
    framing = draw(
        st.sampled_from(
            [[length]] * 4
            + [[length.lower()], [length.replace(": ", ":")], [length + " \t"], [length, length]]
            + [[length, "content-length: 1"], ["Content-Length: 1", length], [f"Content-Length: {len(body) + 3}"]]
            + [["Content-Length: +2"], ["Content-Length: -1"], ["Content-Length: abc"], ["Content-Length:"], []]
            + [["Transfer-Encoding: chunked"], ["transfer-encoding:CHUNKED", length], ["Transfer-Encoding: x", length]]
        )
    )
    connection = draw(
        st.sampled_from([[]] * 4 + [["Connection: close"], ["connection: Keep-Alive"], ["Keep-Alive: 5"]])
    )
    name = st.sampled_from(
        ["ETag", "etag", "X-Amz-Meta-A", "x-amz-meta-a", "X_b", "a,b", "!#$%&'*+-.^`|~", "From", "(x)"]
    )
    value = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=8)
    header = st.builds("{}:{}{}".format, name, st.sampled_from(["", " ", "\t ", " one\r\n "]), value)
    return draw(st.permutations(framing + connection + draw(st.lists(header, max_size=4))))


@st.composite
def exchanges(draw):
    """A method, the bytes that came as the answer to it, and where they are cut."""
    body = draw(st.one_of(st.binary(max_size=40), st.sampled_from([b"\r\n\r\n", b"x\r\n\r\ny", b"\n\n"])))
    lines = lines_of(draw, body)
    status = draw(st.sampled_from([200] * 4 + [101, 204, 206, 299, 304, 404, 503, 600]))
    start = draw(st.sampled_from(["HTTP/1.1"] * 6 + ["HTTP/1.0"])) + f" {status}"
    start += draw(st.sampled_from([" OK"] * 3 + ["", " ", " Not Found", " sch\xf6n"]))
    head = "\r\n".join([start, *lines, "", ""]).encode("latin-1")
    if draw(st.integers(0, 9)) == 9:
        head = head.replace(b"\r\n", b"\n")
    if draw(st.integers(0, 9)) == 9:
        head = b"HTTP/1.1 100 Continue\r\n\r\n" + head
    if any("chunked" in line.lower() for line in lines) and draw(st.integers(0, 4)):
        pieces = cut(body, draw(st.lists(st.integers(1, 40), max_size=3)))
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    data = head + body[: draw(st.sampled_from([None] * 4 + [3]))] + draw(st.sampled_from([b""] * 4 + [b"more"]))
    cuts = draw(st.one_of(st.just([]), st.lists(st.integers(1, len(data)), max_size=6)))
    return draw(st.sampled_from(["GET", "GET", "PUT", "HEAD"])), data, cuts


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(exchanges(), st.one_of(st.none(), st.integers(1, 50)))
def test_http_client_reads_the_same(exchange, size):
    method, data, cuts = exchange
    theirs = by_http_client(method, data)
    lengths = [value.rstrip(" \t") for name, value in theirs.headers.items() if name.lower() == "content-length"]
    encodings = [value.lower() for name, value in theirs.headers.items() if name.lower() == "transfer-encoding"]
    clear = all(re.fullmatch("[0-9]{1,18}", each) and int(each) == int(lengths[0]) for each in lengths)
    told = {name.lower(): value for name, value in reversed(theirs.headers.items())}
    with closing(theirs):
        if theirs.status < 200 or encodings == ["x"] or not (theirs.chunked or clear):
            # Where `http.client` guesses, ours refuses; it takes 101 for a response.
            with pytest.raises(ProtocolError):
                answered(*cut(data, cuts), method=method, closes=True)
            return
        with answering(*cut(data, cuts), method=method, closes=True) as ours:
            assert ours.status == theirs.status
            assert {name: value.split() for name, value in ours.headers.items()} == {
                name: value.split() for name, value in told.items()
            }
            body = read_of(ours, size)
            # Read with a size, `http.client` takes what was cut short for complete.
            assert body == read_of(by_http_client(method, data), None)
            assert ours.isclosed() == (body is not None)
            assert ours.will_close or not ours.isclosed() or not theirs.will_close
