"""Selections: which objects a name on a command line stands for, and what their copies are called."""

import pytest

from buckia_core import errors
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.objects.selection import select

KEYS = ["a.txt", "dir", "dir/x", "dir/y/z", "dir2/x", "list[1].txt", "list1.txt", "odd*/x", ".buckia-shares/1.json"]


@pytest.fixture(scope="module")
def bucket():
    adapter = MemorySync(MemorySettings())
    for key in KEYS:
        adapter.upload_file(b"x", key)
    return adapter


@pytest.mark.parametrize(
    ("name", "recursive", "base", "keys"),
    [
        ("a.txt", False, "", "a.txt"),
        ("dir", False, "", "dir"),
        ("dir", True, "", "dir dir/x dir/y/z"),
        ("dir/", False, "dir/", "dir/x dir/y/z"),
        ("dir/y", True, "dir/", "dir/y/z"),
        ("dir/*", False, "dir/", "dir/x"),
        ("dir/*", True, "dir/", "dir/x dir/y/z"),
        ("dir*/x", False, "", "dir/x dir2/x"),
        ("dir*/", False, "", "dir/x dir/y/z dir2/x"),
        ("list[1].txt", False, "", "list[1].txt"),  # the literal key wins
        ("list[1].tx?", False, "", "list1.txt"),
        ("list[[]1].*", False, "", "list[1].txt"),
        ("odd*/", False, "odd*/", "odd*/x"),  # the literal folder wins
        ("**/x", False, "", "dir/x dir2/x odd*/x"),
        ("", True, "", "a.txt dir dir/x dir/y/z dir2/x list1.txt list[1].txt odd*/x"),
        (".buckia-shares/", False, ".buckia-shares/", ".buckia-shares/1.json"),
    ],
)
def test_what_a_name_stands_for(bucket, name, recursive, base, keys):
    found = select(bucket, name, recursive=recursive)
    assert (found.base, " ".join(each.key for each in found.objects)) == (base, keys)
    assert (found.single is not None) is (name in KEYS and not recursive)


@pytest.mark.parametrize(
    ("name", "recursive", "message"),
    [
        ("nope", False, "there is no such object"),
        ("nope/", False, "none below it"),
        ("nope", True, "none below it"),
        ("dir2", False, "--recursive or end it in a slash"),
        ("*.jpg", False, "no key matches this pattern"),
        ("dir?", False, "in directories that match it, give --recursive"),
        ("[a", False, "no key matches"),
    ],
)
def test_nothing_is_an_error_that_says_so(bucket, name, recursive, message):
    with pytest.raises(errors.NotFound, match=message):
        select(bucket, name, recursive=recursive)


def test_the_whole_bucket_needs_recursive(bucket):
    with pytest.raises(errors.InvalidSetting, match="--recursive"):
        select(bucket, "")
    assert any(each.key.startswith(".buckia-") for each in select(bucket, "", recursive=True, internal=True).objects)
