"""`buckia versions` and `buckia restore`, and what `get` and `rm` do with a version; on a bucket in memory."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import click
import pytest

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.cli.parameters import parse_time
from buckia_core.testing.miniatures import objects_in

CONTEXT, PARAMETER = click.Context(click.Command("x")), click.Option(["--at"])


@pytest.fixture
def bucket(project):
    """A bucket that keeps versions, and that the project's configuration names."""
    name = f"cli-{uuid.uuid4().hex}"
    (project / ".buckia").write_text(
        f"assets: {{provider: memory, bucket_name: {name}, versions: true}}\n", encoding="utf-8"
    )
    return MemorySync(MemorySettings(bucket_name=name, versions=True))


@pytest.fixture
def full(bucket):
    """`a` was overwritten, `d/b` deleted, `d/c` made once."""
    bucket.upload_file(b"1", "a")
    bucket.upload_file(b"22", "a")
    bucket.upload_file(b"b", "d/b")
    bucket.upload_file(b"c", "d/c")
    bucket.delete_files(["d/b"])
    return bucket


def version_of(bucket, key, content):
    for each in bucket.list_versions(key):
        if not each.deleted:
            with bucket.open_version(key, each.version) as reader:
                if reader.read() == content:
                    return each.version
    raise AssertionError(f"{key} has no version {content!r}")


class TestVersions:
    def test_the_list(self, buckia, full):
        lines = buckia("versions").out.splitlines()
        told = [(line[0], line[2:].split()) for line in lines]
        assert [(mark, words[2:-2], words[-1]) for mark, words in told] == [
            ("*", ["2", "B"], "a"),
            (" ", ["1", "B"], "a"),
            ("*", ["deleted"], "d/b"),
            (" ", ["1", "B"], "d/b"),
            ("*", ["1", "B"], "d/c"),
        ]

    def test_a_time_that_the_server_does_not_tell(self, buckia, full, monkeypatch):
        untold = [each._replace(modified_ns=0) for each in full.list_versions("a")]
        monkeypatch.setattr(MemorySync, "list_versions", lambda *_, **__: iter(untold))
        assert all(line[1:].split()[0] == "-" for line in buckia("versions", "a").out.splitlines())
        assert {record["modified"] for record in buckia("versions", "a", "--json").records} == {None}

    def test_a_part_of_it(self, buckia, full):
        assert [record["key"] for record in buckia("versions", "d/", "--json").records] == ["d/b", "d/b", "d/c"]
        assert [record["key"] for record in buckia("versions", "--deleted", "--json").records] == ["d/b", "d/b"]

    def test_as_json(self, buckia, full):
        latest, *_ = full.list_versions("a")
        first = buckia("versions", "a", "--json").records[0]
        assert datetime.fromisoformat(first.pop("modified")).tzinfo is not None
        assert first == {
            "type": "version",
            "bucket": "assets",
            "key": "a",
            "version": latest.version,
            "latest": True,
            "deleted": False,
            "size": 2,
            "fingerprint": latest.fingerprint,
        }

    @pytest.mark.parametrize("command", [("versions",), ("restore", "a"), ("rm", "a", "--version", "1", "--yes")])
    def test_a_provider_without_versions(self, buckia, project, command):
        (project / "files").mkdir()
        (project / ".buckia").write_text("assets: {provider: file, root: files}\n", encoding="utf-8")
        ran = buckia(*command)
        assert ran.code == 2
        assert "keeps no versions" in ran.err


class TestRestore:
    def test_what_is_deleted(self, buckia, full):
        ran = buckia("restore", "d/b", "--yes")
        assert (ran.code, objects_in(full)) == (0, {"a": b"22", "d/b": b"b", "d/c": b"c"})
        assert "1 object restored" in ran.out

    def test_all_that_is_deleted(self, buckia, full):
        full.delete_files(["a"])
        assert buckia("restore", "-r", "--yes").code == 0
        assert objects_in(full) == {"a": b"22", "d/b": b"b", "d/c": b"c"}

    def test_a_version(self, buckia, full):
        ran = buckia("restore", "a", "--version", version_of(full, "a", b"1"), "--yes")
        assert (ran.code, objects_in(full)["a"]) == (0, b"1")

    def test_a_time(self, buckia, full):
        latest = max(each.modified_ns for each in full.list_versions())
        while (at := datetime.now(UTC)).timestamp() * 1e9 <= latest + 2000:
            pass
        full.upload_file(b"bad", "d/c")
        full.upload_file(b"bad", "d/new")
        full.delete_files(["a"])
        wanted = ("restore", "-r", "--at", at.isoformat())

        planned = buckia(*wanted, "--delete-new", "-n")
        assert [line.split()[1:3] for line in planned.out.splitlines()] == [
            ["restore", "a"], ["restore", "d/c"], ["delete", "d/new"],
        ]  # fmt: skip
        assert objects_in(full)["d/new"] == b"bad"

        assert buckia(*wanted, "--yes").code == 0
        assert objects_in(full) == {"a": b"22", "d/c": b"c", "d/new": b"bad"}
        ran = buckia(*wanted, "--delete-new", "--yes", "--json")
        assert ran.code == 0
        assert {(each["action"], each["key"], each["status"]) for each in ran.records} >= {("delete", "d/new", "done")}
        assert objects_in(full) == {"a": b"22", "d/c": b"c"}

    def test_nothing_to_restore(self, buckia, full):
        ran = buckia("restore", "d/c", "--yes")
        assert (ran.code, ran.out) == (0, "")
        assert "nothing to restore" in ran.err

    def test_nobody_to_ask(self, buckia, full):
        ran = buckia("restore", "d/b")
        assert ran.code == 2
        assert "--yes" in ran.err
        assert "would restore  d/b" in ran.out
        assert "d/b" not in objects_in(full)

    def test_an_unknown_version(self, buckia, full):
        assert buckia("restore", "a", "--version", "none", "--yes").code == 6

    def test_one_that_fails_does_not_keep_the_others(self, buckia, full, monkeypatch):
        full.delete_files(["a"])
        restore = MemorySync.restore_version

        def refuse(self, key, version, *, expect=None):
            if key == "a":
                self.stat_file("there is none")
            return restore(self, key, version, expect=expect)

        monkeypatch.setattr(MemorySync, "restore_version", refuse)
        ran = buckia("restore", "-r", "--yes", "--json")
        assert ran.code == 6
        assert {each["key"]: each["status"] for each in ran.records} == {"a": "failed", "d/b": "done"}
        assert "failed: a:" in ran.err

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ((), "KEY"),
            (("a", "--version", "1", "-r"), "--recursive"),
            (("a", "--version", "1", "--at", "1h"), "--at"),
            (("a", "--delete-new"), "--at"),
            (("a", "--at", "yesterday"), "not a time"),
        ],
    )
    def test_what_does_not_go_together(self, buckia, full, arguments, problem):
        ran = buckia("restore", *arguments)
        assert ran.code == 2
        assert problem in ran.err


class TestOneVersion:
    def test_get(self, buckia, full, project):
        ran = buckia("get", "a", "old.txt", "--version", version_of(full, "a", b"1"))
        assert (ran.code, (project / "old.txt").read_bytes()) == (0, b"1")
        assert buckia("get", "a", "none.txt", "--version", "none").code == 6
        assert not (project / "none.txt").exists()

    def test_rm(self, buckia, full):
        version = version_of(full, "a", b"22")
        assert buckia("rm", "a", "--version", version).code == 2
        ran = buckia("rm", "a", "--version", version, "--yes", "--json")
        assert ran.code == 0
        (record,) = ran.records
        assert record == {"type": "removed", "bucket": "assets", "key": "a", "version": version, "error": None}
        assert objects_in(full)["a"] == b"1"

    def test_rm_undoes_a_deletion(self, buckia, full):
        mark, _ = full.list_versions("d/b")
        assert buckia("rm", "d/b", "--version", mark.version, "--yes").code == 0
        assert objects_in(full)["d/b"] == b"b"

    @pytest.mark.parametrize("arguments", [("a", "d/c"), ("-r", "a")])
    def test_rm_of_a_version_is_about_one_key(self, buckia, full, arguments):
        assert buckia("rm", *arguments, "--version", "1", "--yes").code == 2
        assert objects_in(full)["a"] == b"22"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-31T09:30:00Z", datetime(2026, 3, 31, 9, 30, tzinfo=UTC)),
        ("2026-03-31 09:30+02:00", datetime(2026, 3, 31, 7, 30, tzinfo=UTC)),
        ("2026-03-31", datetime(2026, 3, 31).astimezone()),
    ],
)
def test_times(text, expected):
    assert parse_time(CONTEXT, PARAMETER, text) == expected


def test_ages():
    found = parse_time(CONTEXT, PARAMETER, "3d")
    assert found is not None
    assert timedelta(days=3) <= datetime.now(UTC) - found < timedelta(days=3, minutes=1)
    assert parse_time(CONTEXT, PARAMETER, None) is None
