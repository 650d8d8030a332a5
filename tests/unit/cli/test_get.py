"""`buckia get`: keys, folders and patterns to files, on a bucket in memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CONTENTS = {
    "a.txt": b"abc",
    "img/": b"",  # a directory marker
    "img/a.png": b"12",
    "img/b.png": b"3456",
    "img/raw/c.png": b"789",
    "x[1].txt": b"x",
}


@pytest.fixture
def bucket(memory_bucket):
    for key, content in CONTENTS.items():
        memory_bucket.upload_file(content, key)
    return memory_bucket


def files(directory=".") -> dict[str, bytes]:
    found = sorted(path for path in Path(directory).rglob("*") if path.is_file())
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in found if ".buckia" not in path.parts[0]
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a.txt"], "a.txt"),
        (["a.txt", "b.txt"], "b.txt"),
        (["a.txt", "out/"], "out/a.txt"),
        (["a.txt", "there"], "there/a.txt"),
        (["a.txt", "new/deep/b.txt"], "new/deep/b.txt"),
        (["a.txt", "img/a.png", "out/"], "out/a.png out/a.txt"),
        (["img/", "out"], "out/a.png out/b.png out/raw/c.png"),
        (["img/"], "a.png b.png raw/c.png"),
        (["-r", "img", "out"], "out/img/a.png out/img/b.png out/img/raw/c.png"),
        (["-r", "img/raw", "out"], "out/raw/c.png"),
        (["img/*.png", "out"], "out/a.png out/b.png"),
        (["img/**/*.png", "out"], "out/a.png out/b.png out/raw/c.png"),
        (["-r", "img/*", "out"], "out/a.png out/b.png out/raw/c.png"),
        (["x[1].txt", "y"], "y"),
        (["img/?.png", "img/", "out/"], "out/a.png out/b.png out/raw/c.png"),
    ],
)
def test_where_objects_go(buckia, bucket, project, arguments, expected):
    (project / "there").mkdir()
    ran = buckia("get", *arguments)
    assert (ran.code, ran.err) == (0, "")
    assert list(files()) == expected.split()
    assert set(files().values()) <= set(CONTENTS.values())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nope"], 6, "there is no such object"),
        (["img"], 6, "give --recursive or end it in a slash"),
        (["*.jpg"], 6, "no key matches this pattern"),
        (["nope/"], 6, "none below it"),
        (["a.txt", "img/a.png", "out"], 2, "name one that ends in a slash"),
        (["img/", "file"], 2, "no directory"),
        ([".."], 2, "TARGET"),
        (["a/."], 2, "TARGET"),
        (["a.txt", "--overwrite", "--no-clobber"], 2, "exclude each other"),
        (["a.txt", "-", "--json"], 2, "--json"),
        (["a.txt", "a.txt", "-"], 2, "standard output"),
    ],
)
def test_what_is_refused(buckia, bucket, project, arguments, code, words):
    (project / "file").write_text("mine")
    ran = buckia("get", *arguments)
    assert ran.code == code
    assert words in ran.err + ran.out
    assert files() == {"file": b"mine"}


def test_a_file_that_differs_stays_and_the_others_come(buckia, bucket, project):
    (project / "out").mkdir()
    (project / "out" / "a.png").write_text("mine")
    (project / "out" / "b.png").write_bytes(b"3456")
    ran = buckia("get", "img/", "out", "--json")
    assert ran.code == 1
    assert files("out") == {"a.png": b"mine", "b.png": b"3456", "raw/c.png": b"789"}
    told = {record["key"]: (record["type"], record.get("action"), record.get("status")) for record in ran.records}
    assert told == {
        "img/a.png": ("operation", "download", "failed"),
        "img/b.png": ("operation", "skip", "done"),
        "img/raw/c.png": ("object", None, None),
    }
    assert "exists: " in next(each["error"] for each in ran.records if each.get("status") == "failed")


def test_a_file_is_compared_by_content_where_reading_is_free(buckia, project):
    (project / "store").mkdir()
    (project / ".buckia").write_text("assets: {provider: file, root: store}\n")
    for name, content in (("store/same", "12"), ("same", "12"), ("store/other", "34"), ("other", "12")):
        (project / name).write_text(content)
    assert buckia("get", "same").out.startswith("skipped same: same content")
    ran = buckia("get", "other")
    assert (ran.code, (project / "other").read_text()) == (1, "12")


def test_one_file_that_exists_is_exit_code_1(buckia, bucket, project):
    (project / "a.txt").write_text("mine")
    assert buckia("get", "a.txt").code == 1
    assert buckia("get", "a.txt", "--no-clobber").out == "skipped a.txt: exists\n"
    assert files() == {"a.txt": b"mine"}


def test_overwrite_keeps_the_old_file_in_the_trash(buckia, bucket, project):
    (project / "a.txt").write_text("mine")
    os.chmod("a.txt", 0o640)
    ran = buckia("get", "a.txt", "--overwrite")
    assert (ran.code, ran.out) == (0, "a.txt -> a.txt, 3 B (replaced)\n")
    assert files() == {"a.txt": b"abc"}
    assert Path("a.txt").stat().st_mode & 0o777 == 0o640 or os.name == "nt"
    assert "replaced as you asked" in buckia("trash").out


def test_the_record_of_an_object_has_its_path(buckia, bucket):
    (record,) = buckia("get", "img/a.png", "out/", "--json").records
    assert (record["type"], record["key"], record["path"]) == ("object", "img/a.png", str(Path("out", "a.png")))
    assert (record["size"], record["replaced"], record["metadata"]) == (2, False, {})
    assert record["digests"]["sha256"]


def test_a_dry_run_writes_nothing(buckia, bucket, project):
    (project / "a.png").write_text("mine")
    ran = buckia("get", "img/", "-n", "--overwrite")
    assert ran.out.splitlines()[0] == "would download img/a.png -> a.png, 2 B (replaces)"
    assert ran.code == 0
    assert files() == {"a.png": b"mine"}
    statuses = {each["status"] for each in buckia("get", "img/", "-n", "--json").records}
    assert statuses == {"planned", "failed"}


@pytest.mark.parametrize("key", ["h/../../up", "h//up", "h/.buckia", "h/.buckia-state/x", "h/./x", "h/a\0b"])
def test_hostile_keys_never_leave_the_target(buckia, bucket, project, key):
    bucket.upload_file(b"evil", key)
    bucket.upload_file(b"good", "h/good")
    ran = buckia("get", "h/", "out", "--json")
    assert ran.code == 0 if ".buckia" in key else ran.code == 1
    assert files() == {"out/good": b"good"}
    assert [each["key"] for each in ran.records if each.get("status") == "failed"] == [key] * (".buckia" not in key)


def test_a_link_in_the_target_is_not_followed(buckia, bucket, project, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (project / "out").mkdir()
    (project / "out" / "raw").symlink_to(outside)
    assert buckia("get", "img/", "out").code == 1
    assert list(outside.iterdir()) == []
    assert set(files("out")) == {"a.png", "b.png"}


def test_a_key_and_keys_below_it_need_two_places(buckia, bucket):
    bucket.upload_file(b"1", "n")
    bucket.upload_file(b"2", "n/x")
    ran = buckia("get", "-r", "n", "out")
    assert ran.code == 2
    assert "a file on one side, a directory on the other" in ran.err
    assert files() == {}


def test_two_sources_for_one_file(buckia, bucket):
    ran = buckia("get", "img/a.png", "img/raw/c.png", "img/raw/", "out/")
    assert ran.code == 0  # the same key twice
    bucket.upload_file(b"other", "img/c.png")
    ran = buckia("get", "img/c.png", "img/raw/c.png", "two/")
    assert ran.code == 1
    assert "is downloaded to" in ran.err
    assert files("two") == {"c.png": b"other"}


def test_many_small_objects_come_together(buckia, bucket):
    for number in range(40):
        bucket.upload_file(b"%d" % number, f"many/{number:02}")
    ran = buckia("get", "many/", "out")
    assert ran.code == 0
    assert files("out") == {f"{number:02}": b"%d" % number for number in range(40)}
    assert ran.out.splitlines()[-1] == "assets: 40 downloaded (70 B)"


@pytest.mark.parametrize(
    ("words", "expected"), [("buckia get k ", "file,"), ("buckia get ", ""), ("buckia put ", "file,")]
)
def test_the_shell_completes_local_paths(capsys, monkeypatch, words, expected):
    from buckia_core.cli import main

    monkeypatch.setenv("_BUCKIA_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    main([])
    assert capsys.readouterr().out.strip() == expected


def test_links_in_the_target_are_not_followed_whatever_the_setting_says(buckia, project, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (project / "store" / "d").mkdir(parents=True)
    (project / "store" / "d" / "x").write_text("theirs")
    (project / "out").mkdir()
    (project / "out" / "d").symlink_to(outside)
    (project / ".buckia").write_text("assets: {provider: file, root: store, follow_symlinks: true}\n")
    assert buckia("get", "-r", "d", "out").code == 2
    assert list(outside.iterdir()) == []


def test_an_object_goes_to_standard_output(streams, bucket):
    assert streams("get", "a.txt", "-") == (0, b"abc")
    assert streams("get", "nope", "-")[0] == 6


def test_a_bucket_that_is_not_there_is_the_only_error(buckia, project):
    (project / ".buckia").write_text("assets:\n  provider: file\n  root: none\n")
    ran = buckia("get", "a", "b", "out/", "--json")
    assert (ran.code, [each["type"] for each in ran.records]) == (6, ["error"])


@pytest.fixture
def read_only(monkeypatch):
    """A project whose directory of the trash and of unfinished transfers can't be written."""
    from buckia_core.errors import StateError
    from buckia_core.syncing.bulk import run

    def refuse(directory):
        raise StateError("the directory can't be written")

    monkeypatch.setattr(run, "prepare_state_dir", refuse)


def test_nothing_is_replaced_without_the_trash(buckia, bucket, read_only):
    Path("a.txt").write_text("mine")
    ran = buckia("get", "a.txt", "img/a.png", "./", "--overwrite")
    assert (ran.code, files()) == (1, {"a.txt": b"mine"})
    assert "the directory can't be written. What is replaced could not be kept, so nothing was changed" in ran.err


def test_new_files_need_no_trash(buckia, bucket, read_only):
    assert buckia("get", "a.txt", "--overwrite").code == 0
    assert files() == {"a.txt": b"abc"}
