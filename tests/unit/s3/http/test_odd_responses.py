"""Answers that no server should give: told as an error of that answer, within bounds, and without going elsewhere."""

from __future__ import annotations

import pytest

from buckia_core.adapters.contract.resume import PartialDownload
from buckia_core.errors import AdapterError, IntegrityError, NotSupported, PermissionDenied
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.objects.metadata import with_listed_time, with_metadata
from buckia_s3.xml.list_objects import parse_listed_objects
from buckia_s3.xml.reader import MalformedResponse
from tests.unit.s3.scripted_server import HELLO, OBJECT, Answer, error, page

MIB = 1 << 20
SEEN = RemoteObject("k", 5, OBJECT["ETag"].strip('"'), 1_767_323_045_678_000_000)


def large(asked):
    """Answer each request with 64 MiB, in the name of an object that was listed with five bytes."""
    return Answer(200, bytes(64 * MIB), OBJECT)


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "target"
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize("how", ["read", "download", "open", "go on"])
@pytest.mark.parametrize("told", [True, False], ids=["length", "another length"])
def test_no_more_than_was_listed_is_read(connect, target, how, told):
    def script(asked):
        return Answer(200, bytes(64 * MIB), OBJECT, claims=None if told else 5)

    adapter, _ = connect(script)
    calls = {
        "read": lambda: adapter.read_file("k", expect=SEEN),
        "download": lambda: adapter.download_file("k", target, expect=SEEN),
        "open": lambda: opened(adapter),
        "go on": lambda: adapter.resume_download("k", PartialDownload(target, 0, lambda _: None), expect=SEEN),
    }
    if told:
        with pytest.raises((IntegrityError, NotSupported)):
            calls[how]()
    else:
        calls[how]()
    assert target.stat().st_size <= 2 * MIB


def opened(adapter):
    with adapter.open_file("k", expect=SEEN) as reader:
        return reader.read()


def test_an_object_that_is_listed_with_another_size_than_it_is_sent_with(connect):
    adapter, _ = connect(lambda asked: HELLO)
    with pytest.raises(IntegrityError, match="5 bytes, and before, 3"):
        adapter.read_file("k", expect=SEEN._replace(size=3))


@pytest.mark.parametrize("missing", ["ETag", "Last-Modified", "both"])
def test_an_object_without_an_etag_or_a_time(connect, missing):
    headers = {name: value for name, value in OBJECT.items() if missing not in (name, "both")}
    adapter, _ = connect(lambda asked: Answer(200, b"hello", headers))
    if missing == "both":
        with pytest.raises(AdapterError, match="neither an ETag nor a time") as caught:
            adapter.stat_file("k")
        assert not caught.value.retryable
    else:
        assert adapter.stat_file("k").fingerprint


@pytest.mark.parametrize(
    "time", ["yesterday", "Fri, 02 Jan 99999 03:04:05 GMT", "Mon, 1 Jan 0001 00:00:00 +9999", "\xff"]
)
def test_a_time_that_can_not_be(connect, time):
    adapter, _ = connect(lambda asked: Answer(200, b"hello", {**OBJECT, "Last-Modified": time}))
    assert isinstance(adapter.stat_file("k").modified_ns, int)


def test_a_range_of_unknown_size(connect):
    whole = Answer(200, b"hello", OBJECT)

    def script(asked):
        if asked.method == "HEAD":
            return whole
        return Answer(206, b"hel", {**OBJECT, "Content-Range": "bytes 0-2/*"})

    adapter, _ = connect(script)
    with adapter.open_file("k", end=3) as reader:
        assert reader.read() == b"hel"
    with adapter.open_file("k", expect=SEEN, end=3) as reader:
        assert reader.read() == b"hel"


@pytest.mark.parametrize("wait", ["9" * 400, "9" * 10, "-5", "Fri, 02 Jan 99999 03:04:05 GMT", "soon", "1e99"])
@pytest.mark.parametrize("name", ["Retry-After", "x-amz-retry-after"])
def test_a_wait_that_can_not_be(connect, name, wait):
    refusal = error(503, "SlowDown")
    adapter, _ = connect(lambda asked: Answer(503, refusal.body, {name: wait}))
    with pytest.raises(AdapterError) as caught:
        adapter.stat_file("k")
    assert caught.value.retry_after is None or 0 <= caught.value.retry_after <= 86400


def test_an_error_without_end(connect):
    adapter, _ = connect(lambda asked: Answer(403, b"<Code>AccessDenied</Code>" + bytes(2 * MIB)))
    with pytest.raises(PermissionDenied):
        adapter.upload_file(b"x", "k")


def test_a_server_that_ignores_the_range_of_the_get_after_a_head(connect):
    """HEAD is refused, and the GET that is to tell why sends the whole object instead."""
    adapter, _ = connect(lambda asked: error(403, "") if asked.method == "HEAD" else large(asked))
    with pytest.raises(PermissionDenied):
        adapter.stat_file("k")


@pytest.mark.parametrize("encoding", ["x-none", "utf-32", "idna"])
def test_an_unknown_encoding(connect, encoding):
    declared = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    with pytest.raises(MalformedResponse):
        parse_listed_objects(declared + page("a").body, "", "", url_encoded=True, etag_is_md5=True)
    adapter, _ = connect(lambda asked: Answer(200, declared + b"<DeleteResult/>"))
    with pytest.raises(AdapterError):
        adapter.delete_files(["a", "b"])


@pytest.mark.parametrize("value", ["=?utf-8?b?####?=", "=?x-none?q?a?=", "=?utf-8?b?/////w==?="])
def test_metadata_that_is_not_encoded_as_it_says(value):
    assert with_metadata(RemoteObject("k", 0, "f"), {"name": value}).metadata is not None


def test_an_incomplete_lock_is_an_error(connect):
    lock = {**OBJECT, "x-amz-object-lock-mode": "GOVERNANCE"}
    adapter, _ = connect(lambda asked: Answer(200, b"", lock))
    with pytest.raises(AdapterError, match="reading its lock"):
        adapter.locks.get("k")


def test_a_listing_has_finer_times_than_headers():
    found = SEEN._replace(modified_ns=1_767_323_045_000_000_000)
    assert with_listed_time(found, SEEN).modified_ns == SEEN.modified_ns
    assert with_listed_time(found, SEEN._replace(fingerprint="other")) == found
    assert with_listed_time(found, SEEN._replace(modified_ns=SEEN.modified_ns + 10**9)) == found


def test_a_download_has_the_time_of_the_listing(connect, target):
    adapter, _ = connect(lambda asked: HELLO)
    assert adapter.download_file("k", target, expect=SEEN).modified_ns == SEEN.modified_ns
    assert adapter.read_file("k", expect=SEEN)[0].modified_ns == SEEN.modified_ns


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_no_other_host_is_asked(self, connect, status):
        _, elsewhere = connect(lambda asked: HELLO)
        adapter, server = connect(lambda asked: Answer(status, b"", {"Location": elsewhere.endpoint + "/bucket/k"}))
        for call in (
            lambda: adapter.stat_file("k"),
            lambda: adapter.upload_file(b"secret", "k"),
            lambda: adapter.read_file("k"),
            lambda: list(adapter.list_files()),
        ):
            with pytest.raises(AdapterError):
                call()
        assert elsewhere.asked == []
        assert server.asked

    @pytest.mark.parametrize("region", ["evil.example/x", "us-east-1@evil.example", "A" * 10, "a" * 50, "x\ty"])
    def test_a_region_is_a_name_and_nothing_else(self, connect, region):
        adapter, server = connect(lambda asked: Answer(301, b"", {"x-amz-bucket-region": region}))
        before = adapter._client.resolver.endpoint
        with pytest.raises(AdapterError):
            adapter.stat_file("k")
        assert adapter._client.resolver.endpoint == before
        assert all("us-east-1" in asked.headers["authorization"] for asked in server.asked)
