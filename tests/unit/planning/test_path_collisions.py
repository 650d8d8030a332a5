"""What one disk can't hold at once: a file where a directory must be, and collisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.planning.keys import FilesystemRules, casefold_key
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.merge_join import merge_join
from buckia_core.planning.path_collisions import NameCollisions, PathCollisionDetector
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.policy import Direction, SyncRules
from buckia_core.planning.reconcile import reconcile
from buckia_core.testing import m


def planned(
    local: str, remote: str, base: str = "", rules: SyncRules | None = None, *, nested: bool = True
) -> dict[str, Operation]:
    """Return the operations of a plan, by key, after the check of its structure."""
    structure, operations = PathCollisionDetector(nested_keys=nested), {}
    for key, here, there, before in merge_join(m(local).hashed(), m(remote).remote(), m(base).base()):
        structure.add(key, here, there)
        outcome = reconcile(key, "", here, there, before, rules or SyncRules())
        if isinstance(outcome, Operation):
            operations[key] = outcome
    structure.resolve(operations)
    return operations


def describe(operations: dict[str, Operation]) -> dict[str, str]:
    return {
        key: "type conflict"
        if operation.reason is Reason.TYPE_CONFLICT
        else operation.action.value + (" after deletes" if operation.after_deletes else "")
        for key, operation in operations.items()
    }


CASES = {
    "a file here, a directory there": ("a=1", "a/b=2", "", {"a": "type conflict", "a/b": "type conflict"}),
    "a directory here, a file there": ("a/b=1", "a=2", "", {"a": "type conflict", "a/b": "type conflict"}),
    "both in the bucket": ("", "a=1 a/b=2", "", {"a": "type conflict", "a/b": "type conflict"}),
    "a file in step, a directory comes": ("a=1", "a=1 a/b=2", "a=1", {"a/b": "type conflict"}),
    "a directory in step, a file comes": ("a/b=1", "a=2 a/b=1", "a/b=1", {"a": "type conflict"}),
    "an edited file against a directory": (
        "a=2",
        "a/b=1",
        "a=1",
        {"a": "type conflict", "a/b": "type conflict"},
    ),
    "a file became a directory there": (
        "a=1",
        "a/b=2",
        "a=1",
        {"a": "delete_local", "a/b": "download after deletes"},
    ),
    "a directory became a file there": (
        "a/b=1 a/c=1",
        "a=2",
        "a/b=1 a/c=1",
        {"a": "download after deletes", "a/b": "delete_local", "a/c": "delete_local"},
    ),
    "a file became a directory here": (
        "a/b=2",
        "a=1",
        "a=1",
        {"a": "delete_remote", "a/b": "upload after deletes"},
    ),
    "a directory became a file here": (
        "a=2",
        "a/b=1",
        "a/b=1",
        {"a": "upload after deletes", "a/b": "delete_remote"},
    ),
    "swapped here, edited there": (
        "a/b=2",
        "a=3",
        "a=1",
        {"a": "type conflict", "a/b": "type conflict"},
    ),
    "swapped on both sides alike": ("a/b=2", "a/b=2", "a=1", {"a": "forget", "a/b": "adopt"}),
    "three levels": (
        "a=1",
        "a/b=2 a/b/c=3",
        "",
        {"a": "type conflict", "a/b": "type conflict", "a/b/c": "type conflict"},
    ),
    "three levels in the bucket": (
        "",
        "a=1 a/b=2 a/b/c=3",
        "",
        {"a": "type conflict", "a/b": "type conflict", "a/b/c": "type conflict"},
    ),
    "a file there, several below it here": (
        "a/b=1 a/b-c=1",
        "a=1",
        "",
        {"a": "type conflict", "a/b": "type conflict", "a/b-c": "type conflict"},
    ),
    "a directory became a file there, one of its files was edited here": (
        "a/b=1 a/c=2",
        "a=3",
        "a/b=1 a/c=1",
        {"a": "type conflict", "a/b": "delete_local", "a/c": "type conflict"},
    ),
    "three levels, the middle one goes": (
        "a/b=1",
        "a/b/c=2",
        "a/b=1",
        {"a/b": "delete_local", "a/b/c": "download after deletes"},
    ),
    "what only sorts between them is no directory": (
        "a=1",
        "a-b=1 a.txt=1 a/b=1 a0=1",
        "",
        {"a": "type conflict", "a-b": "download", "a.txt": "download", "a/b": "type conflict", "a0": "download"},
    ),
}


@pytest.mark.parametrize(("local", "remote", "base", "expected"), CASES.values(), ids=CASES)
def test_files_and_directories(local, remote, base, expected):
    assert describe(planned(local, remote, base)) == expected


def test_a_type_conflict_touches_nothing_and_names_the_other_key():
    for key, operation in planned("a=1", "a/b=2").items():
        assert operation.action is Action.CONFLICT
        assert operation.detail == ("a/b" if key == "a" else "a")


def test_what_is_not_downloaded_collides_with_nothing():
    rules = SyncRules(direction=Direction.UP)
    assert describe(planned("a=1", "a/b=2", rules=rules)) == {"a": "upload"}


def test_a_bucket_that_is_a_directory_does_not_hold_both_either():
    """`b` is deleted here and stays in the bucket, where the new `b/a` then has no place."""
    rules = SyncRules(delete_orphaned=False)
    assert describe(planned("b/a=1", "b=1", "b=1", rules)) == {"b/a": "upload"}
    assert describe(planned("b/a=1", "b=1", "b=1", rules, nested=False)) == {"b/a": "type conflict"}
    assert describe(planned("b/a=1", "b=1", "b=1", nested=False)) == {
        "b": "delete_remote",
        "b/a": "upload after deletes",
    }


@given(st.sets(st.sampled_from(["a", "a-b", "a.txt", "a/b", "a/b-c", "a/b/c", "a0", "b", "b/a"])))
def test_exactly_the_pairs_of_which_one_is_in_the_way_are_found(keys):
    structure = PathCollisionDetector()
    for key in sorted(keys):
        structure.add(key, None, m("a=1").remote()[0])
    found = {(file.key, below.key) for file, below in structure.pairs}
    assert found == {(one, other) for one, other in combinations(sorted(keys), 2) if other.startswith(one + "/")}


# --- collisions -------------------------------------------------------------------------------------------------

FOLDS = FilesystemRules(case_insensitive=True, normalization_insensitive=True)


def disk_of(*names: str) -> tuple[Callable[[PathMapping, str], str | None], Callable[[PathMapping, str], bool]]:
    """Return what a folding disk with these files and directories says of a path."""
    paths = {name[:end] for name in names for end in [*(at for at, letter in enumerate(name) if letter == "/"), None]}

    def spelling(mapping: PathMapping, path: str) -> str | None:
        parent = path.rpartition("/")[0]
        found = [each for each in paths if casefold_key(each) == casefold_key(path)]
        if not found or path in found:
            return None
        return (parent + "/" if parent else "") + found[0].rpartition("/")[2]

    return spelling, lambda mapping, path: path in paths


def finder(
    *names: str, rules: FilesystemRules = FOLDS, mappings: Sequence[PathMapping] = (PathMapping("", "/p"),)
) -> NameCollisions:
    return NameCollisions({each.id: each for each in mappings}, {each.id: rules for each in mappings}, *disk_of(*names))


def collisions(
    remote: str, *, local: str = "", base: str = "", rules: FilesystemRules = FOLDS, names: Sequence[str] | None = None
) -> dict[str, str]:
    """Return what becomes of a plan on a disk that holds the local files, or these names."""
    found = planned(local, remote, base).values()
    kept = finder(*([item.key for item in m(local)] if names is None else names), rules=rules).resolve(list(found))
    return {
        each.key: f"collides with {each.detail}"
        if each.reason is Reason.CASE_COLLISION
        else describe({each.key: each})[each.key]
        for each in kept
    }


TWINS = {
    "two new ones": (
        ("A.txt=1 a.txt=2 b=1", ""),
        {"A.txt": "download", "a.txt": "collides with A.txt", "b": "download"},
    ),
    "two forms of a letter": (("é=1 e\u0301=2", ""), {"e\u0301": "download", "é": "collides with e\u0301"}),
    "of a file that is here": (("A=1 a=1 b=1", "A=1"), {"A": "adopt", "a": "collides with A", "b": "download"}),
    "two directories": (
        ("Dir/a=1 dir/b=2 dir/c/d=3", ""),
        {"Dir/a": "download", "dir/b": "collides with Dir", "dir/c/d": "collides with Dir"},
    ),
    "of a directory that is here": (("Dir/a=1 dir/b=2", "Dir/a=1"), {"Dir/a": "adopt", "dir/b": "collides with Dir"}),
    "of a directory far above": (
        ("x/Dir/y/a=1 x/dir/y/b=2", "x/Dir/y/a=1"),
        {"x/Dir/y/a": "adopt", "x/dir/y/b": "collides with x/Dir"},
    ),
    "a file and a directory": (("A/x=1 a=2", "A/x=1"), {"A/x": "adopt", "a": "collides with A"}),
    "same directory, same spelling": (("d/a=1 d/b=1", ""), {"d/a": "download", "d/b": "download"}),
}


@pytest.mark.parametrize(("sides", "expected"), TWINS.values(), ids=TWINS)
def test_what_a_folding_disk_would_join_is_reported(sides, expected):
    remote, local = sides
    assert collisions(remote, local=local) == expected


@pytest.mark.parametrize(("sides", "expected"), TWINS.values(), ids=TWINS)
def test_a_disk_that_keeps_both_gets_both(sides, expected):
    remote, local = sides
    assert "collision" not in "".join(collisions(remote, local=local, rules=FilesystemRules()).values())


def test_a_disk_joins_only_what_it_takes_for_one():
    """exFAT folds case and no Unicode forms; HFS+ can be made to fold forms and no case."""
    remote = "A=1 a=2 e\u0301=1 é=2"
    expected = {
        FilesystemRules(case_insensitive=True): {"a"},
        FilesystemRules(normalization_insensitive=True): {"é"},
        FilesystemRules(case_insensitive=True, normalization_insensitive=True): {"a", "é"},
    }
    for rules, keys in expected.items():
        assert {key for key, found in collisions(remote, rules=rules).items() if "collides" in found} == keys


def test_a_name_that_changed_its_case_there_comes_after_the_delete():
    assert collisions("A=1", local="a=1", base="a=1") == {"A": "download after deletes", "a": "delete_local"}
    assert collisions("D/x=1", local="d/x=1", base="d/x=1") == {"D/x": "download after deletes", "d/x": "delete_local"}
    assert collisions("D/x=1 d/y=2", local="d/x=1 d/y=2", base="d/x=1 d/y=2") == {
        "D/x": "download after deletes",
        "d/x": "delete_local",
    }


def test_a_collision_is_an_undecided_conflict():
    operations = list(planned("", "A=1 a=2").values())
    _, collision = finder().resolve(operations)
    assert collision.action is Action.CONFLICT


def test_keys_of_two_roots_do_not_collide():
    one, two = PathMapping("one", "/one", "x/"), PathMapping("two", "/two", "X/")
    objects = {each.key: each for each in m("X/a=1 x/a=1 x/A=1").remote()}
    operations = [
        Operation(Action.DOWNLOAD, key, root, Reason.NEW_REMOTE, remote=objects[key])
        for key, root in (("X/a", "two"), ("x/A", "one"), ("x/a", "one"))
    ]
    kept = finder(mappings=[one, two]).resolve(operations)
    assert [(each.key, each.action, each.detail) for each in kept] == [
        ("X/a", Action.DOWNLOAD, ""),
        ("x/A", Action.DOWNLOAD, ""),
        ("x/a", Action.CONFLICT, "x/A"),
    ]


FORMS = {
    "beside a file that is here": (("e\u0301=1 é=2", "é=2", "é=2"), [("e\u0301", "é")]),
    "two at once": (("e\u0301=1 é=2", "", ""), [("é", "e\u0301")]),
    "in step already": (("e\u0301=1 é=2", "e\u0301=1 é=2", "e\u0301=1 é=2"), []),
    "letters of their own": (("é=1 è=2", "è=2", "è=2"), []),
    "of a directory": (("e\u0301/a=1 é/a=2", "é/a=2", "é/a=2"), [("e\u0301/a", "é/a")]),
    "in case only": (("A=1 a=2", "a=2", "a=2"), []),
}


@pytest.mark.parametrize(("sides", "expected"), FORMS.values(), ids=FORMS)
def test_new_unicode_variants_are_found_on_every_disk(sides, expected):
    remote, local, base = sides
    operations = planned(local, remote, base).values()
    found = finder(*(item.key for item in m(local)), rules=FilesystemRules())
    assert found.find_unicode_variants(operations) == expected


@given(
    st.lists(st.tuples(st.text("a-/0", min_size=1, max_size=5), st.booleans()), max_size=14, unique_by=lambda x: x[0])
)
def test_runs_of_keys_in_sync_find_the_same_pairs(found):
    """Of two keys in sync nothing is to be resolved; all other pairs are found, whichever of the two is in sync."""
    found.sort()
    one_by_one, in_runs = PathCollisionDetector(), PathCollisionDetector()
    local, remote = m("k=1").local()[0], m("k=1").remote()[0]
    changed = {key for key, in_sync in found if not in_sync}
    for key, in_sync in found:
        one_by_one.add(key, local if in_sync else None, remote)
    for in_sync, group in groupby(found, lambda each: each[1]):
        if in_sync:
            in_runs.add_in_sync([key for key, _ in group])
        else:
            for key, _ in group:
                in_runs.add(key, None, remote)

    def pairs(detector: PathCollisionDetector) -> list[tuple[str, str]]:
        every = [(file.key, below.key) for file, below in detector.pairs]
        return [pair for pair in every if not changed.isdisjoint(pair)]

    assert pairs(in_runs) == pairs(one_by_one)
