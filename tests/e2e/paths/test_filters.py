"""What takes part of what is mapped: patterns of what is excluded or included, and the part named for one run.

What takes no part is left alone on both sides, whatever happens around it.
"""

from __future__ import annotations

import sys

import pytest

from tests.e2e.project import Project

TREE = {
    name: f"content of {name}"
    for name in ("a.txt", "a.log", "d/b.txt", "d/b.log", "d/deep/c.txt", "cache/x.txt", "cache/deep/y", "e/only.log")
}

LOGS = {"a.log", "d/b.log", "e/only.log"}

EXCLUDED = LOGS | {"cache/x.txt", "cache/deep/y"}


def both_have(project: Project, tree: dict[str, str]) -> None:
    """Bring both sides to a tree, all of it in step."""
    for name, content in tree.items():
        project.write(name, content)
    assert project.sync().code == 0
    assert project.bucket.tree() == tree


def test_what_is_excluded_goes_neither_way(synced):
    synced.configure(exclude=["*.log", "/cache/"])
    for name in ("a.txt", "a.log", "d/b.log", "cache/x", "d/cache/y"):
        synced.write(name, "here")
    for key in ("b.txt", "b.log", "cache/z", "d/cache/w"):
        synced.bucket.put(key, "there")
    ran = synced.sync()
    assert (ran.code, ran.counts) == (0, {"uploaded": 2, "downloaded": 2})
    assert synced.bucket.tree().keys() == {"b.txt", "b.log", "cache/z", "d/cache/w", "a.txt", "d/cache/y"}
    assert synced.tree().keys() == {
        *("a.txt", "a.log", "d/b.log", "cache/x", "d/cache/y"),
        *("b.txt", "d/cache/w"),
    }
    # A filter is no difference: to mirror one side does not touch it on the other.
    mirrored = synced.sync("--direction", "up", "--delete-orphaned", "--conflict", "local_wins")
    assert (mirrored.code, mirrored.counts) == (0, {"unchanged": 4})
    assert synced.bucket.tree().keys() >= {"b.log", "cache/z"}


@pytest.mark.parametrize("how", ["setting", "file", "option"])
def test_a_filter_that_comes_later_deletes_nothing(on_folder, how):
    both_have(on_folder, TREE)
    patterns = ["*.log", "cache/"]
    arguments = []
    if how == "setting":
        on_folder.configure(exclude=patterns)
    elif how == "file":
        on_folder.write(".buckiaignore", "# what nobody needs elsewhere\n\n*.log\ncache/\n/.buckiaignore\n")
    else:
        arguments = [part for pattern in patterns for part in ("--exclude", pattern)]
    on_folder.nothing_to_do(len(TREE) - len(EXCLUDED), *arguments)
    # What is done to it on either side is nobody's business any more.
    on_folder.delete("a.log")
    on_folder.bucket.delete("d/b.log")
    on_folder.write("cache/x.txt", "edited here")
    on_folder.bucket.put("cache/x.txt", "edited there")
    here, there = on_folder.tree(), on_folder.bucket.tree()
    on_folder.nothing_to_do(len(TREE) - len(EXCLUDED), *arguments)
    assert (on_folder.tree(), on_folder.bucket.tree()) == (here, there)
    # Without the filter it takes part again. What an option of single runs left out is as if it had happened just now;
    # what the configuration left out is compared, because nobody knows why a side lacks it.
    on_folder.configure()
    on_folder.path(".buckiaignore").unlink(missing_ok=True)
    ran = on_folder.sync()
    gone_here, gone_there = ("delete_remote", "delete_local") if how == "option" else ("download", "upload")
    assert (ran.code, ran.actions()) == (0, {"a.log": gone_here, "d/b.log": gone_there, "cache/x.txt": "conflict"})
    assert on_folder.tree() == on_folder.bucket.tree()


def test_below_a_deleted_directory(synced):
    synced.configure(exclude=["*.log"])
    tree = {name: TREE[name] for name in TREE if name not in LOGS}
    both_have(synced, tree)
    for name in LOGS:
        synced.write(name, "here")
        synced.bucket.put(name, "there")
    # Here a directory goes as a whole, there one loses all that the filter lets take part.
    for name in ("b.txt", "b.log", "deep/c.txt"):
        synced.delete(f"d/{name}")
    synced.path("d/deep").rmdir()
    synced.path("d").rmdir()
    for key in ("cache/x.txt", "cache/deep/y"):
        synced.bucket.delete(key)
    synced.write("cache/x.log", "stands below what goes")
    ran = synced.sync()
    assert (ran.code, ran.counts) == (0, {"deleted_remote": 2, "deleted_local": 2, "unchanged": 1})
    assert synced.tree() == {
        "a.txt": TREE["a.txt"],
        "a.log": "here",
        "e/only.log": "here",
        "cache/x.log": "stands below what goes",
    }
    assert synced.bucket.tree() == {"a.txt": TREE["a.txt"]} | dict.fromkeys(LOGS, "there")


def test_the_ignore_file_speaks_as_gitignore_does(on_folder):
    lines = ["*.tmp", "!keep.tmp", "/top.txt", "build/", "logs/**/old", "sp ace", r"\#hash", "", "# a comment"]
    on_folder.write(".buckiaignore", "\r\n".join(lines) + "\r\n")
    taken = {"keep.tmp", "d/keep.tmp", "d/top.txt", "builds/x", "logs/new", "a comment", "d/build.txt"}
    for name in (*taken, *("a.tmp", "d/a.tmp", "top.txt", "build/keep.tmp", "d/build/x", "logs/a/b/old/x")):
        on_folder.write(name, name)
    for name in ("sp ace", "#hash"):
        on_folder.write(name, name)
    assert on_folder.sync().code == 0
    # The file itself configures this project, and no other.
    assert on_folder.bucket.tree().keys() == taken


def test_an_ignore_file_in_the_bucket_is_nobodys_business(on_folder):
    both_have(on_folder, TREE)
    on_folder.bucket.put(".buckiaignore", "*\n")
    on_folder.bucket.put("d/.buckiaignore", "*\n")
    on_folder.nothing_to_do(len(TREE))
    on_folder.write("a.txt", "edited")
    assert on_folder.sync().actions() == {"a.txt": "upload"}
    assert ".buckiaignore" not in [path.name for path in on_folder.directory.rglob("*")]


DESKTOP = (
    ".git/config",
    "d/.git/HEAD",
    ".hg/store",
    ".svn/entries",
    ".DS_Store",
    "d/.DS_Store",
    "Thumbs.db",
    "desktop.ini",
)


def test_version_control_and_desktop_files_take_no_part_unless_asked_for(on_folder):
    for name in ("a.txt", ".gitignore", *DESKTOP):
        on_folder.write(name, "here")
    on_folder.bucket.put(".GIT/hooks/post-checkout", "code")
    on_folder.bucket.put("e/.git/config", "code")
    ran = on_folder.sync()
    assert (ran.code, ran.actions()) == (0, {"a.txt": "upload", ".gitignore": "upload"})
    assert not on_folder.path("e").exists()
    on_folder.configure(exclude=["!.DS_Store", "!.git/", "/e/", "/.GIT/"])
    assert on_folder.sync().actions() == dict.fromkeys(
        (".git/config", "d/.git/HEAD", ".DS_Store", "d/.DS_Store"), "upload"
    )
    on_folder.configure(include=["Thumbs.db", "*.txt"])
    assert on_folder.sync().actions() == {"Thumbs.db": "upload"}
    on_folder.configure(files={".svn/entries": "entries"})
    assert on_folder.sync().actions() == {"entries": "upload"}


def test_what_was_in_step_before_it_was_excluded_by_default_stays(on_folder):
    on_folder.configure(default_excludes=False)
    for name in ("a.txt", *DESKTOP):
        on_folder.write(name, "here")
    assert on_folder.sync().counts == {"uploaded": 1 + len(DESKTOP)}
    on_folder.configure()
    on_folder.nothing_to_do(1)
    on_folder.delete(".git/config")
    on_folder.nothing_to_do(1)
    assert on_folder.bucket.tree().keys() == {"a.txt", *DESKTOP}


def test_a_log_file_of_the_run_takes_no_part(on_folder):
    on_folder.write("a.txt", "here")
    on_folder.bucket.put("logs/run.log", "there")
    on_folder.path("logs").mkdir()
    for _ in range(2):
        ran = on_folder.sync("--log-file", "logs/run.log")
        assert ran.code == 0 and "logs/run.log" not in ran.actions()
    assert on_folder.bucket.tree() == {"a.txt": "here", "logs/run.log": "there"}


def test_a_new_file_that_often_holds_secrets_is_told_once(on_folder):
    for name in (
        ".env",
        "conf/.env.local",
        "keys/server.PEM",
        "keys/id_rsa",
        "keys/id_rsa.pub",
        ".env.example",
        "a.txt",
    ):
        on_folder.write(name, "x")
    ran = on_folder.sync()
    assert (ran.code, ran.counts) == (0, {"uploaded": 7})
    (line,) = [line for line in ran.stderr.splitlines() if "secrets" in line]
    assert ".env, conf/.env.local, keys/id_rsa and 1 more" in line
    assert "exclude: ['.env', '.env.local', 'id_rsa']" in line
    assert "exclude: ['!.env', '!.env.local', '!id_rsa']" in line
    on_folder.write(".env", "edited")
    assert "secrets" not in on_folder.sync().stderr


@pytest.mark.parametrize(
    "settings",
    [{"exclude": ["!.env"]}, {"include": [".env", "*.txt"]}, {"files": {".env": "env"}}, {"exclude": [".env"]}],
)
def test_one_that_was_asked_for_is_not_told(on_folder, settings):
    on_folder.configure(**settings)
    on_folder.write(".env", "x")
    on_folder.write("a.txt", "x")
    assert "secrets" not in on_folder.sync().stderr


@pytest.mark.parametrize("pattern", ["#recycle/", "./build", "", "a["])
@pytest.mark.parametrize("setting", ["include", "exclude"])
def test_a_pattern_that_can_match_nothing_is_refused(on_folder, setting, pattern):
    on_folder.write("a.txt", "x")
    on_folder.configure(**{setting: [pattern]})
    ran = on_folder.sync()
    assert (ran.code, ran.error["error"]) == (2, "InvalidSetting")
    on_folder.configure()
    ran = on_folder.sync(f"--{setting}", pattern)
    assert (ran.code, ran.error["error"]) == (2, "InvalidSetting")
    assert on_folder.bucket.tree() == {}


def test_only_what_is_included(synced):
    synced.configure(include=["*.jpg", "/docs/"], exclude=["*-draft.*"])
    here = {"a.jpg", "deep/b.jpg", "docs/plan.txt", "c.png", "deep/docs/no.txt", "a-draft.jpg", "docs/x-draft.txt"}
    for name in here:
        synced.write(name, name)
    for key in ("d.jpg", "d.png", "docs/there.txt"):
        synced.bucket.put(key, key)
    assert synced.sync().code == 0
    went = {"a.jpg", "deep/b.jpg", "docs/plan.txt"}
    assert synced.bucket.tree().keys() == went | {"d.jpg", "d.png", "docs/there.txt"}
    assert synced.tree().keys() == here | {"d.jpg", "docs/there.txt"}


def test_include_and_exclude_for_one_run(on_folder):
    on_folder.configure(exclude=["*.bak"])
    for name in ("a.txt", "b.txt", "c.md", "c.bak"):
        on_folder.write(name, name)
    ran = on_folder.sync("--include", "*.txt", "--include", "*.bak", "--exclude", "b.*")
    assert (ran.code, ran.actions()) == (0, {"a.txt": "upload"})
    assert on_folder.sync().actions() == {"b.txt": "upload", "c.md": "upload"}


@pytest.mark.parametrize("written", ["arguments", "one option", "two options"])
def test_a_part_of_the_bucket(synced, written):
    both_have(synced, TREE | {"d-other/x.txt": "x", "docs/plan.pdf": "plan", "docs/plan.pdf.old": "old plan"})
    for name in ("a.txt", "d/b.txt", "d-other/x.txt", "docs/plan.pdf.old"):
        synced.write(name, "edited here")
    synced.delete("d/deep/c.txt")
    synced.delete("cache/x.txt")
    for key in ("docs/plan.pdf", "e/only.log", "new"):
        synced.bucket.put(key, "edited there")
    arguments = {
        "arguments": ["d/", "./docs/plan.pdf"],
        "one option": ["--paths", "d", "docs/plan.pdf"],
        "two options": ["--paths", "d/", "--paths", "docs/plan.pdf"],
    }[written]
    part = synced.sync(*arguments)
    expected = {"d/b.txt": "upload", "d/deep/c.txt": "delete_remote", "docs/plan.pdf": "download"}
    assert (part.code, part.actions(), part.counts["unchanged"]) == (0, expected, 1)
    # The rest is as it was, and comes with the next whole run.
    rest = synced.sync()
    assert (rest.code, rest.actions()) == (
        0,
        {
            "a.txt": "upload",
            "cache/x.txt": "delete_remote",
            "d-other/x.txt": "upload",
            "docs/plan.pdf.old": "upload",
            "e/only.log": "download",
            "new": "download",
        },
    )
    assert synced.tree() == synced.bucket.tree()


def test_a_part_may_be_named_by_its_local_path(on_folder):
    on_folder.configure(paths=[{"local": "web/images", "remote": "static/img"}])
    for name in ("web/images/icons/a.png", "web/images/b.png"):
        on_folder.write(name, name)
    ran = on_folder.sync("--paths", "web/images/icons")
    assert (ran.code, ran.actions()) == (0, {"static/img/icons/a.png": "upload"})
    ran = on_folder.sync("static/img/b.png")
    assert (ran.code, ran.actions()) == (0, {"static/img/b.png": "upload"})
    outside = on_folder.sync("../elsewhere")
    assert (outside.code, outside.error["error"]) == (2, "InvalidSetting")
    assert "'../elsewhere'" in outside.error["message"]


def test_a_directory_of_what_takes_no_part_where_a_file_is_to_come(on_folder):
    on_folder.configure(exclude=["*.log"])
    both_have(on_folder, {"d/x/in": "old", "other": "same"})
    on_folder.write("d/x/a.log", "mine")
    on_folder.bucket.delete("d/x/in")
    on_folder.bucket.delete_directory("d/x")
    on_folder.bucket.put("d/x", "new")
    here, there = on_folder.tree(), on_folder.bucket.tree()
    why = f"a directory stands in its way: {on_folder.path('d/x')} (with {on_folder.path('d/x/a.log')}, which this run"
    assert why in on_folder.run("status").said
    for arguments in (("--dry-run",), (), ()):
        ran = on_folder.sync(*arguments)
        assert (ran.code, ran.counts) == (1, {"failed": 1, "skipped": 1, "unchanged": 1})
        assert set(ran.failures) == {"d/x"} and why in ran.failures["d/x"]
        assert (on_folder.tree(), on_folder.bucket.tree(), on_folder.trash()) == (here, there, [])
    on_folder.delete("d/x/a.log")
    assert on_folder.sync().code == 0
    assert on_folder.tree() == on_folder.bucket.tree() == {"d/x": "new", "other": "same"}
    assert on_folder.trash() == ["old"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_directory_of_links_in_the_bucket_where_an_object_is_to_come(on_folder):
    both_have(on_folder, {"x/in": "old", "other": "same"})
    blocking = on_folder.bucket.root / "x/link"
    blocking.symlink_to("nowhere")
    on_folder.delete("x/in")
    on_folder.path("x").rmdir()
    on_folder.write("x", "new")
    for arguments in (("--dry-run",), (), ()):
        ran = on_folder.sync(*arguments)
        assert (ran.code, set(ran.failures)) == (1, {"x"})
        assert f"{blocking}, which this run leaves alone); move or remove it" in ran.failures["x"]
        assert on_folder.bucket.tree() == {"x/in": "old", "other": "same"}
    blocking.unlink()
    assert on_folder.sync().code == 0
    assert on_folder.tree() == on_folder.bucket.tree() == {"x": "new", "other": "same"}
