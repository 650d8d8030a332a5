"""`buckia put`: files, folders and standard input to a bucket in memory."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from buckia_core import errors
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.objects.existing import find_existing


@pytest.fixture
def bucket(memory_bucket, project):
    for name in ("a.txt", "b.txt", "dist/index.html", "dist/js/app.js", "dist/.git/config", "dist/.buckia-tmp-x"):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return memory_bucket


def keys(bucket):
    return [each.key for each in bucket.list_files()]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a.txt"], "a.txt"),
        (["a.txt", "c.txt"], "c.txt"),
        (["a.txt", "docs/"], "docs/a.txt"),
        (["a.txt", "b.txt", "docs/"], "docs/a.txt docs/b.txt"),
        (["a.txt", "b.txt", "/"], "a.txt b.txt"),
        (["dist/", "site/"], "site/index.html site/js/app.js"),
        (["dist/", "site"], "site/index.html site/js/app.js"),
        (["dist/"], "index.html js/app.js"),
        (["-r", "dist", "site/"], "site/dist/index.html site/dist/js/app.js"),
        (["-r", "dist"], "dist/index.html dist/js/app.js"),
        (["*.txt", "docs/"], "docs/a.txt docs/b.txt"),
        (["dist/**/*.js", "x/"], "x/js/app.js"),
        (["-r", "dist/*", "x/"], "x/index.html x/js/app.js"),
        (["dist/", "--exclude", "*.js"], "index.html"),
        (["dist/", "--include", "*.js"], "js/app.js"),
        (["a.txt", "dist/", "s/"], "s/a.txt s/index.html s/js/app.js"),
    ],
)
def test_where_files_go(buckia, bucket, arguments, expected):
    ran = buckia("put", *arguments)
    assert (ran.code, ran.err) == (0, "")
    assert keys(bucket) == expected.split()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope.txt"], "there is no such file"),
        (["*.jpg"], "no file matches"),
        (["dist"], "is a directory. End it in a slash"),
        (["a.txt", "b.txt", "docs"], "must end in a slash"),
        (["a.txt", "b.txt"], "is a file beside 'a.txt'"),
        (["-"], "whole KEY"),
        (["-", "docs/"], "whole KEY"),
    ],
)
def test_what_is_refused(buckia, bucket, arguments, words):
    ran = buckia("put", *arguments)
    assert ran.code == 2
    assert words in ran.err
    assert keys(bucket) == []


def test_a_key_that_is_a_file_elsewhere_is_no_source(buckia, bucket):
    for source, key in (("./a.txt", "b.txt"), ("dist/index.html", "a.txt"), ("dist/js/app.js", "dist/js/app.js")):
        assert buckia("put", source, key).code == 0
    assert keys(bucket) == ["a.txt", "b.txt", "dist/js/app.js"]
    assert bucket.read_file("b.txt")[1] == b"a.txt"


@pytest.mark.parametrize("pattern", ["dist/*", "**/*", "dist/*l"])
def test_hidden_files_that_a_pattern_leaves_out_are_said(buckia, bucket, project, pattern):
    for name in ("dist/.html", "dist/.DS_Store"):
        (project / name).write_text("")
    ran = buckia("put", pattern, "x/")
    assert (ran.code, len(ran.err.splitlines())) == (0, 1)
    assert "left out: 1 hidden file, such as dist/.html; to upload it, name it" in ran.err
    assert not any(".html" in key.split("/") for key in keys(bucket))


def test_it_says_what_it_replaces(buckia, bucket):
    bucket.upload_file(b"old", "a.txt")
    assert buckia("put", "a.txt", "-n").out == "would upload a.txt -> a.txt, 5 B (replaces)\n"
    assert buckia("put", "a.txt", "--no-clobber").out == "skipped a.txt: exists\n"
    assert bucket.read_file("a.txt")[1] == b"old"
    assert buckia("put", "a.txt").out == "a.txt -> a.txt, 5 B (replaced)\n"
    (record,) = buckia("put", "a.txt", "--json").records
    assert (record["type"], record["key"], record["path"], record["replaced"]) == ("object", "a.txt", "a.txt", True)
    assert record["digests"]["sha256"]


def test_one_that_fails_fails_alone(buckia, bucket, project, monkeypatch):
    original = MemorySync.upload_file

    def fail(self, source, key, **more):
        if key == "b.txt":
            raise errors.PermissionDenied("not allowed", key=key)
        return original(self, source, key, **more)

    monkeypatch.setattr(MemorySync, "upload_file", fail)
    ran = buckia("put", "a.txt", "b.txt", "/", "--json")
    assert ran.code == 1
    assert keys(bucket) == ["a.txt"]
    failed = [record for record in ran.records if record["type"] == "operation"]
    assert [(each["key"], each["status"], each["error"]) for each in failed] == [("b.txt", "failed", "not allowed")]
    assert buckia("put", "b.txt").code == 5


def test_two_files_of_one_key(buckia, bucket, project):
    (project / "dist" / "a.txt").write_text("other")
    ran = buckia("put", "a.txt", "dist/", "s/")
    assert ran.code == 1
    assert "found under two local paths" in ran.err
    assert bucket.read_file("s/a.txt")[1] == b"a.txt"


def test_links_are_left_out_and_said(buckia, bucket, project):
    (project / "dist" / "link").symlink_to(project / "a.txt")
    ran = buckia("put", "dist/")
    assert ran.code == 0
    assert "left out: dist/link: a symbolic link" in ran.err.replace(os.sep, "/")
    assert buckia("put", "dist/link", "l").code == 0  # a file that is named
    assert bucket.read_file("l")[1] == b"a.txt"


def test_secrets_are_pointed_out(buckia, bucket, project):
    (project / "dist" / ".env").write_text("KEY=1")
    assert "often hold secrets" in buckia("put", "dist/").err


def test_standard_input(streams, bucket):
    assert streams("put", "-", "dump.sql", given=b"x" * 100)[0] == 0
    assert bucket.read_file("dump.sql")[1] == b"x" * 100
    assert streams("put", "-", "dump.sql", "--no-clobber", given=b"y") == (0, b"skipped dump.sql: exists\n")
    assert bucket.read_file("dump.sql")[1] == b"x" * 100


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_pipe_is_read_as_standard_input(buckia, bucket, project):
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(b"through"))
    writer.start()
    assert buckia("put", "pipe", "k").code == 0
    writer.join()
    assert bucket.read_file("k")[1] == b"through"


def test_who_may_not_look_may_put_all_the_same(buckia, bucket, monkeypatch):
    def refuse(self, key):
        raise errors.PermissionDenied("not allowed", key=key)

    monkeypatch.setattr(MemorySync, "stat_file", refuse)
    assert buckia("put", "a.txt", "b.txt", "/").code == 0
    assert keys(bucket) == ["a.txt", "b.txt"]
    assert buckia("put", "a.txt", "--no-clobber").code == 5


def test_who_may_not_look_puts_a_snapshot_of_a_database_in_use(buckia, bucket, project, monkeypatch):
    def refuse(self, key):
        raise errors.PermissionDenied("not allowed", key=key)

    with closing(sqlite3.connect("App.sqlite", isolation_level=None)) as app:
        app.execute("PRAGMA journal_mode = WAL")
        app.execute("CREATE TABLE t (v)")
        app.execute("INSERT INTO t VALUES ('committed')")
        with monkeypatch.context() as patch:
            patch.setattr(MemorySync, "stat_file", refuse)
            assert buckia("put", "App.sqlite").code == 0
    (project / "copy").write_bytes(bucket.read_file("App.sqlite")[1])
    with closing(sqlite3.connect("copy")) as copy:
        assert copy.execute("SELECT v FROM t").fetchall() == [("committed",)]


def test_an_object_that_changes_meanwhile_is_not_replaced(buckia, bucket, monkeypatch):
    from buckia_core.syncing.bulk import uploads

    original = find_existing

    def then_another_writes(adapter, wanted):
        found = original(adapter, wanted)
        bucket.upload_file(b"theirs", "a.txt")
        return found

    monkeypatch.setattr(uploads, "find_existing", then_another_writes)
    ran = buckia("put", "a.txt")
    assert ran.code == 1
    assert "changed or went away meanwhile" in ran.err
    assert bucket.read_file("a.txt")[1] == b"theirs"


def test_many_files_are_looked_up_by_one_listing(buckia, bucket, project):
    for number in range(80):
        (project / "dist" / f"{number:02}").write_text("x")
    bucket.upload_file(b"", "m/07")
    ran = buckia("put", "dist/", "m/")
    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if "(replaced)" in line] == [
        f"{Path('dist', '07')} -> m/07, 1 B (replaced)"
    ]
    assert ran.out.splitlines()[-1].startswith("assets: 82 uploaded")
