"""A disk on which single system calls fail: that file fails alone and in words, nothing is lost, the next run goes on.

Every test does all kinds of operations at once, while calls on some paths fail.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.project import Project
from tests.e2e.work_of_each_kind import Work
from tests.system_calls.failing_calls import FailingCalls, Rule


@pytest.fixture
def work(on_folder: Project, failing_calls: FailingCalls) -> Work:
    found = Work(on_folder, failing_calls)
    found.begin()
    return found


def later(*cases: Any) -> list[Any]:
    """Return cases for `make test-long`; a minute is not enough for all of them."""
    return [pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.long) for case in cases]


BROKEN, READ_ONLY = "nput/output error", "ead-only file system"

DEFECTS = {"ENOSPC": "o space left", "EMFILE": "oo many open files", "EIO": BROKEN, "EROFS": READ_ONLY}


@pytest.mark.parametrize(
    ("call", "does"),
    [
        ("create", "EMFILE"),
        ("write", "ENOSPC"),
        ("fsync", "EIO"),
        *later(("create", "EROFS"), ("create", "ENOSPC"), ("write", "EIO")),
    ],
)
def test_what_comes_can_not_be_written_aside(work, call, does):
    # One call fails, of whichever file is the first to get there.
    ran = work.sync(Rule("syncfs", "*", "EIO"), Rule(call, "{here}/.buckia-tmp-*", does, times=1))
    (name,) = ran.failures
    assert name in work.FETCHED
    work.failed_alone(ran, name, words=DEFECTS[does])
    assert str(work.project.path(name)) in ran.failures[name]
    assert not [each for each in work.project.tree() if ".buckia-tmp-" in each]
    work.next_run_goes_on()


def test_writes_that_are_cut_short_are_gone_on_with(work):
    ran = work.sync(Rule("write", "*/.buckia-tmp-*", "short"))
    assert (ran.code, ran.failures) == (0, {})
    work.next_run_goes_on()


@pytest.mark.parametrize("does", ["EROFS", *later("EIO", "ENOSPC")])
@pytest.mark.parametrize("name", ["fetched", "fetched-new", "fought", *later("large-fetched")])
def test_what_came_can_not_have_its_name(work, name, does):
    rules = [Rule(call, f"{{here}}/{name}", does) for call in ("rename", "create")]
    if name != "fought":
        rules.append(Rule("link", f"{{here}}/{name}", does))
    else:
        rules.append(Rule("link", "*.conflict-*", does))
        rules.append(Rule("create", "*.conflict-*", does))
    ran = work.sync(*rules)
    work.failed_alone(ran, name, words=DEFECTS[does])
    assert not [each for each in work.project.tree() if ".buckia-tmp-" in each]
    work.next_run_goes_on()


@pytest.mark.parametrize("does", ["ENOSPC", *later("EIO", "EROFS", "EMFILE")])
def test_the_trash_can_not_take_anything(work, does):
    # A version that can't be kept is neither replaced nor deleted, wherever it is.
    ran = work.sync(*(Rule(call, "*/trash/*", does) for call in ("create", "link", "rename", "mkdir")))
    kept = {"fetched", "deleted-there", "deleted-here", "sent"}
    work.failed_alone(ran, *kept, words=DEFECTS[does])
    assert work.project.tree()["fetched"] == "old fetched"
    assert work.project.tree()["deleted-there"] == "old deleted-there"
    assert work.project.bucket.tree()["deleted-here"] == "old deleted-here"
    work.next_run_goes_on()


@pytest.mark.parametrize(("call", "does"), [("write", "ENOSPC"), *later(("fsync", "EIO"), ("write", "EIO"))])
def test_the_trash_can_not_hold_what_is_fetched_from_the_bucket(work, call, does):
    ran = work.sync(Rule(call, "*/trash/*.part", does))
    work.failed_alone(ran, "deleted-here", "sent", words=DEFECTS[does])
    assert work.project.bucket.tree()["deleted-here"] == "old deleted-here"
    work.next_run_goes_on()


@pytest.mark.parametrize("name", ["sent", "large-sent", *later("sent-new")])
@pytest.mark.parametrize("call", ["read", *later("open")])
def test_what_is_sent_can_not_be_read(work, name, call):
    ran = work.sync(Rule(call, f"{{here}}/{name}", "EIO"))
    work.failed_alone(ran, name, words=BROKEN)
    assert str(work.project.path(name)) in ran.failures[name]
    work.next_run_goes_on()


@pytest.mark.parametrize("first", [12, *later(4)])
def test_what_is_sent_can_not_be_read_to_its_end(work, first):
    # It is read twice, a MiB at a time: to know it, and to send it.
    ran = work.sync(Rule("read", "{here}/large-sent", "EIO", first=first))
    work.failed_alone(ran, "large-sent", words=BROKEN)
    assert "large-sent" not in work.project.bucket.tree()
    work.next_run_goes_on()


@pytest.mark.parametrize(
    ("call", "does"),
    [("write", "ENOSPC"), ("fsync", "EIO"), *later(("create", "EMFILE"), ("create", "EROFS"), ("write", "EIO"))],
)
def test_the_bucket_can_not_be_written(work, call, does):
    work.project.configure(retry_attempts=1)
    ran = work.sync(Rule(call, "{there}/.buckia-tmp-*", does, times=1))
    (name,) = ran.failures
    # The copy of a conflict is sent as well.
    assert name in (*work.SENT, "fought")
    work.failed_alone(ran, name, words=DEFECTS[does])
    assert not [each for each in work.project.bucket.tree() if ".buckia-tmp-" in each]
    work.next_run_goes_on()


@pytest.mark.parametrize("name", ["sent", *later("sent-new", "large-sent")])
def test_what_was_sent_can_not_have_its_name(work, name):
    work.project.configure(retry_attempts=1)
    ran = work.sync(*(Rule(call, f"{{there}}/{name}", "EROFS") for call in ("rename", "link")))
    work.failed_alone(ran, name, words=READ_ONLY)
    work.next_run_goes_on()


@pytest.mark.parametrize("name", ["fetched", "fetched-new", *later("large-fetched", "fought")])
@pytest.mark.parametrize("call", ["read", *later("open")])
def test_the_bucket_can_not_be_read(work, name, call):
    work.project.configure(retry_attempts=1)
    ran = work.sync(Rule(call, f"{{there}}/{name}", "EIO"))
    work.failed_alone(ran, name, words=BROKEN)
    work.next_run_goes_on()


@pytest.mark.parametrize("does", ["EIO", *later("EROFS")])
def test_deletes_that_fail(work, does):
    work.project.configure(retry_attempts=1)
    rules = [Rule("unlink", "{there}/deleted-here", does), Rule("rename", "{here}/.buckia-state/trash/*", does)]
    rules += [Rule("link", "{here}/.buckia-state/trash/*", does)]
    ran = work.sync(*rules, Rule("create", "{here}/.buckia-tmp-????????????", does))
    assert "deleted-here" in ran.failures and work.project.bucket.tree()["deleted-here"] == "old deleted-here"
    work.next_run_goes_on()


def test_temporary_files_that_can_not_be_removed_fail_nothing(work):
    ran = work.sync(Rule("unlink", "*/.buckia-tmp-*", "EIO"))
    assert set(ran.failures) <= {"fetched-new", "large-fetched"}, ran.failures
    work.next_run_goes_on(may_be_left=True)
