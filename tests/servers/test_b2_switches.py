"""What a test can set at the B2 server: failing calls, worn upload URLs, caps, the clock, lifecycle."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from tests.servers.b2.kind import b2_kind
from tests.servers.b2.server import B2Account, B2Server
from tests.servers.b2.wire import B2Wire, sha1
from tests.servers.s3_faults import S3FaultProxy

DAY = 86_400


@pytest.fixture
def wire(b2_account: B2Account) -> Iterator[B2Wire]:
    with B2Wire(b2_account) as wire:
        yield wire


@pytest.fixture
def bucket(wire: B2Wire) -> str:
    return wire.bucket(f"test-{uuid.uuid4().hex}")


def versions(wire: B2Wire, bucket: str) -> list[tuple[str, str]]:
    listed = wire.call("b2_list_file_versions", bucketId=bucket).json["files"]
    return [(one["fileName"], one["action"]) for one in listed]


def test_the_next_calls_fail(b2_account: B2Account, wire: B2Wire, bucket: str) -> None:
    b2_account.fail("b2_list_file_names", status=429, code="too_many_requests", times=2, retry_after=7)
    replies = [wire.call("b2_list_file_names", bucketId=bucket) for _ in range(3)]
    assert [one.status for one in replies] == [429, 429, 200]
    assert replies[0].refusal == (429, "too_many_requests") and replies[0].headers["Retry-After"] == "7"
    assert b2_account.seen()["refusals"] == {"too_many_requests": 2}
    assert b2_account.calls()["b2_list_file_names"] == 3


def test_a_share_of_the_calls_fails_in_the_same_way_each_time(b2_server: B2Server) -> None:
    def statuses() -> list[int]:
        account = b2_server.new_account()
        with B2Wire(account) as wire:
            bucket = wire.bucket(f"test-{uuid.uuid4().hex}")
            account.fail(share=0.2, seed=5)
            return [wire.call("b2_list_file_names", bucketId=bucket).status for _ in range(50)]

    first = statuses()
    assert first == statuses() and 3 <= first.count(503) <= 20


def test_other_accounts_are_not_disturbed(b2_server: B2Server, b2_account: B2Account, wire: B2Wire) -> None:
    other = b2_server.new_account()
    other.fail()
    other.expire_tokens()
    assert wire.call("b2_list_buckets").status == 200
    with B2Wire(other) as theirs:
        assert theirs.authorize().status == 503
        other.stop_failing()
        theirs.authorize()
        assert theirs.request(
            "POST", "/b2api/v4/b2_list_buckets", b'{"accountId": "%s"}' % b2_account.account_id.encode(),
            {"Authorization": theirs.token},
        ).refusal == (401, "unauthorized")  # fmt: skip


def test_upload_urls_wear_out(b2_account: B2Account, wire: B2Wire, bucket: str) -> None:
    b2_account.set(upload_url_uses=2)
    place = wire.call("b2_get_upload_url", bucketId=bucket).json
    statuses = [wire.send(place, b"x", X_Bz_File_Name="a").status for _ in range(3)]
    assert statuses == [200, 200, 503]
    assert wire.upload(bucket, "a").status == 200
    b2_account.expire_tokens()
    wire.token = ""
    fresh = wire.call("b2_get_upload_url", bucketId=bucket).json
    b2_account.expire_tokens()
    assert wire.send(fresh, b"x", X_Bz_File_Name="a").refusal == (401, "expired_auth_token")


def test_an_upload_url_is_for_one_upload_at_a_time(b2_account: B2Account, wire: B2Wire, bucket: str) -> None:
    place = wire.call("b2_get_upload_url", bucketId=bucket).json
    head = {
        "Host": "b2",
        "Authorization": place["authorizationToken"],
        "Content-Length": "2",
        "Content-Type": "a/b",
        "Expect": "100-continue",
        "X-Bz-Content-Sha1": sha1(b"12"),
        "X-Bz-File-Name": "slow",
    }
    lines = [f"POST {urlsplit(place['uploadUrl']).path} HTTP/1.1", *(f"{name}: {head[name]}" for name in head), "", ""]
    address = urlsplit(b2_account.endpoint)
    with socket.create_connection((address.hostname, address.port), timeout=30) as slow, slow.makefile("rb") as answer:
        slow.sendall("\r\n".join(lines).encode())
        assert answer.readline().split()[1] == b"100"  # the server waits for the body: the URL is in use
        reply = wire.send(place, b"x", X_Bz_File_Name="a")
        assert reply.refusal == (400, "auth_token_limit")
        assert reply.json["message"] == f"more than one upload using auth token {place['authorizationToken']}"
        answer.readline()
        slow.sendall(b"12")
        assert answer.readline().split()[1] == b"200"
    assert wire.send(place, b"x", X_Bz_File_Name="a").status == 200


def test_caps(b2_account: B2Account, wire: B2Wire) -> None:
    name = f"test-{uuid.uuid4().hex}"
    bucket = wire.bucket(name)
    b2_account.set(storage_cap_bytes=10, download_cap_bytes=8)
    assert wire.upload(bucket, "a", b"12345678").status == 200
    assert wire.upload(bucket, "b", b"123").refusal == (403, "storage_cap_exceeded")
    assert wire.download(name, "a").status == 200
    assert wire.download(name, "a").refusal == (403, "download_cap_exceeded")
    b2_account.set(download_cap_bytes=None, class_c_cap=sum(b2_account.calls().values()))
    while (reply := wire.call("b2_list_buckets")).status == 200:
        pass
    assert reply.refusal == (403, "transaction_cap_exceeded")
    b2_account.set(class_b_cap=0)
    assert wire.download(name, "a").refusal == (403, "transaction_cap_exceeded")


def test_the_services_test_modes(b2_account: B2Account, wire: B2Wire, bucket: str) -> None:
    mode = {"X_Bz_Test_Mode": "force_cap_exceeded"}
    assert wire.upload(bucket, "a", **mode).refusal == (403, "storage_cap_exceeded")
    sent = [wire.upload(bucket, "a", X_Bz_Test_Mode="fail_some_uploads").status for _ in range(20)]
    assert set(sent) == {200, 503}
    short = 0
    for _ in range(10):
        wire.authorize(**{"X-Bz-Test-Mode": "expire_some_account_authorization_tokens"})
        answers = {wire.call("b2_list_buckets").status for _ in range(6)}
        short += 401 in answers
    assert 0 < short < 10


def test_lifecycle_rules_run_when_told_to(b2_account: B2Account, wire: B2Wire, bucket: str) -> None:
    rules = [
        {"fileNamePrefix": "old/", "daysFromUploadingToHiding": 2, "daysFromHidingToDeleting": 1},
        {"fileNamePrefix": "big/", "daysFromStartingToCancelingUnfinishedLargeFiles": 1},
    ]
    wire.call("b2_update_bucket", bucketId=bucket, lifecycleRules=rules)
    for name in ("kept", "old/a", "old/b", "old/b"):
        wire.upload(bucket, name)
    wire.call("b2_start_large_file", bucketId=bucket, fileName="big/a", contentType="a/b")
    start = versions(wire, bucket)
    b2_account.apply_lifecycle()
    assert versions(wire, bucket) == start and len(start) == 5

    def days_later(days: int) -> list[tuple[str, str]]:
        b2_account.set(clock_ahead_seconds=days * DAY + 60)
        b2_account.apply_lifecycle()
        wire.authorize()
        return versions(wire, bucket)

    uploaded = [("kept", "upload"), ("old/a", "upload"), ("old/b", "upload")]
    assert days_later(1) == uploaded
    assert days_later(2) == [
        ("kept", "upload"), ("old/a", "hide"), ("old/a", "upload"), ("old/b", "hide"), ("old/b", "upload"),
    ]  # fmt: skip
    assert days_later(4) == [("kept", "upload")]


def test_through_a_proxy_all_goes_through_it(b2_account: B2Account) -> None:
    with S3FaultProxy(b2_account.endpoint, kind_of=b2_kind) as proxy:
        behind = b2_account.behind(proxy.endpoint)
        with B2Wire(behind) as wire:
            name = f"test-{uuid.uuid4().hex}"
            bucket = wire.bucket(name)
            place = wire.call("b2_get_upload_url", bucketId=bucket).json
            assert place["uploadUrl"].startswith(proxy.endpoint)
            assert wire.send(place, b"x" * 1000, X_Bz_File_Name="a").status == 200
            assert wire.download(name, "a").status == wire.download(name, "a", "HEAD").status == 200
        assert proxy.bytes_up >= 1000
        once = ("b2_authorize_account", "b2_create_bucket", "b2_get_upload_url", "b2_upload_file", "head")
        assert proxy.counts() == dict.fromkeys(once, 1) | {"b2_download_file_by_name": 1}


def test_settings_that_are_none_are_refused(b2_account: B2Account) -> None:
    for wrong in ({"no_such": 1}, {"token_seconds": None}):
        with pytest.raises(HTTPError, match="400"):
            b2_account.set(**wrong)


def test_a_dropped_account_is_gone(b2_server: B2Server) -> None:
    account = b2_server.new_account()
    name = account.new_bucket()
    account.drop()
    with B2Wire(account) as wire:
        assert wire.authorize().refusal == (401, "unauthorized")
        assert wire.download(name, "a").refusal == (404, "not_found")
