"""Both faces of the wrappers: what a synchronous call does, its coroutine does too, by the same code."""

from __future__ import annotations

import asyncio
import hashlib
import logging

import pytest

from buckia_core.adapters.contract.protocols import Coroutines, has_both_faces
from buckia_core.adapters.contract.types import DeleteOutcome, IfAbsent, IfUnchanged, UploadInfo
from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.adapters.wrappers import CallLogging, RateLimit, RequestCounting, Retry, Wrapper, wrap
from buckia_core.config.bandwidth import BandwidthTimetable
from buckia_core.errors import NotFound, PermissionDenied, PreconditionFailed, Throttled, Transient
from buckia_core.planning.digest import Digest
from buckia_core.testing import Fault, Faulty, m

POLICY = RetryPolicy(max_attempts=3, initial_wait=0.0)


@pytest.fixture
def memory():
    adapter = MemorySync(MemorySettings())
    m("a=1 b=22 c=333").upload_to(adapter)
    return adapter


@pytest.fixture(params=["blocking", "coroutine"])
def face(request):
    def call(adapter, name, *args, **kwargs):
        if request.param == "blocking":
            return getattr(adapter, name)(*args, **kwargs)
        return asyncio.run(getattr(adapter, f"{name}_async")(*args, **kwargs))

    return call


def info_of(data):
    return UploadInfo(digests=(Digest("sha256", hashlib.sha256(data).hexdigest()),))


# --- retry -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "operation", "args"),
    [
        ("stat_file", "stat_file", ("a",)),
        ("upload_file", "upload_file", (b"1", "k")),
        ("read_file", "download_file", ("a",)),
        ("delete_files", "delete_files", (["a"],)),
    ],
)
def test_a_call_is_repeated(memory, face, name, operation, args):
    faulty = Faulty(memory, [Fault(operation, times=2)])
    assert face(Retry(faulty, policy=POLICY), name, *args) is not None
    assert [made for made, _ in faulty.calls] == [operation] * 3
    assert [key for _, key in faulty.calls] == [None if name == "delete_files" else args[-1]] * 3


def test_attempts_are_bounded(memory, face):
    faulty = Faulty(memory, [Fault("stat_file", times=None)])
    with pytest.raises(Transient):
        face(Retry(faulty, policy=POLICY), "stat_file", "a")
    assert len(faulty.calls) == 3


def test_what_will_not_pass_is_not_repeated(memory, face):
    faulty = Faulty(memory, [Fault("upload_file", error=lambda: PermissionDenied("no"))])
    with pytest.raises(PermissionDenied):
        face(Retry(faulty, policy=POLICY), "upload_file", b"1", "k")
    assert len(faulty.calls) == 1


def test_lost_reply_is_no_conflict_with_oneself(memory, face):
    faulty = Faulty(memory, [Fault("upload_file", after=True)])
    retry = Retry(faulty, policy=POLICY)
    uploaded = face(retry, "upload_file", b"mine", "k", expect=IfAbsent(), info=info_of(b"mine"))
    assert uploaded.fingerprint == memory.stat_file("k").fingerprint
    assert faulty.calls == [("upload_file", "k"), ("stat_file", "k")]


def test_conflict_after_a_reply_with_a_status_may_be_with_oneself(memory, face):
    lost = Fault("upload_file", error=lambda: Transient("busy", status=503), after=True)
    faulty, seen = Faulty(memory, [lost]), memory.stat_file("a")
    retry = Retry(faulty, policy=POLICY)
    uploaded = face(retry, "upload_file", b"mine", "a", expect=IfUnchanged(seen), info=info_of(b"mine"))
    assert uploaded.fingerprint == memory.stat_file("a").fingerprint
    assert [name for name, _ in faulty.calls] == ["upload_file", "upload_file", "stat_file"]


def test_somebody_elses_object_is_a_conflict_after_a_failed_attempt(memory, face):
    def theirs():
        memory.upload_file(b"theirs", "k")
        return Transient("the connection broke")

    retry = Retry(Faulty(memory, [Fault("upload_file", error=theirs)]), policy=POLICY)
    with pytest.raises(PreconditionFailed):
        face(retry, "upload_file", b"mine", "k", expect=IfAbsent(), info=info_of(b"mine"))


class HalfDeleting(Wrapper):
    """An adapter whose deletes of a key fail so often."""

    def __init__(self, inner, failures):
        super().__init__(inner)
        self.failures, self.asked = failures, []

    async def intercept(self, call):
        outcomes = await call()
        self.asked.append([outcome.key for outcome in outcomes])
        return [self._outcome(outcome) for outcome in outcomes]

    def _outcome(self, outcome):
        if not self.failures.get(outcome.key):
            return outcome
        self.failures[outcome.key] -= 1
        return DeleteOutcome(outcome.key, Throttled("try again", key=outcome.key))


def test_only_keys_that_failed_are_deleted_again(memory, face):
    half = HalfDeleting(memory, {"b": 1, "c": 5})
    outcomes = face(Retry(half, policy=POLICY), "delete_files", ["a", "b", "c"])
    assert half.asked == [["a", "b", "c"], ["b", "c"], ["c"]]
    assert [(outcome.key, outcome.error is None) for outcome in outcomes] == [("a", True), ("b", True), ("c", False)]


def test_others_run_while_a_call_waits_for_its_next_attempt(memory):
    async def run():
        slow = Fault("stat_file", error=lambda: Throttled("later", retry_after=100.0), key="a")
        retry = Retry(Faulty(memory, [slow]))
        waiting = asyncio.create_task(retry.stat_file_async("a"))
        await asyncio.sleep(0)
        for _ in range(3):
            assert (await retry.stat_file_async("b")).size == 2
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await retry.stat_file_async("a")).size == 1

    asyncio.run(run())


# --- limits, log and count ---------------------------------------------------------------------------------


def test_calls_of_both_faces_are_counted_and_logged(memory, face, caplog):
    counting = RequestCounting(Uncounted(memory))
    logged = CallLogging(counting)
    face(logged, "stat_file", "a")
    caplog.set_level(logging.DEBUG)
    face(logged, "upload_file", b"12345", "k")
    face(logged, "read_file", "a")
    face(logged, "delete_files", ["a", "none"])
    with pytest.raises(NotFound):
        face(logged, "stat_file", "none")
    assert counting.request_count == 5
    lines = [record.getMessage().rpartition(",")[0] for record in caplog.records if "memory" in record.getMessage()]
    assert lines == [
        "memory upload_file 'k': 5 bytes",
        "memory download_file 'a': done",
        "memory delete_files: 2 keys, 0 failed",
        "memory stat_file 'none': NotFound: 'none': there is no such object",
    ]


class Uncounted(Wrapper):
    """An adapter that neither counts its requests nor limits them."""

    request_count = None

    def limit_requests(self, before_request):
        return False


@pytest.mark.parametrize("inner", [Uncounted, Wrapper], ids=["by calls", "by requests"])
def test_coroutines_wait_for_their_turn_and_others_run(memory, inner):
    async def run():
        limited = RateLimit(inner(memory), 1e-6)  # the burst has one request, and the next takes eleven days
        assert (await limited.stat_file_async("a")).size == 1
        waiting = asyncio.create_task(limited.stat_file_async("b"))
        await asyncio.sleep(0)
        assert (await MemorySync(MemorySettings(), bucket=memory.bucket).stat_file_async("c")).size == 3
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(run())


# --- which wrapper has coroutines --------------------------------------------------------------------------


def test_the_whole_stack_has_the_coroutines_of_the_adapter(memory, tmp_path):
    limit = BandwidthTimetable.parse(10**9)
    full = wrap(memory, rate_limit=1e6, bwlimit=limit)
    assert isinstance(full, Coroutines)
    assert full.capabilities.coroutines
    plain = wrap(
        DirectorySync(DirectorySettings(root=tmp_path)), rate_limit=1e6, bwlimit=BandwidthTimetable.parse(10**9)
    )
    assert not isinstance(plain, Coroutines)
    assert not plain.capabilities.coroutines


class OneFaced(Wrapper):
    """A wrapper that changes synchronous calls only."""

    def stat_file(self, key):
        return super().stat_file(key)._replace(size=100)


class TwoFaced(OneFaced):
    async def stat_file_async(self, key):
        return (await super().stat_file_async(key))._replace(size=100)


def test_a_wrapper_that_overrides_one_face_only_has_no_coroutines(memory):
    one = OneFaced(memory)
    assert not isinstance(one, Coroutines)
    assert not one.capabilities.coroutines
    assert not one.probe().coroutines
    assert one.stat_file("a").size == 100
    assert not Retry(one).capabilities.coroutines
    assert not isinstance(Retry(one), Coroutines)
    assert isinstance(Retry(TwoFaced(memory)), Coroutines)


def test_a_base_with_one_face_makes_none_of_the_derived_class_unusable(memory):
    assert not has_both_faces(OneFaced)
    assert has_both_faces(TwoFaced)
    assert has_both_faces(MemorySync)

    class Derived(MemorySync):
        def upload_file(self, source, key, *, expect=None, info=None):
            return super().upload_file(source, key, expect=expect, info=info)

    derived = Derived(MemorySettings())
    assert not derived.capabilities.coroutines
    assert derived.upload_file(b"1", "k").size == 1


def test_a_wrapper_keeps_its_name_and_its_class(memory):
    retry = Retry(OneFaced(memory))
    assert isinstance(retry, Retry)
    assert type(retry).__name__ == "Retry"
    assert type(retry).__module__ == Retry.__module__
    assert type(Retry(OneFaced(memory))) is type(retry)


def test_blocking_calls_work_where_an_event_loop_runs(memory):
    async def run():
        slept: list[float] = []
        faulty = Faulty(memory, [Fault("stat_file")])
        assert Retry(faulty, policy=RetryPolicy(sleep=slept.append, random=lambda: 1.0)).stat_file("a").size == 1
        return slept

    assert asyncio.run(run()) == [0.5]
