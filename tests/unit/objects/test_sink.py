"""`Sink`: assets, manifests, deduplication and verification."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.adapters.contract.object_options import Retention
from buckia_core.adapters.transfers.hashing import hash_file
from buckia_core.config import BucketConfig
from buckia_core.errors import AlreadyExists, IntegrityError, InvalidSetting, NotFound, NotSupported
from buckia_core.objects.fetch import Fetched, Fetcher
from buckia_core.objects.manifest import Asset, KeyStrategy, Manifest, asset_name, extension_of
from buckia_core.objects.sink import Sink
from buckia_core.objects.store import ObjectStore

PICTURE = b"\x89PNG" + bytes(1000)
SHA = hashlib.sha256(PICTURE).hexdigest()
NOW = datetime.now(UTC)


def keys_of(store: ObjectStore) -> list[str]:
    return [each.key for each in store.iter()]


def test_each_content_is_stored_once(store, tmp_path):
    (tmp_path / "a.PNG").write_bytes(PICTURE)
    sink = Sink(store, "site/")
    with sink.run("first", metadata={"by": "me"}) as run:
        asset = run.add(tmp_path / "a.PNG")
        assert run.add(PICTURE, name="b.png").key == asset.key
        assert run.add(io.BytesIO(PICTURE), name="c.png").key == asset.key
        assert run.add(iter([PICTURE[:9], PICTURE[9:]]), name="d.png").key == asset.key
        assert run.add(PICTURE, name="b.png") is run.assets[1]
        assert [each.name for each in run.stored] == ["a.PNG"]
        with pytest.raises(ValueError, match="end of the run"):
            _ = run.manifest
    key = f"site/assets/{SHA[:2]}/{SHA[2:4]}/{SHA}.png"
    assert asset == Asset("a.PNG", key, SHA, len(PICTURE), "image/png")
    with sink.run("second") as again:
        again.add(PICTURE, name="e.png")
    assert again.stored == []
    assert keys_of(store) == [key, "site/manifests/first.json", "site/manifests/second.json"]
    assert sink.load("site/manifests/first.json") == run.manifest
    assert [each.name for each in run.manifest.assets] == ["a.PNG", "b.png", "c.png", "d.png"]
    assert run.manifest.metadata == {"by": "me"}
    assert sink.verify(run.manifest).ok


def test_the_assets_of_a_run_are_together(store, tmp_path):
    (tmp_path / "a.png").write_bytes(PICTURE)
    sink = Sink(store, "out", "hierarchical")
    with sink.run("r1") as run:
        run.add(tmp_path / "a.png")
        run.add(b"text", name="notes/b.txt")
        unnamed = run.add(b"{}", content_type="application/json")
        with pytest.raises(AlreadyExists, match=r"'a\.png'"):
            run.add(b"other", name="a.png")
    folder = f"out/runs/{run.created:%Y-%m-%d}/r1"
    assert unnamed.name == f"{hashlib.sha256(b'{}').hexdigest()}.json"
    assert keys_of(store) == sorted(
        [f"{folder}/a.png", f"{folder}/notes/b.txt", f"{folder}/{unnamed.name}", f"{folder}/manifest.json"]
    )
    assert sink.verify(sink.load(run.manifest.key)).ok


def test_a_run_that_fails_has_no_manifest(store):
    sink = Sink(store)

    def fail() -> None:
        with sink.run("r") as run:
            run.add(PICTURE, name="a.png")
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    assert keys_of(store) == [f"assets/{SHA[:2]}/{SHA[2:4]}/{SHA}.png"]
    with pytest.raises(NotFound):
        sink.load("manifests/r.json")


def test_verification_finds_what_is_missing_or_changed(store):
    sink = Sink(store)
    with sink.run() as run:
        kept, gone, changed, grown = (run.add(name.encode(), name=f"{name}.txt") for name in ("k", "g", "c", "x"))
    store.delete(gone.key)
    store.put(changed.key, b"?")
    store.put(grown.key, b"x longer")
    found = sink.verify(run.manifest)
    assert not found.ok and found.missing == (gone,) and found.changed == (changed, grown)
    assert kept.key in keys_of(store)


def test_a_key_with_other_content_is_not_taken_for_the_asset(store):
    sink = Sink(store)
    key = f"assets/{SHA[:2]}/{SHA[2:4]}/{SHA}.png"
    store.put(key, b"something else")
    with pytest.raises(IntegrityError, match="other content"), sink.run() as run:
        run.add(PICTURE, name="a.png")
    large = PICTURE + bytes(2 << 20)
    with sink.run() as run:
        key = run.add(large, name="a.png").key
    store.put(key, b"")
    with pytest.raises(IntegrityError, match="other content"), sink.run() as run:
        run.add(large, name="a.png")


def test_a_source_that_changes_is_not_stored_under_a_wrong_key(open_store, tmp_path, monkeypatch):
    store = open_store("memory")
    path = tmp_path / "a.png"
    path.write_bytes(PICTURE)
    real = hash_file

    def hash_and_change(*args: Any) -> Any:
        found = real(*args)
        path.write_bytes(b"changed")
        return found

    monkeypatch.setattr("buckia_core.objects.sink.hash_file", hash_and_change)
    with pytest.raises(IntegrityError, match="changed while it was read"), Sink(store).run() as run:
        run.add(path)
    assert keys_of(store) == []


def test_an_asset_comes_from_a_url(store, monkeypatch):
    large = PICTURE + bytes(9 << 20)

    def fetch(self, url, target):
        target.write(large)
        return Fetched(url, len(large), hashlib.sha256(large).hexdigest(), "image/png")

    monkeypatch.setattr(Fetcher, "fetch", fetch)
    sink = Sink(store, max_fetched=1 << 30)
    assert sink.fetcher.max_bytes == 1 << 30
    with sink.run() as run:
        asset = run.add_url("https://cdn.example.com/out/a%20b.png?X-Amz-Signature=abcdef0123456789")
    assert (asset.name, asset.content_type, asset.size) == ("a b.png", "image/png", len(large))
    assert asset.source == "https://cdn.example.com/out/a%20b.png?X-Amz-Signature=***"
    assert b"abcdef0123456789" not in store.get(run.manifest.key)
    assert sink.verify(run.manifest).ok


def test_a_manifest_can_be_locked(open_store, moto_server):
    name = moto_server.new_bucket("locks", ObjectLockEnabledForBucket=True)
    store = open_store("moto", bucket_name=name)
    until = NOW + timedelta(days=1)
    with Sink(store, manifest_retention=Retention("GOVERNANCE", until)).run("r") as run:
        asset = run.add(PICTURE, name="a.png")
    client = moto_server.client()
    assert client.head_object(Bucket=name, Key=run.manifest.key)["ObjectLockMode"] == "GOVERNANCE"
    assert "ObjectLockMode" not in client.head_object(Bucket=name, Key=asset.key)
    client.close()
    with pytest.raises(NotSupported):
        Sink(open_store("memory"), manifest_retention=Retention(legal_hold=True))


@pytest.mark.parametrize("name", ["", "/a", "a//b", "../a", "a/./b", "a/", "manifest.json", "a\0", "\ud800"])
def test_a_name_that_can_not_be_the_end_of_a_key_is_refused(open_store, name):
    with pytest.raises(InvalidSetting, match="relative path"), Sink(open_store("memory")).run() as run:
        run.add(b"1", name=name)


@pytest.mark.parametrize("run_id", ["", "../x", "a/b", " ", "x" * 129, ".x"])
def test_a_run_id_is_one_part_of_a_key(open_store, run_id):
    with pytest.raises(InvalidSetting, match="run_id"):
        Sink(open_store("memory")).run(run_id)


def test_a_run_of_the_same_id_is_not_overwritten(open_store):
    sink = Sink(open_store("memory"))
    with sink.run("r"):
        pass
    with pytest.raises(Exception, match="not as expected"), sink.run("r"):
        pass
    with pytest.raises(InvalidSetting, match="content_addressable, hierarchical"):
        Sink(sink.store, key_strategy="by_color")


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"version": 2}', b"\xff", b"[" * 100_000])
def test_what_is_no_manifest_is_refused(data):
    with pytest.raises(IntegrityError, match="no manifest"):
        Manifest.from_json("k", data)


GOOD = Asset("a.png", "assets/a", SHA, 1, "image/png")


@pytest.mark.parametrize(
    "changes",
    [
        *({"name": name} for name in ("../a", "/etc/passwd", "a/../b", "", "a\0", "\ud800", None, 1)),
        *({"size": size} for size in (-1, True, 1.5, "1", None)),
        *({"key": "\ud800"}, {"source": 1}, {"content_type": None}, {"sha256": SHA.upper()}, {"more": 1}),
    ],
    ids=ascii,
)
def test_an_asset_that_no_run_writes_is_refused(changes):
    document = json.loads(Manifest("k", "r", NOW, (GOOD,)).to_json())
    document["assets"][0] |= changes
    with pytest.raises(IntegrityError, match="no manifest"):
        Manifest.from_json("k", json.dumps(document).encode())


@pytest.mark.parametrize(
    "changes",
    [
        *({"created": time} for time in ("0001-01-01T00:00:00+14:00", "2026-01-01", 1)),
        *({"metadata": []}, {"assets": [1]}, {"assets": [asdict(GOOD), asdict(GOOD)]}),
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_manifest_that_no_run_writes_is_refused(changes):
    document = json.loads(Manifest("k", "r", NOW, (GOOD,)).to_json()) | changes
    with pytest.raises(IntegrityError, match="no manifest"):
        Manifest.from_json("k", json.dumps(document).encode())


def test_a_huge_object_is_no_manifest(open_store, monkeypatch):
    sink = Sink(open_store("memory"))
    with sink.run("r") as run:
        run.add(b"1", name="a")
    monkeypatch.setattr("buckia_core.objects.sink.MAX_BYTES", 10)
    with pytest.raises(IntegrityError, match="more than 10 bytes"):
        sink.load(run.manifest.key)


def test_an_asset_of_another_size_is_not_read(open_store, monkeypatch):
    sink = Sink(open_store("memory"))
    with sink.run("r") as run:
        asset = run.add(b"1", name="a")
    sink.store.put(asset.key, b"12")
    monkeypatch.setattr(sink.store, "stream", lambda *_, **__: pytest.fail("it was read"))
    assert sink.verify(run.manifest).changed == (asset,)


names = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..", "manifest.json")
)
assets = st.builds(Asset, names, names, st.just(SHA), st.integers(0, 2**50), names, st.none() | st.just("https://h/a"))


@given(
    found=st.lists(assets, max_size=3, unique_by=lambda asset: asset.name),
    metadata=st.dictionaries(names, names, max_size=3),
)
def test_a_manifest_round_trips(found, metadata):
    made = Manifest("k", "r", NOW, tuple(found), metadata)
    assert Manifest.from_json("k", made.to_json()) == made


@given(name=names, prefix=st.sampled_from(["", "p", "p/q"]), strategy=st.sampled_from(KeyStrategy))
def test_keys_have_the_form_of_their_strategy(name, prefix, strategy):
    try:
        checked = asset_name(name, SHA, None)
    except InvalidSetting:
        return
    key = strategy.asset_key(prefix, NOW, "r", checked, SHA)
    rest = key.removeprefix(f"{prefix}/" if prefix else "")
    if strategy is KeyStrategy.CONTENT_ADDRESSABLE:
        assert re.fullmatch(rf"assets/{SHA[:2]}/{SHA[2:4]}/{SHA}(\.[a-z0-9]{{1,10}})?", rest)
        assert rest.endswith(SHA + extension_of(name))
    else:
        assert rest == f"runs/{NOW:%Y-%m-%d}/r/{name}"


def _put_one(settings: dict[str, Any]) -> tuple[int, str]:
    with ObjectStore(BucketConfig(**settings)) as store, Sink(store, "s").run() as run:
        asset = run.add(PICTURE, name="a.png")
        return len(run.stored), asset.key


@pytest.mark.parametrize("kind", ["file", "ceph"])
def test_twenty_processes_store_one_content_once(open_store, kind):
    store = open_store(kind)
    settings = {"provider": store.config.provider, **store.config.settings}
    for name in ("access_key_id", "secret_access_key"):
        if name in settings:
            settings[name] = settings[name].reveal()
    with multiprocessing.get_context("spawn").Pool(20) as pool:
        results = pool.map(_put_one, [settings] * 20, chunksize=1)
    assert sum(stored for stored, _ in results) == 1
    assert len({key for _, key in results}) == 1
    assert len(list(store.iter("s/assets"))) == 1 and len(list(store.iter("s/manifests"))) == 20
