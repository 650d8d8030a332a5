"""Servers that send too much, store something else than was sent, or refuse in odd words."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest

from buckia_b2.api.transport import MAX_JSON_BYTES
from buckia_b2.settings import Encryption
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, IntegrityError, NotSupported, PermissionDenied, Transient
from buckia_core.planning.digest import Digest
from tests.servers.scripted_server import Asked, Reply
from tests.unit.b2.scripted import TOKEN, UPLOAD_TOKEN, at, authorized, described, file, listing

# --- too much ------------------------------------------------------------------------------------------------


def test_of_an_object_no_more_is_read_than_it_has(opened, tmp_path):
    b2, _ = opened(at("/file/", Reply(body=b"abc", headers=described())))
    seen = b2.stat_file("k")
    b2, _ = opened(at("/file/", Reply(body=b"x" * 50_000, headers=described())))
    for call in (lambda: b2.read_file("k", expect=seen), lambda: b2.download_file("k", tmp_path / "f", expect=seen)):
        with pytest.raises(AdapterError, match="not in the expected state"):
            call()


def test_a_page_that_is_too_long_is_asked_for_in_shorter_ones(opened):
    def page(asked: Asked) -> Reply:
        if json.loads(asked.body)["maxFileCount"] > 1000:
            return Reply(body=b" " * (MAX_JSON_BYTES + 1))
        return listing(file("a"))

    b2, server = opened(at("b2_list_file_names", page))
    assert [each.key for each in b2.list_files()] == ["a"]
    server.script = lambda _: Reply(body=b" " * (MAX_JSON_BYTES + 1))
    with pytest.raises(AdapterError, match="has more than 16,777,216 bytes"):
        list(b2.list_files())


def test_responses_are_not_decompressed(opened):

    packed = gzip.compress(json.dumps({"files": [], "nextFileName": None}).encode())
    b2, server = opened(at("b2_list_file_names", Reply(body=packed, headers={"Content-Encoding": "gzip"})))
    with pytest.raises(AdapterError, match="unknown form"):
        list(b2.list_files())
    assert server.asked[-1].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("wait", ["9" * 500, "soon", "Fri, 31 Dec 99999 23:59:59 GMT", "-5"])
def test_an_excessive_retry_after_is_capped(opened, wait):
    b2, _ = opened(at("b2_list_file_names", Reply(503, b"{}", {"Retry-After": wait})))
    with pytest.raises(AdapterError) as caught:
        list(b2.list_files())
    assert caught.value.retry_after is None or caught.value.retry_after <= 86_400


# --- something else than was sent ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stored", [file(data=b"1bc"), file(data=b"abcd"), file(data=b"abc", fileName="other"), file(contentLength=2)]
)
def test_what_the_server_says_that_it_stored_is_compared(opened, stored):
    b2, server = opened(at("/up", Reply(body=stored)))
    with pytest.raises(IntegrityError) as caught:
        b2.upload_file(b"abc", "k")
    assert caught.value.retryable
    assert server.asked[-1].target.endswith("/b2_delete_file_version"), "it is taken back"
    assert json.loads(server.asked[-1].body)["fileId"] == stored["fileId"]


def test_a_file_is_compared_as_well(opened, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(1 << 20))
    b2, _ = opened(at("/up", Reply(body=file(data=bytes((1 << 20) - 1) + b"1"))))
    with pytest.raises(IntegrityError):
        b2.upload_file(path, "k")


@pytest.mark.parametrize("wrong", [{"contentSha1": "0" * 40}, {"contentLength": 1}, {"partNumber": 7}])
def test_parts_are_compared(opened, wrong):
    def part(asked: Asked) -> Reply:
        size, number = int(asked.headers["content-length"]), int(asked.headers["x-bz-part-number"])
        sha1 = asked.headers["x-bz-content-sha1"]
        return Reply(body={"partNumber": number, "contentLength": size, "contentSha1": sha1, **wrong})

    def responses(asked: Asked) -> Reply | None:
        if "b2_start_large_file" in asked.target:
            return Reply(body=file(action="start", contentSha1="none"))
        return part(asked) if asked.target == "/up" else None

    b2, server = opened(responses, multipart_threshold=5_000_000, part_size=5_000_000)
    b2._part_pool._policy = b2._part_pool._policy.__class__(max_attempts=1)
    with pytest.raises(IntegrityError, match="part"):
        b2.upload_file(bytes(6_000_000), "k")
    assert server.asked[-1].target.endswith("/b2_cancel_large_file")


# --- refusals ------------------------------------------------------------------------------------------------


def refused(status: int, code: str, message: str = "") -> Reply:
    return Reply(status, {"status": status, "code": code, "message": message})


def test_tokens_that_a_server_repeats_do_not_show(opened):
    def responses(asked: Asked) -> Reply | None:
        if asked.target == "/up" or "b2_list_file_names" in asked.target:
            return refused(400, "bad_request", f"your token {asked.headers['authorization']} is odd")
        return None

    b2, _ = opened(responses)
    for call in (lambda: list(b2.list_files()), lambda: b2.upload_file(b"1", "k")):
        with pytest.raises(AdapterError, match=r"your token \*\*\* is odd") as caught:
            call()
        chain = f"{caught.value!r} {caught.value.__cause__!r}"
        assert TOKEN not in chain
        assert UPLOAD_TOKEN not in chain


@pytest.mark.parametrize("token", ["a b", "a\nb", "ü", "", None, 5, "x" * 5000])
def test_an_invalid_token_is_not_shown(opened, token):
    b2, server = opened(lambda asked: None)
    server.script = lambda _: Reply(body=authorized(server) | {"authorizationToken": token})
    with pytest.raises(AdapterError, match="did not respond as B2 does") as caught:
        list(b2.list_files())
    if isinstance(token, str) and token:
        assert token not in str(caught.value)


def test_a_locked_version_does_not_blame_the_key(opened):
    b2, _ = opened(at("b2_delete_file_version", refused(401, "access_denied", "Access Denied")))
    with pytest.raises(PermissionDenied, match="locked by a retention or a legal hold"):
        b2.delete_version("k", "4_k")


def test_a_bucket_without_locks_says_what_to_do(opened):
    message = "The bucket is not file lock enabled"
    b2, _ = opened(at("/up", refused(400, "bucket_missing_file_lock", message)))
    with pytest.raises(NotSupported, match="leave out object_lock_mode"):
        b2.upload_file(b"1", "k")


def test_another_customers_key_does_not_blame_the_application_key(opened):
    b2, _ = opened(
        at("/file/", refused(403, "access_denied", "")),
        server_side_encryption=Encryption.CUSTOMER,
        sse_customer_key_base64=Secret("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    )
    with pytest.raises(PermissionDenied, match="sse_customer_key_base64 is not the key"):
        b2.read_file("k")


def test_only_what_is_not_there_counts_as_deleted(opened):
    b2, server = opened(at("b2_delete_file_version", refused(400, "file_not_present")))
    b2.delete_version("k", "4_k")
    server.script = lambda asked: (
        Reply(body=authorized(server)) if "authorize" in asked.target else refused(400, "bad_request", "no")
    )
    with pytest.raises(AdapterError):
        b2.delete_version("k", "4_k")


def test_a_proxy_that_shows_a_page_is_no_passing_failure(opened):
    b2, _ = opened(at("b2_hide_file", Reply(200, b"<html>Welcome to the hotel</html>")))
    (outcome,) = b2.delete_files(["k"])
    assert isinstance(outcome.error, AdapterError)
    assert not isinstance(outcome.error, Transient)


# --- what content large files have ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["read", "open", "download"])
def test_what_file_info_claims_of_a_large_file_is_not_taken_for_its_content(opened, tmp_path, how):
    stale = hashlib.sha1(b"old").hexdigest()
    headers = described() | {"x-bz-content-sha1": "none", "X-Bz-Info-large_file_sha1": stale}
    b2, _ = opened(at("/file/", Reply(body=b"new", headers=headers)))
    seen, target = b2.stat_file("k"), tmp_path / "file"
    assert (seen.digests, seen.claimed) == ((Digest("sha1?", stale),), (Digest("sha1", stale),))
    if how == "read":
        assert b2.read_file("k", expect=seen)[1] == b"new"
    elif how == "open":
        with b2.open_file("k") as stream:
            assert stream.read() == b"new"
    else:
        b2.download_file("k", target, expect=seen)
        assert target.read_bytes() == b"new"


# --- requests ------------------------------------------------------------------------------------------------


def test_each_request_waits_for_its_turn(opened):
    pages = iter([listing(file("a"), following="b"), listing(file("b"), following="c"), listing()])
    b2, server = opened(at("b2_list_file_names", lambda _: next(pages)))
    waits: list[None] = []

    async def wait():
        waits.append(None)

    assert b2.limit_requests(wait)
    assert len(list(b2.list_files())) == 2
    assert len(waits) == len(server.asked) == b2.request_count == 4
