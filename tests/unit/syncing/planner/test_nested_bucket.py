"""A local bucket inside or around its synced paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.sync import DirectorySync
from buckia_core.adapters.wrappers import BandwidthLimit
from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig
from buckia_core.config.bandwidth import BandwidthTimetable
from buckia_core.errors import InvalidSetting
from buckia_core.testing.miniatures import files_in

needs_links = pytest.mark.skipif(os.name == "nt", reason="Windows lets only some users make links")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("project/data", "project/backup", "project/other", "bucket/project", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "project/data/a").write_text("1")
    (tmp_path / "project/a").write_text("1")
    return tmp_path / "project"


def client(project: Path, root: str, *, state_dir: Path | None = None, **settings: Any) -> BuckiaClient:
    config = BucketConfig(provider="file", name="bkt", base_dir=project, root=project / root, **settings)
    return BuckiaClient(config, state_dir=state_dir)


REFUSED = {
    "in the folder of the configuration": ("backup", {}, "is inside the synced path"),
    "in a path": ("data/backup", {"paths": ["data"]}, "is inside the synced path"),
    "the path itself": ("data", {"paths": ["data"]}, "inside the folder that is the bucket"),
    "around the project": ("..", {"paths": ["data"]}, "inside the folder that is the bucket"),
    "around one of several paths": ("other", {"paths": ["data", "other/deep"]}, "inside the folder that is the bucket"),
    "around a single file": (".", {"files": {"a": "a"}}, "inside the folder that is the bucket"),
    "with its prefix": (".", {"paths": ["data"], "prefix": "data/in"}, "is inside the synced path"),
}


@pytest.mark.parametrize(("root", "settings", "words"), REFUSED.values(), ids=REFUSED)
def test_a_bucket_that_would_grow_by_itself_is_refused_before_any_work(project, root, settings, words):
    (project / root).mkdir(exist_ok=True)
    before = files_in(project.parent)
    for work in (BuckiaClient.sync, BuckiaClient.status, BuckiaClient.check):
        with pytest.raises(InvalidSetting, match=words) as caught:
            work(client(project, root, **settings))
        assert str(project) in str(caught.value)
    assert files_in(project.parent) == before


ALLOWED = {
    "beside the paths": ("backup", {"paths": ["data"]}),
    "excluded": ("backup", {"exclude": ["backup/"]}),
    "below what is excluded": ("other/deep", {"exclude": ["other/"]}),
    "outside": ("../elsewhere", {}),
    "around the project, with a prefix that is not": ("..", {"prefix": "elsewhere", "paths": ["data"]}),
    "a name that begins alike": ("data-backup", {"paths": ["data"]}),
}


@pytest.mark.parametrize(("root", "settings"), ALLOWED.values(), ids=ALLOWED)
def test_a_bucket_outside_of_all_that_is_synced_is_fine(project, root, settings):
    (project / root).mkdir(exist_ok=True, parents=True)
    work = client(project, root, **settings)
    for _ in range(3):
        uploaded = [work.sync().uploaded for _ in range(2)][1]
    assert uploaded == 0


@needs_links
@pytest.mark.parametrize("follow", [False, True])
def test_links_are_followed(project, follow):
    (project / "data/link").symlink_to(project / "backup")
    with pytest.raises(InvalidSetting):
        client(project, "data/link", follow_symlinks=follow).sync()
    (project / "linked").symlink_to(project / "data")
    (project / "data/inner").mkdir()
    with pytest.raises(InvalidSetting):
        client(project, "data/inner", paths=["linked"], follow_symlinks=follow).sync()


@needs_links
def test_a_link_that_leads_into_the_bucket_is_not_followed(project):
    (project / "data/link").symlink_to(project.parent / "elsewhere")
    work = client(project, "../elsewhere", paths=["data"], follow_symlinks=True)
    for _ in range(3):
        work.sync()
    assert files_in(project.parent / "elsewhere") == {"a": b"1"}


def test_a_state_of_its_own_inside_of_what_is_synced_is_refused(project):
    with pytest.raises(InvalidSetting, match="the state is kept in"):
        client(project, "../elsewhere", state_dir=project / "data/state").sync()
    with pytest.raises(InvalidSetting, match="the state is kept in"):
        client(project, "../elsewhere", state_dir=project.parent / "elsewhere/state").sync()
    excluded = client(project, "../elsewhere", state_dir=project / "data/state", exclude=["state/"])
    assert excluded.sync().uploaded == 2
    assert client(project, "../elsewhere", state_dir=project / "data/.buckia-state").sync().adopted == 2


def test_wrappers_report_the_directory_of_what_they_wrap(tmp_path):
    adapter = DirectorySync(DirectorySettings(root=tmp_path, prefix="in"))
    assert (
        BandwidthLimit(adapter, BandwidthTimetable.parse(1)).local_directory
        == adapter.local_directory
        == os.path.join(tmp_path, "in/")
    )
