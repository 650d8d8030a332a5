"""Editing `.buckia`: what is not edited stays as it is, to the byte."""

# ruff: noqa: E501  # each row of the table is one line

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from buckia_core.config import load
from buckia_core.config.editor import ConfigEditor, edit_config
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting
from buckia_core.config.writer import render
from buckia_core.config.yaml_reader import parse_yaml
from buckia_core.errors import BucketNotConfigured, ConfigError, InvalidSetting, LockHeld
from buckia_core.localfs.file_lock import lock_beside
from tests.docs.pages import PAGES, blocks

FILE = """\
# Our buckets.

# The first one.
photos:
  provider: file   # a directory
  root: '/srv/photos'

  # Folders of two people.
  folders:
    - one   # of hers
    - two
  exclude: ["*.tmp", "*.bak"]   # leftovers

# The second one.
videos: {provider: file, root: /srv/videos}
music:
  provider: box
  # Where it is.
  root: /srv/music
  credentials:
    token: env:TOKEN   # kept elsewhere
# The end.
"""

ANCHORED = "a: &x\n  provider: file\n  paths: &y\n  - one\nb: {provider: file, paths: [a,]}"

EDITS: list[tuple[str, Callable[[ConfigEditor], object], str]] = [
    ("replace", lambda f: f.set("photos", "root", "/srv/new"), "-  root: '/srv/photos'\n+  root: /srv/new\n"),
    ("replace beside a comment", lambda f: f.set("photos", "provider", "s3"), "-  provider: file   # a directory\n+  provider: s3   # a directory\n"),
    ("add", lambda f: f.set("photos", "max_workers", 4), "+  max_workers: 4\n"),
    ("add at the end", lambda f: f.set("music", "direction", "up"), "+  direction: up\n"),
    ("add a map", lambda f: f.set("music", "files", {"a": "b c", "d": "e"}), "+  files:\n+    a: b c\n+    d: e\n"),
    ("replace a list", lambda f: f.set("photos", "folders", ["x"]), "-    - one   # of hers\n-    - two\n+  - x\n"),
    ("in credentials", lambda f: f.set("music", "token", "keyring:a/b"), "-    token: env:TOKEN   # kept elsewhere\n+    token: keyring:a/b   # kept elsewhere\n"),
    ("in braces", lambda f: f.set("videos", "region", "a, b"), "-videos: {provider: file, root: /srv/videos}\n+videos: {provider: file, root: /srv/videos, region: 'a, b'}\n"),
    ("replace in braces", lambda f: f.set("videos", "provider", "s3"), "-videos: {provider: file, root: /srv/videos}\n+videos: {provider: s3, root: /srv/videos}\n"),
    ("odd text", lambda f: f.set("photos", "root", "a: #b\nc ключ"), "-  root: '/srv/photos'\n+  root: \"a: #b\\nc ключ\"\n"),
    ("append", lambda f: f.append("photos", "folders", "three"), "+    - three\n"),
    ("append in brackets", lambda f: f.append("photos", "exclude", "a,b"), '-  exclude: ["*.tmp", "*.bak"]   # leftovers\n+  exclude: ["*.tmp", "*.bak", \'a,b\']   # leftovers\n'),
    ("append to nothing", lambda f: f.append("music", "folders", "three"), "+  folders: [three]\n"),
    ("append to a string", lambda f: f.append("music", "root", "three"), "-  root: /srv/music\n+  root: [/srv/music, three]\n"),
    ("unset", lambda f: f.unset("music", "root"), "-  # Where it is.\n-  root: /srv/music\n"),
    ("unset a list", lambda f: f.unset("photos", "folders"), "-  # Folders of two people.\n-  folders:\n-    - one   # of hers\n-    - two\n"),
    ("unset in braces", lambda f: f.unset("videos", "root"), "-videos: {provider: file, root: /srv/videos}\n+videos: {provider: file}\n"),
    ("unset the first in braces", lambda f: f.unset("videos", "provider"), "-videos: {provider: file, root: /srv/videos}\n+videos: {root: /srv/videos}\n"),
    ("unset nothing", lambda f: f.unset("music", "region"), ""),
    ("remove the second", lambda f: f.remove_bucket("videos"), "-# The second one.\n-videos: {provider: file, root: /srv/videos}\n"),
    ("remove the last", lambda f: f.remove_bucket("music"), "-music:\n-  provider: box\n-  # Where it is.\n-  root: /srv/music\n-  credentials:\n-    token: env:TOKEN   # kept elsewhere\n"),
    ("add a bucket", lambda f: f.add_bucket("new", {"provider": "file", "root": "x", "region": None}), "+\n+new:\n+  provider: file\n+  root: x\n"),
]  # fmt: skip


def changes(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), n=0)
    return "".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("edit", "expected"), [each[1:] for each in EDITS], ids=[each[0] for each in EDITS])
def test_only_what_is_edited_changes(edit, expected, newline):
    text = FILE.replace("\n", newline)
    editor = ConfigEditor(text, Path(".buckia"))
    edit(editor)
    assert changes(text, editor.text).replace("\r\n", "\n") == expected
    assert editor.text.count("\n") == editor.text.count(newline)


SINGLE = "# Head.\n\nprovider: file\nroot: |\n  /srv/a\nfolders: [a]\n"


def test_a_file_with_one_bucket_gets_names_with_the_second(tmp_path):
    editor = ConfigEditor(SINGLE, tmp_path)
    assert list(editor.buckets) == ["file"]
    editor.append("file", "folders", "b")
    editor.set("file", "direction", "up")
    editor.add_bucket("more", {"provider": "file", "root": "x"})
    assert editor.text == (
        "# Head.\n\nfile:\n  provider: file\n  root: |\n    /srv/a\n  folders: [a, b]\n  direction: up\n\n"
        "more:\n  provider: file\n  root: x\n"
    )
    editor.remove_bucket("more")
    editor.remove_bucket("file")
    assert editor.text.strip() == "# Head."
    assert dict(editor.buckets) == {}


def test_the_only_bucket_of_a_file_is_removed(tmp_path):
    editor = ConfigEditor(SINGLE, tmp_path)
    editor.remove_bucket("file")
    assert editor.text == "# Head.\n"


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("a: &x\n  provider: file\nb: *x\n", lambda f: f.set("b", "root", "y")),
        ("a: &x\n  provider: file\nb: *x\n", lambda f: f.set("a", "root", "y")),
        ("a: &x {provider: file}\nb:\n  <<: *x\n  root: y\n", lambda f: f.unset("b", "provider")),
        ("a:\n  provider: &x file\n  root: *x\n", lambda f: f.unset("a", "provider")),
        ("{a: {provider: file}}\n", lambda f: f.add_bucket("b", {"provider": "file"})),
        ("? a\n: provider: file\n", lambda f: f.unset("a", "provider")),
        ("provider: file\nroot: 'a\nb'\n...\n", lambda f: f.add_bucket("b", {"provider": "file"})),
    ],
)
def test_an_edit_that_would_change_more_is_refused(tmp_path, text, edit):
    editor = ConfigEditor(text, tmp_path)
    with pytest.raises(ConfigError, match=r"edit it by hand"):
        edit(editor)
    assert editor.text == text


def test_a_setting_beside_a_merged_one(tmp_path):
    editor = ConfigEditor("a: &x {provider: file}\nb:\n  <<: *x\n  root: y\n", tmp_path)
    editor.set("b", "provider", "s3")
    assert editor.buckets["b"] == {"provider": "s3", "root": "y"}
    assert editor.buckets["a"] == {"provider": "file"}


def test_values_with_anchors_and_a_file_without_a_last_line_break(tmp_path):
    editor = ConfigEditor(ANCHORED, tmp_path)
    editor.append("a", "paths", "two")
    editor.set("a", "root", "x")
    editor.append("b", "paths", "b")
    editor.add_bucket("c", {"provider": "file"})
    assert editor.text == (
        "a: &x\n  provider: file\n  paths: &y\n  - one\n  - two\n  root: x\n"
        "b: {provider: file, paths: [a, b,]}\n\nc:\n  provider: file\n"
    )


CONFIGS = [
    block.text
    for page in PAGES
    for block in blocks(page)
    if block.language == "yaml"
    and "provider:" in block.text
    and "<<" not in block.text
    and "{" not in block.text.split(":")[0]
]


def test_configurations_on_our_pages_are_edited():
    edited = 0
    for text in CONFIGS:
        before = parse_yaml(text, "page").value
        if not isinstance(before, dict) or not all(isinstance(each, dict) for each in before.values()):
            continue
        for name in before:
            editor = ConfigEditor(text, Path("page"))
            editor.set(name, "new_setting", "a value")
            assert changes(text, editor.text) in ("+  new_setting: a value\n", "+    new_setting: a value\n"), text
            assert editor.unset(name, "new_setting")
            assert editor.text == text
            edited += 1
    assert edited > 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    token: Secret | None = setting(help="Access token.")


def test_secrets_are_refused(tmp_path):
    editor = ConfigEditor(FILE, tmp_path)
    for edit in (
        lambda: editor.set("photos", "token", "hunter2-hunter2", settings=Box),
        lambda: editor.set("photos", "token", Secret("hunter2-hunter2")),
        lambda: editor.append("photos", "token", Secret("hunter2-hunter2")),  # type: ignore[arg-type]
        lambda: editor.add_bucket("new", {"provider": "box", "token": "hunter2-hunter2"}, settings=Box),
    ):
        with pytest.raises(InvalidSetting, match="not written into the file") as caught:
            edit()
        assert "hunter2" not in str(caught.value)
    assert editor.text == FILE
    editor.set("photos", "token", "env:TOKEN", settings=Box)


def test_wrong_names(tmp_path):
    editor = ConfigEditor(FILE, tmp_path / ".buckia")
    with pytest.raises(BucketNotConfigured, match=r"there is no bucket 'photo'\. Did you mean 'photos'"):
        editor.set("photo", "root", "x")
    with pytest.raises(ConfigError, match="there is a bucket 'photos' already"):
        editor.add_bucket("photos", {"provider": "file"})
    with pytest.raises(ConfigError, match="must hold settings"):
        ConfigEditor("- a\n", tmp_path)


def set_roots(editor: ConfigEditor, *names: str) -> None:
    for name in names:
        editor.set(name, "root", "lost")


class TestFile:
    def test_a_new_file_is_as_of_init(self, tmp_path):
        with edit_config(tmp_path / ".buckia") as file:
            file.add_bucket("photos", {"provider": "file", "root": "x"})
        text = (tmp_path / ".buckia").read_text()
        assert render("file", "photos", {"root": "x"}).startswith(text)
        assert load(tmp_path / ".buckia").buckets["photos"].provider == "file"

    def test_nothing_is_written_without_a_change_or_with_an_error(self, tmp_path):
        path = tmp_path / ".buckia"
        path.write_text(FILE)
        before = path.stat()
        with edit_config(path):
            pass
        with pytest.raises(BucketNotConfigured), edit_config(path) as file:
            set_roots(file, "photos", "none")
        assert path.read_text() == FILE
        assert path.stat().st_ino == before.st_ino
        assert os.listdir(tmp_path) == [".buckia"]

    def test_one_editor_at_a_time(self, tmp_path, monkeypatch):
        monkeypatch.setattr("buckia_core.config.editor.LOCK_SECONDS", 0)
        path = tmp_path / ".buckia"
        path.write_text(FILE)
        with lock_beside(path), pytest.raises(LockHeld, match="another process is editing"), edit_config(path):
            pytest.fail("two edits at once")

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
    def test_links_and_modes_are_kept(self, tmp_path):
        (tmp_path / "dotfiles").mkdir()
        path = tmp_path / "dotfiles" / "buckia"
        path.write_text(FILE)
        path.chmod(0o640)
        (tmp_path / ".buckia").symlink_to(path)
        with edit_config(tmp_path / ".buckia") as file:
            file.set("photos", "root", "x")
        assert (tmp_path / ".buckia").is_symlink()
        assert "root: x" in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o640
