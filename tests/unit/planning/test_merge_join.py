"""The three-way merge."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.errors import AdapterError
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject, is_untouched
from buckia_core.planning.merge_join import READ_AHEAD, InSyncRun, merge_join, merge_runs
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


def is_in_sync(local: LocalEntry | None, remote: RemoteObject | None, base: BaselineEntry | None) -> bool:
    return (
        local is not None
        and remote is not None
        and base is not None
        and is_untouched(local, base)
        and local.mapping_id == base.mapping_id
        and remote.size == base.size
        and remote.fingerprint == base.fingerprint != ""
        and not base.racy
        and not base.out_of_scope
    )


CHANGES = (
    (0, "size", 9), (0, "mtime_ns", 9), (0, "ctime_ns", 9), (0, "inode", 9), (0, "mapping_id", "other"),
    (1, "size", 9), (1, "fingerprint", "other"),
    (2, "racy", True), (2, "out_of_scope", True), (2, "fingerprint", ""),
)  # fmt: skip
"""Each is a side, a field and a value with which a key is not in sync."""


@given(
    st.lists(st.none() | st.sampled_from(CHANGES) | st.integers(0, 2), max_size=12),
    st.sampled_from([1, 2, 3, READ_AHEAD]),
)
def test_runs_are_the_keys_in_sync(changes, read_ahead):
    """Of each key nothing is changed, or one field, or one side lacks it."""
    names = [f"{number:02}" for number in range(len(changes))]
    tree = m(" ".join(f"{name}=1" for name in names))
    sides: list[list[Any]] = [tree.local(), tree.remote(), tree.base()]
    for number, change in reversed(list(enumerate(changes))):
        match change:
            case int():
                del sides[change][number]
            case (side, field, value):
                sides[side][number] = sides[side][number]._replace(**{field: value})
    found: list[Any] = []
    for step in merge_runs(*sides, read_ahead=read_ahead):
        if isinstance(step, InSyncRun):
            rows = list(zip(*step, strict=True))
            assert rows and all(is_in_sync(*row) for row in rows)
            found += [(row[0].key, *row) for row in rows]
        else:
            assert not is_in_sync(*step[1:])
            found.append(step)
    assert found == list(merge_join(*sides))
    assert [key for key, *_ in found] == names


@pytest.mark.parametrize("side", [0, 1, 2], ids=["local", "remote", "base"])
@pytest.mark.parametrize("pick", [[0, 2, 1, 3], [0, 1, 1, 2]], ids=["out of order", "twice"])
def test_what_is_out_of_order_ends_a_run(side, pick):
    tree = m("a=1 b=1 c=1 d=1")
    manifests: list[list[Any]] = [tree.local(), tree.remote(), tree.base()]
    manifests[side] = [manifests[side][index] for index in pick]
    with pytest.raises(AdapterError, match="comes after"):
        list(merge_runs(*manifests))
    # Also if all three have the same order.
    manifests = [[entries[index] for index in pick] for entries in (tree.local(), tree.remote(), tree.base())]
    with pytest.raises(AdapterError, match="comes after"):
        list(merge_runs(*manifests))
