"""One run at a time for a project and bucket."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from buckia_core.errors import LockHeld
from buckia_core.syncing.state.lock import RunLock

HOLDER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from buckia_core.syncing.state.lock import RunLock

    with RunLock(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
""")


@pytest.fixture
def held(tmp_path):
    """Another process that holds the lock."""
    path = tmp_path / "bucket.lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield path, process
        process.kill()


def test_n49_a_second_process_is_refused_with_the_id_of_the_first(held):
    path, process = held
    with pytest.raises(LockHeld, match=f"process {process.pid}"), RunLock(path):
        pass


def test_it_dies_with_its_process(held):
    path, process = held
    process.kill()
    process.wait()
    with RunLock(path):
        assert path.read_text() == str(os.getpid())


def test_a_second_client_of_one_process_is_refused(tmp_path):
    path = tmp_path / "bucket.lock"
    with RunLock(path):
        with pytest.raises(LockHeld, match=str(os.getpid())), RunLock(path):
            pass
        # The one that was refused has not taken it away from the one that holds it.
        with pytest.raises(LockHeld), RunLock(path):
            pass
    with RunLock(path):
        pass
    assert path.read_text() == ""


def test_buckets_do_not_lock_each_other_out(tmp_path):
    with RunLock(tmp_path / "one.lock"), RunLock(tmp_path / "two.lock"):
        pass


def test_an_error_gives_it_back(tmp_path):
    path = tmp_path / "bucket.lock"
    with pytest.raises(ZeroDivisionError), RunLock(path):
        _ = 1 / 0
    with RunLock(path):
        pass


def test_n49_a_sync_is_refused_and_a_dry_run_is_not(sides):
    sides.here("a=1").sync()
    sides.here("b=1")
    with RunLock(sides.state_file.with_suffix(".lock")):
        with pytest.raises(LockHeld):
            sides.sync()
        assert sides.sync(dry_run=True).uploaded == 1
    assert sides.sync().uploaded == 1
