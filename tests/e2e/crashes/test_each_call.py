"""A run that is killed at one of its system calls, or in which one fails: the next run does what is left."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.e2e.buckets import FolderBucket
from tests.e2e.project import Project
from tests.e2e.work_of_each_kind import Work
from tests.system_calls.failing_calls import FailingCalls, Rule

SEED = int(os.environ.get("BUCKIA_CALLS_SEED", "1"))
"""Where chance comes from: at which of some thousand calls something happens."""

SIDES = ("{here}/*", "{there}/*")
"""All paths of both sides, the state and the trash among them."""


@pytest.fixture
def works(tmp_path, failing_calls: FailingCalls):
    """Give as many projects as are asked for, each with the same work to do."""

    def begin(number: int) -> Work:
        bucket = FolderBucket(tmp_path / str(number) / "bucket")
        work = Work(Project(tmp_path / str(number) / "here", bucket), failing_calls)
        work.begin()
        return work

    return begin


def chosen(work: Work, number: int) -> list[int]:
    """Choose some of the calls that a run makes on either side, by their numbers; spread over the run."""
    log = work.project.directory.with_name("log")
    ran = work.project.sync(**work.environment(*(Rule("any", side, "count") for side in SIDES), log=log))
    assert ran.code == 0
    work.next_run_goes_on()
    calls = len(FailingCalls.read_log(log))
    chance = random.Random(SEED)
    print(f"BUCKIA_CALLS_SEED={SEED}, {calls} calls")
    step = calls / number
    return [1 + int(step * (index + chance.random())) for index in range(number)]


def failed(log: Path, first: int) -> list[tuple[str, str]]:
    """Return the calls that failed, one on each side."""
    calls = FailingCalls.read_log(log)
    sides = [[call for call in calls if f"/{side}/" in call[1]] for side in ("here", "bucket")]
    return [side[first - 1] for side in sides if len(side) >= first]


HOW_MANY = [4, pytest.param(40, marks=pytest.mark.long)]


@pytest.mark.parametrize("number", HOW_MANY)
@pytest.mark.parametrize("when", ["kill", "after"])
def test_killed_at_a_call(works, number, when):
    for index, first in enumerate(chosen(works(0), number), 1):
        work = works(index)
        # A call on one side is none on the other: the two rules count apart, so half of the number on each.
        rules = [Rule("any", side, when, first=max(1, first // 2)) for side in SIDES]
        work.project.sync(**work.environment(*rules))
        work.nothing_lost()
        work.next_run_goes_on(may_be_left=True)


@pytest.mark.parametrize("number", HOW_MANY)
def test_a_call_fails(works, number):
    for index, first in enumerate(chosen(works(0), number), 1):
        work = works(index)
        rules = [Rule("any", side, "EIO", first=max(1, first // 2), times=1) for side in SIDES]
        log = work.project.directory.with_name("log")
        ran = work.project.sync(**work.environment(*rules, log=log))
        print(first, failed(log, rules[0].first), ran.failures, ran.stderr)
        assert ran.code in (0, 1, 2, 4, 5) and "internal error" not in ran.said, ran
        work.nothing_lost()
        work.next_run_goes_on(may_be_left=True)


@pytest.mark.long
def test_a_state_that_can_not_be_read_now_is_not_forgotten(works):
    # SQLite says of a page that it can't read what it says of damage, if it reads it for the schema or for its check.
    work = works(0)
    log = work.project.directory.with_name("log")
    assert work.project.sync("--dry-run", **work.environment(Rule("read", "*.sqlite3", "count"), log=log)).code == 0
    expected = work.project.sync("--dry-run").actions("planned")
    for first in range(1, len(FailingCalls.read_log(log)) + 1):
        for times in (1, None):
            broken = Rule("read", "*.sqlite3", "EIO", first=first, times=times)
            ran = work.project.sync("--dry-run", **work.environment(broken))
            assert ran.actions("planned") == expected or "input/output error" in ran.error["message"], ran
    for first in (1, 2, 3):
        ran = work.project.sync(**work.environment(Rule("read", "*.sqlite3", "EIO", first=first, times=1)))
        assert "put aside" not in ran.said
    work.project.sync()
    work.next_run_goes_on()
