"""Requests: sent once, with renewed tokens and translated errors."""

from __future__ import annotations

import errno
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from buckia_b2.errors import B2ResponseError, translate_error
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    BucketNotFound,
    IntegrityError,
    InvalidKey,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
    Throttled,
    Transient,
    Unauthenticated,
)
from buckia_core.testing.fault_proxy.faults import Answer, Cut, LoseReply
from tests.servers.s3_faults import S3FaultProxy

READ = ("listBuckets", "listFiles", "readFiles")


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "retryable"),
    [
        (400, "bad_request", "Sha1 did not match data received", IntegrityError, True),
        (400, "bad_request", "File names must not contain control characters", InvalidKey, False),
        (400, "bad_request", "something else", AdapterError, False),
        (400, "never_heard_of", "", AdapterError, False),
        (400, "auth_token_limit", "more than one upload", Transient, True),
        (400, "no_such_file", "", NotFound, False),
        (400, "bad_bucket_id", "", BucketNotFound, False),
        (400, "duplicate_bucket_name", "", AlreadyExists, False),
        (401, "expired_auth_token", "", Transient, True),
        (401, "unauthorized", "", PermissionDenied, False),
        (401, "", "", Transient, True),
        (403, "access_denied", "", PermissionDenied, False),
        (403, "storage_cap_exceeded", "", PermissionDenied, False),
        (403, "transaction_cap_exceeded", "", PermissionDenied, False),
        (403, "download_cap_exceeded", "", PermissionDenied, False),
        (404, "not_found", "", NotFound, False),
        (408, "request_timeout", "", Transient, True),
        (409, "conflict", "", PreconditionFailed, False),
        (418, "", "", AdapterError, False),
        (429, "too_many_requests", "", Throttled, True),
        (500, "internal_error", "", Transient, True),
        (503, "service_unavailable", "", Throttled, True),
    ],
)
def test_error_responses(status, code, message, kind, retryable):
    error = translate_error(B2ResponseError(status, code, message, 7.0), action="reading", key="k")
    assert (type(error), error.retryable) == (kind, retryable)
    assert (error.status, error.code, error.provider) == (status, code, "b2")
    assert str(error).startswith("reading: " if code == "bad_bucket_id" else "'k': reading: ")
    assert error.retry_after == (7.0 if kind is Throttled else None)


def test_caps_say_what_to_do():
    words = str(translate_error(B2ResponseError(403, "transaction_cap_exceeded", "Cap exceeded"), action="listing"))
    assert "cap on transactions" in words
    assert "midnight UTC" in words


def test_a_wrong_key(connect, b2_account):
    for wrong in ({"application_key": Secret("K005nonsense")}, {"application_key_id": Secret("005nobody")}):
        with pytest.raises(Unauthenticated, match="check application_key_id and application_key") as caught:
            list(connect(**wrong).list_files())
        assert "nonsense" not in str(caught.value)


def test_what_is_no_b2(connect, rclone_server):
    with pytest.raises(AdapterError):
        list(connect(api_url=rclone_server.endpoint).list_files())


def test_a_refused_connection(connect):
    with pytest.raises(Transient) as caught:
        list(connect(api_url="http://127.0.0.1:9").list_files())
    assert caught.value.status is None


def test_a_bucket_that_there_is_not(connect):
    with pytest.raises(NotFound, match="the bucket 'no-such-bucket' does not exist") as caught:
        connect(bucket_name="no-such-bucket").stat_file("k")
    assert caught.value.key is None


def test_a_key_for_another_bucket(restricted, b2_account):
    other = b2_account.new_bucket("other")
    with pytest.raises(PermissionDenied, match=f"not for the bucket {other!r}, but for 'test-"):
        list(restricted(*READ, bucket_name=other).list_files())


def test_a_key_for_some_names_says_which(restricted, b2):
    b2.upload_file(b"1", "in/k")
    narrow = restricted(*READ, name_prefix="in/")
    with pytest.raises(PermissionDenied, match=r"names that begin with 'in/': set `prefix`"):
        list(narrow.list_files())
    assert [found.key for found in restricted(*READ, name_prefix="in/", prefix="in").list_files()] == ["k"]


def test_a_key_that_may_not_write_says_what_it_lacks(restricted, b2):
    b2.upload_file(b"1", "k")
    reader = restricted(*READ)
    with pytest.raises(PermissionDenied, match="lacks the capability writeFiles"):
        reader.upload_file(b"2", "k")
    assert [outcome.error.status for outcome in reader.delete_files(["k"])] == [401]
    assert reader.read_file("k")[1] == b"1"


def test_a_token_that_ends_is_renewed_once_for_all_threads(b2, b2_account):
    b2.upload_file(b"1", "k")
    b2_account.expire_tokens()
    b2_account.forget_calls()
    with ThreadPoolExecutor(8) as pool:
        assert {found.size for found in pool.map(b2.stat_file, ["k"] * 16)} == {1}
    assert b2_account.calls()["b2_authorize_account"] == 1


def test_upload_addresses_end_with_the_token(b2, b2_account):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: b2.upload_file(b"1", f"k{number}"), range(24)))
        b2_account.expire_tokens()
        list(pool.map(lambda number: b2.upload_file(b"22", f"k{number}"), range(24)))
    assert {found.size for found in b2.list_files()} == {2}


def test_upload_addresses_wear_out(connect, b2_account):
    b2_account.set(upload_url_uses=1)
    b2 = connect()
    for number in range(5):
        b2.upload_file(b"1", f"k{number}")
    assert len(list(b2.list_files())) == 5
    assert b2_account.calls()["b2_get_upload_url"] == 5


@pytest.mark.parametrize("call", ["b2_list_file_names", "b2_upload_file", "b2_download_file_by_name"])
def test_only_uploads_are_retried_with_other_urls(b2, b2_account, call):
    b2.upload_file(b"1", "k")
    b2_account.fail(call, status=503, retry_after=60)
    b2_account.forget_calls()
    began = time.monotonic()
    with pytest.raises(Throttled) as caught:
        {
            "b2_list_file_names": lambda: list(b2.list_files()),
            "b2_upload_file": lambda: b2.upload_file(b"2", "k"),
            "b2_download_file_by_name": lambda: b2.read_file("k"),
        }[call]()
    assert caught.value.retry_after == 60
    assert b2_account.calls()[call] == 1
    assert time.monotonic() - began < 30, "waited for the server"


@pytest.mark.filterwarnings("error")
def test_a_code_that_the_sdk_does_not_know(b2, b2_account):
    b2_account.fail("b2_hide_file", status=400, code="brand_new")
    b2.upload_file(b"1", "k")
    (outcome,) = b2.delete_files(["k"])
    assert isinstance(outcome.error, AdapterError)
    assert outcome.error.code == "brand_new"


def test_the_token_of_an_upload_does_not_show(b2, b2_account):
    message = "more than one upload using auth token 4_secret_upld"
    b2_account.fail("b2_upload_file", status=400, code="auth_token_limit", message=message)
    with pytest.raises(Transient) as caught:
        b2.upload_file(b"1", "k")
    assert "4_secret" not in f"{caught.value} {caught.value.__cause__}"


def test_responses_that_are_cut_short(b2_account, connect):
    with S3FaultProxy(b2_account.endpoint) as proxy:
        b2 = connect(api_url=proxy.endpoint)
        b2.upload_file(bytes(100_000), "k")
        proxy.fault(Cut(after=10), when=lambda request: request.path.endswith("/b2_list_file_names"), times=1)
        with pytest.raises(Transient):
            list(b2.list_files())
        proxy.fault(Cut(after=50_000), when=lambda request: request.path.startswith("/file/"), times=1)
        with pytest.raises((Transient, IntegrityError)) as caught:
            b2.read_file("k")
        assert caught.value.retryable
        proxy.fault(LoseReply(), when=lambda request: request.path.endswith("/b2_hide_file"), times=1)
        (outcome,) = b2.delete_files(["k"])
        assert isinstance(outcome.error, Transient)
        proxy.fault(Answer(200, body=b"<html>"), when=lambda request: "list_file" in request.path, times=1)
        with pytest.raises(AdapterError):
            list(b2.list_files())


def test_nothing_is_left_in_the_home_directory(connect, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    connect().upload_file(b"1", "k")
    assert list(Path(tmp_path).iterdir()) == []


def test_the_token_of_netrc_is_not_sent(b2_account, connect, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login nobody password nothing\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    connect().upload_file(b"1", "k")


def test_no_secret_shows(connect, b2_account):
    b2 = connect()
    list(b2.list_files())
    signed = b2._session.authorization()
    shown = repr((b2._settings, signed, b2.__dict__))
    assert b2_account.key not in shown
    assert signed.token not in shown
    assert re.search(r"account_id='[0-9a-f]+'", repr(signed))


def test_a_failure_of_this_machine_is_not_one_of_the_network():
    found = ConnectionError("aborted")
    found.__cause__ = OSError(errno.EMFILE, "Too many open files")
    error = translate_error(found, action="listing", host="h")
    assert isinstance(error, Transient)
    assert str(error) == "listing at h failed: this machine: Too many open files"
