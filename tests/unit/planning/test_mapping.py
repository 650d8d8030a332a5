"""Which mapping owns a key."""

from __future__ import annotations

import pytest

from buckia_core.planning.mapping import MappingIndex, PathMapping
from buckia_core.planning.policy import Direction, SyncRules

UP = SyncRules(direction=Direction.UP)

FIRST = PathMapping("first", "/first")
DATA = PathMapping("data", "/data", "data/")
SENDS = PathMapping("sends", "/sends", rules=UP)
FILE = PathMapping("file", "/one.txt", "data/one.txt", is_file=True)


@pytest.mark.parametrize(
    ("mapping", "key", "taken"),
    [
        (FIRST, "a", True),
        (DATA, "data/a", True),
        (DATA, "data/", False),  # a marker of the root itself has no place below it
        (DATA, "data", False),
        (DATA, "database", False),
        (FILE, "data/one.txt", True),
        (FILE, "data/one.txt/x", False),
    ],
)
def test_includes(mapping, key, taken):
    assert mapping.includes(key) is taken


def test_the_filter_sees_the_path_below_the_root():
    seen: list[str] = []

    def accepts(path: str) -> bool:
        seen.append(path)
        return path != "no"

    mapping = PathMapping("data", "/data", "data/", path_filter=accepts)
    assert not mapping.includes("data/no")
    assert mapping.includes("data/yes")
    assert seen == ["no", "yes"]


def test_p17_what_is_below_a_directory_that_takes_no_part_takes_no_part():
    """A scan does not enter such a directory; what it can't see there must not look deleted."""
    mapping = PathMapping("", "/", path_filter=lambda path: path != "cache/")
    assert not mapping.includes("cache/a")
    assert not mapping.includes("cache/deep/a")
    assert mapping.includes("a/cache")
    assert mapping.includes("a/cache/b")


@pytest.mark.parametrize(("key", "relative"), [("data/a/b", "a/b"), ("data/b", "b")])
def test_relative(key, relative):
    assert DATA.relative_path(key) == relative
    assert FILE.relative_path("data/one.txt") == "one.txt"


@pytest.mark.parametrize(
    ("mappings", "key", "remembered", "owner"),
    [
        ([FIRST], "a", None, FIRST),
        ([DATA], "a", None, None),
        ([FIRST, DATA], "data/a", None, FIRST),  # the first one counts
        ([DATA, FIRST], "data/a", None, DATA),
        ([FIRST, DATA], "data/a", "data", DATA),  # the one that had it keeps it
        ([FIRST, DATA], "a", "data", FIRST),  # as long as it takes it
        ([FIRST, DATA], "a", "gone", FIRST),
        ([SENDS, FIRST], "a", None, FIRST),  # what is new comes down where it may
        ([SENDS], "a", None, SENDS),
        ([FIRST, FILE], "data/one.txt", None, FILE),  # a mapped file before any root
        ([FIRST, FILE], "data/one.txt", "first", FIRST),
    ],
)
def test_owner_of(mappings, key, remembered, owner):
    assert MappingIndex(mappings).find(key, baseline_mapping_id=remembered) is owner


def test_a_key_of_many_single_files_is_found_without_asking_each():
    """First run of a bucket of many objects beside many `files`."""
    asked = []

    class Asked(PathMapping):
        def includes(self, key: str) -> bool:
            asked.append(key)
            return super().includes(key)

    files = [Asked(f"{n}", f"/p/{n}", f"{n:04}", is_file=True) for n in range(1000)]
    owners = MappingIndex([*files, FIRST])
    assert [owners.find(f"x{n}") for n in range(100)] == [FIRST] * 100
    assert owners.find("0500") is files[500]
    assert asked == []


def test_the_filter_of_a_run_is_apart_from_the_configured_one():
    mapping = PathMapping(
        "m",
        "/m",
        path_filter=lambda path: path.endswith((".txt", "/")) and path != "no.txt",
        configured_filter=lambda path: path != "never",
    )
    taken = {
        key: (mapping.includes(key), mapping.includes_by_configuration(key))
        for key in ("a.txt", "a.log", "no.txt", "never")
    }
    assert taken == {"a.txt": (True, True), "a.log": (False, True), "no.txt": (False, True), "never": (False, False)}
