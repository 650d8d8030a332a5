"""Which local file is which key: several buckets, roots, single files, folders, and Buckia's own files."""

from __future__ import annotations

import pytest

from tests.e2e.buckets import FolderBucket
from tests.e2e.project import NAME, Project


@pytest.fixture
def two_buckets(tmp_path):
    """A project with the buckets `images` and `pages`, and those two."""
    images, pages = FolderBucket(tmp_path / "images"), FolderBucket(tmp_path / "pages")
    project = Project(tmp_path / "here", images)
    project.configure_all(
        {
            "images": images.settings() | {"paths": ["pictures/"]},
            "pages": pages.settings() | {"paths": ["texts/"]},
        }
    )
    project.write("pictures/a.png", "picture")
    project.write("texts/a.txt", "text")
    return project, images, pages


def test_several_buckets_and_one_of_them(two_buckets):
    project, images, pages = two_buckets
    images.put("new.png", "new picture")
    one = project.sync("-b", "pages")
    assert (one.code, list(one.summaries)) == (0, ["pages"])
    assert (images.tree(), pages.tree()) == ({"new.png": "new picture"}, {"a.txt": "text"})
    # In the order of the options, and of the file without any.
    assert list(project.sync("-b", "pages", "-b", "images", "-n").summaries) == ["pages", "images"]
    both = project.sync()
    assert (both.code, list(both.summaries)) == (0, ["images", "pages"])
    assert images.tree() == {"a.png": "picture", "new.png": "new picture"}
    assert pages.tree() == {"a.txt": "text"}
    assert project.tree() == {
        "pictures/a.png": "picture",
        "pictures/new.png": "new picture",
        "texts/a.txt": "text",
    }


def test_a_bucket_that_is_not_configured_is_named_with_those_that_are(two_buckets):
    project, images, _ = two_buckets
    ran = project.sync("-b", "image")
    assert (ran.code, ran.error["error"]) == (2, "BucketNotConfigured")
    assert "'image'" in ran.error["message"] and "images" in ran.error["message"]
    assert images.tree() == {}


def test_a_bucket_that_fails_keeps_no_other_from_its_turn(two_buckets):
    project, images, pages = two_buckets
    images.root.rmdir()
    ran = project.sync()
    assert ran.code == 6
    assert (ran.error["bucket"], list(ran.summaries)) == ("images", ["pages"])
    assert pages.tree() == {"a.txt": "text"}


def test_one_bucket_under_two_prefixes(synced):
    settings = synced.bucket.settings()
    synced.configure_all(
        {
            "old": settings | {"prefix": "v1/", "paths": ["old/"]},
            "new": settings | {"prefix": "v2", "paths": ["new/"]},
        }
    )
    synced.write("old/a", "old")
    synced.write("new/a", "new")
    synced.bucket.put("v1/down", "old down")
    synced.bucket.put("v22/not", "neither")
    assert synced.sync().code == 0
    assert synced.bucket.tree() == {"v1/a": "old", "v1/down": "old down", "v2/a": "new", "v22/not": "neither"}
    assert synced.tree() == {"old/a": "old", "old/down": "old down", "new/a": "new"}
    synced.delete("old/a")
    assert synced.sync().code == 0
    assert synced.bucket.tree().keys() == {"v1/down", "v2/a", "v22/not"}


def test_all_roots_go_up_and_the_first_one_receives(on_folder):
    on_folder.configure(paths=["first/", "second/"])
    on_folder.write("first/a", "a")
    on_folder.write("second/deep/b", "b")
    on_folder.bucket.put("deep/c", "c")
    ran = on_folder.sync()
    assert (ran.code, ran.counts) == (0, {"uploaded": 2, "downloaded": 1})
    assert on_folder.bucket.tree() == {"a": "a", "deep/b": "b", "deep/c": "c"}
    assert on_folder.tree() == {"first/a": "a", "first/deep/c": "c", "second/deep/b": "b"}
    on_folder.nothing_to_do(3)
    # What the second one sent stays its own: what is done to it in the bucket does not turn up in the first one.
    on_folder.bucket.put("deep/b", "edited in the bucket")
    edited = on_folder.sync()
    assert (edited.code, edited.actions()) == (0, {"deep/b": "skip"})
    on_folder.nothing_to_do(3)
    assert on_folder.tree()["second/deep/b"] == "b"
    on_folder.write("second/deep/b", "changed here")
    assert on_folder.sync().actions() == {"deep/b": "upload"}
    assert on_folder.bucket.tree()["deep/b"] == "changed here"
    on_folder.delete("second/deep/b")
    assert on_folder.sync().code == 0
    assert on_folder.tree() == {"first/a": "a", "first/deep/c": "c"}
    assert on_folder.bucket.tree()["deep/b"] == "changed here"


def test_a_key_that_is_found_in_two_roots_is_reported_and_the_first_one_counts(on_folder):
    on_folder.configure(paths=["first/", "second/"])
    on_folder.write("first/twice", "of the first")
    on_folder.write("second/twice", "of the second")
    on_folder.write("second/once", "once")
    for _ in range(2):
        ran = on_folder.sync()
        assert (ran.code, ran.counts["skipped"]) == (0, 1)
        (told,) = (each for each in ran.operations if each["action"] == "skip")
        assert (told["key"], told["path"], "two" in told["reason"]) == ("twice", "second/twice", True)
        assert on_folder.bucket.tree() == {"twice": "of the first", "once": "once"}
        assert on_folder.tree()["second/twice"] == "of the second"
    # What the first one has no more is the second one's.
    on_folder.delete("first/twice")
    last = on_folder.sync()
    assert (last.code, last.actions()) == (0, {"twice": "upload"})
    assert on_folder.bucket.tree() == {"twice": "of the second", "once": "once"}
    assert on_folder.tree() == {"second/twice": "of the second", "second/once": "once"}


def test_a_root_of_its_own_place_direction_and_patterns(on_folder):
    on_folder.configure(
        paths=[
            {"local": "static/data/", "remote": "data/", "direction": "up", "exclude": ["*.tmp"]},
            {"local": "incoming/", "remote": "in", "direction": "down", "include": ["*.csv"]},
        ]
    )
    on_folder.write("static/data/deep/a.json", "a")
    on_folder.write("static/data/b.tmp", "scratch")
    on_folder.write("incoming/mine.csv", "mine")
    on_folder.write("elsewhere", "takes no part")
    for key in ("data/theirs.json", "in/deep/c.csv", "in/c.txt", "index/x", "elsewhere.csv"):
        on_folder.bucket.put(key, key)
    ran = on_folder.sync()
    assert (ran.code, ran.actions()) == (0, {"data/deep/a.json": "upload", "in/deep/c.csv": "download"})
    there = {"data/deep/a.json", "data/theirs.json", "in/deep/c.csv", "in/c.txt", "index/x", "elsewhere.csv"}
    here = {
        *("static/data/deep/a.json", "static/data/b.tmp", "incoming/mine.csv", "incoming/deep/c.csv"),
        "elsewhere",
    }
    assert on_folder.bucket.tree().keys() == there
    assert on_folder.tree().keys() == here
    # To mirror touches what the patterns let take part, and nothing else.
    mirrored = on_folder.sync("--delete-orphaned")
    assert mirrored.actions() == {"data/theirs.json": "delete_remote", "in/mine.csv": "delete_local"}
    assert on_folder.bucket.tree().keys() == there - {"data/theirs.json"}
    assert on_folder.tree().keys() == here - {"incoming/mine.csv"}
    assert on_folder.trash() == ["data/theirs.json", "mine"]


def test_single_files(synced):
    synced.configure(
        files={"site.json": "settings/site.json"},
        upload_files={"build/app.js": "app-1.2.js"},
        download_files={"vendor/licence.txt": "legal/licence.txt"},
    )
    synced.write("site.json", "site")
    synced.write("build/app.js", "app")
    synced.write("build/app.js.map", "takes no part")
    for key in ("legal/licence.txt", "legal/other.txt", "settings/site.json.old"):
        synced.bucket.put(key, key)
    ran = synced.sync()
    assert (ran.code, ran.counts) == (0, {"uploaded": 2, "downloaded": 1})
    assert synced.tree() == {
        "site.json": "site",
        "build/app.js": "app",
        "build/app.js.map": "takes no part",
        "vendor/licence.txt": "legal/licence.txt",
    }
    assert synced.bucket.tree().items() >= {"settings/site.json": "site", "app-1.2.js": "app"}.items()
    assert len(synced.bucket.tree()) == 5
    synced.nothing_to_do(3)
    # `files` go both ways; the others only theirs, and an edit on the wrong side is reported.
    synced.bucket.put("settings/site.json", "edited there")
    synced.bucket.put("app-1.2.js", "edited there")
    synced.write("vendor/licence.txt", "edited here")
    ran = synced.sync()
    assert (ran.code, ran.actions()) == (8, {"settings/site.json": "download"})
    assert ran.actions("planned") == {"app-1.2.js": "conflict", "legal/licence.txt": "conflict"}
    assert synced.tree()["site.json"] == "edited there"
    assert (synced.tree()["build/app.js"], synced.tree()["vendor/licence.txt"]) == ("app", "edited here")


def test_a_single_file_beside_a_root(on_folder):
    on_folder.configure(paths=["site/"], files={"LICENSE": "legal/licence.txt"})
    on_folder.write("site/index.html", "index")
    on_folder.write("LICENSE", "licence")
    assert on_folder.sync().code == 0
    assert on_folder.bucket.tree() == {"index.html": "index", "legal/licence.txt": "licence"}
    on_folder.bucket.put("legal/licence.txt", "a newer licence")
    on_folder.bucket.put("legal/imprint.txt", "imprint")
    assert on_folder.sync().code == 0
    assert on_folder.tree() == {
        "site/index.html": "index",
        "site/legal/imprint.txt": "imprint",
        "LICENSE": "a newer licence",
    }


def test_folders_of_the_bucket_that_take_part(synced):
    synced.configure(folders=["photos", "docs/"])
    for key in ("photos/a", "photos-old/b", "docs/deep/c", "other/d", "top"):
        synced.bucket.put(key, key)
    for name in ("photos/e", "other/f", "photos.txt"):
        synced.write(name, name)
    ran = synced.sync()
    assert (ran.code, ran.counts) == (0, {"uploaded": 1, "downloaded": 2})
    assert synced.tree().keys() == {"photos/a", "photos/e", "docs/deep/c", "other/f", "photos.txt"}
    assert synced.bucket.tree().keys() == {"photos/a", "photos/e", "photos-old/b", "docs/deep/c", "other/d", "top"}
    # A folder that takes part no more is not deleted for that, on either side.
    synced.configure(folders=["docs"])
    synced.nothing_to_do(1)
    assert len(synced.tree()) == 5 and len(synced.bucket.tree()) == 6


OWN = (".buckia", ".buckia-staging", "deep/.buckia", ".buckia-state/gone.sqlite3", "deep/.buckia-tmp-1/x")


def test_buckias_own_files_never_travel(synced):
    for name in OWN:
        if name != ".buckia":
            synced.write(name, f"here: {name}")
        synced.bucket.put(name, f"there: {name}")
    synced.write("deep/.buckiaignore", "stays")
    synced.write("a.buckia", "travels")
    before = synced.path(".buckia").read_bytes()
    for arguments in ((), ("--direction", "down", "--conflict", "remote_wins", "--delete-orphaned", "--force"), OWN):
        ran = synced.sync(*arguments)
        assert (ran.code, {*ran.actions()} <= {"a.buckia"}) == (0, True), ran
        assert synced.path(".buckia").read_bytes() == before
        assert [synced.path(name).read_text() for name in OWN[1:]] == [f"here: {name}" for name in OWN[1:]]
        there = {name: f"there: {name}" for name in OWN}
        assert synced.bucket.tree() == there | {"a.buckia": "travels"}


def test_a_configuration_of_another_name_does_not_travel_either(on_folder):
    on_folder.path(".buckia").rename(on_folder.path("sync.yaml"))
    on_folder.write("deep/sync.yaml", "another file")
    on_folder.bucket.put("sync.yaml", "theirs")
    ran = on_folder.sync("-c", "sync.yaml")
    assert (ran.code, ran.actions()) == (0, {"deep/sync.yaml": "upload"})
    assert on_folder.bucket.tree() == {"sync.yaml": "theirs", "deep/sync.yaml": "another file"}
    assert NAME in on_folder.path("sync.yaml").read_text()
