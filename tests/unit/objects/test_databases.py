"""SQLite databases that are in use, as sources and targets of single objects."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing

import pytest

from buckia_core import errors
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.objects.async_store import AsyncObjectStore


def rows(path):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute("SELECT v FROM t").fetchall()


@pytest.fixture
def live(tmp_path):
    """A database in WAL mode whose last commit is in its WAL only, and which stays open."""
    path = tmp_path / "App.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE t (v)")
        connection.execute("INSERT INTO t VALUES ('old')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("UPDATE t SET v = 'new'")
        yield path


def put_async(store, path):
    async def run():
        async with AsyncObjectStore(store.adapter) as opened:
            return await opened.put("k", path)

    return asyncio.run(run())


@pytest.mark.parametrize("put", [lambda store, path: store.put("k", path), put_async], ids=["sync", "async"])
@pytest.mark.parametrize("linked", [False, True])
def test_a_database_in_use_is_uploaded_with_all_its_commits(open_store, live, tmp_path, put, linked):
    store = open_store("memory")
    source = live
    if linked:
        source = tmp_path / "elsewhere" / "link"
        source.parent.mkdir()
        try:
            source.symlink_to(live)
        except OSError:
            pytest.skip("needs links")
    found = put(store, source)
    store.download("k", tmp_path / "copy")
    assert rows(tmp_path / "copy") == [("new",)]
    assert found.size == (tmp_path / "copy").stat().st_size
    assert live.with_name("App.sqlite-wal").stat().st_size


def test_sqlite_off_uploads_the_file_as_it_is(open_store, live):
    store = open_store("memory", sqlite=False)
    store.put("k", live)
    assert store.get("k") == live.read_bytes()


def test_a_database_without_side_files_is_uploaded_as_it_is(open_store, tmp_path):
    store = open_store("memory")
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (v)")
    store.put("k", path)
    assert store.get("k") == path.read_bytes()


def test_an_unreadable_database_with_side_files_is_refused(open_store, live, tmp_path):
    store = open_store("memory")
    other = tmp_path / "locked.sqlite"
    other.write_bytes(b"encrypted!" * 512)
    other.with_name("locked.sqlite-wal").write_bytes(live.with_name("App.sqlite-wal").read_bytes())
    with pytest.raises(errors.CorruptDatabase, match="sqlite: off"):
        store.put("k", other)
    assert not store.exists("k")


@pytest.mark.skipif(sys.platform == "win32", reason="it has no permission bits")
def test_a_snapshot_has_the_permissions_of_the_database(open_store, live, monkeypatch):
    store = open_store("memory")
    seen = []
    upload_file = MemorySync.upload_file

    def upload(self, *arguments, info, **more):
        seen.append(info.mode)
        return upload_file(self, *arguments, info=info, **more)

    monkeypatch.setattr(MemorySync, "upload_file", upload)
    live.chmod(0o640)
    store.put("k", live)
    assert seen == [0o640]
