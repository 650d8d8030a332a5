"""`BuckiaClient`: what applications call."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig
from buckia_core.errors import (
    AdapterNotInstalled,
    AlreadyExists,
    IntegrityError,
    InvalidSetting,
    NotFound,
    PreconditionFailed,
)
from buckia_core.planning.plan import Action, Counts
from buckia_core.syncing.events import SyncResult
from buckia_core.testing import Fault, Faulty, m
from buckia_core.testing.miniatures import files_in, objects_in


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.setattr("buckia_core.adapters.memory.bucket._buckets", {})
    return MemorySync(MemorySettings(bucket_name="of-a-client"))


@pytest.fixture
def client(tmp_path, bucket):
    folder = tmp_path / "project"
    folder.mkdir()
    with BuckiaClient(BucketConfig(provider="memory", bucket_name="of-a-client", base_dir=folder)) as opened:
        yield opened


@pytest.fixture
def folder(client: BuckiaClient) -> Path:
    return client.config.base_dir


# --- syncing -----------------------------------------------------------------------------------------------


def test_the_adapter_is_that_of_the_configuration(client, folder, bucket):
    m("a=1").write_to(folder)
    assert client.sync().uploaded == 1
    assert objects_in(bucket) == {"a": b"1"}
    assert len(list((folder / ".buckia-state").glob("memory-*.sqlite3"))) == 1


def test_nothing_is_made_before_it_is_used():
    client = BuckiaClient(BucketConfig(provider="none-such", base_dir="."))
    client.close()
    with pytest.raises(AdapterNotInstalled):
        client.list()


def test_the_adapter_is_closed_with_the_client_and_one_that_was_handed_in_is_not(tmp_path):
    closed: list[object] = []

    class Closing(MemorySync):
        def close(self) -> None:
            closed.append(self)

    config = BucketConfig(provider="memory", base_dir=tmp_path)
    with BuckiaClient(config, adapter=Closing(MemorySettings())) as client:
        client.sync()
    assert closed == []
    client = BuckiaClient(config)
    client.adapter.close = lambda: closed.append(client)  # type: ignore[method-assign]
    client.close()
    client.close()
    assert closed == [client]


def test_a_local_path_has_its_state_beside_it(client, tmp_path, bucket):
    m("a=1").write_to(tmp_path / "elsewhere")
    client.sync(tmp_path / "elsewhere")
    assert objects_in(bucket) == {"a": b"1"}
    assert (tmp_path / "elsewhere" / ".buckia-state").is_dir()
    assert not client.state_dir.exists()
    client.sync(str(tmp_path / "elsewhere"))
    assert client.status(tmp_path / "elsewhere").operations == []


def test_a_state_directory_may_be_given(tmp_path, bucket):
    m("a=1").write_to(tmp_path / "project")
    config = BucketConfig(provider="memory", bucket_name="of-a-client", base_dir=tmp_path / "project")
    client = BuckiaClient(config, state_dir=tmp_path / "state")
    client.sync()
    assert files_in(tmp_path / "project") == {"a": b"1"}
    assert [run.uploaded for run in client.history()] == [1]


def test_status_is_the_plan_and_changes_nothing(client, folder, bucket):
    m("a=1").write_to(folder)
    m("b=1").upload_to(bucket)
    plan = client.status()
    assert [(each.action, each.key) for each in plan] == [(Action.UPLOAD, "a"), (Action.DOWNLOAD, "b")]
    assert list(plan.counts.values()) == [Counts(local=1, remote=1, base=0)]
    assert [each.key for each in client.status(direction="up")] == ["a"]
    assert [each.key for each in client.status(sync_paths=["b"])] == ["b"]
    assert [each.key for each in client.status(exclude=("b",))] == ["a"]
    assert files_in(folder) == {"a": b"1"} and objects_in(bucket) == {"b": b"1"}


def test_status_is_refused_by_no_guard(client, folder):
    m(" ".join(f"k{index:02}=1" for index in range(20))).write_to(folder)
    client.sync()
    for path in folder.glob("k*"):
        path.unlink()
    assert client.status().count() == {Action.DELETE_REMOTE: 20}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "sideways"}, "direction must be one of up, down, both, not 'sideways'"),
        ({"conflict": "mine"}, "conflict must be one of keep_both, local_wins, remote_wins, newest_wins, ask"),
        ({"max_delete": "some"}, "max_delete: 'some' is neither a number of deletions"),
        ({"bwlimit": "fast"}, "bwlimit must be a number of bytes"),
        ({"include_pattern": "("}, "include_pattern is not a regular expression"),
        ({"sync_paths": ["../other"]}, "not below any path that is synced"),
    ],
)
def test_an_invalid_argument_is_refused_before_anything_is_done(client, folder, options, message):
    m("a=1").write_to(folder)
    with pytest.raises(InvalidSetting) as caught:
        client.sync(**options)
    assert message in str(caught.value)
    assert not client.state_dir.exists()


def test_a_bandwidth_limit_holds_for_one_run(client, folder, bucket):
    m("a=1").write_to(folder)
    assert client.sync(bwlimit="10M").uploaded == 1
    assert objects_in(bucket) == {"a": b"1"}


def test_results_can_be_kept(client, folder):
    m("a=1").write_to(folder)
    result = client.sync()
    assert SyncResult.from_record(result.as_record()) == result == pickle.loads(pickle.dumps(result))
    assert client.history(1) == [result]


def test_a_client_that_was_stopped_can_sync_again(client, folder):
    m("a=1 b=1").write_to(folder)
    assert client.sync(events=lambda event: client.stop()).interrupted
    result = client.sync()
    assert not result.interrupted and result.success


def test_an_existing_configuration_file_takes_no_part(tmp_path, bucket):
    (tmp_path / ".buckia").write_text("x:\n  provider: memory\n  bucket_name: of-a-client\n")
    from buckia_core.config import load

    config = load(tmp_path / ".buckia").buckets["x"]
    m("a=1").write_to(tmp_path)
    with BuckiaClient(config) as client:
        client.sync()
    assert objects_in(bucket) == {"a": b"1"}


def test_the_trash_is_that_of_the_bucket(client, folder, bucket):
    m("a=old").write_to(folder)
    client.sync()
    m("a=new").upload_to(bucket)
    client.sync()
    (kept,) = client.trash().list()
    assert (kept.key, kept.size) == ("a", 3)
    assert client.trash().restore(kept.id, folder / "restored").read_bytes() == b"old"


# --- single objects ----------------------------------------------------------------------------------------


def test_put_stat_list_get_and_remove(client, tmp_path, bucket):
    source = tmp_path / "x.txt"
    source.write_text("content")
    os.utime(source, ns=(7, 10**18))
    assert client.put(source, "docs/").key == "docs/x.txt"
    assert client.put(source, "").key == "x.txt"
    assert client.put(source, "y").mtime_ns == 10**18
    assert client.stat("y").size == 7
    assert [found.key for found in client.list("docs/")] == ["docs/x.txt"]
    assert [found.key for found in client.list()] == ["docs/x.txt", "x.txt", "y"]
    assert client.get("y", tmp_path / "got").key == "y"
    assert (tmp_path / "got").read_text() == "content"
    assert client.get("docs/x.txt", tmp_path / "project").key == "docs/x.txt"
    assert (tmp_path / "project" / "x.txt").read_text() == "content"
    assert [outcome.error for outcome in client.remove(["y", "none"])] == [None, None]
    with pytest.raises(NotFound):
        client.stat("y")
    with pytest.raises(NotFound):
        client.get("y", tmp_path / "new")


def test_get_overwrites_only_with_overwrite(client, tmp_path, bucket):
    m("a=new").upload_to(bucket)
    target = tmp_path / "target"
    target.write_text("mine")
    with pytest.raises(AlreadyExists, match="--overwrite"):
        client.get("a", target)
    assert target.read_text() == "mine"
    client.get("a", target, overwrite=True)
    assert target.read_text() == "new"


@pytest.mark.parametrize("error", [IntegrityError, PreconditionFailed])
def test_a_get_that_fails_leaves_what_was_there(tmp_path, bucket, error):
    m("a=new").upload_to(bucket)
    target = tmp_path / "d" / "target"
    target.parent.mkdir()
    target.write_text("mine")
    faulty = Faulty(bucket, [Fault("download_file", lambda: error("no"), after=True)])
    client = BuckiaClient(BucketConfig(provider="memory", base_dir=tmp_path), adapter=faulty)
    with pytest.raises(error):
        client.get("a", target, overwrite=True)
    assert files_in(target.parent) == {"target": b"mine"}


def test_copy(client, bucket):
    m("a=1").upload_to(bucket)
    assert client.copy("a", "b").key == "b"
    assert objects_in(bucket) == {"a": b"1", "b": b"1"}
    with pytest.raises(NotFound):
        client.copy("none", "c")


class WithoutCopies(MemorySync):
    copy_file = None  # type: ignore[assignment]


def test_copy_where_the_provider_can_not(tmp_path, bucket):
    m("a=1").upload_to(bucket)
    adapter = WithoutCopies(MemorySettings(bucket_name="of-a-client"))
    client = BuckiaClient(BucketConfig(provider="memory", base_dir=tmp_path), adapter=adapter)
    client.copy("a", "b")
    assert objects_in(bucket) == {"a": b"1", "b": b"1"}
