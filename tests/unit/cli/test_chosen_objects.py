"""`ls`, `du`, `cat` and `rm` with patterns and folders, on a bucket in memory."""

from __future__ import annotations

import pytest


@pytest.fixture
def bucket(memory_bucket):
    contents = {"a.txt": b"abc", "img/a.png": b"12", "img/b.png": b"3456", "img/raw/c.png": b"7" * 2048}
    for key, content in contents.items():
        memory_bucket.upload_file(content, key)
    return memory_bucket


def keys(bucket):
    return [each.key for each in bucket.list_files()]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["img/*.png"], ["img/a.png", "img/b.png"]),
        (["img/*"], ["img/a.png", "img/b.png", "img/raw/"]),
        (["img/*", "-r"], ["img/a.png", "img/b.png", "img/raw/c.png"]),
        (["**/*.png"], ["img/a.png", "img/b.png", "img/raw/c.png"]),
    ],
)
def test_ls_of_a_pattern(buckia, bucket, arguments, shown):
    ran = buckia("ls", *arguments)
    assert (ran.code, ran.out.splitlines()) == (0, shown)


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ([], ["2048 1 img/raw/", "2054 3 img/", "2057 4 total"]),
        (["--max-depth", "1"], ["2054 3 img/", "2057 4 total"]),
        (["-d", "0"], ["2057 4 total"]),
        (["img"], ["2048 1 img/raw/", "2054 3 img/"]),
        (["img/", "-d", "0"], ["2054 3 img/"]),
        (["img/?.png"], ["6 2 img/"]),
    ],
)
def test_du(buckia, bucket, arguments, rows):
    ran = buckia("du", "--bytes", *arguments)
    assert [" ".join(line.split()) for line in ran.out.splitlines()] == rows


def test_du_for_people_and_programs(buckia, bucket):
    assert buckia("du", "-d0").out.split() == ["2.0", "KiB", "4", "total"]
    assert buckia("du", "img/raw/", "--json").records == [
        {"type": "usage", "bucket": "assets", "prefix": "img/raw/", "objects": 1, "size": 2048}
    ]
    assert buckia("du", "nope").code == 6
    for key in keys(bucket):
        bucket.delete_files([key])
    assert buckia("du", "--json").records[0]["objects"] == 0


@pytest.fixture
def cat(streams):
    return lambda *arguments: streams("cat", *arguments)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a.txt"], (0, b"abc")),
        (["a.txt", "img/a.png"], (0, b"abc12")),
        (["img/?.png"], (0, b"123456")),
        (["-r", "img"], (0, b"123456" + b"7" * 2048)),
        (["nope"], (6, b"")),
        (["nope*"], (6, b"")),
    ],
)
def test_cat(cat, bucket, arguments, expected):
    assert cat(*arguments) == expected


def test_cat_writes_content_and_no_json(buckia, bucket):
    ran = buckia("cat", "a.txt", "--json")
    assert ran.code == 2
    assert [record["error"] for record in ran.records] == ["UsageError"]


@pytest.mark.parametrize(
    ("names", "gone", "code"),
    [
        (["l/"], {"l/a/x", "l/b", "l/b/y", "l/f"}, 0),
        (["l"], {"l", "l/a/x", "l/b", "l/b/y", "l/f"}, 0),
        (["l", "l/"], {"l", "l/a/x", "l/b", "l/b/y", "l/f"}, 0),
        (["l/", "l/f"], {"l/a/x", "l/b", "l/b/y", "l/f"}, 0),
        (["l/*/"], {"l/a/x", "l/b/y"}, 0),
        (["l/*"], {"l/a/x", "l/b", "l/b/y", "l/f"}, 0),
        (["l/f/"], set(), 6),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_rm_recursive_of_a_folder_spares_its_namesake(buckia, memory_bucket, names, gone, code, dry_run):
    every = {"l", "l/a/x", "l/b", "l/b/y", "l/f", "lo"}
    for key in every:
        memory_bucket.upload_file(b"", key)
    ran = buckia("rm", "-r", *names, "--dry-run" if dry_run else "--yes")
    assert ran.code == code
    assert set(keys(memory_bucket)) == (every if dry_run else every - gone)
    if dry_run:
        assert {line.split()[2] for line in ran.out.splitlines()} == gone


def test_rm_by_a_pattern_asks_first(buckia, bucket):
    ran = buckia("rm", "img/*.png")
    assert ran.code == 2
    assert "2 objects, 6 B, will be deleted" in ran.err
    assert len(keys(bucket)) == 4
    assert buckia("rm", "img/*.png", "--yes").out == "assets: 2 objects deleted\n"
    assert keys(bucket) == ["a.txt", "img/raw/c.png"]


def test_rm_of_what_matches_nothing(buckia, bucket):
    ran = buckia("rm", "*.jpg", "a.txt", "--yes")
    assert ran.code == 6
    assert "failed: *.jpg: no key matches this pattern" in ran.err
    assert "a.txt" not in keys(bucket)


def test_a_literal_key_is_deleted_and_not_what_it_matches_as_a_pattern(buckia, bucket):
    bucket.upload_file(b"", "img/*.png")
    assert buckia("rm", "img/*.png", "--yes").code == 0
    assert keys(bucket) == ["a.txt", "img/a.png", "img/b.png", "img/raw/c.png"]


def test_rm_shows_what_it_would_delete(buckia, bucket):
    ran = buckia("rm", "-r", "img/", "--dry-run")
    assert ran.out.splitlines()[0] == "would delete img/a.png  (2 B)"
    planned = buckia("rm", "-r", "img/", "-n", "--json").records
    assert {(each["type"], each["action"], each["status"]) for each in planned} == {
        ("operation", "delete_remote", "planned")
    }
    assert buckia("rm", "a.txt", "-n").out == "would delete a.txt  (3 B)\n"
    assert len(keys(bucket)) == 4
