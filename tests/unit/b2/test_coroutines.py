"""Coroutines: many calls on one event loop, with few requests beside the content."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from buckia_b2.settings import Deletion
from buckia_core.adapters.contract.protocols import Coroutines
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition, UploadInfo
from buckia_core.errors import (
    AdapterError,
    BucketNotFound,
    InvalidKey,
    NotFound,
    PreconditionFailed,
    Transient,
    Unauthenticated,
)
from buckia_core.http.blocking import run_blocking
from buckia_core.planning.digest import Digest
from tests.servers.scripted_server import Asked, Reply
from tests.unit.b2.conftest import PART
from tests.unit.b2.scripted import at, authorized, described, file

ABSENT = IfAbsent()
KEYS = [f"d/{number:03d}" for number in range(40)]


def on_loop(adapter, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine on an event loop, and close the connections of the loop."""

    async def run() -> Any:
        try:
            return await call()
        finally:
            await adapter.close_async()

    return asyncio.run(run())


def gathered(adapter, *calls: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run coroutines at once, and return their results or exceptions."""

    async def run() -> list[Any]:
        return await asyncio.gather(*calls, return_exceptions=True)

    results: list[Any] = on_loop(adapter, run)
    return results


def uploads(adapter, keys=KEYS, data=b"data", expect: Precondition | None = ABSENT):
    return [adapter.upload_file_async(data, key, expect=expect) for key in keys]


def listed(b2_account):
    return b2_account.calls().get("b2_list_file_versions", 0)


def test_each_call_does_what_the_synchronous_one_does(b2, raw_bucket):
    assert b2.capabilities.coroutines
    assert isinstance(b2, Coroutines)
    info = UploadInfo(1_000_000_000, metadata={"a": "ü"}, content_type="text/x-special")

    async def run() -> None:
        written = await b2.upload_file_async(b"content", "k", expect=IfAbsent(), info=info)
        found = await b2.stat_file_async("k")
        assert (found.fingerprint, found.metadata, found.content_type) == (
            written.fingerprint,
            {"a": "ü"},
            "text/x-special",
        )
        assert await b2.read_file_async("k", expect=written) == (found, b"content")
        empty = await b2.upload_file_async(b"", "empty")
        assert (await b2.read_file_async("empty", expect=empty))[1] == b""
        assert [outcome.error for outcome in await b2.delete_files_async(["k", "none"])] == [None, None]
        assert await b2.delete_files_async([]) == []
        for call in (b2.stat_file_async, b2.read_file_async):
            with pytest.raises(NotFound):
                await call("k")
            with pytest.raises(InvalidKey):
                await call("//")
        with pytest.raises(PreconditionFailed):
            await b2.read_file_async("empty", expect=written)

    on_loop(b2, run)
    assert [each.file_name for each, _ in raw_bucket.ls()] == ["empty"]


def test_uploads_at_once_share_the_listings_that_check_them(b2, b2_account):
    gathered(b2, b2.stat_file_async("none"))
    b2_account.forget_calls()
    written = gathered(b2, *uploads(b2))
    assert {each.size for each in written} == {4}
    assert sorted(each.key for each in b2.list_files()) == KEYS
    calls = b2_account.calls()
    assert calls["b2_upload_file"] == len(KEYS)
    assert calls["b2_list_file_versions"] < len(KEYS), "two listings an upload without sharing"
    assert "b2_download_file_by_name" not in calls


def test_existing_objects_are_found_before_anything_is_sent(b2, b2_account):
    seen = gathered(b2, *uploads(b2, KEYS[:10], b"theirs"))
    b2_account.forget_calls()
    failed = gathered(b2, *uploads(b2, KEYS[:10]))
    assert {type(each) for each in failed} == {PreconditionFailed}
    assert {each.key for each in failed} == set(KEYS[:10])
    assert b2_account.calls() == {"b2_list_file_versions": 1}
    replaced = gathered(b2, *(b2.upload_file_async(b"mine", each.key, expect=IfUnchanged(each)) for each in seen))
    assert [b2.read_file(each.key) for each in replaced] == [(b2.stat_file(key), b"mine") for key in KEYS[:10]]


def test_hidden_objects_are_absent(b2):
    gathered(b2, *uploads(b2, KEYS[:3]))
    b2.delete_files(KEYS[:3])
    assert {each.size for each in gathered(b2, *uploads(b2, KEYS[:3]))} == {4}


def test_names_that_one_page_does_not_cover_are_listed_alone(b2, b2_account, bucket):
    b2_account.fill(bucket, "between/{:04d}", 300)
    for number in range(110):
        b2.upload_file(bytes(number), "b")
    keys = ["a", "b", "c", "z"]
    b2_account.forget_calls()
    failed = gathered(b2, *uploads(b2, ["b"]))
    assert isinstance(failed[0], PreconditionFailed)
    written = gathered(b2, *uploads(b2, [key for key in keys if key != "b"]))
    assert {each.size for each in written} == {4}
    newest = b2.stat_file("b")
    replaced = gathered(b2, b2.upload_file_async(b"mine", "b", expect=IfUnchanged(newest)), *uploads(b2, ["y"]))
    assert [each.size for each in replaced] == [4, 4]


def test_another_writer_is_found_afterwards(b2, raw_bucket):
    send = b2._session.raw.upload_file

    async def upload_file(url, token, name, *arguments, **options):
        if name == KEYS[1]:
            await asyncio.to_thread(raw_bucket.upload_bytes, b"theirs", name)
        return await send(url, token, name, *arguments, **options)

    b2._session.raw.upload_file = upload_file
    first, second, third = gathered(b2, *uploads(b2, KEYS[:3]))
    assert isinstance(second, PreconditionFailed)
    assert [b2.read_file(key)[1] for key in KEYS[:3]] == [b"data", b"theirs", b"data"]
    assert {first.size, third.size} == {4}


def test_a_listing_that_fails_fails_each_file_by_its_name(b2, b2_account):
    gathered(b2, b2.stat_file_async("none"))
    b2_account.fail("b2_list_file_versions", status=403, code="access_denied")
    failed = gathered(b2, *uploads(b2, KEYS[:5]))
    assert [each.key for each in failed] == KEYS[:5]
    assert "b2_upload_file" not in b2_account.calls()


@pytest.mark.parametrize("names", [["d/001", "d/000"], ["c", "d/000"]], ids=["out of order", "before the first one"])
def test_a_shared_listing_out_of_order_proves_nothing(opened, names):
    def versions(asked: Asked) -> Reply:
        given = json.loads(asked.body)
        found = [file(name) for name in names] if given["prefix"] == "d/00" else []
        return Reply(body={"files": found, "nextFileName": None, "nextFileId": None})

    b2, server = opened(at("b2_list_file_versions", versions))
    failed = gathered(b2, *uploads(b2, ["d/000", "d/001", "d/002"]))
    assert all(isinstance(each, AdapterError) for each in failed)
    prefixes = [json.loads(asked.body)["prefix"] for asked in server.asked if "versions" in asked.target]
    assert (prefixes[0], sorted(prefixes[1:4])) == ("d/00", ["d/000", "d/001", "d/002"])


def test_a_token_that_ends_is_renewed_once_for_all(b2, b2_account):
    gathered(b2, *uploads(b2))
    b2_account.expire_tokens()
    b2_account.forget_calls()
    found = gathered(b2, *(b2.stat_file_async(key) for key in KEYS), *(b2.read_file_async(key) for key in KEYS))
    assert not any(isinstance(each, Exception) for each in found)
    assert b2_account.calls()["b2_authorize_account"] == 1


def test_upload_urls_end_with_the_token(b2, b2_account):
    gathered(b2, *uploads(b2))
    b2_account.expire_tokens()
    written = gathered(b2, *uploads(b2, data=b"other", expect=None))
    assert {each.size for each in written} == {5}


def test_upload_urls_are_reused(b2, b2_account):
    async def run() -> None:
        for _ in range(3):
            await asyncio.gather(*uploads(b2, KEYS[:4], expect=None))

    on_loop(b2, run)
    assert b2_account.calls()["b2_get_upload_url"] == 4


def test_threads_and_a_loop_sign_in_once(connect, b2_account):
    b2 = connect()
    b2_account.forget_calls()
    threads = [threading.Thread(target=lambda: list(b2.list_files())) for _ in range(4)]
    for thread in threads:
        thread.start()
    gathered(b2, *(b2.upload_file_async(b"1", key) for key in KEYS[:4]))
    for thread in threads:
        thread.join()
    assert b2_account.calls()["b2_authorize_account"] == b2_account.calls()["b2_list_buckets"] == 1


def test_a_wrong_key_is_tried_once(opened):
    b2, server = opened(at("b2_authorize_account", Reply(401, {"status": 401, "code": "unauthorized", "message": ""})))
    failed = gathered(b2, *(b2.stat_file_async(key) for key in KEYS))
    assert {type(each) for each in failed} == {Unauthenticated}
    assert len(server.asked) == 1


def test_a_call_that_is_cancelled_while_it_signs_in_is_no_failure_of_others(opened):
    waiting = threading.Event()

    def sign_in(asked: Asked) -> Reply:
        waiting.wait(10)
        return Reply(body=authorized(server))

    b2, server = opened(at("b2_authorize_account", sign_in))

    async def run() -> None:
        first, second = (asyncio.create_task(b2.stat_file_async("k")) for _ in range(2))
        await asyncio.sleep(0.2)
        first.cancel()
        waiting.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        with pytest.raises(NotFound):
            await second

    on_loop(b2, run)


def test_a_missing_bucket(connect):
    b2 = connect(bucket_name="no-such-bucket")
    found = gathered(b2, b2.read_file_async("k"), b2.stat_file_async("k"), *uploads(b2, ["k"]))
    assert {type(each) for each in found} == {BucketNotFound}


def test_large_bytes_are_sent_in_parts(b2, b2_account):
    data = bytes(PART + 1)
    (written,) = gathered(b2, *uploads(b2, ["k"], data))
    assert (written.size, b2_account.calls()["b2_upload_part"]) == (PART + 1, 2)


def test_deletes_for_good(b2, connect, raw_bucket):
    for data in (b"1", b"22"):
        gathered(b2, *uploads(b2, KEYS, data, None))
    final = connect(deletion=Deletion.VERSION)
    outcomes = on_loop(final, lambda: final.delete_files_async([*KEYS, "none"]))
    assert [(each.key, each.error) for each in outcomes] == [(key, None) for key in [*KEYS, "none"]]
    assert list(raw_bucket.ls(latest_only=False, recursive=True)) == []


def test_an_error_of_one_delete_is_its_own(b2, b2_account):
    gathered(b2, *uploads(b2, KEYS[:3]))
    b2_account.fail("b2_hide_file", times=1)
    outcomes = on_loop(b2, lambda: b2.delete_files_async(KEYS[:3]))
    assert sum(outcome.error is not None for outcome in outcomes) == 1


def test_bytes_that_were_changed_or_cut(opened):
    changed = described(b"abc") | {"x-bz-content-sha1": hashlib.sha1(b"xyz").hexdigest()}
    b2, _ = opened(at("/file/", Reply(body=b"abc", headers=changed)))
    (error,) = gathered(b2, b2.read_file_async("k"))
    assert (error.retryable, "SHA-1" in str(error)) == (True, True)
    b2, _ = opened(at("/file/", Reply(body=b"abc", headers=described(b"abc"), length=5)))
    (error,) = gathered(b2, b2.read_file_async("k"))
    assert isinstance(error, Transient)


def test_each_request_waits_for_its_turn(b2):
    waits: list[None] = []

    async def wait() -> None:
        waits.append(None)
        await asyncio.sleep(0)

    b2.limit_requests(wait)
    gathered(b2, *uploads(b2, KEYS[:5]))
    assert len(waits) == b2.request_count


def test_digests_of_the_caller_are_compared_before_anything_is_sent(b2, b2_account):
    info = UploadInfo(digests=(Digest("sha256", "0" * 64),))
    (error,) = gathered(b2, b2.upload_file_async(b"1", "k", info=info))
    assert isinstance(error, AdapterError)
    assert "b2_upload_file" not in b2_account.calls()


def test_a_blocking_call_in_the_thread_of_a_loop_does_not_wait_for_it(opened):
    """A notebook runs a loop in the thread of all calls."""
    signing_in = threading.Event()

    def sign_in(asked: Asked) -> Reply:
        signing_in.set()
        return Reply(body=authorized(server))

    b2, server = opened(at("b2_authorize_account", sign_in))

    async def run() -> None:
        task = asyncio.create_task(b2.stat_file_async("k"))
        while not signing_in.is_set():
            await asyncio.sleep(0)
        with pytest.raises(NotFound):
            b2.stat_file("k")
        with pytest.raises(NotFound):
            await task

    on_loop(b2, run)
    with pytest.raises(NotFound):
        run_blocking(b2.stat_file_async("k"))
