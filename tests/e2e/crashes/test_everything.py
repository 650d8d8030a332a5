"""One sync that does one of everything, with each of its requests, system calls and commits failed and killed once.

One run without faults then comes to the end that a sync without faults comes to.

`BUCKIA_FAULTS` says how many places of each kind are tried, spread evenly over the sync; 0 stands for all of them.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from buckia_core.testing.fault_proxy.faults import Answer, Delay, Fault, LoseReply, Request, Reset
from tests.e2e.buckets import FolderBucket
from tests.e2e.everything import ACTIONS, End, Everything, PrefixedS3Bucket, spread
from tests.e2e.ran import Ran
from tests.servers.s3_faults import S3FaultProxy
from tests.system_calls.failing_calls import FailingCalls, Rule
from tests.system_calls.forking import Forks

pytestmark = pytest.mark.long

MOST = int(os.environ.get("BUCKIA_FAULTS", "12")) or None

SQLITE = "*.sqlite3*"


@pytest.fixture(scope="module")
def forks(failing_calls: FailingCalls) -> Iterator[Forks]:
    with Forks(failing_calls) as found:
        yield found


@dataclass
class Places:
    """Makes projects, each with the same work to do, and does it with one fault each."""

    root: Path
    forks: Forks
    bucket: Callable[[str], FolderBucket | PrefixedS3Bucket]

    def project(self, name: str, *, anew: bool = False, **settings: int) -> Everything:
        """Make a project that has everything to do, or one that was never synced."""
        found = Everything(self.forks, self.root / name / "here", self.bucket(name), **settings)
        if anew:
            found.begin_anew()
        else:
            found.begin()
        return found

    def try_each(self, places: int, attempt: Callable[[Everything, int], None], **options: Any) -> None:
        """Make an attempt with a fault at each place."""
        wrong = {}
        for place in spread(range(1, places + 1), MOST):
            try:
                project = self.project(str(place), **options)
                attempt(project, place)
            except AssertionError as error:
                wrong[place] = "".join(traceback.format_exception(error))
            else:
                shutil.rmtree(project.directory.parent)
        assert not wrong, "\n".join([f"of {places} places:", *(f"{place}: {error}" for place, error in wrong.items())])


def then_finish(fail: Callable[[Everything, int], bool], wanted: End) -> Callable[[Everything, int], None]:
    """Return an attempt that fails at a place, and then syncs once; `fail` tells whether something may be left."""

    def attempt(project: Everything, place: int) -> None:
        may_be_left = fail(project, place)
        project.nothing_torn()
        project.finish(wanted, may_be_left=may_be_left)

    return attempt


def ended(ran: Ran) -> bool:
    """Tell whether the process was killed; else it ended in order."""
    if ran.code == -signal.SIGKILL:
        return True
    assert ran.code in (0, 1, 2, 4, 5), ran
    assert "internal error" not in ran.said, ran
    return False


# --- system calls --------------------------------------------------------------------------------------------


@pytest.fixture
def on_folder(tmp_path: Path, forks: Forks) -> Places:
    return Places(tmp_path, forks, lambda name: FolderBucket(tmp_path / name / "bucket"))


@dataclass(frozen=True, slots=True)
class Area:
    """System calls of one kind.

    Attributes:
        commits: They are those of SQLite; each result is committed alone then, so that their number is the same each
            time. Else they are all others that change something.
    """

    commits: bool

    def rule(self, project: Everything, does: str, first: int = 1, times: int | None = None) -> Rule:
        """Return a rule for the calls of a project and its bucket."""
        if self.commits:
            return Rule("change", f"{project.directory}/{SQLITE}", does, first, times)
        return Rule("change", f"{project.directory.parent}/*", does, first, times, but=SQLITE)


AREAS = {"files": Area(commits=False), "commits": Area(commits=True)}


def undisturbed(places: Places, area: Area, *, anew: bool = False) -> tuple[int, End]:
    """Return how many calls a sync makes, and the end that it comes to."""
    project = places.project("undisturbed", anew=anew)
    log = project.directory.with_name("calls.log")
    ran = project.sync_forked(area.rule(project, "count"), log=log, commit_each=area.commits)
    assert ran.code == 0 and (anew or {each["action"] for each in ran.operations} == ACTIONS)
    return len(FailingCalls.read_log(log)), project.finish(None)


@pytest.mark.parametrize("area", AREAS.values(), ids=AREAS)
@pytest.mark.parametrize(
    ("does", "anew"),
    [*((each, False) for each in ("kill", "after", "EIO", "+EIO", "ENOSPC")), ("kill", True), ("EIO", True)],
)
def test_each_system_call(on_folder, area, does, anew):
    places, wanted = undisturbed(on_folder, area, anew=anew)

    def fail(project: Everything, place: int) -> bool:
        log = project.directory.with_name("calls.log")
        killed = ended(project.sync_forked(area.rule(project, does, place, 1), log=log, commit_each=area.commits))
        # What can't be removed, or has a name that the run does not know of, is left as by a run that was killed.
        struck = [call for call, _ in FailingCalls.read_log(log)][place - 1 : place]
        return killed or struck == ["unlink"] or does.startswith("+")

    on_folder.try_each(places, then_finish(fail, wanted), anew=anew)


@pytest.mark.parametrize("then", ["continued", "killed"])
@pytest.mark.parametrize("side", ["here", "there"])
@pytest.mark.parametrize("replacing", [False, True], ids=["written-in-place", "replaced"])
def test_edits_at_each_system_call(on_folder, side, replacing, then):
    """What somebody writes while a run is about to do something is somewhere after it, and both sides get in step."""
    area = AREAS["files"]
    places, _ = undisturbed(on_folder, area)

    def attempt(project: Everything, place: int) -> None:
        log = project.directory.with_name("calls.log")
        running = project.start_forked(area.rule(project, "stop", place, 1), log=log)
        stopped = running.wait_until_stopped()
        edits = project.edit(side, replacing=replacing)
        call, path = FailingCalls.read_log(log)[place - 1] if stopped else ("", "")
        if call == "unlink" and "/bucket/" in path:
            # Deletes have no precondition, so what is written after the last look is lost.
            edits.discard(f"edited {side} {path.partition('/bucket/')[2]}")
        if stopped:
            os.kill(running.pid, signal.SIGKILL if then == "killed" else signal.SIGCONT)
        ended(running.wait())
        project.sync_forked()
        assert project.sync_forked().code == 0
        assert project.sync_forked().operations == []
        found = {*project.tree().values(), *project.bucket.tree().values(), *project.kept()}
        assert edits <= found, edits - found

    on_folder.try_each(places, attempt)


# --- requests ------------------------------------------------------------------------------------------------


@pytest.fixture
def on_ceph(tmp_path: Path, forks: Forks, ceph, bucket_name) -> Iterator[Places]:
    with S3FaultProxy(ceph.endpoint) as proxy:
        bucket = PrefixedS3Bucket(ceph, bucket_name(ceph, "e2e"), proxy)

        def directory(name: str) -> PrefixedS3Bucket:
            bucket.prefix = f"{name}/"
            return bucket

        yield Places(tmp_path, forks, directory)
        bucket.close()


def s3(project: Everything) -> PrefixedS3Bucket:
    assert isinstance(project.bucket, PrefixedS3Bucket)
    return project.bucket


def at(place: int) -> Callable[[Request], bool]:
    return lambda request: request.number == place


def failed(fault: Fault) -> Callable[[Everything, int], bool]:
    """Return what makes one request fail. What a server refuses to delete stays, like what a killed run leaves."""

    def fail(project: Everything, place: int) -> bool:
        proxy = s3(project).proxy
        proxy.fault(fault, when=at(place))
        killed = ended(project.sync_forked())
        proxy.clear_faults()
        return killed or isinstance(fault, Answer)

    return fail


def killed_before(project: Everything, place: int) -> bool:
    """Kill a run when the server has not seen its request."""
    proxy, pids = s3(project).proxy, SimpleQueue[int]()

    def kill(request: Request) -> bool:
        if request.number != place:
            return False
        os.kill(pids.get(timeout=60), signal.SIGKILL)
        return True

    proxy.fault(Reset(), when=kill)
    running = project.start_forked()
    pids.put(running.pid)
    killed = ended(running.wait())
    proxy.clear_faults()
    return killed


def killed_after(project: Everything, place: int) -> bool:
    """Kill a run when the server has done what its request says, before it can know."""
    proxy = s3(project).proxy
    proxy.fault(Delay(600, "down"), when=at(place))
    running = project.start_forked()
    while running.runs() and not any(each.number == place and each.server_status for each in proxy.requests):
        time.sleep(0.005)
    os.kill(running.pid, signal.SIGKILL)
    killed = ended(running.wait())
    proxy.clear_faults()
    return killed


ONCE = {"retry_attempts": 1}

WAYS: dict[str, tuple[Callable[[Everything, int], bool], dict[str, int]]] = {
    "reset": (failed(Reset()), ONCE),
    "reply-lost": (failed(LoseReply()), ONCE),
    "refused": (failed(Answer(403)), ONCE),
    "reply-lost-then-retried": (failed(LoseReply()), {}),
    "killed-before": (killed_before, {}),
    "killed-after": (killed_after, {}),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_request(on_ceph, way):
    fail, settings = WAYS[way]
    first = on_ceph.project("undisturbed")
    ran = first.sync_forked()
    assert ran.code == 0 and {each["action"] for each in ran.operations} == ACTIONS
    places = len(s3(first).proxy.requests)
    wanted = first.finish(None)

    def attempt(project: Everything, place: int) -> None:
        then_finish(fail, wanted)(project, place)
        # Nobody was told of an upload in parts whose begin got no reply; `buckia s3 uploads` removes it.
        struck = s3(project).proxy.requests[place - 1].kind
        left = s3(project).unfinished()
        assert left == [] or (left, struck) == (["one/large-sent"], "create_multipart"), (left, struck)

    on_ceph.try_each(places, attempt, **settings)
