"""Records of unfinished transfers."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import StateError, Transient
from buckia_core.syncing.state import resume_store
from buckia_core.syncing.state.locations import StateFiles
from buckia_core.syncing.state.resume_store import ResumeRecord, ResumeStore, TransferKind


class Remembering(MemorySync):
    """Writes down which uploads it is told to abandon."""

    def __init__(self) -> None:
        super().__init__(MemorySettings())
        self.abandoned: list[tuple[str, str]] = []
        self.fails = False

    def part_layout(self, size):
        return None

    def upload_parts(self, source, key, *, expect=None, info=None):
        raise AssertionError

    def abort_upload(self, key: str, text: str) -> None:
        if self.fails:
            raise Transient("not now")
        self.abandoned.append((key, text))


@pytest.fixture
def bucket() -> Remembering:
    return Remembering()


@pytest.fixture
def unfinished(tmp_path: Path) -> ResumeStore:
    return ResumeStore(StateFiles(tmp_path, "assets", "memory:x"))


def test_a_record_is_read_by_a_claim_of_the_same_content(unfinished, bucket):
    note = unfinished.claim(TransferKind.UPLOAD, "a/ü\n", "sha256:1", bucket)
    assert note.read() is None
    note.write("first")
    note.write("second ü")
    again = pickle.loads(pickle.dumps(unfinished))
    assert again.claim(TransferKind.UPLOAD, "a/ü\n", "sha256:1", bucket).read() == "second ü"
    assert again.claim(TransferKind.DOWNLOAD, "a/ü\n", "sha256:1", bucket).read() is None
    note.clear()
    assert list(unfinished.all()) == []
    assert bucket.abandoned == []


def test_what_is_left_of_another_content_is_abandoned(unfinished, bucket):
    unfinished.claim(TransferKind.UPLOAD, "a", "sha256:1", bucket).write("old")
    note = unfinished.claim(TransferKind.UPLOAD, "a", "sha256:2", bucket)
    assert (note.read(), bucket.abandoned) == (None, [("a", "old")])


def test_the_temporary_files_of_downloads_are_known(unfinished, bucket, tmp_path):
    unfinished.claim(TransferKind.DOWNLOAD, "a", "v1", bucket, str(tmp_path / ".buckia-tmp-1")).write("{}")
    unfinished.claim(TransferKind.UPLOAD, "b", "sha256:1", bucket).write("{}")
    assert unfinished.temp_files() == {".buckia-tmp-1"}
    unfinished.claim(TransferKind.DOWNLOAD, "a", "v2", bucket, str(tmp_path / ".buckia-tmp-2"))
    assert unfinished.temp_files() == set()


@pytest.mark.parametrize("name", ["thesis", ".buckia-tmp-1"])
def test_no_file_is_removed_for_what_a_note_says(unfinished, bucket, tmp_path, name):
    """The state may come with a project of somebody else's."""
    mine = tmp_path / name
    mine.write_text("x")
    unfinished.claim(TransferKind.DOWNLOAD, "a", "v1", bucket, str(mine)).write("{}")
    unfinished.prune(lambda _: False, bucket)
    assert mine.exists()
    assert list(unfinished.all()) == []


def test_the_file_of_a_discarded_download_is_given_to_the_caller(unfinished, bucket):
    for key in ("a", "b"):
        unfinished.claim(TransferKind.DOWNLOAD, key, "v1", bucket, f".buckia-tmp-{key}").write("{}")
    removed: list[ResumeRecord] = []
    unfinished.prune(lambda kept: kept.key == "a", bucket, removed.append)
    assert [record.path for record in removed] == [".buckia-tmp-b"]


def test_prune_discards_what_is_not_wanted(unfinished, bucket):
    for key in ("a", "b"):
        unfinished.claim(TransferKind.UPLOAD, key, "sha256:1", bucket).write(f"of {key}")
    unfinished.prune(lambda kept: kept.key == "a", bucket)
    assert bucket.abandoned == [("b", "of b")]
    assert [kept.key for kept in unfinished.all()] == ["a"]


def test_what_can_not_be_abandoned_now_is_abandoned_later(unfinished, bucket):
    unfinished.claim(TransferKind.UPLOAD, "a", "sha256:1", bucket).write("text")
    bucket.fails = True
    unfinished.prune(lambda _: False, bucket)
    bucket.fails = False
    unfinished.prune(lambda _: False, bucket)
    assert bucket.abandoned == [("a", "text")]


def test_another_bucket_is_not_asked(unfinished, bucket, tmp_path):
    unfinished.claim(TransferKind.UPLOAD, "a", "sha256:1", bucket).write("text")
    other = ResumeStore(StateFiles(tmp_path, "assets", "memory:y"))
    assert other.claim(TransferKind.UPLOAD, "a", "sha256:1", bucket).read() is None
    assert bucket.abandoned == []


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"kind": "upload"}', '{"kind": "none"}'])
def test_a_note_that_can_not_be_read_is_no_note(unfinished, bucket, tmp_path, spoilt):
    note = unfinished.claim(TransferKind.UPLOAD, "a", "sha256:1", bucket)
    note.write("text")
    (file,) = (tmp_path / "unfinished").rglob("*.json")
    file.write_text(spoilt)
    assert note.read() is None
    assert list(unfinished.all()) == []
    unfinished.prune(lambda _: True, bucket)
    assert not file.exists()


@pytest.mark.parametrize("spoilt", ["[" * 100_000, "{}", '{"kind": "upload", "path": 1}'])
def test_odd_json_is_no_note(unfinished, bucket, tmp_path, spoilt):
    unfinished.claim(TransferKind.UPLOAD, "a", "sha256:1", bucket).write("text")
    (file,) = (tmp_path / "unfinished").rglob("*.json")
    file.write_text(spoilt)
    assert (list(unfinished.all()), unfinished.temp_files()) == ([], frozenset())


@pytest.mark.parametrize("field", ["key", "content", "path", "text", "identity"])
def test_half_a_surrogate_pair_stops_no_run(unfinished, bucket, tmp_path, field):
    unfinished.claim(TransferKind.UPLOAD, "a", "sha256:1", bucket).write("text")
    (file,) = (tmp_path / "unfinished").rglob("*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: "\ud800"}))
    unfinished.prune(lambda _: False, bucket)
    assert (file.exists(), bucket.abandoned) == (False, [])


def test_a_note_under_the_name_of_another_key_is_removed_alone(unfinished, bucket, tmp_path):
    for key in ("a", "b"):
        unfinished.claim(TransferKind.UPLOAD, key, "sha256:1", bucket).write("text")
    for file in (tmp_path / "unfinished").rglob("*.json"):
        if json.loads(file.read_text())["key"] == "a":
            (copy := file.with_name(f"{'0' * 32}.json")).write_text(file.read_text())
    unfinished.prune(lambda _: True, bucket)
    assert not copy.exists()
    assert bucket.abandoned == []
    assert sorted(record.key for record in unfinished.all()) == ["a", "b"]


def test_a_huge_note_is_not_read(unfinished, bucket, tmp_path, monkeypatch):
    unfinished.claim(TransferKind.UPLOAD, "a", "sha256:1", bucket).write("text")
    monkeypatch.setattr(resume_store, "_MAX_BYTES", 20)
    assert list(unfinished.all()) == []
    unfinished.prune(lambda _: True, bucket)
    assert list((tmp_path / "unfinished").rglob("*.json")) == []


def test_only_what_is_called_like_a_note_is_removed(unfinished, bucket, tmp_path):
    unfinished.claim(TransferKind.UPLOAD, "a", "sha256:1", bucket).write("text")
    (directory,) = (tmp_path / "unfinished").iterdir()
    others = {"thesis.tex", "x.json", "y.part"}
    for name in (*others, f"{'0' * 32}.part"):
        (directory / name).write_text("{")
    unfinished.prune(lambda _: False, bucket)
    assert {each.name for each in directory.iterdir()} == others


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs rights there")
class TestLinks:
    """The state may come with a checkout, or have been made by another user."""

    NAME = f"{'0' * 32}.json"

    @pytest.fixture
    def victim(self, tmp_path: Path) -> Path:
        victim = tmp_path / "victim"
        victim.mkdir()
        for name in ("thesis", self.NAME):
            (victim / name).write_text("precious")
        return victim

    @pytest.mark.parametrize("level", ["unfinished", "stem", "former"])
    def test_no_directory_of_records_is_opened_through_a_link(self, tmp_path, bucket, victim, level):
        files = StateFiles(tmp_path / "state", "assets", "memory:x")
        directory = {
            "unfinished": files.unfinished.parent,
            "stem": files.unfinished,
            "former": files.unfinished.with_name(files.legacy_stem),
        }[level]
        directory.parent.mkdir(parents=True)
        directory.symlink_to(victim)
        if level == "unfinished":
            (victim / files.unfinished.name).mkdir()
            (victim / files.unfinished.name / self.NAME).write_text("precious")
        before = sorted(victim.rglob("*"))
        unfinished = ResumeStore(files)
        acts: list[Callable[[], object]] = [
            lambda: unfinished.prune(lambda _: False, bucket),
            unfinished.temp_files,
            lambda: unfinished.claim(TransferKind.UPLOAD, "a", "sha256:1", bucket).write("text"),
        ]
        if level == "former":
            acts = [unfinished.upload_checkpoints, lambda: unfinished.import_legacy(files.legacy_stem)]
        for act in acts:
            with pytest.raises(StateError, match=r"a symbolic link stands in its way: .*remove it"):
                act()
        assert sorted(victim.rglob("*")) == before

    def test_a_link_is_no_note(self, unfinished, bucket, tmp_path, victim):
        unfinished.claim(TransferKind.UPLOAD, "a", "sha256:1", bucket).write("text")
        (file,) = (tmp_path / "unfinished").rglob("*.json")
        (victim / "thesis").write_text(json.dumps(json.loads(file.read_text()) | {"text": "planted"}))
        file.unlink()
        file.symlink_to(victim / "thesis")
        assert list(unfinished.all()) == []
        unfinished.prune(lambda _: True, bucket)
        assert not file.is_symlink() and (victim / "thesis").exists()
