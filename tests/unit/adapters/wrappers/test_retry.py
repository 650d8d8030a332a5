"""`Retry`: what is repeated, how often, how long, and what is not."""

from __future__ import annotations

import hashlib
import io

import pytest

from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.types import DeleteOutcome, IfAbsent, IfUnchanged, UploadInfo
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.adapters.wrappers import Retry, Wrapper
from buckia_core.errors import (
    AdapterError,
    IntegrityError,
    PermissionDenied,
    PreconditionFailed,
    Throttled,
    Transient,
)
from buckia_core.planning.digest import Digest
from buckia_core.testing import Fault, Faulty, m


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.sleeps = []

    def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.now += seconds


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def memory():
    adapter = MemorySync(MemorySettings())
    m("a=1 b=22 c=333 d=4444").upload_to(adapter)
    return adapter


@pytest.fixture
def retrying(memory, time):
    def make(*faults, chance=1.0, **bounds):
        faulty = Faulty(memory, faults)
        backoff = RetryPolicy(clock=lambda: time.now, sleep=time.sleep, random=lambda: chance, **bounds)
        return Retry(faulty, policy=backoff), faulty

    return make


def test_waits_grow_and_success_ends_them(retrying, time):
    retry, faulty = retrying(Fault("stat_file", times=4), max_attempts=5, initial_wait=1.0, max_wait=5.0)
    assert retry.stat_file("a").size == 1
    assert time.sleeps == [1.0, 2.0, 4.0, 5.0]
    assert len(faulty.calls) == 5


def test_jitter_is_full(retrying, time):
    retry, _ = retrying(Fault("stat_file", times=2), chance=0.25, initial_wait=1.0)
    retry.stat_file("a")
    assert time.sleeps == [0.25, 0.5]


def test_attempts_are_bounded(retrying, time):
    retry, faulty = retrying(Fault("stat_file", times=None), max_attempts=3)
    with pytest.raises(Transient):
        retry.stat_file("a")
    assert len(faulty.calls) == 3
    assert len(time.sleeps) == 2


def test_seconds_are_bounded(retrying, time):
    retry, _ = retrying(
        Fault("stat_file", times=None), max_attempts=100, time_limit=10.0, initial_wait=4.0, max_wait=4.0
    )
    with pytest.raises(Transient):
        retry.stat_file("a")
    assert time.sleeps == [4.0, 4.0]


def test_provider_is_given_the_time_that_it_asks_for(retrying, time):
    throttled = Fault("stat_file", error=lambda: Throttled("slow down", retry_after=30.0))
    retry, _ = retrying(throttled)
    retry.stat_file("a")
    assert time.sleeps == [30.0]


def test_provider_that_asks_for_too_much_time_is_not_waited_for(retrying, time):
    retry, _ = retrying(Fault("stat_file", error=lambda: Throttled("slow down", retry_after=3600.0)))
    with pytest.raises(Throttled):
        retry.stat_file("a")
    assert time.sleeps == []


@pytest.mark.parametrize("error", [lambda: PermissionDenied("no"), lambda: Transient("no", retryable=False)])
def test_what_will_not_pass_is_not_repeated(retrying, error, time):
    retry, faulty = retrying(Fault("stat_file", error=error))
    with pytest.raises((PermissionDenied, Transient)):
        retry.stat_file("a")
    assert len(faulty.calls) == 1
    assert time.sleeps == []


@pytest.mark.parametrize("operation", ["probe", "stat_file", "download_file", "open_file", "copy_file", "upload_file"])
def test_every_call_is_repeated(retrying, operation, tmp_path):
    retry, faulty = retrying(Fault(operation))
    calls = {
        "probe": retry.probe,
        "stat_file": lambda: retry.stat_file("a"),
        "download_file": lambda: retry.download_file("a", tmp_path / "file"),
        "open_file": lambda: retry.open_file("a").__enter__(),
        "copy_file": lambda: retry.copy_file(next(retry.list_files()), "e"),
        "upload_file": lambda: retry.upload_file(b"1", "e"),
    }
    calls[operation]()
    assert [name for name, _ in faulty.calls].count(operation) == 2


# --- listings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entries", [0, 1, 3, 4])
def test_listing_resumes_after_the_last_key(retrying, entries):
    retry, _ = retrying(Fault("list_files", entries=entries))
    assert [found.key for found in retry.list_files()] == ["a", "b", "c", "d"]


def test_listing_keeps_to_its_range_when_it_resumes(retrying):
    retry, _ = retrying(Fault("list_files", entries=1, times=2))
    assert [found.key for found in retry.list_files(start_after="a", end_at="c")] == ["b", "c"]


def test_listing_that_gets_on_has_all_its_attempts_again(retrying):
    retry, _ = retrying(Fault("list_files", entries=1, times=4), max_attempts=2)
    assert [found.key for found in retry.list_files()] == ["a", "b", "c", "d"]


def test_listing_that_stands_still_ends(retrying):
    retry, faulty = retrying(Fault("list_files", times=None), max_attempts=3)
    with pytest.raises(Transient):
        list(retry.list_files())
    assert len(faulty.calls) == 3


class FromTheStart(Wrapper):
    """An adapter that can't start a listing in the middle."""

    @property
    def capabilities(self):
        return Capabilities(start_after=False)


@pytest.mark.parametrize(("entries", "succeeds"), [(0, True), (2, False)])
def test_listing_of_an_adapter_that_can_not_start_in_the_middle(memory, time, entries, succeeds):
    adapter = FromTheStart(Faulty(memory, [Fault("list_files", entries=entries)]))
    retry = Retry(adapter, policy=RetryPolicy(clock=lambda: time.now, sleep=time.sleep))
    if succeeds:
        assert len(list(retry.list_files())) == 4
    else:
        with pytest.raises(Transient):
            list(retry.list_files())


# --- uploads -----------------------------------------------------------------------------------------------


class Consuming(Wrapper):
    """An adapter that reads some of the source before it fails the first time."""

    failed = False

    def upload_file(self, source, key, *, expect=None, info=None):
        if not self.failed:
            self.failed = True
            source.read(3)
            raise IntegrityError("garbled on the way", key=key)
        return super().upload_file(source, key, expect=expect, info=info)


def test_reader_is_read_again_from_where_it_stood(memory, time):
    retry = Retry(Consuming(memory), policy=RetryPolicy(sleep=time.sleep))
    reader = io.BytesIO(b"head, body")
    reader.seek(6)
    retry.upload_file(reader, "k")
    with memory.open_file("k") as stored:
        assert stored.read() == b"body"


class Pipe(io.BytesIO):
    def seekable(self):
        return False

    def seek(self, *args):
        raise OSError(29, "Illegal seek")

    def tell(self):
        raise OSError(29, "Illegal seek")


def test_reader_that_can_not_seek_has_one_attempt(retrying):
    retry, faulty = retrying(Fault("upload_file"))
    with pytest.raises(Transient):
        retry.upload_file(Pipe(b"1"), "k")
    assert len(faulty.calls) == 1
    assert retry.upload_file(Pipe(b"1"), "k").size == 1


@pytest.mark.parametrize(
    ("error", "goes_on"),
    [(Transient("x"), True), (Throttled("x"), True), (IntegrityError("x"), False), (AdapterError("x"), False)],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_listing_resumes_only_after_connection_errors(retrying, error, goes_on):
    retry, _ = retrying(Fault("list_files", entries=2, error=lambda: error))
    if goes_on:
        assert [found.key for found in retry.list_files()] == ["a", "b", "c", "d"]
    else:
        with pytest.raises(type(error)):
            list(retry.list_files())


def info_of(data):
    return UploadInfo(digests=(Digest("sha256", hashlib.sha256(data).hexdigest()),))


def test_lost_reply_is_no_conflict_with_oneself(retrying, memory):
    retry, faulty = retrying(Fault("upload_file", after=True))
    uploaded = retry.upload_file(b"mine", "k", expect=IfAbsent(), info=info_of(b"mine"))
    assert uploaded.fingerprint == memory.stat_file("k").fingerprint
    # It is looked for first, so that a large file is not sent again for nothing.
    assert faulty.calls == [("upload_file", "k"), ("stat_file", "k")]


def test_what_changed_under_the_upload_is_not_sent_again(retrying):
    retry, faulty = retrying()
    with pytest.raises(IntegrityError):
        retry.upload_file(b"other bytes", "k", expect=IfAbsent(), info=info_of(b"mine"))
    assert faulty.calls == [("upload_file", "k")]


def test_lost_reply_of_an_update(retrying, memory):
    retry, _ = retrying(Fault("upload_file", after=True))
    seen = memory.stat_file("a")
    uploaded = retry.upload_file(b"mine", "a", expect=IfUnchanged(seen), info=info_of(b"mine"))
    assert uploaded.fingerprint == memory.stat_file("a").fingerprint != seen.fingerprint


class StoringBeside(Wrapper):
    """Tells the digests of objects as clients stored them, and not as the provider's own."""

    def stat_file(self, key):
        found = super().stat_file(key)
        return found._replace(digests=(), claimed=found.digests)


@pytest.mark.parametrize("seen", [True, False], ids=["update", "new object"])
def test_lost_reply_where_only_the_stored_digest_tells(memory, time, seen):
    faulty = Faulty(StoringBeside(memory), [Fault("upload_file", after=True)])
    retry = Retry(faulty, policy=RetryPolicy(clock=lambda: time.now, sleep=time.sleep))
    key, expect = ("a", IfUnchanged(memory.stat_file("a"))) if seen else ("k", IfAbsent())
    uploaded = retry.upload_file(b"mine", key, expect=expect, info=info_of(b"mine"))
    assert uploaded.fingerprint == memory.stat_file(key).fingerprint
    assert [name for name, _ in faulty.calls].count("upload_file") == 1


def test_a_stored_digest_that_was_there_before_proves_no_upload(memory, time):
    """Another client replaced the content `mine` and kept its digest; then an upload of `mine` gets no reply."""

    class Stale(StoringBeside):
        def stat_file(self, key):
            found = super().stat_file(key)
            return found if found.size == len(b"mine") else found._replace(claimed=info_of(b"mine").digests)

    memory.upload_file(b"theirs", "k")
    adapter = Stale(memory)
    retry = Retry(Faulty(adapter, [Fault("upload_file")]), policy=RetryPolicy(clock=lambda: time.now, sleep=time.sleep))
    retry.upload_file(b"mine", "k", expect=IfUnchanged(adapter.stat_file("k")), info=info_of(b"mine"))
    assert memory.read_file("k")[1] == b"mine"


def test_somebody_elses_object_is_a_conflict_after_a_failed_attempt(retrying, memory):
    def theirs():
        memory.upload_file(b"theirs", "k")
        return Transient("the connection broke")

    retry, _ = retrying(Fault("upload_file", error=theirs))
    with pytest.raises(PreconditionFailed):
        retry.upload_file(b"mine", "k", expect=IfAbsent(), info=info_of(b"mine"))


def test_same_content_at_the_first_attempt_is_a_conflict(retrying, memory):
    retry, _ = retrying()
    with pytest.raises(PreconditionFailed):
        retry.upload_file(b"1", "a", expect=IfAbsent(), info=info_of(b"1"))


# --- versions ----------------------------------------------------------------------------------------------


@pytest.fixture
def memory_of_versions():
    adapter = MemorySync(MemorySettings(versions=True))
    adapter.upload_file(b"first", "k")
    adapter.upload_file(b"second", "k")
    return adapter


@pytest.fixture
def restoring(memory_of_versions, time):
    def make(*faults):
        faulty = Faulty(memory_of_versions, faults)
        backoff = RetryPolicy(clock=lambda: time.now, sleep=time.sleep, random=lambda: 1.0)
        first = [each.version for each in memory_of_versions.list_versions("k")][-1]
        return Retry(faulty, policy=backoff), first, IfUnchanged(memory_of_versions.stat_file("k"))

    return make


def test_lost_reply_of_a_version_that_is_brought_back(restoring, memory_of_versions):
    retry, first, expect = restoring(Fault("restore_version", after=True))
    restored = retry.restore_version("k", first, expect=expect)
    assert restored.fingerprint == memory_of_versions.stat_file("k").fingerprint
    assert len(list(memory_of_versions.list_versions("k"))) == 3, "it was brought back once"


def test_lost_reply_where_nothing_was(restoring, memory_of_versions):
    memory_of_versions.delete_files(["k"])
    newest, _, first = memory_of_versions.list_versions("k")
    assert newest.deleted
    retry = Retry(
        Faulty(memory_of_versions, [Fault("restore_version", after=True)]), policy=RetryPolicy(initial_wait=0.0)
    )
    restored = retry.restore_version("k", first.version, expect=IfAbsent())
    assert restored.size == len(b"first")


def test_what_somebody_wrote_meanwhile_is_not_taken_for_ones_own_restore(restoring, memory_of_versions):
    def theirs():
        memory_of_versions.upload_file(b"third", "k")
        return Transient("the connection broke")

    retry, first, expect = restoring(Fault("restore_version", error=theirs))
    with pytest.raises(PreconditionFailed):
        retry.restore_version("k", first, expect=expect)


def test_the_first_attempt_of_a_restore_finds_a_conflict(restoring, memory_of_versions):
    retry, first, expect = restoring()
    memory_of_versions.upload_file(b"first", "k")
    with pytest.raises(PreconditionFailed):
        retry.restore_version("k", first, expect=expect)


# --- deletes -----------------------------------------------------------------------------------------------


class HalfDeleting(Wrapper):
    """An adapter whose deletes fail key by key, each key so often."""

    def __init__(self, inner, failures):
        super().__init__(inner)
        self.failures = failures
        self.asked = []

    def delete_files(self, keys):
        self.asked.append(list(keys))
        return [self._outcome(key) for key in keys]

    def _outcome(self, key):
        if self.failures.get(key, 0) > 0:
            self.failures[key] -= 1
            return DeleteOutcome(key, Transient("try again", key=key))
        if key == "forbidden":
            return DeleteOutcome(key, PermissionDenied("no", key=key))
        return self.inner.delete_files([key])[0]


def test_only_keys_that_failed_are_deleted_again(memory, time):
    half = HalfDeleting(memory, {"b": 1, "c": 2})
    retry = Retry(half, policy=RetryPolicy(clock=lambda: time.now, sleep=time.sleep))
    outcomes = retry.delete_files(["a", "b", "forbidden", "c"])
    assert half.asked == [["a", "b", "forbidden", "c"], ["b", "c"], ["c"]]
    assert [outcome.key for outcome in outcomes] == ["a", "b", "forbidden", "c"]
    assert [type(outcome.error).__name__ for outcome in outcomes] == [
        "NoneType", "NoneType", "PermissionDenied", "NoneType",
    ]  # fmt: skip


def test_delete_that_keeps_failing_has_the_error(memory, time):
    half = HalfDeleting(memory, {"b": 100})
    retry = Retry(half, policy=RetryPolicy(max_attempts=3, clock=lambda: time.now, sleep=time.sleep))
    outcomes = retry.delete_files(["a", "b"])
    assert [outcome.error is None for outcome in outcomes] == [True, False]
    assert len(half.asked) == 3


@pytest.mark.parametrize("bounds", [{"max_attempts": 0}, {"time_limit": -1.0}])
def test_senseless_bounds_are_refused(bounds):
    with pytest.raises(ValueError, match=r"0 attempts|-1 seconds"):
        RetryPolicy(**bounds)
