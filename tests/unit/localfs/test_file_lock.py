"""Locks beside files: one holder at a time, and nothing left."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from buckia_core.localfs.file_lock import lock_beside
from buckia_core.localfs.replace import SHARED_MODE, replace_file

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes, and needs rights to make links")


def test_one_holder_at_a_time(tmp_path):
    path = tmp_path / "count"
    path.write_text("0")

    def increase(_):
        with lock_beside(path):
            replace_file(path, str(int(path.read_text()) + 1).encode())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(increase, range(20)))
    assert path.read_text() == "20"
    assert os.listdir(tmp_path) == ["count"]


def test_another_process_is_waited_for_and_given_up(tmp_path):
    code = (
        "import sys\n"
        "from buckia_core.localfs.file_lock import lock_beside\n"
        "with lock_beside(sys.argv[1]):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "file")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held" + os.linesep.encode()
        with (
            pytest.raises(TimeoutError, match="another process is changing this file"),
            lock_beside(tmp_path / "file", seconds=0),
        ):
            pytest.fail("two processes hold the lock")
        # A process that is killed leaves the lock file, which is free.
        other.kill()
        other.wait()
    with lock_beside(tmp_path / "file", seconds=5):
        pass
    assert os.listdir(tmp_path) == []


@posix
def test_a_replaced_file_keeps_its_mode_and_its_links(tmp_path):
    (tmp_path / "real").mkdir()
    path = tmp_path / "real" / "file"
    path.write_text("old")
    path.chmod(0o640)
    (tmp_path / "link").symlink_to(path)
    replace_file(tmp_path / "link", b"new", mode=SHARED_MODE)
    assert (tmp_path / "link").is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    replace_file(path, b"private")
    assert path.stat().st_mode & 0o777 == 0o600
