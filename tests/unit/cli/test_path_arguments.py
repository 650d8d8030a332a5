"""PATHS on the command line: from where they are typed, and to which bucket they go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from buckia_core.testing import m

FILES = "a.txt=1 images/x.png=1 images/more/y.jpg=1 sub/images/z.png=1 videos/v=1"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with files in it, and one bucket that is a folder beside it."""
    directory = tmp_path / "site"
    configure(directory, assets={})
    m(FILES).write_to(directory)
    monkeypatch.chdir(directory)
    return directory


def configure(directory: Path, **buckets: dict[str, Any]) -> None:
    directory.mkdir(exist_ok=True)
    settings = {
        name: {"provider": "file", "root": f"../{name}", "delete_orphaned": None} | more
        for name, more in buckets.items()
    }
    for name in buckets:
        (directory.parent / name).mkdir(exist_ok=True)
    (directory / ".buckia").write_text(json.dumps(settings))


def bucket(site: Path, name: str = "assets") -> list[str]:
    root = site.parent / name
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_paths_as_they_are_documented(buckia, site):
    assert buckia("sync", "--paths", "images/", "videos/").code == 0
    assert bucket(site) == ["images/more/y.jpg", "images/x.png", "videos/v"]


@pytest.mark.parametrize("names", [["assets"], ["assets", "others"]])
def test_the_name_of_a_bucket_is_no_path(buckia, site, names):
    configure(site, **{name: {} for name in names})
    ran = buckia("sync", "assets")
    assert ran.code == 2
    assert "--bucket assets" in ran.err
    assert "--bucket" not in buckia("sync", "nope").err


def test_from_a_directory_below(buckia, site, monkeypatch):
    monkeypatch.chdir(site / "sub")
    assert buckia("sync", "images", "../a.txt").code == 0
    assert bucket(site) == ["a.txt", "sub/images/z.png"]
    assert buckia("sync", "videos/v").code == 0
    assert "videos/v" in bucket(site)


def test_from_a_directory_that_an_option_names(buckia, site, monkeypatch):
    monkeypatch.chdir(site.parent)
    assert buckia("-C", "site/sub", "sync", "images").code == 0
    assert bucket(site) == ["sub/images/z.png"]


def test_from_elsewhere_with_the_configuration_named(buckia, site, monkeypatch):
    monkeypatch.chdir(site.parent)
    assert buckia("-c", "site/.buckia", "sync", "images", "site/a.txt").code == 0
    assert bucket(site) == ["a.txt", "images/more/y.jpg", "images/x.png"]


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("*.txt", ["a.txt"]),
        ("images/**/*.jpg", ["images/more/y.jpg"]),
        ("**/*.png", ["images/x.png", "sub/images/z.png"]),
    ],
)
def test_patterns_that_no_shell_expanded(buckia, site, pattern, keys):
    assert buckia("sync", pattern).code == 0
    assert bucket(site) == keys


@pytest.mark.parametrize("command", [["sync"], ["sync", "-n"], ["status"], ["check"]])
@pytest.mark.parametrize("path", ["imges", "*.gif", "../elsewhere", ""])
def test_a_path_that_matches_nothing_is_a_mistake_and_nothing_is_done(buckia, site, command, path):
    ran = buckia(*command, "a.txt", path)
    assert ran.code == 2
    assert repr(path) in ran.err or "empty path" in ran.err
    assert ("did you mean 'images'" in ran.err) is (path == "imges")
    assert bucket(site) == []
    (error,) = [record for record in buckia(*command, "a.txt", path, "--json").records if record["type"] == "error"]
    assert error["error"] == "InvalidSetting"


def test_what_was_deleted_here_or_is_new_in_the_bucket_matches(buckia, site):
    buckia("sync")
    shutil.rmtree(site / "videos")
    (site.parent / "assets" / "new").write_text("1")
    assert buckia("sync", "videos", "new", "--force").code == 0
    assert "videos/v" not in bucket(site) and (site / "new").exists()


# --- several buckets -----------------------------------------------------------------------------------------


@pytest.fixture
def two(site: Path) -> Path:
    """The same project, with two buckets that have different directories of it."""
    images = {"paths": [{"local": "images", "remote": "images/"}]}
    configure(site, assets=images, backup={"paths": [{"local": "videos", "remote": "videos/"}]})
    return site


def test_a_path_goes_to_the_bucket_that_has_it(buckia, two):
    ran = buckia("sync", "videos/", "--json")
    assert ran.code == 0
    assert (bucket(two), bucket(two, "backup")) == ([], ["videos/v"])
    assert [record["bucket"] for record in ran.records if record["type"] == "summary"] == ["backup"]


def test_each_path_goes_to_its_bucket(buckia, two):
    assert buckia("sync", "videos/", "images/*.png").code == 0
    assert (bucket(two), bucket(two, "backup")) == (["images/x.png"], ["videos/v"])


def test_a_path_that_only_one_bucket_has_is_searched_in_each(buckia, two):
    (two.parent / "backup" / "videos").mkdir()
    (two.parent / "backup" / "videos" / "new").write_text("1")
    assert buckia("sync", "videos/new").code == 0
    assert (two / "videos/new").exists() and bucket(two, "backup") == ["videos/new"]


def test_a_path_that_no_bucket_has_stops_all_of_them_before_anything_is_done(buckia, two):
    ran = buckia("sync", "videos", "nope")
    assert ran.code == 2
    assert "'nope'" in ran.err and "videos" not in ran.err
    assert (bucket(two), bucket(two, "backup")) == ([], [])


def test_a_bucket_that_can_not_be_asked_is_reported_in_its_turn(buckia, two):
    shutil.rmtree(two.parent / "backup")
    ran = buckia("sync", "images", "videos/new")
    assert ran.code != 0 and "buckia: backup:" in ran.err
    assert bucket(two) == ["images/more/y.jpg", "images/x.png"]


def test_one_of_two_buckets_may_be_named(buckia, two):
    assert buckia("sync", "-b", "backup", "videos").code == 0
    assert bucket(two, "backup") == ["videos/v"]
    assert buckia("sync", "-b", "assets", "videos").code == 2


# --- conflicts -----------------------------------------------------------------------------------------------


@pytest.fixture
def conflict(buckia, site: Path) -> Path:
    """A file that both sides changed, in a mapping whose keys are not its paths."""
    configure(site, assets={"paths": [{"local": "sub", "remote": "s/"}], "conflict_resolution": "ask"})
    buckia("sync")
    (site / "sub/images/z.png").write_text("here")
    (site.parent / "assets/s/images/z.png").write_text("in the bucket")
    assert buckia("sync").code == 8
    return site


@pytest.mark.parametrize(
    ("directory", "name"),
    [(".", "sub/images/z.png"), ("sub", "images/z.png"), ("sub", "sub/images/z.png"), ("sub", "s/images/z.png")],
)
def test_a_conflict_is_named_by_its_path_or_its_key(buckia, conflict, monkeypatch, directory, name):
    monkeypatch.chdir(conflict / directory)
    assert "s/images/z.png: changed on both sides" in buckia("conflicts", "show", name).out
    assert buckia("conflicts", "resolve", name, "--keep", "local").code == 0
    assert (conflict.parent / "assets/s/images/z.png").read_text() == "here"


def test_a_name_without_a_conflict_is_reported_as_typed(buckia, conflict):
    for arguments in (["show", "z.png"], ["resolve", "z.png", "--keep", "local"]):
        ran = buckia("conflicts", *arguments)
        assert ran.code != 0 and "'z.png' is not a conflict" in ran.err
