"""What `buckia init` suggests from the directory: folders with their directions, and filters from `.gitignore`."""

import itertools
import subprocess

import click
import pytest

from buckia_core.cli.setup.folders import FolderChoice, parse_folders, suggest_folders
from buckia_core.cli.setup.ignore_file import translate
from buckia_core.config import load
from buckia_core.planning.gitignore import PatternList
from buckia_core.planning.policy import Direction

FILE = ("init", "--provider", "file", "--name", "n", "--set", "root=../bucket")


@pytest.fixture
def here(tmp_path, monkeypatch):
    directory = tmp_path / "project"
    directory.mkdir()
    monkeypatch.chdir(directory)
    for name in ("assets", "Public", "dist", "src", "node_modules"):
        (directory / name).mkdir()
    (directory / "docs").write_text("a file")
    return directory


def test_known_folders_are_suggested_with_a_direction_and_a_reason(here):
    found = {each.name: (each.direction, bool(each.reason)) for each in suggest_folders(here)}
    assert found == {
        "Public": (Direction.UP, True),
        "assets": (Direction.BOTH, True),
        "dist": (Direction.UP, True),
    }


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["assets"], [FolderChoice("assets")]),
        (["./assets/", "a/b:up"], [FolderChoice("assets"), FolderChoice("a/b", Direction.UP)]),
        ([".:down"], [FolderChoice(".", Direction.DOWN)]),
        (["a:b:both"], [FolderChoice("a:b")]),
        (["a:upp"], None),
        (["", " "], []),
        (["a", "a/"], None),
        (["a", "a/b:up"], None),
        ([".", "a"], None),
        (["../a"], None),
        (["/a"], None),
        ([":up"], None),
    ],
)
def test_folders_as_they_are_typed(texts, expected):
    if expected is None:
        with pytest.raises(click.UsageError):
            parse_folders(texts)
    else:
        assert parse_folders(texts) == expected


def test_options_choose_folders_that_keep_their_names_in_the_bucket(buckia, here):
    ran = buckia(*FILE, "--folder", "assets", "--folder", "dist:up")
    assert ran.code == 0, ran.err
    rules = load(here / ".buckia").bucket("n").paths
    assert [(each.local, each.remote, each.direction) for each in rules] == [
        ("assets/", "assets/", Direction.BOTH),
        ("dist/", "dist/", Direction.UP),
    ]
    assert buckia(*FILE, "--force", "--suggested").code == 0
    assert [each.local for each in load(here / ".buckia").bucket("n").paths] == ["Public/", "assets/", "dist/"]
    assert buckia(*FILE, "--force", "--folder", ".:up").code == 0
    assert load(here / ".buckia").bucket("n").direction is Direction.UP


@pytest.mark.parametrize("more", [("--suggested",), ("--set", "paths=[assets/]")])
def test_folders_are_given_once(buckia, here, more):
    assert buckia(*FILE, "--folder", "assets", *more).code == 2
    assert not (here / ".buckia").exists()


@pytest.mark.parametrize(
    ("lines", "folders", "shared", "by_folder"),
    [
        ("*.log /dist a/b", "", "*.log /dist a/b", {}),
        ("*.log /assets/tmp assets/*.psd /dist docs/x", "assets", "*.log /tmp /*.psd", {}),
        ("/assets assets/* assets/** keep", "assets", "keep", {}),
        ("*/tmp/ a?sets/x !assets/y", "assets", "/tmp/ /x !/y", {}),
        ("assets/**/cache **/z", "assets", "/**/cache **/z", {}),
        ("*.log /assets/tmp /dist/x", "assets dist", "*.log", {"assets": "/tmp", "dist": "/x"}),
        ("*.log !keep.log", "assets dist", "*.log !keep.log", {}),
        (
            "*.log /assets/tmp !keep.log",
            "assets dist",
            "",
            {"assets": "*.log /tmp !keep.log", "dist": "*.log !keep.log"},
        ),
        ("[a ok", "", "ok", {}),
    ],
)
def test_patterns_are_translated_for_what_is_synced(lines, folders, shared, by_folder):
    found = translate(lines.split(), [FolderChoice(name) for name in folders.split()])
    assert " ".join(found.shared) == shared
    assert {name: " ".join(each) for name, each in found.by_folder.items()} == by_folder


@pytest.mark.parametrize("folders", [["assets"], ["assets", "lib"]])
def test_translated_patterns_leave_out_what_git_ignores(tmp_path, folders):
    """Compare with `git check-ignore` for all short paths below the folders."""
    lines = ["*.log", "!keep.log", "/assets/tmp/", "assets/*/b.txt", "**/deep", "lib/**/x", "/other", "a?sets/q*"]
    (tmp_path / ".gitignore").write_text("\n".join(lines) + "\n")
    subprocess.run(["git", "init", "-q", tmp_path], check=True, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    names = ["a.log", "keep.log", "tmp", "b.txt", "deep", "x", "q1"]
    paths = ["/".join(each) for length in (1, 2) for each in itertools.product(names, repeat=length)]
    everything = [f"{folder}/{path}" for folder in folders for path in paths]
    asked = subprocess.run(
        ["git", "-C", tmp_path, "check-ignore", "--no-index", "--stdin"],
        input="\n".join(everything),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    translated = translate(lines, [FolderChoice(name) for name in folders])
    ours = []
    for folder in folders:
        excluded = PatternList([*translated.shared, *translated.by_folder.get(folder, [])])
        ours += [f"{folder}/{path}" for path in paths if excluded.match(path)]
    assert ours == asked.stdout.splitlines()


def test_gitignore_is_written_with_what_could_not_be_translated(buckia, here):
    (here / ".gitignore").write_text("# builds\ndist/*\n\n*.log\n[\n/assets/tmp/\n")
    (here / "assets" / ".gitignore").write_text("x\n")
    ran = buckia(*FILE, "--folder", "assets", "--folder", "dist:up", "--gitignore")
    assert ran.code == 0, ran.err
    text = (here / ".buckiaignore").read_text()
    assert [line for line in text.splitlines() if line and line[0] != "#"] == ["*.log"]
    assert "# builds" in text
    rules = load(here / ".buckia").bucket("n").paths
    assert [each.exclude for each in rules] == [("/tmp/",), ()]
    assert ".gitignore:5: '[' was left out" in ran.err
    assert "Git ignores dist" in ran.err and "Not read: assets/.gitignore" in ran.err
    (here / "assets" / "a.log").write_text("x")
    (here / "assets" / "a.txt").write_text("x")
    (here.parent / "bucket").mkdir()
    ran = buckia("sync", "--dry-run", "--json")
    uploads = [each["key"] for each in ran.records if each.get("action") == "upload"]
    assert "assets/a.txt" in uploads and "assets/a.log" not in uploads


def test_an_ignore_file_is_kept(buckia, here):
    (here / ".gitignore").write_text("*.log\n")
    (here / ".buckiaignore").write_text("mine\n")
    ran = buckia(*FILE, "--gitignore")
    assert ran.code == 0 and "kept as it is" in ran.err
    assert (here / ".buckiaignore").read_text() == "mine\n"


def test_nothing_is_suggested_unasked_without_a_terminal(buckia, here):
    (here / ".gitignore").write_text("*.log\n")
    assert buckia(*FILE).code == 0
    assert not load(here / ".buckia").bucket("n").paths
    assert not (here / ".buckiaignore").exists()
