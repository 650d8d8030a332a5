"""Changes that are fetched in the background, and applied later by the rules of a sync."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import ConfigError, Transient
from buckia_core.planning.manifest import RemoteObject
from buckia_core.syncing.events import SyncResult
from buckia_core.syncing.fetching import cache as fetch_cache
from tests.unit.syncing.sides import Sides


class Offline(MemorySync):
    """A bucket whose network can be switched off."""

    is_off = False

    def __getattribute__(self, name: str) -> Any:
        calls = ("list_files", "stat_file", "read_file", "download_file", "open_file", "upload_file", "delete_files")
        if name in calls and object.__getattribute__(self, "is_off"):
            raise Transient("there is no network")
        return object.__getattribute__(self, name)


@pytest.fixture
def sides(tmp_path) -> Sides:
    return Sides(tmp_path / "folder", bucket=Offline(MemorySettings()))


def apply(sides: Sides, **options: Any) -> SyncResult:
    """Apply without a network."""
    assert isinstance(sides.bucket, Offline)
    sides.bucket.is_off = True
    try:
        return sides.client().apply(**options)
    finally:
        sides.bucket.is_off = False


def test_fetch_changes_nothing_and_apply_needs_no_network(sides: Sides) -> None:
    sides.in_step("a=1 b=1 same=1").there("a=2 new/c=3").delete_there("b")
    before = sides.files(), sides.baseline()
    fetched = sides.client().fetch()
    assert (fetched.fetched, fetched.deleted, fetched.errors) == (["a", "new/c"], ["b"], {})
    assert (sides.files(), sides.baseline()) == before
    assert apply(sides, dry_run=True).downloaded == 2
    result = apply(sides)
    assert (result.downloaded, result.deleted_local, result.failed) == (2, 1, 0)
    assert sides.files() == sides.objects()
    assert sides.sync().unchanged == 3 and not sides.did
    assert apply(sides).downloaded == 0


def test_second_fetch_downloads_only_what_changed_since(sides: Sides) -> None:
    sides.in_step("a=1 b=1").there("a=2 b=2")
    sides.client().fetch()
    sides.there("b=3")
    fetched = sides.client().fetch()
    assert (fetched.fetched, fetched.kept) == (["b"], ["a"])
    apply(sides)
    assert sides.files() == sides.objects()


@pytest.mark.parametrize(
    ("policy", "expected"), [("remote_wins", "2"), ("local_wins", "edit"), ("keep_both", "2"), ("ask", "edit")]
)
def test_local_edit_after_a_fetch_is_a_conflict_by_policy(sides: Sides, policy: str, expected: str) -> None:
    sides.in_step("a=1").there("a=2")
    sides.client().fetch()
    sides.here("a=edit")
    there = sides.objects()["a"]
    apply(sides, conflict=policy)
    files = sides.files()
    edit = Sides(sides.folder.with_name("edit")).here("a=edit").files()["a"]
    assert files["a"] == (edit if expected == "edit" else there)
    kept = [*files.values(), *(each for items in sides.trashed().values() for each in items)]
    assert edit in kept and sides.objects() == {"a": there}
    sides.sync(conflict="local_wins")
    assert sides.files() == sides.objects()


def test_edit_of_another_file_waits_for_the_next_sync(sides: Sides) -> None:
    sides.in_step("a=1 b=1").there("a=2")
    sides.client().fetch()
    sides.here("b=edit")
    assert apply(sides).uploaded == 0
    assert sides.sync().uploaded == 1 and sides.files() == sides.objects()


def test_fetched_version_never_replaces_a_newer_one(sides: Sides) -> None:
    sides.in_step("a=1 b=1").there("a=2").delete_there("b")
    sides.client().fetch()
    sides.there("a=3 b=2").sync()
    before = sides.files()
    result = apply(sides)
    assert (result.downloaded, result.deleted_local) == (0, 0) and sides.files() == before == sides.objects()
    assert sides.sync().unchanged == 2


def test_damaged_cache_is_fetched_again(sides: Sides) -> None:
    sides.in_step("a=1").there("a=2")
    sides.client().fetch()
    cache = sides.client()._fetch_cache
    (record,) = cache.directory.glob("*.json")
    record.write_text("{")
    assert apply(sides).downloaded == 0
    assert sides.client().fetch().fetched == ["a"]
    before = sides.files()
    cache.content("a").write_bytes(b"x" * cache.content("a").stat().st_size)
    assert apply(sides).failed == 1 and sides.files() == before
    assert apply(sides).failed == 0
    assert sides.client().fetch().fetched == ["a"]
    assert apply(sides).downloaded == 1 and sides.files() == sides.objects()


class WithoutDigests(Offline):
    """A bucket that reports no digests."""

    def list_files(self, prefix: str = "", **options: Any) -> Iterator[RemoteObject]:
        return (each._replace(digests=()) for each in super().list_files(prefix, **options))

    def stat_file(self, key: str) -> RemoteObject:
        return super().stat_file(key)._replace(digests=())

    def download_file(self, key: str, target: Path, **options: Any) -> RemoteObject:
        return super().download_file(key, target, **options)._replace(digests=())


def test_changed_content_is_refused_also_without_a_digest_of_the_bucket(tmp_path: Path) -> None:
    sides = Sides(tmp_path / "folder", bucket=WithoutDigests(MemorySettings()))
    sides.in_step("a=1").there("a=2")
    sides.client().fetch()
    before, content = sides.files(), sides.client()._fetch_cache.content("a")
    content.write_bytes(b"x" * content.stat().st_size)
    assert apply(sides).failed == 1 and sides.files() == before
    assert sides.client().fetch().fetched == ["a"]
    assert apply(sides).downloaded == 1 and sides.files() == sides.objects()


class Garbling(Offline):
    """A bucket whose downloads arrive damaged."""

    def download_file(self, key: str, target: Path, **options: Any) -> RemoteObject:
        found = super().download_file(key, target, **options)
        target.write_bytes(b"x" * found.size)
        return found


def test_content_that_arrives_damaged_is_not_kept(tmp_path: Path) -> None:
    sides = Sides(tmp_path / "folder", bucket=Garbling(MemorySettings()))
    sides.in_step("a=1").there("a=2")
    assert set(sides.client().fetch().errors) == {"a"}
    assert apply(sides).downloaded == 0


@pytest.mark.skipif(sys.platform == "win32", reason="modes are not checked on Windows")
@pytest.mark.parametrize("step", ["fetch", "apply"])
@pytest.mark.parametrize("what", ["writable", "replaceable", "foreign"])
def test_cache_that_others_may_write_is_refused(
    sides: Sides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, step: str
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    sides.settings["cache"] = str(shared)
    sides.in_step("a=1").there("a=2")
    assert sides.client().fetch().fetched == ["a"]
    directory, before = sides.client()._fetch_cache.directory, sides.files()
    if what == "writable":
        directory.chmod(0o777)
    elif what == "replaceable":
        shared.chmod(0o777)
    else:
        monkeypatch.setattr(fetch_cache, "untrusted_reason", lambda path, **_: f"belongs to user 'bob' ({path})")
    with pytest.raises(ConfigError, match=r"`cache`"):
        getattr(sides.client(), step)()
    assert sides.files() == before


@pytest.mark.parametrize(
    "changes",
    [
        *({"size": value} for value in ("Infinity", float("inf"), 1 << 70)),
        *({name: value} for name in ("modified_ns", "mtime_ns") for value in (1 << 63, -(1 << 63), float("inf"))),
        *({name: "\ud800"} for name in ("key", "base", "fingerprint")),
        {"digests": 1},
    ],
    ids=str,
)
def test_odd_record_stops_no_apply(sides: Sides, changes: dict[str, Any]) -> None:
    sides.in_step("a=1").there("a=2")
    sides.client().fetch()
    cache = sides.client()._fetch_cache
    (record,) = cache.directory.glob("*.json")
    record.write_text(json.dumps(json.loads(record.read_text()) | changes))
    assert apply(sides).downloaded == 0
    assert sides.files()["a"] == "1"


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * (1 << 20) + " "], ids=["deep", "large"])
def test_record_that_no_fetch_writes_is_fetched_again(sides: Sides, text: str) -> None:
    sides.in_step("a=1").there("a=2")
    sides.client().fetch()
    (record,) = sides.client()._fetch_cache.directory.glob("*.json")
    record.write_text(text)
    assert apply(sides).downloaded == 0
    assert sides.client().fetch().fetched == ["a"]


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs rights there")
@pytest.mark.parametrize("what", ["record", "content", "pipe"])
def test_no_link_and_no_pipe_in_the_cache_is_read(sides: Sides, what: str) -> None:
    sides.in_step("a=1").there("a=2")
    sides.client().fetch()
    cache = sides.client()._fetch_cache
    (record,) = cache.directory.glob("*.json")
    path = cache.content("a") if what == "content" else record
    secret = sides.folder.parent / "secret"
    os.replace(path, secret)
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(secret)
    assert apply(sides).downloaded == 0
    assert sides.files()["a"] == "1"


def test_cache_may_be_in_the_synced_folder(sides: Sides) -> None:
    sides.settings["cache"] = "cache"
    sides.in_step("a=1").there("a=2")
    sides.client().fetch()
    assert (sides.folder / "cache").is_dir()
    sides.sync(direction="up", conflict="local_wins")
    assert set(sides.objects()) == {"a"}


def test_new_object_with_the_name_of_a_folder_leaves_the_folder_alone(sides: Sides) -> None:
    sides.in_step("docs/a=1 docs/b=1 docs/c=1 other=1").there("docs=2")
    sides.client().fetch()
    sides.here("docs/new=1").delete_here("docs/c")
    before = sides.files()
    result = apply(sides)
    assert (result.deleted_local, result.downloaded, result.failed, sides.trashed()) == (0, 0, 0, {})
    assert sides.files() == before and "docs" in result.unresolved
    assert apply(sides, conflict="remote_wins").deleted_local == 0 and sides.files() == before


def test_object_that_takes_the_place_of_a_folder_replaces_it(sides: Sides) -> None:
    sides.in_step("docs/a=1 docs/b=1 other=1").delete_there("docs/a", "docs/b").there("docs=2")
    sides.client().fetch()
    assert apply(sides, force=True).deleted_local == 2
    assert sides.files() == sides.objects()


def test_object_of_the_baseline_that_was_not_fetched_waits_for_the_next_sync(sides: Sides) -> None:
    sides.settings["direction"] = "down"
    sides.there("a=1 b=1").sync()
    sides.there("a=2").client().fetch()
    sides.there("a=3").sync()
    sides.delete_here("a")
    assert apply(sides).failed == 0
    assert sides.sync().downloaded == 1 and sides.files() == sides.objects()
