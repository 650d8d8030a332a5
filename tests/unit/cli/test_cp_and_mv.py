"""`buckia cp` and `buckia mv`, within a bucket and between two, in memory and in a folder."""

from __future__ import annotations

import errno
import itertools
import sys
import threading
from dataclasses import replace
from typing import ClassVar

import pytest

from buckia_core import errors
from buckia_core.adapters.contract.types import BucketLocation, UploadInfo
from buckia_core.adapters.memory.bucket import MemoryBucket
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.cli import main
from buckia_core.objects.bulk_copy import CopyTask, check_targets, copy_all
from buckia_core.objects.store import ObjectStore
from tests.unit.commands import signals_kept

KEYS = ("a.txt", "img/a.png", "img/b.png", "img/raw/c.png")

_names = itertools.count()


@pytest.fixture
def bucket(project):
    """The bucket `assets`; `other` is a second one, `same` the first one below a prefix, `folder` one on the disk."""
    first, second = f"cp-{next(_names)}", f"cp-{next(_names)}"
    (project / "store").mkdir()
    (project / ".buckia").write_text(
        f"assets: {{provider: memory, bucket_name: {first}}}\n"
        f"other: {{provider: memory, bucket_name: {second}}}\n"
        f"same: {{provider: memory, bucket_name: {first}, prefix: img}}\n"
        "folder: {provider: file, root: store}\n"
    )
    adapter = MemorySync(MemorySettings(bucket_name=first))
    for key in KEYS:
        adapter.upload_file(key.encode(), key, info=UploadInfo(content_type="text/x", metadata={"m": key}))
    return adapter


@pytest.fixture
def other(bucket, project):
    name = (project / ".buckia").read_text().split("other: {provider: memory, bucket_name: ")[1].split("}")[0]
    return MemorySync(MemorySettings(bucket_name=name))


def contents(adapter):
    return {each.key: adapter.read_file(each.key)[1].decode() for each in adapter.list_files()}


@pytest.mark.parametrize(
    ("arguments", "added"),
    [
        (["a.txt", "b.txt"], {"b.txt": "a.txt"}),
        (["a.txt", "old/"], {"old/a.txt": "a.txt"}),
        (["img/a.png", "/"], {"a.png": "img/a.png"}),
        (["a.txt", "img/a.png", "old/"], {"old/a.txt": "a.txt", "old/a.png": "img/a.png"}),
        (["img/raw/", "old"], {"old/c.png": "img/raw/c.png"}),
        (["-r", "img/raw", "old/"], {"old/raw/c.png": "img/raw/c.png"}),
        (["img/*.png", "old/"], {"old/a.png": "img/a.png", "old/b.png": "img/b.png"}),
        (["img/**/*.png", "o/"], {"o/a.png": "img/a.png", "o/b.png": "img/b.png", "o/raw/c.png": "img/raw/c.png"}),
    ],
)
@pytest.mark.parametrize("command", ["cp", "mv"])
def test_where_objects_go(buckia, bucket, command, arguments, added):
    ran = buckia(command, *arguments, "-b", "assets")
    assert (ran.code, ran.err) == (0, "")
    gone = set(added.values()) if command == "mv" else set()
    assert contents(bucket) == {key: key for key in KEYS if key not in gone} | added
    some = bucket.stat_file(next(iter(added)))
    assert (some.content_type, some.metadata) == ("text/x", {"m": next(iter(added.values()))})


@pytest.mark.parametrize("command", ["cp", "mv"])
def test_between_buckets(buckia, bucket, other, command):
    ran = buckia(command, "assets:img/", "other:pictures/")
    assert ran.code == 0
    assert contents(other) == {key.replace("img/", "pictures/"): key for key in KEYS if key.startswith("img/")}
    assert other.stat_file("pictures/a.png").metadata == {"m": "img/a.png"}
    assert (list(contents(bucket)) == ["a.txt"]) is (command == "mv")
    assert ran.out.splitlines()[0] == "assets:img/a.png -> other:pictures/a.png, 9 B"
    assert "3 copied (31 B)" in ran.out or "3 moved (31 B)" in ran.out


def test_a_whole_bucket_to_a_folder_and_back(buckia, bucket, other, project):
    assert buckia("cp", "-r", "assets:", "folder:").code == 0
    assert (project / "store" / "img" / "raw" / "c.png").read_text() == "img/raw/c.png"
    assert buckia("mv", "folder:a.txt", "other:").code == 0
    assert contents(other) == {"a.txt": "a.txt"}
    assert not (project / "store" / "a.txt").exists()


def test_large_objects_are_streamed(buckia, bucket, other):
    bucket.upload_file(b"z" * (9 << 20), "big")
    assert buckia("cp", "assets:big", "folder:big").code == 0
    assert buckia("cp", "folder:big", "other:big").code == 0
    assert other.stat_file("big").size == 9 << 20


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a.txt"], 2, "TARGET"),
        (["assets:nope", "other:x"], 6, "there is no such object"),
        (["assets:*.jpg", "other:x/"], 6, "no key matches"),
        (["assets:a.txt", "assets:img/a.png", "other:x"], 2, "must end in a slash"),
        (["a.txt", "b.txt"], 2, "--bucket"),
        (["assets:a.txt", "assets:a.txt"], 2, "itself"),
        (["assets:img/a.png", "same:a.png"], 2, "nothing was changed"),
        (["same:", "assets:x/"], 2, "--recursive"),
    ],
)
@pytest.mark.parametrize("command", ["cp", "mv"])
def test_what_is_refused(buckia, bucket, other, command, arguments, code, words):
    before = contents(bucket)
    ran = buckia(command, *arguments)
    assert ran.code == code
    assert words in ran.err
    assert contents(bucket) == before
    assert contents(other) == {}


def test_it_says_what_it_replaces(buckia, bucket):
    bucket.upload_file(b"old", "b.txt")
    options = ("-b", "assets")
    assert buckia("cp", "a.txt", "b.txt", "-n", *options).out == "would copy a.txt -> b.txt, 5 B (replaces)\n"
    assert buckia("mv", "a.txt", "b.txt", "--no-clobber", *options).out == "skipped b.txt: exists\n"
    assert contents(bucket)["b.txt"] == "old"
    (planned,) = buckia("mv", "a.txt", "b.txt", "-n", "--json", *options).records
    assert (planned["action"], planned["status"], planned["source"]) == ("move", "planned", "a.txt")
    (record,) = buckia("mv", "a.txt", "b.txt", "--json", *options).records
    assert (record["type"], record["key"], record["replaced"]) == ("object", "b.txt", True)
    assert (record["source"], record["source_bucket"]) == ("a.txt", "assets")
    assert "a.txt" not in contents(bucket)


class ClosedPipe:
    """Standard output whose reader is gone."""

    def write(self, _text):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    def flush(self):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    def isatty(self):
        return False

    def fileno(self):
        raise OSError("it has none")


@pytest.mark.parametrize(
    "arguments", [("mv", "img/", "o/"), ("cp", "img/", "o/"), ("get", "img/", "o"), ("put", "up/")]
)
def test_who_reads_only_the_first_line_stops_nothing(bucket, project, monkeypatch, arguments):
    config = (project / ".buckia").read_text()
    (project / ".buckia").write_text(config.replace("assets: {", "assets: {max_workers: 1, "))
    (project / "up").mkdir()
    for name in ("1", "2", "3"):
        (project / "up" / name).write_text(name)
    with monkeypatch.context() as patch, signals_kept():
        patch.setattr(sys, "stdout", ClosedPipe())
        assert main([*arguments, "-b", "assets"]) == 0
    if arguments[0] == "get":
        assert len([path for path in (project / "o").rglob("*") if path.is_file()]) == 3
    else:
        assert len([key for key in contents(bucket) if key.startswith("o/") or key in "123"]) == 3


def test_a_source_that_changes_meanwhile_is_kept(buckia, bucket, monkeypatch):
    original = MemorySync.copy_file

    def then_changes(self, found, key, **more):
        copied = original(self, found, key, **more)
        if found.key == "img/a.png":
            bucket.upload_file(b"edited", "img/a.png")
        return copied

    monkeypatch.setattr(MemorySync, "copy_file", then_changes)
    ran = buckia("mv", "img/*.png", "o/", "-b", "assets", "--json")
    assert ran.code == 1
    assert contents(bucket)["img/a.png"] == "edited"
    assert "img/b.png" not in contents(bucket)
    assert ["kept beside its copy" in each["error"] for each in ran.records if each["type"] == "operation"] == [True]


def test_a_copy_that_differs_is_no_reason_to_delete(buckia, bucket, monkeypatch):
    original = MemorySync.copy_file

    def cut(self, found, key, **more):
        return original(self, found, key, **more)._replace(size=1)

    monkeypatch.setattr(MemorySync, "copy_file", cut)
    ran = buckia("mv", "a.txt", "b.txt", "-b", "assets")
    assert "differs" in ran.err
    assert "a.txt" in contents(bucket)


def test_one_that_fails_leaves_the_others(buckia, bucket, monkeypatch):
    original = MemorySync.copy_file

    def refuse(self, found, key, **more):
        if found.key == "img/a.png":
            raise errors.PermissionDenied("not allowed", key=key)
        return original(self, found, key, **more)

    monkeypatch.setattr(MemorySync, "copy_file", refuse)
    ran = buckia("mv", "img/", "o/", "-b", "assets")
    assert ran.code == 1
    assert "failed: img/a.png: not allowed" in ran.err
    assert sorted(contents(bucket)) == ["a.txt", "img/a.png", "o/b.png", "o/raw/c.png"]
    assert buckia("cp", "img/a.png", "p", "-b", "assets").code == 5


def test_no_copy_replaces_a_source(buckia, bucket):
    bucket.upload_file(b"deep", "img/img/a.png")
    before = contents(bucket)
    ran = buckia("mv", "img/", "img/img/", "-b", "assets")
    assert ran.code == 2
    assert "which is to be copied, too; nothing was changed" in ran.err
    assert contents(bucket) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["d/x", "e/x", "t/"], "'d/x' and 'e/x' would both become 't/x'"),
        (["d/", "e/", "u/"], "'d/x' and 'e/x' would both become 'u/x'"),
        (["assets:d/", "other:", "assets:u/", "-r"], "'d/x' and 'x' would both become 'u/x'"),
        (["d/", "e/", "e/"], "'d/x' would replace 'e/x', which is to be copied, too"),
        (["d/", "e/", "e/", "--dry-run"], "'d/x' would replace 'e/x'"),
    ],
)
@pytest.mark.parametrize("command", ["cp", "mv"])
def test_sources_that_collide_change_nothing(buckia, bucket, other, command, arguments, words):
    for key in ("d/x", "d/y", "e/x"):
        bucket.upload_file(key.encode(), key)
    other.upload_file(b"far", "x")
    before = contents(bucket), contents(other)
    options = () if arguments[0].startswith("assets:") else ("-b", "assets")
    ran = buckia(command, *arguments, *options)
    assert (ran.code, words in ran.err, "nothing was changed" in ran.err) == (2, True, True)
    assert (contents(bucket), contents(other)) == before


def test_an_object_that_is_named_twice_is_moved_once(buckia, bucket):
    ran = buckia("mv", "img/", "img/a.png", "t/", "-b", "assets")
    assert (ran.code, ran.err) == (0, "")
    assert set(contents(bucket)) == {"a.txt", "t/a.png", "t/b.png", "t/raw/c.png"}


class Service(MemorySync):
    """A bucket of a service that copies between its buckets."""

    buckets: ClassVar[dict[str, MemorySync]] = {}

    def __init__(self, name: str) -> None:
        super().__init__(MemorySettings())
        self.name = name
        self.buckets[name] = self
        self._capabilities = replace(self._capabilities, bucket_copy=True)

    def bucket_location(self):
        return BucketLocation("service", self.name, "")

    def copy_from(self, location, source, key, *, attributes=None, metadata=True, expect=None):
        _, content = self.buckets[location.bucket].read_file(source.key, expect=source)
        return self.upload_file(content, key, expect=expect)

    def open_file(self, *_, **__):
        raise AssertionError("the content passed through this machine")


def test_the_server_copies_between_buckets_of_one_service():
    one, two = (ObjectStore(Service(name)) for name in ("one", "two"))
    one.put("k", b"mine")
    task = CopyTask(one.stat("k"), "moved")
    (outcome,) = copy_all(one, two, [task], move=True, stopped=threading.Event())
    assert outcome.copied is not None and outcome.copied.key == "moved"
    assert (two.get("moved"), one.exists("k")) == (b"mine", False)
    with pytest.raises(errors.InvalidSetting, match="itself"):
        check_targets(two, [(two, [CopyTask(two.stat("moved"), "moved")])])


class Alias(MemorySync):
    """A bucket under another name, as that of a server with two addresses."""

    identity = "memory:alias/"


def test_two_names_of_one_bucket_lose_nothing():
    shared = MemoryBucket("shared", versions=False)
    one, two = (ObjectStore(kind(MemorySettings(), bucket=shared)) for kind in (MemorySync, Alias))
    one.put("k", b"mine")
    task = CopyTask(one.stat("k"), "k", two.stat("k"))
    (outcome,) = copy_all(one, two, [task], move=True, stopped=threading.Event())
    assert isinstance(outcome.error, errors.InvalidSetting)
    assert one.get("k") == b"mine"
