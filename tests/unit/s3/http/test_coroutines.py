"""Calls on an event loop: the same as the blocking ones, and none of them holds up the others."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.errors import IntegrityError, MissingCredentials, NotFound, PreconditionFailed, Transient
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.auth.current_credentials import CurrentCredentials
from buckia_s3.auth.sigv4 import Credentials
from buckia_s3.config.fields import ConditionalWrites
from buckia_s3.operations.server_probe import IfMatchSupport
from tests.unit.s3.scripted_server import HELLO, OBJECT, Answer, error

SEEN = RemoteObject("k", 5, OBJECT["ETag"].strip('"'))


def run(adapter, *calls):
    """Run calls at the same time on one loop, and close its connections."""

    async def main():
        try:
            return await asyncio.gather(*(call() for call in calls))
        finally:
            await adapter.close_async()

    return asyncio.run(main())


def test_many_at_once(connect):
    adapter, server = connect(lambda asked: HELLO)
    assert adapter.capabilities.coroutines
    calls = [lambda: adapter.stat_file_async("k"), lambda: adapter.read_file_async("k")] * 20
    found = run(adapter, *calls)
    assert [each.size for each in found[::2]] == [5] * 20
    assert [content for _, content in found[1::2]] == [b"hello"] * 20
    assert (adapter.request_count, server.connections <= 40) == (40, True)


def test_an_upload_has_condition_digest_and_metadata(connect):
    def script(asked):
        return Answer(200, b"", {"ETag": f'"{hashlib.md5(asked.body).hexdigest()}"'})

    adapter, server = connect(script)
    adapter._server_probe._if_match = IfMatchSupport.QUOTED
    sha256 = hashlib.sha256(b"hello").hexdigest()
    info = UploadInfo(mtime_ns=1_500_000_000, digests=(Digest("sha256", sha256),))
    [written] = run(adapter, lambda: adapter.upload_file_async(b"hello", "k", expect=IfAbsent(), info=info))
    [asked] = server.asked
    assert (written.size, written.fingerprint) == (5, hashlib.md5(b"hello").hexdigest())
    assert (asked.headers["if-none-match"], asked.headers["x-amz-content-sha256"]) == ("*", sha256)
    assert asked.headers["x-amz-meta-mtime"] == "1.500000000"


def test_content_that_differs_from_its_digest_is_not_sent(connect):
    adapter, server = connect(lambda asked: HELLO)
    info = UploadInfo(digests=(Digest("sha256", "0" * 64),))
    with pytest.raises(IntegrityError):
        run(adapter, lambda: adapter.upload_file_async(b"hello", "k", info=info))
    assert not server.asked


def test_a_corrupted_upload_is_noticed_and_repeated(connect):
    stored: list[bytes] = []

    def script(asked):
        if asked.method == "PUT":
            stored.append(b"hullo" if not stored else asked.body)
        etag = hashlib.md5(stored[-1]).hexdigest()
        return Answer(200, b"" if asked.method == "PUT" else stored[-1], {**OBJECT, "ETag": f'"{etag}"'})

    adapter, server = connect(script, conditional_writes=ConditionalWrites.OFF)
    [written] = run(adapter, lambda: adapter.upload_file_async(b"hello", "k"))
    assert (stored, written.fingerprint) == ([b"hullo", b"hello"], hashlib.md5(b"hello").hexdigest())
    assert [asked.method for asked in server.asked] == ["PUT", "GET", "HEAD", "PUT"]


@pytest.mark.parametrize("name", ["stat_file_async", "read_file_async"])
def test_a_missing_object(connect, name):
    adapter, _ = connect(lambda asked: Answer(200) if asked.path == "/bucket" else error(404, "NoSuchKey"))
    with pytest.raises(NotFound, match="k"):
        run(adapter, lambda: getattr(adapter, name)("k"))


def test_another_version(connect):
    adapter, _ = connect(lambda asked: HELLO)
    with pytest.raises(PreconditionFailed):
        run(adapter, lambda: adapter.read_file_async("k", expect=SEEN._replace(fingerprint="other")))
    adapter, _ = connect(lambda asked: HELLO, conditional_writes=ConditionalWrites.OFF)
    other = IfUnchanged(SEEN._replace(fingerprint="other"))
    with pytest.raises(PreconditionFailed):
        run(adapter, lambda: adapter.upload_file_async(b"x", "k", expect=other))


def test_deletes_one_by_one(connect):
    adapter, server = connect(
        lambda asked: error(501, "NotImplemented") if asked.method == "POST" else error(404, "NoSuchKey")
    )
    keys = [f"k{number}" for number in range(20)]
    [outcomes] = run(adapter, lambda: adapter.delete_files_async(keys))
    assert [(each.key, each.error) for each in outcomes] == [(key, None) for key in keys]
    assert sorted(asked.path for asked in server.asked[1:]) == sorted(f"/bucket/{key}" for key in keys)


def test_a_redirect_to_another_region(connect):
    def script(asked):
        if "/us-east-1/" in asked.headers["authorization"]:
            return Answer(400, error(400, "AuthorizationHeaderMalformed").body, {"x-amz-bucket-region": "eu-north-1"})
        return HELLO

    adapter, server = connect(script)
    assert [each.size for each in run(adapter, *[lambda: adapter.stat_file_async("k")] * 3)] == [5] * 3
    assert "/eu-north-1/" in server.asked[-1].headers["authorization"]


def test_a_rate_limit_is_awaited(connect):
    adapter, _ = connect(lambda asked: HELLO)
    waited = []

    async def wait():
        waited.append(threading.current_thread() is threading.main_thread())
        await asyncio.sleep(0.2)

    adapter.limit_requests(wait)
    began = time.monotonic()
    run(adapter, *[lambda: adapter.stat_file_async("k")] * 10)
    assert waited == [True] * 10
    assert time.monotonic() - began < 1.5


def test_a_server_that_is_not_there(connect):
    adapter, _ = connect(lambda asked: HELLO, endpoint_url="http://127.0.0.1:1")
    with pytest.raises(Transient, match="Connection refused"):
        run(adapter, lambda: adapter.stat_file_async("k"))


class TestCredentials:
    def test_are_fetched_once_and_in_a_thread(self, connect):
        calls = []

        def fetch():
            calls.append(threading.current_thread() is threading.main_thread())
            time.sleep(0.1)
            expires = datetime.now(UTC) + timedelta(hours=1)
            return {"access_key_id": "AK", "secret_access_key": "SK", "expires_at": expires}

        adapter, server = connect(
            lambda asked: HELLO, access_key_id=None, secret_access_key=None, credential_provider=fetch
        )
        run(adapter, *[lambda: adapter.stat_file_async("k")] * 10)
        assert calls == [False]
        assert len(server.asked) == 10

    def test_expire(self):
        made: list[int] = []

        def get():
            made.append(len(made))
            return Credentials(f"AK{len(made)}", "SK", None, datetime.now(UTC) + timedelta(seconds=0.2))

        current = CurrentCredentials(get)

        async def use():
            first = await current.get()
            again = await current.get()
            await asyncio.sleep(0.15)
            return first, again, await current.get()

        first, again, later = asyncio.run(use())
        assert (first.access_key_id, again.access_key_id, later.access_key_id) == ("AK1", "AK1", "AK2")

    def test_an_error_is_not_kept(self):
        answers = iter([MissingCredentials("none"), Credentials("AK", "SK")])

        def get():
            found = next(answers)
            if isinstance(found, Exception):
                raise found
            return found

        current = CurrentCredentials(get)

        async def use():
            with pytest.raises(MissingCredentials):
                await current.get()
            return await current.get()

        found = asyncio.run(use())
        assert found is not None
        assert found.access_key_id == "AK"

    def test_a_cancelled_request_leaves_them_to_the_others(self):
        def get():
            time.sleep(0.1)
            return Credentials("AK", "SK")

        current = CurrentCredentials(get)

        async def use():
            first, second = asyncio.create_task(current.get()), asyncio.create_task(current.get())
            await asyncio.sleep(0.02)
            first.cancel()
            return await second

        found = asyncio.run(use())
        assert found is not None
        assert found.access_key_id == "AK"
