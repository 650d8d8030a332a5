"""Baseline rows, and when the timestamps of a file are racy."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace

import pytest

from buckia_core.planning.reconcile import matches_baseline
from buckia_core.syncing.state.baseline_rows import baseline_row, dirty_row, is_racy
from buckia_core.testing import m
from tests.unit.syncing.transfer.test_transfer import During

LOCAL, REMOTE = m("a=1").hashed("root")[0], m("a=1").remote()[0]
NOW = 1_700_000_000_500_000_000


def test_a_row_is_what_both_sides_agreed_on():
    made = baseline_row(LOCAL, REMOTE, LOCAL.digests, time.time_ns())
    assert made == m("a=1").base("root")[0]
    assert matches_baseline(LOCAL, made)


@pytest.mark.parametrize(
    ("age_ns", "racy"),
    [
        (0, True),
        (19_999_999, True),
        (20_000_001, False),
        (10**9, False),
        (-(10**9), False),  # from the future, but not from now
        (-(10**6), True),
    ],
)
def test_a_young_file_is_racy(age_ns, racy):
    assert is_racy(LOCAL._replace(mtime_ns=NOW - age_ns), NOW, NOW) is racy


@pytest.mark.parametrize(("age_ns", "racy"), [(500_000_000, True), (1_500_000_000, True), (2_500_000_000, False)])
def test_on_a_disk_that_keeps_full_seconds_it_is_racy_for_longer(age_ns, racy):
    assert is_racy(LOCAL._replace(mtime_ns=NOW - age_ns), NOW, NOW) is racy


def test_a_torn_upload_is_ours_and_its_file_counts_as_changed():
    torn = dirty_row(LOCAL, REMOTE)
    assert torn.fingerprint == REMOTE.fingerprint
    assert not matches_baseline(LOCAL, torn) and torn.digests == () and torn.size != LOCAL.size


def test_a_row_of_a_file_that_was_just_written_is_racy():
    assert baseline_row(LOCAL._replace(mtime_ns=time.time_ns()), REMOTE, (), time.time_ns()).racy


def test_what_is_younger_than_the_run_stays_racy_however_long_that_takes():
    """The file was looked at some time since the run began, and may have been edited right after."""
    entry = LOCAL._replace(mtime_ns=NOW)
    assert is_racy(entry, NOW - 1, NOW + 3600 * 10**9)
    assert not is_racy(entry, NOW + 10**9, NOW + 3600 * 10**9)


# --- seen through a sync -----------------------------------------------------------------------------------


def test_a_young_file_is_hashed_once_more_and_then_believed(sides):
    # On a busy machine a file may have grown old before the sync has begun; one of several is in time.
    for name in (f"a{number}" for number in range(50)):
        (sides.folder / name).write_text("1")
        young = time.time_ns() + 5 * 10**6
        os.utime(sides.folder / name, ns=(young, young))
        sides.sync()
        if sides.baseline()[name].racy:
            break
    assert sides.baseline()[name].racy
    time.sleep(0.05)
    sides.sync()
    assert sides.did == [] and not sides.baseline()[name].racy


@pytest.fixture
def coarse_disk(monkeypatch):
    """A disk that keeps whole seconds of when a file was written, and not when anything of it changed."""
    monkeypatch.setattr("buckia_core.localfs.files.LACKS_CTIME", True)

    def write(path, content: str) -> None:
        path.write_text(content)
        second = int(time.time()) * 10**9
        os.utime(path, ns=(second, second))

    return write


def edit_without_a_trace(path, content: str) -> None:
    before = path.stat()
    path.write_text(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_edit_right_after_a_sync_is_seen(sides, coarse_disk):
    coarse_disk(sides.folder / "a", "1")
    sides.sync()
    edit_without_a_trace(sides.folder / "a", "2")
    sides.sync()
    assert sides.did == ["upload a"] and sides.objects() == {"a": "2"}


def test_an_edit_right_after_the_stat_is_seen_though_the_row_is_written_much_later(sides, coarse_disk, monkeypatch):
    """A slow upload lies between the look and the record, so the time of the record must not be what counts."""
    much_later = SimpleNamespace(time_ns=lambda: time.time_ns() + 10**10)
    monkeypatch.setattr("buckia_core.syncing.state.baseline_rows.time", much_later)
    coarse_disk(sides.folder / "a", "1")
    sides.adapter = During(sides.bucket, "upload_file", lambda: edit_without_a_trace(sides.folder / "a", "2"))
    sides.sync()
    assert sides.objects() == {"a": "1"}
    sides.adapter = None
    sides.sync()
    assert sides.objects() == {"a": "2"}
