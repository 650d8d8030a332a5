"""A run with nothing to do costs its list calls and nothing else: no look at an object, no read of a file."""

from __future__ import annotations

import json
import math
import os
import sys
import time

from tests.e2e.project import Project

WATCHED = """
import atexit, json, os, sys

opened, in_directories = [], []

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        path, mode, flags = arguments
        if mode is None and not os.path.isabs(path):
            # Opened in a directory that is open.
            if not flags & getattr(os, "O_DIRECTORY", 0):
                in_directories.append(path)
        else:
            opened.append(os.path.abspath(path))

def tell():
    with open(os.environ["OPENED"], "w") as file:
        json.dump([opened, in_directories], file)

atexit.register(tell)
sys.addaudithook(watch)
from buckia.__main__ import main
sys.exit(main())
"""
"""The command, watched by the interpreter itself: the paths of all files that it opens are written to `$OPENED`."""


class WatchedProject(Project):
    command = (sys.executable, "-c", WATCHED)

    def opened_files(self, *arguments):
        """Sync with nothing to do, and return those of the project's files that were opened."""
        told = self.directory.parent / "opened.json"
        self.bucket.forget_requests()
        ran = self.run("sync", "--json", *arguments, OPENED=str(told))
        assert (ran.code, ran.counts) == (0, {"unchanged": len(self.tree())}), ran
        prefix = f"{self.directory}{os.sep}"
        ours = (f"{prefix}.buckia{os.sep}", f"{prefix}.buckia-state{os.sep}", f"{prefix}.buckia")
        opened, in_directories = json.loads(told.read_text())
        paths = {os.path.relpath(path, self.directory) for path in opened if path.startswith(prefix)}
        paths -= {path for path in paths if os.path.join(self.directory, path).startswith(ours)}
        # The files of a test differ in their names, so those that were opened in a directory are known by them.
        return sorted(paths | {path for path in self.tree() if path.rpartition("/")[2] in in_directories})


def test_lists_and_reads_nothing(tmp_path, bucket):
    project = WatchedProject(tmp_path / "here", bucket)
    for number in range(1100):
        project.write(f"here/{number}", f"content {number}", mtime=time.time() - 3600 + number / 7)
    for number in range(20):
        bucket.put(f"there/{number}", f"content {number}")
    first = project.sync(OPENED=os.devnull)
    assert first.code == 0, first
    # What is read is seen to be read.
    assert len(project.opened_files("--checksum")) == 1120
    # A file that is younger than the grain of the disk's clock might be edited once more without a trace.
    time.sleep(2.1)
    project.opened_files()
    assert project.opened_files() == []
    # 1,120 objects are two pages of 1,000.
    assert bucket.requests() == ({"list": math.ceil(1120 / 1000)} if bucket.kind == "ceph" else {})


def test_a_touched_file_is_read_and_not_sent(tmp_path, bucket):
    project = WatchedProject(tmp_path / "here", bucket)
    project.write("touched", "content", mtime=time.time() - 3600)
    project.write("other", "content", mtime=time.time() - 3600)
    assert project.sync(OPENED=os.devnull).code == 0
    os.utime(project.path("touched"))
    assert project.opened_files() == ["touched"]
    assert set(bucket.requests()) <= {"list"}
    time.sleep(0.1)
    project.opened_files()
    assert project.opened_files() == [], "its new time is known now"
