"""Several entries for one bucket, in one file or more, which do not affect each other."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig
from buckia_core.config.file import load
from buckia_core.errors import SideEmptied
from buckia_core.syncing.events import SyncResult
from buckia_core.testing import m
from buckia_core.testing.miniatures import files_in, objects_in

MIRROR = "direction: up, delete_orphaned: true"


@dataclass
class Project:
    """A directory with configuration files, and one bucket that all of their entries are for."""

    folder: Path
    bucket: BaseSync = field(default_factory=lambda: MemorySync(MemorySettings()))

    def write(self, text: str) -> Project:
        self.folder.mkdir(exist_ok=True)
        m(text).write_to(self.folder)
        return self

    def configure(self, file: str = ".buckia", settings: str = "", **paths: str) -> Project:
        """Write a file with entries, each with its paths: `main="a=x b=y"`."""
        lines = []
        for name, text in paths.items():
            pairs = (each.split("=") for each in text.split())
            rules = ", ".join(f"{{local: {local}, remote: '{remote}'}}" for local, remote in pairs)
            lines.append(f"{name}: {{provider: memory, paths: [{rules}]{', ' * bool(settings)}{settings}}}\n")
        (self.folder / file).write_text("".join(lines))
        return self

    def sync(self, name: str, file: str = ".buckia", *arguments: Any, **options: Any) -> SyncResult:
        config = load(self.folder / file).bucket(name)
        state_dir = self.folder.with_name("state")
        return BuckiaClient(config, adapter=self.bucket, state_dir=state_dir).sync(*arguments, **options)

    def delete(self, *keys: str) -> None:
        for key in keys:
            os.unlink(self.folder / key)

    def objects(self) -> set[str]:
        return {*objects_in(self.bucket)}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project").write("a/1=1 a/2=2 a/3=3 b/1=1 b/2=2")


ALL = {"x/1", "x/2", "x/3", "x/b/1", "x/b/2"}


@pytest.mark.parametrize("name", ["main", "prod"])
@pytest.mark.parametrize("before", ["both ways", "a mirror"])
def test_a_path_that_is_taken_out_stays_whatever_the_entry_is_called_now(project, name, before):
    project.configure(settings=MIRROR if before == "a mirror" else "", main="a=x b=x/b").sync("main")
    project.configure(settings=MIRROR, **{name: "a=x"})
    (notice,) = project.sync(name, dry_run=True).notices
    assert project.sync(name).notices == [notice] and "2 files (x/b/1, x/b/2)" in notice
    assert project.sync(name).notices == []
    assert project.objects() == ALL


def test_a_mirror_leaves_what_another_entry_has_below_its_prefix_and_deletes_all_else(project):
    project.configure(settings=MIRROR, outer="a=x", inner="b=x/b")
    m("x/orphan=? x/b/orphan=?").upload_to(project.bucket)
    project.sync("inner")
    assert project.sync("outer").notices == []
    assert project.objects() == ALL
    project.delete("b/1")
    project.sync("outer", force=True)
    assert project.objects() == ALL, "it is the other entry's to delete"
    project.sync("inner", force=True)
    assert project.objects() == ALL - {"x/b/1"}


def test_what_another_entry_has_is_still_downloaded(project):
    project.configure(settings="direction: up", up="a=x").sync("up")
    (project.folder / "copy").mkdir()
    project.configure(settings="direction: down, delete_orphaned: true", up="a=x", down="copy=x")
    assert project.sync("down").downloaded == 3
    assert {"copy/1", "copy/2", "copy/3"} <= files_in(project.folder).keys()


def test_entries_that_come_from_no_file_protect_each_other_too(project):
    def sync(name: str, *paths: tuple[str, str]) -> SyncResult:
        rules = [{"local": local, "remote": remote} for local, remote in paths]
        config = BucketConfig(
            provider="memory", name=name, base_dir=project.folder, paths=rules, direction="up", delete_orphaned=True
        )
        return BuckiaClient(config, adapter=project.bucket, state_dir=project.folder.with_name("state")).sync()

    sync("main", ("a", "x"), ("b", "x/b"))
    assert sync("prod", ("a", "x")).notices == []
    assert project.objects() == ALL


def test_entries_that_swap_their_names_keep_what_was_deleted(project):
    project.configure(one="a=x", two="b=y")
    for name in ("one", "two"):
        project.sync(name)
    project.delete("b/1")
    project.configure(two="a=x", one="b=y")
    assert project.sync("two").notices == project.sync("one", force=True).notices == []
    assert project.objects() == {"x/1", "x/2", "x/3", "y/2"}


def test_a_refused_run_leaves_to_the_other_file_what_it_has(project):
    project.configure(main="a=x").configure("other.yaml", main="b=y")
    project.sync("main")
    project.sync("main", "other.yaml")
    project.delete("b/1", "b/2")
    with pytest.raises(SideEmptied):
        project.sync("main", "other.yaml")
    assert project.sync("main").notices == []
    assert project.sync("main", "other.yaml", force=True).deleted_remote == 2


def test_a_copy_of_a_file_with_a_path_less_deletes_nothing(project):
    project.configure(settings=MIRROR, main="a=x b=x/b").sync("main")
    project.configure("copy.yaml", settings=MIRROR, main="a=x")
    assert project.sync("main", "copy.yaml").notices == [], "the other file still has the path"
    assert project.objects() == ALL
    project.delete(".buckia")
    assert len(project.sync("main", "copy.yaml").notices) == 1
    assert project.sync("main", "copy.yaml").notices == []
    assert project.objects() == ALL


def test_a_file_that_can_not_be_read_now_may_have_the_path(project):
    project.configure(settings=MIRROR, main="a=x b=x/b").sync("main")
    project.configure("copy.yaml", settings=MIRROR, main="a=x")
    (project.folder / ".buckia").write_text("main: [")
    assert project.sync("main", "copy.yaml").notices == []
    assert project.objects() == ALL


def test_the_same_path_of_an_entry_for_another_bucket_does_not_count(project):
    project.configure(main="a=x b=y").sync("main")
    text = "main: {provider: memory, paths: [{local: a, remote: x}]}\n"
    more = "more: {provider: memory, bucket_name: elsewhere, paths: [{local: b, remote: y}]}\n"
    (project.folder / ".buckia").write_text(text + more)
    assert len(project.sync("main").notices) == 1


def test_a_run_that_chose_a_configured_path_does_not_take_it_from_the_entry(project):
    project.configure(settings=MIRROR, main="a=x .=")
    project.sync("main")
    project.sync("main", ".buckia", project.folder, force=True)
    project.configure(settings=MIRROR, main="a=x")
    assert len(project.sync("main").notices) == 1


def test_an_entry_with_of_in_its_name_is_known(project):
    for paths, notices in (("a=x b=x/b", 0), ("a=x", 1), ("a=x", 0)):
        project.configure(settings=MIRROR, **{"out of office": paths})
        assert len(project.sync("out of office").notices) == notices
    assert project.objects() == ALL
