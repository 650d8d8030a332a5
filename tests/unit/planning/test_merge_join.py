"""The three-way merge."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given

from buckia_core.errors import AdapterError
from buckia_core.planning.merge_join import merge_join
from buckia_core.testing import m
from buckia_core.testing.strategies import three_trees


def keys(local: str, remote: str, base: str) -> list[tuple[str, str]]:
    """Return each key of the merge with the letters of the sides that have it."""
    rows = merge_join(m(local).local(), m(remote).remote(), m(base).base())
    return [
        (key, "".join(letter for letter, entry in zip("lrb", row, strict=True) if entry is not None))
        for key, *row in rows
    ]


@pytest.mark.parametrize(
    ("local", "remote", "base", "merged"),
    [
        ("", "", "", []),
        ("a=1", "a=1", "a=1", [("a", "lrb")]),
        ("a=1", "b=1", "c=1", [("a", "l"), ("b", "r"), ("c", "b")]),
        ("a=1 c=1", "b=1 c=2", "a=1", [("a", "lb"), ("b", "r"), ("c", "lr")]),
        ("", "z=1", "a=1", [("a", "b"), ("z", "r")]),
    ],
)
def test_align(local, remote, base, merged):
    assert keys(local, remote, base) == merged


def test_keys_come_in_the_order_of_their_bytes():
    """N19: what sorts around a slash is where a walk by directories goes wrong."""
    names = ["a b/bar", "a!x", "a-b", "a.txt", "a/foo", "a0", "xyz/t", "xyz1/t", "é", "\ue000", "🙂"]
    tree = m(" ".join(f"{name}=1" for name in names if " " not in name))
    merged = [key for key, *_ in merge_join(tree.local(), tree.remote(), [])]
    assert merged == sorted(merged, key=str.encode)
    assert len(merged) == len(names) - 1


@given(three_trees())
def test_nothing_is_lost_or_invented(trees):
    rows = list(merge_join(trees.local.local(), trees.remote.remote(), trees.base.base()))
    assert [here for _, here, _, _ in rows if here] == trees.local.local()
    assert [there for _, _, there, _ in rows if there] == trees.remote.remote()
    assert [before for _, _, _, before in rows if before] == trees.base.base()
    for key, *row in rows:
        assert {entry.key for entry in row if entry is not None} == {key}


@pytest.mark.parametrize("side", [0, 1, 2], ids=["local", "remote", "base"])
@pytest.mark.parametrize("pick", [[1, 0], [0, 0]], ids=["out of order", "twice"])
def test_what_is_out_of_order_is_an_error_and_no_deletion(side, pick):
    tree = m("a=1 b=1")
    manifests: list[list[Any]] = [tree.local(), tree.remote(), tree.base()]
    manifests[side] = [manifests[side][index] for index in pick]
    with pytest.raises(AdapterError, match="comes after"):
        list(merge_join(*manifests))


def test_the_merge_holds_one_entry_of_each():
    """Memory does not follow the size of the tree: nothing is read before it is needed."""
    read = [0, 0, 0]

    def manifest(side, entry):
        for number in count():
            read[side] += 1
            yield entry._replace(key=f"{number:09}")

    local, remote, base = m("a=1").local()[0], m("a=1").remote()[0], m("a=1").base()[0]
    merged = merge_join(manifest(0, local), manifest(1, remote), manifest(2, base))
    for _ in range(100):
        next(merged)
    assert max(read) <= 102
