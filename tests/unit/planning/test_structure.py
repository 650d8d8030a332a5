"""What one disk can't hold at once: a file where a directory must be, and twins."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.planning.diff import align
from buckia_core.planning.keys import DiskRules
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.policy import Direction, Rules
from buckia_core.planning.reconcile import reconcile
from buckia_core.planning.structure import Structure, refuse_twins
from buckia_core.testing import m


def planned(
    local: str, remote: str, base: str = "", rules: Rules | None = None, *, nested: bool = True
) -> dict[str, Operation]:
    """Return the operations of a plan, by key, after the check of its structure."""
    structure, operations = Structure(nested=nested), {}
    for key, here, there, before in align(m(local).hashed(), m(remote).remote(), m(base).base()):
        structure.see(key, here, there)
        outcome = reconcile(key, "", here, there, before, rules or Rules())
        if isinstance(outcome, Operation):
            operations[key] = outcome
    structure.settle(operations)
    return operations


def words(operations: dict[str, Operation]) -> dict[str, str]:
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
    assert words(planned(local, remote, base)) == expected


def test_a_type_conflict_touches_nothing_and_names_the_other_key():
    for key, operation in planned("a=1", "a/b=2").items():
        assert operation.action is Action.CONFLICT and operation.unresolved and not operation.keep_both
        assert operation.detail == ("a/b" if key == "a" else "a")


def test_what_does_not_come_down_is_in_nobodys_way():
    rules = Rules(direction=Direction.UP)
    assert words(planned("a=1", "a/b=2", rules=rules)) == {"a": "upload"}


def test_a_bucket_that_is_a_directory_does_not_hold_both_either():
    """`b` is deleted here and stays in the bucket, where the new `b/a` then has no place."""
    rules = Rules(delete_orphaned=False)
    assert words(planned("b/a=1", "b=1", "b=1", rules)) == {"b/a": "upload"}
    assert words(planned("b/a=1", "b=1", "b=1", rules, nested=False)) == {"b/a": "type conflict"}
    assert words(planned("b/a=1", "b=1", "b=1", nested=False)) == {"b": "delete_remote", "b/a": "upload after deletes"}


@given(st.sets(st.sampled_from(["a", "a-b", "a.txt", "a/b", "a/b-c", "a/b/c", "a0", "b", "b/a"])))
def test_exactly_the_pairs_of_which_one_is_in_the_way_are_found(keys):
    structure = Structure()
    for key in sorted(keys):
        structure.see(key, None, m("a=1").remote()[0])
    found = {(file.key, below.key) for file, below in structure.pairs}
    assert found == {(one, other) for one, other in combinations(sorted(keys), 2) if other.startswith(one + "/")}


# --- twins -------------------------------------------------------------------------------------------------

FOLDS = DiskRules(folds=True)


def twins(remote: str, *, rules: DiskRules = FOLDS, taken: str = "") -> dict[str, str]:
    operations = planned("", remote).values()
    kept = refuse_twins(operations, rules, lambda operation: operation.key == taken)
    return {each.key: f"twin of {each.detail!r}" if each.reason is Reason.TWIN else each.action.value for each in kept}


def test_n13_the_second_of_two_twins_is_reported():
    assert twins("A.txt=1 a.txt=2 b=1") == {"A.txt": "download", "a.txt": "twin of 'A.txt'", "b": "download"}


def test_n12_forms_of_one_letter_are_twins():
    assert twins("é=1 e\u0301=2") == {"e\u0301": "download", "é": "twin of 'e\u0301'"}


def test_a_twin_of_a_file_that_is_here_is_reported():
    assert twins("a=1 b=1", taken="a") == {"a": "twin of ''", "b": "download"}


def test_a_disk_that_keeps_both_gets_both():
    assert twins("A=1 a=2", rules=DiskRules(), taken="a") == {"A": "download", "a": "download"}


def test_a_twin_is_left_for_a_person():
    operations = planned("", "A=1 a=2").values()
    _, twin = refuse_twins(operations, FOLDS, lambda _: False)
    assert twin.action is Action.CONFLICT and twin.unresolved
