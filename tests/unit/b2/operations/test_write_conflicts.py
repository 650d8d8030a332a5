"""Two writers of one key: no bytes are lost, and only one write succeeds."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from buckia_b2.api import transport
from buckia_core.adapters.contract.resume import MultipartSource, PartLayout
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition, UploadInfo
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.adapters.wrappers import Retry
from buckia_core.errors import PermissionDenied, PreconditionFailed, Transient
from buckia_core.planning.digest import Digest
from buckia_core.testing.fault_proxy.faults import LoseReply
from tests.servers.s3_faults import S3FaultProxy
from tests.unit.b2.conftest import PART

MOST = ("listBuckets", "listFiles", "readFiles", "writeFiles")


def around_uploads(adapter, *, before=None, after=None):
    """Let another writer act just before or after the adapter's next upload."""
    send, once = adapter._session.raw.upload_file, threading.Lock()

    async def upload_file(*arguments: Any, **options: Any) -> Any:
        acting = once.acquire(blocking=False)
        if acting and before:
            before()
        response = await send(*arguments, **options)
        if acting and after:
            after()
        return response

    adapter._session.raw.upload_file = upload_file


def history(raw_bucket, name="k"):
    return [(each.action, each.size) for each in raw_bucket.list_file_versions(name) if each.file_name == name]


def read(adapter, key="k"):
    return adapter.read_file(key)[1]


@pytest.fixture
def hurried(b2):
    """The adapter, which does not wait between checks."""
    b2._uploader.conflicts._sleep = lambda seconds: None
    return b2


@pytest.mark.parametrize("there", [False, True])
def test_who_was_first_keeps_the_name(hurried, raw_bucket, there):
    expect: Precondition = IfUnchanged(hurried.upload_file(b"0", "k")) if there else IfAbsent()
    around_uploads(hurried, before=lambda: raw_bucket.upload_bytes(b"theirs", "k"))
    with pytest.raises(PreconditionFailed) as caught:
        hurried.upload_file(b"mine, which is longer", "k", expect=expect)
    assert (caught.value.key, caught.value.retryable) == ("k", False)
    assert read(hurried) == b"theirs"
    assert history(raw_bucket) == [("upload", 6)] + [("upload", 1)] * there


def test_a_later_unconditional_write_is_kept(hurried, raw_bucket):
    seen = hurried.upload_file(b"0", "k")
    around_uploads(hurried, after=lambda: raw_bucket.upload_bytes(b"theirs", "k"))
    with pytest.raises(PreconditionFailed):
        hurried.upload_file(b"mine, which is longer", "k", expect=IfUnchanged(seen))
    assert read(hurried) == b"theirs"
    assert history(raw_bucket) == [("upload", 6), ("upload", 1)]


def test_who_came_after_and_takes_it_back_leaves_ours(b2, raw_bucket):
    seen = b2.upload_file(b"0", "k")
    theirs: list[Any] = []
    around_uploads(b2, after=lambda: theirs.append(raw_bucket.upload_bytes(b"theirs", "k")))
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            theirs[0].delete()

    b2._uploader.conflicts._sleep = sleep
    written = b2.upload_file(b"mine", "k", expect=IfUnchanged(seen))
    assert b2.stat_file("k").fingerprint == written.fingerprint
    assert read(b2) == b"mine"
    assert len(pauses) == 2


def test_a_deletion_in_between_stays_one(hurried, raw_bucket):
    seen = hurried.upload_file(b"0", "k")
    around_uploads(hurried, before=lambda: raw_bucket.hide_file("k"))
    with pytest.raises(PreconditionFailed):
        hurried.upload_file(b"mine", "k", expect=IfUnchanged(seen))
    assert list(hurried.list_files()) == []
    assert history(raw_bucket) == [("hide", 0), ("upload", 1)]


def test_what_was_deleted_before_is_no_other_writer(hurried):
    hurried.upload_file(b"0", "k")
    hurried.delete_files(["k"])
    hurried.upload_file(b"1", "k", expect=IfAbsent())
    assert read(hurried) == b"1"


def test_an_unconditional_write_is_not_verified(b2, b2_account, raw_bucket):
    b2.upload_file(b"0", "k")
    around_uploads(b2, before=lambda: raw_bucket.upload_bytes(b"theirs", "k"))
    b2_account.forget_calls()
    b2.upload_file(b"mine", "k")
    assert read(b2) == b"mine"
    assert "b2_list_file_versions" not in b2_account.calls()


def test_a_large_file_that_was_started_earlier(hurried, raw_bucket, tmp_path):
    """B2 dates it by its start, so a write during the upload is newer."""
    seen = hurried.upload_file(b"0", "k")
    data = bytes(PART + 10)
    (tmp_path / "large").write_bytes(data)
    note = Note()
    sha1s = [hashlib.sha1(data[:PART]).hexdigest(), hashlib.sha1(data[PART:]).hexdigest()]
    other_writes = iter([lambda: raw_bucket.upload_bytes(b"theirs", "k")])

    def passing(count: int) -> None:
        next(other_writes, lambda: None)()

    source = MultipartSource(tmp_path / "large", len(data), PartLayout(PART, "sha1"), sha1s, note, passing)
    with pytest.raises(PreconditionFailed):
        hurried.upload_parts(source, "k", expect=IfUnchanged(seen), info=UploadInfo())
    assert read(hurried) == b"theirs"
    assert history(raw_bucket) == [("upload", 6), ("upload", 1)]
    assert note.text is None


def test_a_large_file_goes_on_only_if_it_would_be_the_newest(hurried, raw_bucket, tmp_path):
    data = bytes(PART + 10)
    (tmp_path / "large").write_bytes(data)
    sha1s = [hashlib.sha1(data[:PART]).hexdigest(), hashlib.sha1(data[PART:]).hexdigest()]
    note = Note()

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    source = MultipartSource(tmp_path / "large", len(data), PartLayout(PART, "sha1"), sha1s, note, stop)
    with pytest.raises(KeyboardInterrupt):
        hurried.upload_parts(source, "k", info=UploadInfo())
    started = note.text
    assert started is not None
    raw_bucket.upload_bytes(b"theirs", "k")
    seen = hurried.stat_file("k")
    source = MultipartSource(tmp_path / "large", len(data), PartLayout(PART, "sha1"), sha1s, note, lambda count: None)
    written = hurried.upload_parts(source, "k", expect=IfUnchanged(seen), info=UploadInfo())
    assert note.text != started
    assert hurried.stat_file("k").fingerprint == written.fingerprint
    assert history(raw_bucket) == [("upload", PART + 10), ("upload", 6)]


def test_a_key_that_can_not_delete_restores_the_previous_version(restricted, raw_bucket):
    writer = restricted(*MOST)
    around_uploads(writer, before=lambda: raw_bucket.upload_bytes(b"theirs", "k"))
    with pytest.raises(PreconditionFailed):
        writer.upload_file(b"mine", "k", expect=IfAbsent())
    assert read(writer) == b"theirs"
    assert history(raw_bucket) == [("upload", 6), ("upload", 4), ("upload", 6)]


def test_a_key_that_can_not_even_do_that_says_so(b2_account, restricted, raw_bucket):
    writer = restricted(*MOST)
    around_uploads(writer, before=lambda: raw_bucket.upload_bytes(b"theirs", "k"))
    b2_account.fail("b2_copy_file", status=403, code="access_denied")
    with pytest.raises(PermissionDenied, match="deleteFiles") as caught:
        writer.upload_file(b"mine", "k", expect=IfAbsent())
    assert "'k'" in str(caught.value)


@pytest.mark.parametrize("there", [False, True])
def test_of_many_writers_one_wins_at_most(connect, there):
    writers = [connect() for _ in range(4)]
    for number in range(5):
        key = f"k{number}"
        expect: Precondition = IfUnchanged(writers[0].upload_file(b"0", key)) if there else IfAbsent()
        ready = threading.Barrier(len(writers))

        def write(index: int, key: str = key, expect: Precondition = expect, ready: Any = ready) -> bytes | None:
            ready.wait()
            data = f"writer {index}".encode()
            try:
                writers[index].upload_file(data, key, expect=expect)
            except PreconditionFailed:
                return None
            return data

        with ThreadPoolExecutor(len(writers)) as pool:
            won = [data for data in pool.map(write, range(len(writers))) if data is not None]
        listed = {found.key for found in writers[0].list_files()}
        if won:
            assert [read(writers[0], key)] == won
        else:
            assert key not in listed or read(writers[0], key) == b"0"


def test_an_upload_whose_response_was_lost_is_found(b2_account, connect, raw_bucket):
    with S3FaultProxy(b2_account.endpoint) as proxy:
        b2 = connect(api_url=proxy.endpoint)
        proxy.fault(LoseReply(), when=lambda request: "/b2_upload_file/" in request.path, times=1)
        digests = (Digest("sha256", hashlib.sha256(b"mine").hexdigest()),)
        written = b2.upload_file(b"mine", "k", expect=IfAbsent(), info=UploadInfo(5_000_000, digests))
        assert [request.fault for request in proxy.requests if request.fault] == [LoseReply()]
        assert b2.stat_file("k").fingerprint == written.fingerprint
        assert history(raw_bucket) == [("upload", 4)]


@pytest.fixture
def unseen(hurried, b2_account, monkeypatch):
    """Adapter with retries whose first attempt can't list versions."""
    monkeypatch.setattr(transport, "RETRY_POLICY", replace(transport.RETRY_POLICY, sleep=lambda seconds: None))
    b2_account.fail("b2_list_file_versions", times=transport.RETRY_POLICY.max_attempts)
    return Retry(hurried, policy=RetryPolicy(sleep=lambda seconds: None))


DIGESTS = (Digest("sha256", hashlib.sha256(b"mine").hexdigest()),)


def test_a_write_that_could_not_be_verified_is_verified_by_the_next_attempt(unseen, raw_bucket):
    written = unseen.upload_file(b"mine", "k", expect=IfAbsent(), info=UploadInfo(5_000_000, DIGESTS))
    assert unseen.stat_file("k").fingerprint == written.fingerprint
    assert history(raw_bucket) == [("upload", 4)]


def test_what_is_below_a_write_is_found_in_the_next_attempt(unseen, hurried, raw_bucket):
    around_uploads(hurried, before=lambda: raw_bucket.upload_bytes(b"theirs", "k"))
    with pytest.raises(PreconditionFailed):
        unseen.upload_file(b"mine", "k", expect=IfAbsent(), info=UploadInfo(5_000_000, DIGESTS))
    assert read(hurried) == b"theirs"
    assert history(raw_bucket) == [("upload", 6)]


def test_a_write_that_could_not_be_taken_away_is_in_the_next_attempt(unseen, hurried, b2_account, raw_bucket):
    b2_account.fail("b2_delete_file_version", times=transport.RETRY_POLICY.max_attempts)
    around_uploads(hurried, before=lambda: raw_bucket.upload_bytes(b"theirs", "k"))
    with pytest.raises(PreconditionFailed):
        unseen.upload_file(b"mine", "k", expect=IfAbsent(), info=UploadInfo(5_000_000, DIGESTS))
    assert history(raw_bucket) == [("upload", 6)]


def test_what_is_below_a_version_that_is_brought_back_is_found_too(unseen, hurried, raw_bucket):
    first = hurried.upload_file(b"0", "k")
    seen = hurried.upload_file(b"11", "k")
    copy, once = hurried._session.raw.copy_file, iter([lambda: raw_bucket.upload_bytes(b"theirs", "k")])

    def copy_file(*arguments: Any, **options: Any) -> Any:
        next(once, lambda: None)()
        return copy(*arguments, **options)

    hurried._session.raw.copy_file = copy_file
    with pytest.raises(PreconditionFailed):
        unseen.restore_version("k", first.fingerprint, expect=IfUnchanged(seen))
    assert read(hurried) == b"theirs"
    assert history(raw_bucket) == [("upload", 6), ("upload", 2), ("upload", 1)]


def test_a_later_write_of_something_else_is_none_of_an_earlier_one(hurried, b2_account, monkeypatch):
    monkeypatch.setattr(transport, "RETRY_POLICY", replace(transport.RETRY_POLICY, max_attempts=1))
    b2_account.fail("b2_list_file_versions", times=1)
    with pytest.raises(Transient, match="'k' is written, but the check") as caught:
        hurried.upload_file(b"mine", "k", expect=IfAbsent(), info=UploadInfo(5_000_000, DIGESTS))
    assert caught.value.status == 503
    with pytest.raises(PreconditionFailed):
        hurried.upload_file(b"another", "k", expect=IfAbsent())
    assert read(hurried) == b"mine"


class Note:
    """A text that is kept for one transfer."""

    text: str | None = None

    def read(self) -> str | None:
        return self.text

    def write(self, text: str) -> None:
        self.text = text

    def clear(self) -> None:
        self.text = None
