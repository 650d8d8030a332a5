"""Refusals, credentials and connections."""

from __future__ import annotations

import time

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import (
    AdapterError,
    IntegrityError,
    NotFound,
    NotSupported,
    PermissionDenied,
    Throttled,
    Transient,
    Unauthenticated,
)
from buckia_s3.config.options import parse_client_options
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync
from tests.unit.s3.conftest import SECRET
from tests.unit.s3.scripted_server import HELLO, OBJECT, Answer, error, page


def keys(adapter, **options):
    return [found.key for found in adapter.list_files(**options)]


class TestErrors:
    def test_retry_after(self, connect):
        adapter, _ = connect(lambda asked: error(503, "SlowDown", Retry_After="3"))
        with pytest.raises(Throttled) as caught:
            keys(adapter)
        assert (caught.value.retry_after, caught.value.request_id) == (3.0, "r-1")

    def test_head_finds_out_which_of_both_is_missing(self, connect):
        answers = {"/bucket/k": Answer(404), "/bucket": Answer(404)}
        adapter, server = connect(lambda asked: answers[asked.path])
        with pytest.raises(NotFound) as caught:
            adapter.stat_file("k")
        assert caught.value.key is None
        answers["/bucket"] = Answer(200)
        for _ in range(2):
            with pytest.raises(NotFound) as caught:
                adapter.stat_file("k")
            assert caught.value.key == "k"
        assert len(server.asked) == 5, "a bucket that was seen is not asked for again"

    def test_head_tells_wrong_credentials_from_missing_rights(self, connect):
        code = "SignatureDoesNotMatch"
        adapter, _ = connect(lambda asked: Answer(403) if asked.method == "HEAD" else error(403, code))
        with pytest.raises(Unauthenticated):
            adapter.stat_file("k")
        code = "AccessDenied"
        with pytest.raises(PermissionDenied):
            adapter.stat_file("k")

    def test_nothing_secret_is_sent_or_shown(self, connect):
        adapter, server = connect(
            lambda asked: error(403, "AccessDenied"), session_token=Secret("the-token-that-must-not-show")
        )
        shown = repr(adapter) + adapter.identity
        for call in (lambda: keys(adapter), lambda: adapter.upload_file(b"", "k"), lambda: adapter.stat_file("k")):
            with pytest.raises(PermissionDenied) as caught:
                call()
            shown += str(caught.value) + repr(caught.value)
        assert "must-not-show" not in shown
        assert not any(SECRET in str(asked) for asked in server.asked)

    def test_no_server(self):
        settings = S3Settings(
            bucket_name="b", endpoint_url="http://127.0.0.1:1", access_key_id=Secret("A"), secret_access_key=Secret("S")
        )
        with S3Sync(settings) as adapter:
            for call in (lambda: keys(adapter), lambda: adapter.upload_file(b"", "k"), lambda: adapter.stat_file("k")):
                with pytest.raises(Transient, match=r"127\.0\.0\.1:1"):
                    call()

    def test_a_public_bucket_is_asked_without_a_signature(self, connect):
        adapter, server = connect(
            lambda asked: page("a") if "list-type" in asked.query else HELLO,
            access_key_id=None,
            secret_access_key=None,
            skip_signature=True,
        )
        assert keys(adapter) == ["a"]
        with adapter.open_file("a") as reader:
            assert reader.read() == b"hello"
        assert not any("authorization" in asked.headers for asked in server.asked)
        with pytest.raises(NotSupported):
            adapter.signed_url("a", seconds=1)


class TestConnections:
    def test_are_used_again(self, connect):
        adapter, server = connect(lambda asked: HELLO)
        for _ in range(5):
            adapter.stat_file("k")
        assert server.connections == 1

    def test_one_that_the_server_closed_is_not_used_again(self, connect):
        adapter, server = connect(lambda asked: Answer(200, b"hello", OBJECT, cut=True))
        for _ in range(3):
            adapter.stat_file("k")
            time.sleep(0.05)
        assert server.connections == 3

    def test_a_response_that_is_cut_short(self, connect, tmp_path):
        adapter, _ = connect(lambda asked: Answer(200, b"hel", OBJECT, claims=5, cut=True))
        with pytest.raises((IntegrityError, Transient)):
            adapter.download_file("k", tmp_path / "file")
        with adapter.open_file("k") as reader, pytest.raises((IntegrityError, Transient)):
            reader.read()

    def test_go_through_the_proxy_of_the_environment(self, connect, monkeypatch):
        adapter, server = connect(lambda asked: HELLO, endpoint_url="http://objects.example:8000")
        monkeypatch.setenv("http_proxy", server.endpoint.replace("://", "://me:pass@"))
        assert adapter.stat_file("k").size == 5
        [asked] = server.asked
        assert (asked.path, asked.headers["host"]) == ("/bucket/k", "objects.example:8000")
        assert asked.headers["proxy-authorization"] == "Basic bWU6cGFzcw=="
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        here = S3Settings(bucket_name="b", endpoint_url="http://127.0.0.1:1", skip_signature=True)
        with S3Sync(here) as other, pytest.raises(Transient, match=r"127\.0\.0\.1:1"):
            other.stat_file("k")
        assert len(server.asked) == 1

    @pytest.mark.parametrize("own", [False, True])
    def test_a_proxy_that_does_not_respond_is_named_without_its_password(self, monkeypatch, own):
        proxy = "http://me:the-password@127.0.0.1:9"
        if not own:
            monkeypatch.setenv("http_proxy", proxy)
        settings = S3Settings(
            bucket_name="b",
            endpoint_url="http://objects.example:8000",
            skip_signature=True,
            client_options=parse_client_options({"proxy_url": proxy} if own else {}),
        )
        with S3Sync(settings) as adapter, pytest.raises(Transient) as caught:
            adapter.stat_file("k")
        assert "objects.example:8000 through the proxy 127.0.0.1:9 failed: " in str(caught.value)
        assert "the-password" not in str(caught.value)


class TestLineBreaks:
    """What would make two headers of one, or another request."""

    @pytest.mark.parametrize("character", ["&#10;", "&#13;", "&#13;&#10;X-Amz-Acl: public-read"])
    def test_an_etag_of_a_listing(self, connect, tmp_path, character):
        listed = page("the-key")
        etag = listed.body.replace(b"d41d8cd98f00b204e9800998ecf8427e", f"a{character}b".encode())
        adapter, server = connect(lambda asked: Answer(200, etag) if "list-type" in asked.query else HELLO)
        [found] = adapter.list_files()
        assert found.key == "the-key"
        server.asked.clear()
        target = tmp_path / "f"
        for read in (
            lambda: adapter.download_file("the-key", target, expect=found),
            lambda: adapter.read_file("the-key", expect=found),
            lambda: adapter.open_file("the-key", expect=found).__enter__(),
        ):
            with pytest.raises(
                AdapterError, match="'the-key': reading: the header 'If-Match' has a line break"
            ) as caught:
                read()
            assert caught.value.key == "the-key"
            assert not caught.value.retryable
        assert not server.asked
        assert not target.exists()
        assert adapter.stat_file("the-key").size == 5, "the adapter goes on"

    def test_a_character_that_can_not_be_sent_shows_nothing_of_the_others(self, connect):
        listed = page("the-key")
        etag = listed.body.replace(b"d41d8cd98f00b204e9800998ecf8427e", b"a&#8364;b")
        adapter, _ = connect(lambda asked: Answer(200, etag) if "list-type" in asked.query else HELLO)
        [found] = adapter.list_files()
        with pytest.raises(AdapterError, match="'the-key': reading: a header has a character") as caught:
            adapter.read_file("the-key", expect=found)
        shown: BaseException | None = caught.value
        while shown is not None:
            assert "Credential=" not in f"{shown!r}{vars(shown)}"
            assert not isinstance(shown, UnicodeError)
            shown = shown.__cause__ or shown.__context__


@pytest.mark.parametrize("cut", [True, False])
def test_half_a_response_does_not_show_a_missing_object(connect, cut):
    """What is missing may be the bucket, and only the rest of the answer would say so."""
    whole = error(404, "NoSuchKey")
    adapter, _ = connect(lambda asked: Answer(404, whole.body[:20], claims=len(whole.body), cut=True) if cut else whole)
    with pytest.raises(Transient if cut else NotFound):
        adapter.read_file("k")
