"""Which paths a filter includes."""

from __future__ import annotations

import errno
import os
import pickle

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from buckia_core.errors import ConfigError, InvalidSetting
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.scan import filters
from buckia_core.syncing.scan.filters import IGNORE_FILE, PathFilter, read_ignore_file
from buckia_core.testing.strategies import plain_keys


@pytest.mark.parametrize(
    ("settings_", "taken", "not_taken"),
    [
        ({}, ["a", "d/", "d/a"], [".buckia", ".buckia-state/", "d/.buckia-tmp-1"]),
        ({"exclude": ("*.log",)}, ["a", "a.log.txt", "d/"], ["a.log", "d/a.log"]),
        ({"exclude": ("*.log", "!keep.log")}, ["keep.log", "d/keep.log"], ["a.log"]),
        ({"exclude": ("/top",)}, ["d/top"], ["top", "top/a"]),
        ({"exclude": ("cache/",)}, ["cache", "cached/a"], ["cache/", "cache/a", "d/cache/a"]),
        ({"exclude": ("d/**/x",)}, ["x"], ["d/x", "d/e/f/x"]),
        ({"exclude": ("# comment", "", "\\#a")}, ["a", " comment"], ["#a"]),
        ({"exclude": ("*", "!*/", "!*.log")}, ["a.log", "d/", "d/e/a.log"], ["a", "d/a"]),
        ({"exclude": ("d/**", "!d/keep")}, ["d/keep", "d/"], ["d/a", "d/e/"]),
        ({"include": ("docs/", "!docs/x")}, ["docs/a", "docs/x"], ["a"]),
        ({"include": ("*.txt",)}, ["a.txt", "d/", "d/a.txt"], ["a", "d/a"]),
        ({"include": ("docs/",)}, ["docs/a", "docs/", "other/"], ["a", "other/a"]),
        ({"include": ("*.txt",), "exclude": ("b*",)}, ["a.txt"], ["b.txt", "a"]),
        ({"include_pattern": r"\.txt$"}, ["a.txt", "d/"], ["a"]),
        ({"exclude_pattern": r"^d/.*\.log"}, ["a.log", "d/"], ["d/a.log"]),
        ({"always_excluded": frozenset({"conf"})}, ["d/conf", "conf2"], ["conf"]),
    ],
)
def test_filter(settings_, taken, not_taken):
    accepts = PathFilter(**settings_)
    assert [path for path in taken if not accepts(path)] == []
    assert [path for path in not_taken if accepts(path)] == []


def test_a_filter_that_does_nothing_says_so():
    assert PathFilter().is_noop
    assert not PathFilter(exclude=("a",)).is_noop
    assert not PathFilter(always_excluded=frozenset({"a"})).is_noop


@pytest.mark.parametrize("name", ["include_pattern", "exclude_pattern"])
def test_what_is_no_regular_expression_is_named(name):
    with pytest.raises(InvalidSetting, match=rf"{name}.*\(unclosed"):
        PathFilter(**{name: "(unclosed"})  # type: ignore[arg-type]


def test_an_include_that_only_takes_back_is_refused():
    with pytest.raises(InvalidSetting, match=r"'!a'.*includes nothing"):
        PathFilter(include=("!a",))


def test_a_regular_expression_that_never_ends_is_given_up_by_name(monkeypatch):
    monkeypatch.setattr(filters, "REGEX_TIMEOUT", 0.05)
    accepts = PathFilter(exclude_pattern=r"^(a|aa)+$")
    with pytest.raises(InvalidSetting, match=r"exclude_pattern .* takes too long for the path 'aaa"):
        accepts("a" * 64 + "!")


def test_a_path_of_many_directories_is_no_problem():
    path = "d/" * 5000 + "a"
    assert PathFilter(exclude=("*.log",))(path)
    assert not PathFilter(exclude=("d/d/d",))(path)
    assert PathFilter(include=("d/d/d",))(path)


def test_a_filter_can_be_pickled():
    path_filter = PathFilter(include=("*.txt",), exclude=("b*",), exclude_pattern="c", defaults=True)
    copy = pickle.loads(pickle.dumps(path_filter))
    assert [copy(path) for path in ("a.txt", "b.txt", "c.txt", "a", ".git/a.txt")] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("settings_", "taken", "not_taken"),
    [
        (
            {},
            [".gitignore", ".github/a", "git/a", ".git", "Thumbs.db/a", "desktop.ini.txt"],
            [
                ".git/",
                ".git/config",
                "d/.git/HEAD",
                ".hg/a",
                ".svn/a",
                ".DS_Store",
                "d/.DS_Store",
                "Thumbs.db",
                "d/desktop.ini",
            ],
        ),
        # The disk of another machine may fold names, and then `.GIT/hooks` is `.git/hooks`.
        (
            {},
            [],
            [
                ".GIT/hooks/post-checkout",
                ".git./a",
                ".git::$INDEX_ALLOCATION/a",
                ".g\u200cit/config",
                "GIT~1/config",
                ".ds_store",
                "DESKTOP.INI",
                ".\u017fvn/a",
                ".buckiaignore",
            ],
        ),
        ({"exclude": ("!.git/",)}, [".git/", ".git/config"], [".hg/a"]),
        ({"exclude": ("!.git/", ".git/hooks/")}, [".git/config"], [".git/hooks/", ".git/hooks/a"]),
        ({"exclude": ("!*.log",)}, ["a.log"], [".git/a.log"]),
        ({"include": (".git/hooks/",)}, [".git/", ".git/hooks/a"], [".git/config", "a"]),
        ({"include": ("*.ini",)}, ["desktop.ini", "a.ini"], ["Thumbs.db"]),
        ({"include": ("*",)}, ["a"], [".git/config", ".DS_Store"]),
        ({"include": ("d/",)}, ["d/a"], ["d/.DS_Store", "d/.git/config"]),
        ({"defaults": False}, [".git/config", ".DS_Store", "Thumbs.db"], []),
    ],
)
def test_default_excludes(settings_, taken, not_taken):
    accepts = PathFilter(**{"defaults": True, **settings_})
    assert [path for path in taken if not accepts(path)] == []
    assert [path for path in not_taken if accepts(path)] == []


def test_filters_travel_between_processes():
    accepts = PathFilter(exclude=("*.log",), include=("*",), include_pattern="a")
    assert not accepts("a.log")  # what is compiled at first use does not go along
    copy = pickle.loads(pickle.dumps(accepts))
    assert copy == accepts and copy("a") and not copy("a.log") and not copy("b")


def test_the_ignore_file(tmp_path):
    assert read_ignore_file(tmp_path) == ()
    (tmp_path / IGNORE_FILE).write_bytes(b"\xef\xbb\xbf*.log\r\n!keep.log\n")
    assert read_ignore_file(tmp_path) == ("*.log", "!keep.log")
    (tmp_path / IGNORE_FILE).write_bytes(b"\xff")
    with pytest.raises(InvalidSetting, match=IGNORE_FILE):
        read_ignore_file(tmp_path)
    (tmp_path / IGNORE_FILE).write_bytes("# a\u2028b\n\n#recycle/\nc\u2028d\n".encode())
    assert read_ignore_file(tmp_path) == ("# a\u2028b", "#recycle/", "c\u2028d")
    (tmp_path / IGNORE_FILE).write_text("*.log\n./build\n")
    with pytest.raises(InvalidSetting, match=rf"{IGNORE_FILE}:2: has the pattern './build', .*'/build'"):
        read_ignore_file(tmp_path)
    (tmp_path / IGNORE_FILE).write_text("a\n" * 10_001)
    with pytest.raises(InvalidSetting, match="more than 10,000"):
        read_ignore_file(tmp_path)
    (tmp_path / IGNORE_FILE).write_text("a" * ((1 << 20) + 1))
    with pytest.raises(ConfigError, match="larger than 1,024 KiB"):
        read_ignore_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_an_ignore_file_that_is_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / IGNORE_FILE)
    with pytest.raises(ConfigError, match="a pipe or a device"):
        read_ignore_file(tmp_path)


PATTERNS = st.lists(
    st.sampled_from(["a", "/a", "a/", "a/*", "*", "/*", "*.txt", "a-b", "**/b", "a/b", "b/"]).flatmap(
        lambda pattern: st.sampled_from([pattern, "!" + pattern])
    ),
    max_size=4,
).map(tuple)


@settings(deadline=None, derandomize=True, database=None)
@given(PATTERNS, PATTERNS, plain_keys())
def test_p17_what_a_scan_can_not_see_takes_no_part_in_the_bucket_either(include, exclude, key):
    """A pattern may take back a file below a directory that is not entered; the directory has the last word."""
    assume(not include or not all(pattern.startswith("!") for pattern in include))
    accepts = PathFilter(include=include, exclude=exclude)
    mapping = PathMapping("", "/", path_filter=accepts)
    parts = key.split("/")
    entered = all(accepts("/".join(parts[:depth]) + "/") for depth in range(1, len(parts)))
    assert mapping.includes(key) is (entered and accepts(key))


# --- seen through a sync -----------------------------------------------------------------------------------


def test_p17_n32_what_is_excluded_is_untouched_on_both_sides(sides):
    sides.in_step("a=1 cache/x=1 cache/y=1 b.log=1")
    sides.delete_here("cache/x", "a").delete_there("cache/y")
    sides.here("b.log=2").there("c.log=3 cache/z=4")
    result = sides.sync(exclude=["cache/", "*.log"])
    assert sides.did == ["delete_remote a"]
    assert result.success
    assert sides.objects() == {"b.log": "1", "c.log": "3", "cache/x": "1", "cache/z": "4"}
    assert sides.files() == {"b.log": "2", "cache/y": "1"}


def test_a_filter_that_is_removed_has_no_lasting_effect(sides):
    sides.in_step("a=1 cache/x=1")
    sides.delete_here("cache/x")
    sides.sync(exclude=["cache/"])
    sides.sync()
    assert sides.did == ["delete_remote cache/x"]


def test_p17_nothing_comes_and_goes_below_a_directory_that_is_not_entered(sides):
    """The pattern says that the file takes part, the directory that nothing in it does."""
    sides.there("dir/keep=1 dir/other=1")
    for _ in range(3):
        result = sides.sync(exclude=["dir/", "!dir/keep"])
        assert sides.did == [] and result.success
    assert sides.objects() == {"dir/keep": "1", "dir/other": "1"}
    assert sides.files() == {}


def test_the_ignore_file_is_read(sides):
    sides.here("a=1 a.log=1 .buckiaignore=*.log")
    sides.sync()
    assert sides.objects() == {"a": "1"}


def test_the_ignore_file_does_not_come_from_the_bucket(sides):
    sides.here("a=1").there(".buckiaignore=* d/.buckiaignore=* b=1")
    for _ in range(2):
        assert sides.sync().success
    assert sides.files() == {"a": "1", "b": "1"}
    assert sides.objects().keys() == {"a", "b", ".buckiaignore", "d/.buckiaignore"}


def test_included_only(sides):
    sides.here("a.txt=1 b=1").there("c.txt=1 d=1")
    sides.sync(include_pattern=r"\.txt$")
    assert sides.did == ["upload a.txt", "download c.txt"]
    sides.sync(include=["d"])
    assert sides.did == ["download d"]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE])
def test_patterns_that_the_system_does_not_let_be_read_are_no_wrong_setting(tmp_path, monkeypatch, number):
    (tmp_path / IGNORE_FILE).write_text("*.tmp\n")

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("buckia_core.config.trust.bounded_read.os.open", refuse)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        read_ignore_file(tmp_path)
    assert caught.value.filename == str(tmp_path / IGNORE_FILE)
