"""`BucketConfig`: what it takes, what it refuses, what it never shows."""

from __future__ import annotations

import copy
import pickle
import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from buckia_core.config import BucketConfig, KeepReplaced, PathRule, Secret
from buckia_core.config.bucket import CHECKSUM_ALGORITHMS, COMMON_SETTING_NAMES
from buckia_core.errors import InvalidSetting, UnknownSetting
from buckia_core.planning.policy import ConflictPolicy, Direction


def config(**settings):
    return BucketConfig(provider="s3", **settings)


def test_common_settings_are_attributes_and_all_others_are_for_the_adapter():
    made = BucketConfig(provider="s3", bucket_name="my-bucket", region="us-west-2", max_workers=8)
    assert (made.provider, made.bucket_name, made.name, made.max_workers) == ("s3", "my-bucket", "my-bucket", 8)
    assert made.settings == {"bucket_name": "my-bucket", "region": "us-west-2"}


def test_credentials_go_among_the_adapters_settings():
    made = BucketConfig(provider="bunny", bucket_name="b", region="de", credentials={"api_key": "env:KEY"})
    assert made.settings == {"bucket_name": "b", "region": "de", "api_key": "env:KEY"}


def test_defaults():
    made = BucketConfig(provider="file")
    found = {option: getattr(made, option) for option in COMMON_SETTING_NAMES}
    assert found == {
        "provider": "file",
        "bucket_name": None,
        "prefix": "",
        "folders": (),
        "paths": (),
        "files": {},
        "upload_files": {},
        "download_files": {},
        "direction": None,
        "include": (),
        "exclude": (),
        "default_excludes": True,
        "delete_orphaned": None,
        "conflict_resolution": None,
        "keep_replaced": KeepReplaced.AUTO,
        "max_delete": None,
        "checksum_algorithm": "sha256",
        "sqlite": (),
        "app": None,
        "cache": None,
        "follow_symlinks": False,
        "max_workers": None,
        "rate_limit": None,
        "bwlimit": None,
        "retry_attempts": 5,
        "retry_seconds": 120.0,
        "share": None,
    }
    assert (made.name, made.base_dir, made.source, made.lines, made.settings) == ("file", Path.cwd(), None, {}, {})


@pytest.mark.parametrize(
    ("option", "given", "kept"),
    [
        ("prefix", "users/7", "users/7/"),
        ("prefix", "users/7/", "users/7/"),
        ("prefix", "", ""),
        ("folders", ["a", "b/", "a/"], ("a", "b")),
        ("folders", "only", ("only",)),
        ("paths", ["demo/"], (PathRule("demo/"),)),
        ("paths", "demo", (PathRule("demo"),)),
        ("paths", [Path("demo")], (PathRule("demo"),)),
        ("paths", ["/srv/data", "../beside"], (PathRule("/srv/data"), PathRule("../beside"))),
        (
            "paths",
            [{"local": "static", "remote": "data", "direction": "up", "include": ["*.png"], "exclude": "x"}],
            (PathRule("static", "data/", Direction.UP, ("*.png",), ("x",)),),
        ),
        ("paths", [PathRule("a", "b")], (PathRule("a", "b/"),)),
        ("paths", [{"local": "a", "remote": None, "direction": None}], (PathRule("a"),)),
        ("files", {"App.sqlite": "db/App.sqlite"}, {"App.sqlite": "db/App.sqlite"}),
        ("upload_files", {Path("a"): "x"}, {"a": "x"}),
        ("download_files", {"../a": "x"}, {"../a": "x"}),
        ("direction", "down", Direction.DOWN),
        ("direction", Direction.BOTH, Direction.BOTH),
        ("include", "*.png", ("*.png",)),
        ("exclude", ["*.tmp", "!keep.tmp"], ("*.tmp", "!keep.tmp")),
        ("delete_orphaned", "no", False),
        ("delete_orphaned", True, True),
        ("conflict_resolution", "local_wins", ConflictPolicy.LOCAL_WINS),
        ("keep_replaced", "always", KeepReplaced.ALWAYS),
        ("max_delete", "10 %", "10%"),
        ("max_delete", 25, "25"),
        ("checksum_algorithm", "blake2b", "blake2b"),
        ("follow_symlinks", "on", True),
        ("max_workers", "8", 8),
        ("rate_limit", "0.5", 0.5),
        ("rate_limit", 20, 20.0),
        ("bwlimit", "4M", "4M"),
        ("bwlimit", "512000", "500k"),
        ("bwlimit", "1.5 GiB/s", "1536M"),
        ("bwlimit", "2T", "2T"),
        ("bwlimit", "800", "800"),
        ("bwlimit", 800, "800"),
        ("bwlimit", "OFF", "off"),
        ("bwlimit", "10M:1M", "10M:1M"),
        ("bwlimit", "512k:off", "512k:off"),
        ("bwlimit", "Mon-08:00,512k sat-9:30,10M:1M", "Mon-08:00,512k Sat-09:30,10M:1M"),
        ("retry_attempts", 1, 1),
        ("retry_seconds", "0", 0.0),
    ],
)
def test_a_value_that_is_taken_is_kept_in_one_form_and_taken_again_in_that(option, given, kept):
    made = config(**{option: given})
    assert getattr(made, option) == kept
    again = made.with_changes(**{option: getattr(made, option)})
    assert again == made


@pytest.mark.parametrize(
    ("option", "value", "place", "expected"),
    [
        ("bucket_name", 123, "bucket_name", 'text (put it in quotes: "…")'),
        ("prefix", "/users", "prefix", 'a name in the bucket, and those don\'t start with "/"'),
        ("prefix", "a//b", "prefix", 'a name in the bucket without empty parts, "." and ".."'),
        ("prefix", "../a", "prefix", 'a name in the bucket without empty parts, "." and ".."'),
        ("folders", ["ok", "/"], "folders[1]", "the name of a folder in the bucket"),
        ("folders", ["a/../b"], "folders[0]", 'a name in the bucket without empty parts, "." and ".."'),
        ("folders", {"a": "b"}, "folders", "a list of strings"),
        ("paths", 5, "paths", "a list of paths"),
        ("paths", ["a", 5], "paths[1]", "a path, or a mapping of local, remote, direction, include, exclude"),
        ("paths", [""], "paths[0].local", "the path of a directory"),
        ("paths", [{"local": "a", "direction": "sideways"}], "paths[0].direction", "one of up, down, both"),
        ("paths", [{"local": "a", "remote": "/x"}], "paths[0].remote", "a name in the bucket, and those"),
        ("paths", [{"local": "a", "include": [["x"]]}], "paths[0].include[0]", "text"),
        ("files", ["a"], "files", "a mapping of strings to strings"),
        ("files", {"a": "x/"}, "files.a", "a key, the whole name of a file in the bucket"),
        ("files", {"a": ""}, "files.a", "a key, the whole name of a file in the bucket"),
        ("files", {"a": "/x"}, "files.a", "a name in the bucket, and those"),
        ("upload_files", {"a": "x/../y"}, "upload_files.a", "a name in the bucket without empty parts"),
        ("direction", "UP", "direction", "one of up, down, both"),
        ("delete_orphaned", 1, "delete_orphaned", "true or false"),
        ("delete_orphaned", "maybe", "delete_orphaned", "true or false"),
        ("conflict_resolution", "mine", "conflict_resolution", "one of keep_both, local_wins, remote_wins"),
        ("keep_replaced", True, "keep_replaced", "one of auto, always, never"),
        ("max_delete", "half", "max_delete", "a number of deletions (25) or a share (10%)"),
        ("max_delete", "101%", "max_delete", "a number of deletions (25) or a share (10%)"),
        ("max_delete", -1, "max_delete", "a number of deletions (25) or a share (10%)"),
        ("max_delete", True, "max_delete", "a number of deletions (25) or a share (10%)"),
        ("checksum_algorithm", "crc32", "checksum_algorithm", "one of " + ", ".join(CHECKSUM_ALGORITHMS)),
        ("checksum_algorithm", ["md5"], "checksum_algorithm", "one of blake2b"),
        ("max_workers", 0, "max_workers", "a whole number of at least 1"),
        ("max_workers", True, "max_workers", "a whole number of at least 1"),
        ("max_workers", "4.5", "max_workers", "a whole number of at least 1"),
        ("max_workers", "9" * 5000, "max_workers", "a whole number of at least 1"),
        ("rate_limit", 0, "rate_limit", "a number above 0, such as 20 or 0.5"),
        ("rate_limit", "nan", "rate_limit", "a number above 0, such as 20 or 0.5"),
        ("bwlimit", "4X", "bwlimit", "a number of bytes above 0"),
        ("bwlimit", "0.1", "bwlimit", "a number of bytes above 0"),
        ("bwlimit", "1M:", "bwlimit", "a number of bytes above 0"),
        ("bwlimit", "25:00,1M", "bwlimit", "a number of bytes above 0"),
        ("bwlimit", "08:00,1M 1M", "bwlimit", "a number of bytes above 0"),
        ("bwlimit", ",", "bwlimit", "a number of bytes above 0"),
        ("bwlimit", True, "bwlimit", "a number of bytes above 0"),
        ("retry_attempts", "0", "retry_attempts", "a whole number of at least 1"),
        ("retry_seconds", -1, "retry_seconds", "a number of at least 0"),
        ("retry_seconds", float("inf"), "retry_seconds", "a number of at least 0"),
    ],
)
def test_a_value_that_is_refused_is_named_with_what_is_expected(option, value, place, expected):
    message = rf"^setting '{re.escape(place)}' is .*, but must be {re.escape(expected)}"
    with pytest.raises(InvalidSetting, match=message):
        config(**{option: value})


def test_without_a_provider_there_is_no_bucket():
    with pytest.raises(InvalidSetting, match=r"^the bucket needs 'provider': set it in the configuration$"):
        BucketConfig(provider="")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"paths": ["a", "a/"]}, r"setting 'paths\[1\]' is the same path as paths\[0\], 'a/'; remove one"),
        ({"paths": [{"remote": "x"}]}, r"setting 'paths\[0\]' has no 'local'"),
        ({"files": {"a/": "x"}}, "maps 'a/', which is not the path of a file"),
        (
            {"files": {"a": "x"}, "upload_files": {"b": "x"}},
            "setting 'upload_files' maps 'b' onto 'x', which 'a' has already; remove one",
        ),
        ({"credentials": "env:KEY"}, "setting 'credentials' must be a mapping of names to values"),
        ({"credentials": {"prefix": "x"}}, "'prefix' does not belong under 'credentials'"),
        (
            {"credentials": {"token": "x"}, "token": "y"},
            "'token' is given under 'credentials' and beside it; remove one",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message):
    with pytest.raises(InvalidSetting, match=message):
        config(**settings)


def test_the_same_directory_can_have_two_prefixes_in_the_bucket():
    made = config(paths=["a", {"local": "a", "remote": "copy"}])
    assert [rule.remote for rule in made.paths] == ["", "copy/"]


def test_an_unknown_field_of_a_path_is_named_with_the_nearest():
    message = r"^setting 'paths\[1\]\.direktion' is not known\. Did you mean 'direction'\?$"
    with pytest.raises(UnknownSetting, match=message):
        config(paths=["a", {"local": "b", "direktion": "up"}])


def test_the_name_is_any_text_and_defaults_to_what_is_known():
    assert BucketConfig(provider="file", name="A bucket / with: everything ☃").name == "A bucket / with: everything ☃"
    assert BucketConfig(provider="file", bucket_name="b").name == "b"
    assert BucketConfig(provider="file").name == "file"


def test_base_dir_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert BucketConfig(provider="file", base_dir="sub/..").base_dir == Path.cwd()
    assert BucketConfig(provider="file", base_dir=Path("sub")).base_dir == Path.cwd() / "sub"


def test_it_can_not_be_changed():
    made = config(bucket_name="b", files={"a": "x"}, tags=["one"])
    with pytest.raises(FrozenInstanceError):
        made.bucket_name = "other"
    with pytest.raises(TypeError):
        made.settings["tags"] = ()
    with pytest.raises(TypeError):
        made.files["a"] = "y"
    assert made.settings["tags"] == ("one",)


def test_what_was_handed_in_can_change_without_it():
    tags, files = ["one"], {"a": "x"}
    made = config(tags=tags, files=files)
    tags.append("two")
    files["b"] = "y"
    assert (made.settings["tags"], made.files) == (("one",), {"a": "x"})


def test_it_is_a_value():
    one, same = (config(bucket_name="b", paths=["p"], key="k", files={"a": "x"}) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    assert one != config(bucket_name="b", paths=["p"], key="other", files={"a": "x"})


SECRET_TEXT = "hunter2-hunter2"


@pytest.mark.parametrize(
    "settings",
    [
        {"api_key": SECRET_TEXT},
        {"credentials": {"api_key": SECRET_TEXT}},
        {"credentials": {"api_key": Secret(SECRET_TEXT)}},
        {"nested": {"deep": [SECRET_TEXT]}},
        {"endpoint_url": f"https://me:{SECRET_TEXT}@host"},
    ],
)
def test_nothing_that_may_be_a_secret_shows(settings):
    made = config(bucket_name="b", **settings)
    shown = [repr(made), str(made), f"{made}", repr(made.settings), repr(made.with_changes(max_workers=2))]
    shown += [repr(value) for value in made.settings.values() if not isinstance(value, str)]
    assert not [text for text in shown if SECRET_TEXT in text]


def test_repr_tells_what_is_not_default_and_the_names_of_the_rest():
    made = BucketConfig(provider="s3", bucket_name="b", max_workers=4, api_key="k", base_dir="/x")
    assert repr(made) == (
        f"BucketConfig(name='b', provider='s3', bucket_name='b', max_workers=4, base_dir={str(made.base_dir)!r}, "
        "settings=<bucket_name, api_key>)"
    )


def test_it_travels_between_processes():
    made = BucketConfig.from_mapping(
        {"provider": "s3", "paths": [{"local": "a", "direction": "up"}], "files": {"a": "x"}, "key": "env:KEY"},
        name="n",
        source=".buckia",
        lines={"": 1, "key": 4},
    )
    again = pickle.loads(pickle.dumps(made))
    assert again == made
    assert (again.lines, again.source, again.settings["key"]) == ({"": 1, "key": 4}, ".buckia", "env:KEY")
    assert copy.deepcopy(made) == made


def test_one_with_a_secret_object_refuses_to_travel():
    with pytest.raises(TypeError, match="a secret can't be pickled; pickle the reference"):
        pickle.dumps(config(key=Secret("k")))


class TestWithChanges:
    def test_changes_what_is_named_and_keeps_the_rest(self):
        made = config(bucket_name="b", region="de", max_workers=4, base_dir="/x", name="n")
        other = made.with_changes(region="us", direction="up")
        assert (other.settings["region"], other.direction, other.max_workers) == ("us", Direction.UP, 4)
        assert (other.name, other.base_dir) == ("n", made.base_dir)
        assert (made.settings["region"], made.direction) == ("de", None)

    def test_none_takes_a_setting_back(self):
        made = config(bucket_name="b", region="de", max_workers=4, prefix="p", retry_attempts=2)
        other = made.with_changes(region=None, max_workers=None, prefix=None, retry_attempts=None)
        assert other == config(bucket_name="b")

    def test_name_and_base_dir_can_change(self, tmp_path):
        other = config(bucket_name="b").with_changes(name="new", base_dir=tmp_path)
        assert (other.name, other.base_dir, other.bucket_name) == ("new", tmp_path, "b")

    def test_what_the_adapter_sees_follows(self):
        other = config(bucket_name="b", prefix="p").with_changes(bucket_name="c", prefix="q")
        assert other.settings == {"bucket_name": "c", "prefix": "q/"}

    def test_credentials_replace_those_there_were(self):
        other = config(api_key="old", user="u").with_changes(credentials={"api_key": "new"})
        assert other.settings == {"api_key": "new", "user": "u"}

    def test_an_error_about_a_change_does_not_point_into_the_file(self):
        lines = {"": 1, "max_workers": 3}
        made = BucketConfig.from_mapping({"provider": "s3", "max_workers": "4"}, source="f", lines=lines)
        with pytest.raises(InvalidSetting, match=r"^setting 'max_workers' is"):
            made.with_changes(max_workers=0)
        changed = made.with_changes(max_workers=5)
        assert (changed.source, changed.lines) == ("f", {"": 1})


def test_from_mapping_takes_names_that_are_arguments_of_the_constructor():
    made = BucketConfig.from_mapping({"provider": "box", "name": "theirs", "lines": "3"}, name="mine")
    assert (made.name, made.settings) == ("mine", {"name": "theirs", "lines": "3"})


@pytest.mark.parametrize(
    ("values", "lines", "message"),
    [
        ({"provider": "s3", "max_workers": "many"}, {"": 2, "max_workers": 5}, "^f:5: setting 'max_workers' is 'many'"),
        ({"max_workers": "4"}, {"": 2, "max_workers": 5}, "^f:2: bucket 'n' needs 'provider'"),
        ({"provider": "s3", "paths": [{"local": ""}]}, {"": 2, "paths": 3, "paths[0]": 4}, "^f:4: "),
        ({"provider": "s3", "paths": [{"local": ""}]}, {"": 2, "paths": 3}, "^f:3: "),
        ({"provider": "s3", "files": {"a.txt": "/"}}, {"": 2, "files": 3, "files.a.txt": 4}, "^f:4: "),
        (
            {"provider": "s3", "files": {"a": "x"}, "upload_files": {"b": "x"}},
            {"": 2, "upload_files.b": 9},
            "^f:9: setting 'upload_files' maps",
        ),
        ({"provider": "s3", "max_workers": "many"}, {}, "^f: setting"),
    ],
)
def test_errors_tell_file_and_line(values, lines, message):
    with pytest.raises(InvalidSetting, match=message):
        BucketConfig.from_mapping(values, name="n", source="f", lines=lines)


def test_credentials_keep_their_lines_under_their_own_names():
    made = BucketConfig.from_mapping(
        {"provider": "s3", "credentials": {"key": "k"}}, source="f", lines={"credentials": 3, "credentials.key": 4}
    )
    assert made.lines["key"] == 4
