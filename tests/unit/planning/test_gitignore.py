"""gitignore patterns: compared with git itself, and matched in bounded steps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buckia_core.planning.gitignore import MAX_PATTERN_LENGTH, PatternList, invalid_pattern_reason, parse_pattern

# fmt: off
FILES = (
    "a", "b", "ab", "a.b", "a.txt", ".a", "#a", "!a", " a", "a b", "a ", "a*", "a\\b", "a[b]", "-", "]", "A", "aab",
    "x.log", "ba/a", "ba/b.txt", "ba/ab/a", "ba/ab/b/x.log", "ba/.a/b", "b.d/a/ab", "b.d/a/b/a.txt", "b.d/b/a",
    "c/b/a/c/b/a", "c/x.log/a", "keep/keep.log", "keep/other", "a-c", "9", "#d/a", "a\tb", "d/[", "d/a^b",
)
WORDS = (
    "*", "**", "?", "a", "b", "ab", ".", "[ab]", "[!a]", "[a-c]", "\\a", "-", "[[:alpha:]]", "[", "]", "\\*", ".log",
)
# fmt: on

TABLE: tuple[tuple[str, ...], ...] = (
    ("*", "!*/", "!*.log"),
    ("*", "!*/", "!keep.log"),
    ("*", "!a"),
    ("ba/ab/**", "!ba/ab/a"),
    ("ba/**", "!ba/**/", "!ba/**/x.log"),
    ("ba/**", "!ba/ab/", "!ba/ab/a"),
    ("/*", "!/ba/**"),
    ("ba/*", "!ba/ab/**"),
    ("*", "!ba"),
    ("/*", "!/ba/"),
    ("ba/", "!ba/a"),
    ("a",),
    ("/a",),
    ("a/",),
    ("ba/a",),
    ("**/a",),
    ("a/**",),
    ("c/**/a",),
    ("**",),
    ("**/",),
    ("/**",),
    ("**/**",),
    ("**/b/**/a",),
    ("ba**",),
    ("ba**/a",),
    ("b**a",),
    ("ba/a**b/a",),
    ("c/**b/a",),
    ("c/b**/a",),
    ("*.log",),
    ("*.*",),
    ("?",),
    ("a?",),
    ("*a*b*",),
    ("b*/a",),
    ("*/a",),
    ("*/*/a",),
    ("[ab]",),
    ("[!ab]",),
    ("[^ab]",),
    ("[a-c]",),
    ("[c-a]",),
    ("[a-]",),
    ("[]-]",),
    ("[!]a]",),
    ("[[:alpha:]]",),
    ("[[:digit:][:punct:]]",),
    ("[[:upper:]]",),
    ("[[:no:]]",),
    ("[[:alpha:]-z]",),
    ("[[a:]",),
    ("a[",),
    ("[",),
    ("d/[[]",),
    ("d/a[\\^]b",),
    ("a\\[b\\]",),
    ("a\\*",),
    ("a\\\\b",),
    ("a\\",),
    ("\\a",),
    ("\\#a",),
    ("#a",),
    ("\\!a",),
    ("!a",),
    ("!!a", "\\!a"),
    ("a ",),
    ("a\\ ",),
    ("a  ",),
    (" a",),
    ("a b",),
    ("a\tb",),
    ("a\t",),
    ("A",),
    ("./a",),
    ("ba/../a",),
    ("ba//a",),
    ("//a",),
    ("a//",),
    ("/",),
    ("!",),
    ("",),
    ("   ",),
    ("b.d/a[/]b",),
    ("**\\/a",),
    ("c/**\\/a",),
    ("c\\/b",),
    ("ba\\/",),
    ("***/a",),
    ("c/***/a",),
    ("c/***",),
    ("*/",),
    ("*/", "!ba/"),
    ("*", "!ba/", "!*/ab", "!x.log"),
    ("ba", "!ba/"),
    ("/ba/ab/", "!x.log"),
)


@pytest.fixture(scope="module")
def kept_by_git(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[str]], set[str]]:
    """Return a function that lists the files that git does not ignore for a list of patterns."""
    if shutil.which("git") is None:
        # Where servers are required, so is git: what a pattern means is only known by asking it.
        (pytest.fail if os.environ.get("BUCKIA_REQUIRE_SERVERS") else pytest.skip)("git is not installed")
    root = tmp_path_factory.mktemp("tree")
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    git = ("git", "-c", "core.ignoreCase=false", "-C", str(root))
    subprocess.run((*git, "init", "-q", "."), check=True)
    shutil.copytree(root / ".git", kept := tmp_path_factory.mktemp("git") / "git")
    shutil.rmtree(root / ".git")
    rules = root.parent / f"{root.name}.rules"

    def kept_files(patterns: Sequence[str]) -> set[str]:
        rules.write_text("".join(f"{pattern}\n" for pattern in patterns), encoding="utf-8")
        done = subprocess.run(
            (*git, f"--git-dir={kept}", "--work-tree=.", "ls-files", "-oz", f"--exclude-from={rules}"),
            capture_output=True,
            check=True,
        )
        return set(filter(None, done.stdout.decode().split("\0")))

    return kept_files


def kept(patterns: Sequence[str]) -> set[str]:
    found = PatternList(patterns)
    return {name for name in FILES if not found.match(name)}


@pytest.mark.parametrize("patterns", TABLE, ids=" ".join)
def test_patterns_mean_what_they_mean_to_git(patterns, kept_by_git):
    assert kept(patterns) == kept_by_git(patterns)


@pytest.mark.parametrize("patterns", TABLE, ids=" ".join)
def test_a_pattern_that_matches_something_is_not_refused(patterns, kept_by_git):
    for pattern in patterns:
        if len(kept_by_git([pattern.removeprefix("!")])) < len(FILES):
            assert invalid_pattern_reason(pattern) is None


PARTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("".join)
WRITTEN = st.builds(
    lambda negated, rooted, parts, end: f"{negated}{rooted}{'/'.join(parts)}{end}",
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(st.one_of(PARTS, st.sampled_from(["**", "*", "ba", "ab", "b.d", "c", "a", "b"])), min_size=1, max_size=4),
    st.sampled_from(["", "", "/", "/**", " "]),
)


@settings(deadline=None, derandomize=True, database=None, max_examples=400)
@given(st.lists(WRITTEN, min_size=1, max_size=4))
def test_generated_patterns_mean_what_they_mean_to_git(kept_by_git, patterns):
    assert kept(patterns) == kept_by_git(patterns)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 30 + "b", "a" * 60),
        ("*a" * 500, "a" * 499),
        ("**/a/" * 50 + "b", "a/" * 511 + "a"),
        ("**/*a*a/" * 20 + "b", "aa/" * 300 + "a"),
        ("[ab]*" * 100 + "c", "ab" * 500),
        ("x/**/" + "*?" * 200 + "b", "x/" + "a" * 1000),
    ],
)
def test_wildcards_do_not_multiply(pattern, path):
    """Each of these takes a matcher that tries all combinations longer than anybody waits."""
    assert not PatternList([pattern]).match(path)


def test_a_question_mark_and_a_class_match_one_character():
    """git compares bytes, of which `é` has two."""
    assert PatternList(["caf?"]).match("café")
    assert PatternList(["caf[éè]"]).match("café")
    assert PatternList(["[!a]"]).match("é")
    assert not PatternList(["caf??"]).match("café")


def test_names_with_line_breaks_are_names():
    assert PatternList(["*.log"]).match("a\nb.log")
    assert PatternList(["a?b"]).match("a\nb")
    assert not PatternList(["*b"]).match("a\nb\n")


def test_parse_pattern():
    assert parse_pattern("# comment") is None and parse_pattern("  ") is None
    pattern = parse_pattern("!/docs/*.txt/ ")
    assert pattern is not None
    assert (pattern.text, pattern.negated, pattern.directory_only, pattern.anchored) == ("docs/*.txt", True, True, True)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("#recycle/", r"comment.*'\\#recycle/'"),
        ("", "empty"),
        ("   ", "empty"),
        ("!", "matches nothing"),
        ("/", "matches nothing"),
        ("./build", "'/build'"),
        ("src/./build/", "'/src/build'"),
        ("../other", "out of the directory"),
        ("a//b", "//"),
        ("a[b", r"\["),
        ("a\\", r"\\"),
        ("[[:letter:]]", r"\["),
        ("a" * (MAX_PATTERN_LENGTH + 1), "4,096"),
    ],
)
def test_what_can_match_nothing_has_a_reason(pattern, reason):
    assert re.search(reason, invalid_pattern_reason(pattern) or "")


@pytest.mark.parametrize("pattern", ["\\#recycle/", "a", "!a", "[.]/a", "*", "**/..a", ".git/", "a\\ "])
def test_what_can_match_something_passes(pattern):
    assert invalid_pattern_reason(pattern) is None
