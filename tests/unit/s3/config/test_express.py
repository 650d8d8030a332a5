"""Directory buckets: sessions, signatures, hosts, and listings that come in no order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3ExpressAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from buckia_core.errors import AdapterError, NotSupported, PermissionDenied, Transient
from buckia_s3.auth.express_session import ExpressSessions
from buckia_s3.auth.sigv4 import EMPTY_SHA256, Credentials, sign_request
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import resolve_endpoint
from tests.unit.s3.scripted_server import HELLO, OBJECT, Answer, error, page

BUCKET = "mine--use1-az4--x-s3"


def session(number=1, minutes=5):
    until = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Answer(
        200,
        f"<CreateSessionResult><Credentials><SessionToken>token-{number}</SessionToken>"
        f"<SecretAccessKey>hidden</SecretAccessKey><AccessKeyId>SESSION{number}</AccessKeyId>"
        f"<Expiration>{until}</Expiration></Credentials></CreateSessionResult>".encode(),
    )


@pytest.fixture
def bucket(connect):
    """Return an adapter on a directory bucket whose other requests `answer` answers, and its server."""

    def made(answer, minutes=5):
        def script(asked):
            if "session" in asked.query:
                return session(sum("session" in each.query for each in server.asked), minutes)
            return answer(asked)

        adapter, server = connect(script, bucket_name=BUCKET, s3_express=True)
        return adapter, server

    return made


def test_the_host_follows_from_the_name():
    place = resolve_endpoint(S3Settings(bucket_name=BUCKET), "us-east-1")
    assert place.root == f"https://{BUCKET}.s3express-use1-az4.us-east-1.amazonaws.com"
    plain = resolve_endpoint(S3Settings(bucket_name=BUCKET, s3_express=False), "us-east-1")
    assert plain.host == f"{BUCKET}.s3.us-east-1.amazonaws.com"
    assert not S3Settings(bucket_name=BUCKET, endpoint_url="https://h").s3_express
    with pytest.raises(ValueError, match="s3_express"):
        S3Settings(bucket_name="plain", s3_express=True)
    with pytest.raises(ValueError, match="use_fips_endpoint"):
        S3Settings(bucket_name=BUCKET, use_fips_endpoint=True)


@pytest.mark.parametrize("key", ["k", "a//k"])
def test_requests_are_signed_with_a_session(bucket, key):
    adapter, server = bucket(lambda _: Answer(200, b"", {"ETag": '"x"'}))
    for _ in range(3):
        adapter.upload_file(b"hello", key)
    asks = [asked for asked in server.asked if "session" in asked.query]
    assert len(asks) == 1
    assert "Credential=AK/" in asks[0].headers["authorization"]
    assert asks[0].headers["x-amz-create-session-mode"] == "ReadWrite"
    for asked in server.asked:
        assert "/s3express/aws4_request" in asked.headers["authorization"]
        assert "x-amz-security-token" not in asked.headers
    assert "Credential=SESSION1/" in server.asked[-1].headers["authorization"]
    assert server.asked[-1].headers["x-amz-s3session-token"] == "token-1"


def test_signatures_equal_botocores(monkeypatch):
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    place = resolve_endpoint(S3Settings(bucket_name=BUCKET), "us-east-1")
    own = Credentials("AK", "secret", "a/token+==", is_session=True)
    ours = sign_request(
        "PUT",
        place.authority,
        place.path("k"),
        "",
        {"If-Match": '"e"'},
        EMPTY_SHA256,
        credentials=own,
        region="us-east-1",
        service="s3express",
        now=now,
    )
    request = AWSRequest("PUT", f"{place.root}/k", headers={"If-Match": '"e"'})
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)
    signer: Any = S3ExpressAuth
    theirs = signer(BotocoreCredentials("AK", "secret", "a/token+=="), "s3express", "us-east-1", identity_cache={})
    theirs.add_auth(request)
    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours["x-amz-s3session-token"] == request.headers["X-Amz-S3session-Token"]


def test_a_session_that_ends_soon_is_replaced(bucket):
    adapter, server = bucket(lambda _: HELLO, minutes=0.5)
    assert adapter.stat_file("k").size == adapter.stat_file("k").size
    assert [asked.headers.get("x-amz-s3session-token") for asked in server.asked if asked.method == "HEAD"] == [
        "token-1",
        "token-2",
    ]


def test_a_copy_is_signed_with_the_keys_themselves(bucket):
    copied = Answer(200, b"<CopyObjectResult><ETag>&quot;y&quot;</ETag></CopyObjectResult>")
    adapter, server = bucket(lambda asked: copied if asked.method == "PUT" else Answer(200, b"hello", OBJECT))
    adapter.copy_file(adapter.stat_file("k"), "l")
    (put,) = [asked for asked in server.asked if asked.method == "PUT"]
    assert "Credential=AK/" in put.headers["authorization"]
    assert "/s3express/" in put.headers["authorization"]
    assert "x-amz-s3session-token" not in put.headers


def test_signed_addresses_carry_the_session(bucket):
    adapter, _ = bucket(lambda _: HELLO)
    told = parse_qs(urlsplit(adapter.signed_url("k", seconds=60)).query)
    assert told["X-Amz-S3session-Token"] == ["token-1"]
    assert "/s3express/" in told["X-Amz-Credential"][0]
    assert "X-Amz-Security-Token" not in told


class TestListing:
    @staticmethod
    def script(asked):
        assert "start-after" not in asked.query
        assert asked.query.get("prefix", "").endswith("/") or "prefix" not in asked.query
        if "continuation-token" in asked.query:
            return page("d/b", "a")
        return page("d/c", "z", "d-1", token="t")

    def keys(self, adapter, *args, **options):
        return [found.key for found in adapter.list_files(*args, **options)]

    def test_keys_come_in_order(self, bucket):
        adapter, _ = bucket(self.script)
        assert self.keys(adapter) == ["a", "d-1", "d/b", "d/c", "z"]
        assert self.keys(adapter, start_after="d-1", end_at="d/c") == ["d/b", "d/c"]

    def test_a_prefix_within_a_name(self, bucket):
        adapter, _ = bucket(self.script)
        assert self.keys(adapter, "d") == ["d-1", "d/b", "d/c"]

    def test_etags_are_no_digests(self, bucket):
        adapter, _ = bucket(self.script)
        assert all(not found.digests for found in adapter.list_files())
        assert adapter.capabilities.listing_digests == ()

    def test_one_that_begins_again_ends(self, bucket):
        adapter, _ = bucket(lambda _: page("a", token="t"))
        with pytest.raises(AdapterError, match="begins again"):
            self.keys(adapter)

    def test_one_that_lists_a_key_twice(self, bucket):
        adapter, _ = bucket(lambda _: page("b", "a", "b"))
        with pytest.raises(AdapterError, match="'b' comes again"):
            self.keys(adapter)

    def test_no_more_than_the_memory_has_room_for(self, bucket, monkeypatch):
        monkeypatch.setattr("buckia_s3.operations.list_directory_bucket.MAX_SORTED", 2)
        adapter, _ = bucket(lambda _: page("b", "a", "c"))
        with pytest.raises(NotSupported, match="sync a prefix"):
            self.keys(adapter)


def test_deletes_go_one_by_one(bucket):
    adapter, server = bucket(lambda _: Answer(204))
    assert all(outcome.error is None for outcome in adapter.delete_files(["a", "b"]))
    assert sorted(asked.method for asked in server.asked) == ["DELETE", "DELETE", "GET"]


def test_a_session_that_is_refused(connect):
    adapter, _ = connect(lambda _: error(403, "AccessDenied"), bucket_name=BUCKET, s3_express=True)
    with pytest.raises(PermissionDenied, match="creating a session"):
        adapter.stat_file("k")
    with pytest.raises(Transient, match="no credentials"):
        ExpressSessions(lambda: b"<html/>", "s3").get()


def test_nothing_secret_shows():
    known = ExpressSessions(lambda: session().body, "s3").get()
    assert "hidden" not in repr(known)
    assert "token-1" not in repr(known)
    assert known == Credentials("SESSION1", "hidden", "token-1", is_session=True)
