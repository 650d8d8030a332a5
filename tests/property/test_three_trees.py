"""Any three trees: what was in step once, what became of it here, what became of it in the bucket."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.planning.policy import ConflictPolicy, Direction
from buckia_core.syncing.events import SyncResult
from buckia_core.testing import Faulty
from tests.property.profiles import examples
from tests.property.world import (
    KEYS,
    CostlyReads,
    Tree,
    fits_a_disk,
    held_keys,
    new_sides,
    nothing_done,
    operations,
    recoverable_contents,
    set_files,
    set_objects,
    snapshot,
)
from tests.unit.syncing.sides import Sides


@dataclass(frozen=True)
class Case:
    """Three trees and the rules of the sync that has to bring them together."""

    base: Tree
    local: Tree
    remote: Tree
    direction: Direction
    policy: ConflictPolicy
    orphans: bool | None

    def set_up(self, sides: Sides) -> None:
        """Sync the first tree really, then edit both sides."""
        set_files(sides, self.base)
        sides.sync()
        set_files(sides, self.local)
        set_objects(sides, self.remote)

    def sync(self, sides: Sides, *, dry_run: bool = False) -> SyncResult:
        return sides.sync(direction=self.direction, conflict=self.policy, delete_orphaned=self.orphans, dry_run=dry_run)


def trees(side: str, *, nested: bool) -> st.SearchStrategy[Tree]:
    """Trees whose contents are often those of another side (`1`, `2`), often their own, and mostly of one length."""
    tokens = st.sampled_from(["1", "2", "own", "longer"])
    found = st.dictionaries(st.sampled_from(KEYS), tokens, max_size=6).map(
        lambda tree: {key: f"{side}{key}"[:4].ljust(4, ".") if data == "own" else data for key, data in tree.items()}
    )
    return found if nested else found.filter(fits_a_disk)


def cases(*, nested: bool) -> st.SearchStrategy[Case]:
    """Cases; `nested`: the bucket may hold both `a` and `a/b`."""

    def edited(base: Tree) -> st.SearchStrategy[Case]:
        def mixed(side: str, nested: bool) -> st.SearchStrategy[Tree]:
            keep = st.sets(st.sampled_from(sorted(base))) if base else st.just(set())
            both = st.builds(lambda kept, own: {key: base[key] for key in kept} | own, keep, trees(side, nested=nested))
            return both if nested else both.filter(fits_a_disk)

        return st.builds(
            Case,
            st.just(base),
            mixed("l", False),
            mixed("r", nested),
            st.sampled_from([Direction.BOTH, Direction.BOTH, Direction.UP, Direction.DOWN]),
            st.sampled_from(ConflictPolicy),
            st.sampled_from([None, True, False]),
        )

    return trees("b", nested=False).flatmap(edited)


def check_convergence(case: Case, sides: Sides, result: SyncResult) -> None:
    """P1. Keys left to a person may differ. One-way: the receiver may lack or have more only as the rules say."""
    here, there, left = sides.files(), sides.objects(), set(result.unresolved) | held_keys(sides)
    settled_here = {key: data for key, data in here.items() if key not in left}
    settled_there = {key: data for key, data in there.items() if key not in left}
    match case.direction:
        case Direction.BOTH if case.orphans is False:
            # What was deleted here and not elsewhere stays in the bucket, and does not come back.
            assert settled_here.items() <= settled_there.items()
            stays = settled_there.keys() - settled_here.keys()
            assert all(case.base.get(key) == case.remote[key] and key not in case.local for key in stays)
        case Direction.BOTH:
            assert settled_here == settled_there
        case Direction.UP:
            assert settled_here.items() <= settled_there.items()
            assert not case.orphans or settled_here == settled_there
        case Direction.DOWN:
            assert settled_there.items() <= settled_here.items()
            assert not case.orphans or settled_here == settled_there


def check_nothing_lost(case: Case, sides: Sides, *, all_kept: bool) -> None:
    """P3. A version that a person let go, by an edit or a delete on the other side, may go unless all are kept."""
    for mine in (case.local, case.remote):
        wanted = {data for key, data in mine.items() if all_kept or case.base.get(key) != data}
        assert wanted <= recoverable_contents(sides)


def check_nothing_came_back(case: Case, sides: Sides) -> None:
    """P4. What one side deleted and the other left alone is gone on both, and stays so."""
    if case.direction is not Direction.BOTH:
        return
    untouched = case.base.keys() - held_keys(sides)
    gone_here = {key for key in untouched if key not in case.local and case.remote.get(key) == case.base[key]}
    gone_there = {key for key in untouched if key not in case.remote and case.local.get(key) == case.base[key]}
    assert not (gone_here | gone_there) & sides.files().keys()
    if case.orphans is not False:
        assert not (gone_here | gone_there) & sides.objects().keys()


def check_second_run(case: Case, sides: Sides, first: SyncResult) -> None:
    """P2. A run with nothing to do costs its list calls; what is left to a person is only reported again."""
    before = sides.files(), sides.objects()
    counted = sides.adapter = Faulty(sides.adapter or sides.bucket, [])
    second = case.sync(sides)
    assert nothing_done(second), sides.did
    assert set(second.unresolved) == set(first.unresolved)
    assert (sides.files(), sides.objects()) == before
    if not first.unresolved:
        assert {operation for operation, _ in counted.calls} <= {"list_files"}
        assert sides.did == []


def check(case: Case, sides: Sides, *, all_kept: bool) -> None:
    case.set_up(sides)
    untouched = snapshot(sides.folder), sides.objects(), snapshot(sides.state_dir)
    case.sync(sides, dry_run=True)
    planned = operations(sides)
    assert (snapshot(sides.folder), sides.objects(), snapshot(sides.state_dir)) == untouched  # P15

    first = case.sync(sides)
    assert operations(sides) == planned  # P15
    assert first.failed == 0, first.errors
    check_convergence(case, sides, first)
    check_nothing_lost(case, sides, all_kept=all_kept)
    check_nothing_came_back(case, sides)
    written = {*case.base.values(), *case.local.values(), *case.remote.values()}
    assert recoverable_contents(sides) <= written  # P5: nothing is invented, and nothing is there in part
    check_second_run(case, sides, first)
    check_nothing_came_back(case, sides)


@examples(180)
@given(cases(nested=True))
def test_p1_to_p5_and_p15_with_all_versions_kept(case):
    with new_sides() as sides:
        sides.settings = {"keep_replaced": "always"}
        check(case, sides, all_kept=True)


@examples(120)
@given(cases(nested=True))
def test_p1_to_p5_and_p15_with_a_bucket_whose_reads_cost(case):
    with new_sides() as sides:
        sides.adapter = CostlyReads(sides.bucket)
        check(case, sides, all_kept=False)


def needs_nested_keys(case: Case) -> bool:
    """Tell whether something stays in the bucket that is in the way of something that comes, as on a disk it can be."""
    stays = case.direction is Direction.UP or case.orphans is False
    return stays and not fits_a_disk(case.local | case.remote)


@examples(60)
@given(cases(nested=False).filter(lambda case: not needs_nested_keys(case)))
def test_p1_to_p5_and_p15_with_a_directory_as_the_bucket(case):
    with new_sides("file") as sides:
        check(case, sides, all_kept=True)


@examples(40)
@given(cases(nested=True), st.integers(1, 3))
def test_p11_without_a_baseline_nothing_is_deleted(case, runs):
    with new_sides() as sides:
        case.set_up(sides)
        sides.lose_baseline()
        for _ in range(runs):
            result = sides.sync(conflict=case.policy)
            assert result.deleted == 0 and result.failed == 0
        assert {*case.local.values(), *case.remote.values()} <= recoverable_contents(sides)
        assert case.local.keys() <= sides.files().keys() and case.remote.keys() <= sides.objects().keys()
        equal = {key for key in case.local if case.remote.get(key) == case.local[key]}
        assert all(sides.files()[key] == case.local[key] for key in equal)


def test_the_alphabet_has_every_kind_of_trap():
    assert sorted(KEYS) == list(KEYS)
    assert not fits_a_disk(dict.fromkeys(KEYS, ""))
    by_directory = sorted(KEYS, key=lambda key: key.split("/"))
    assert by_directory != list(KEYS), "the order of a walk by names is another one"


@pytest.mark.parametrize("policy", list(ConflictPolicy))
def test_p14_both_sides_may_be_swapped(policy):
    """Through the whole engine: what wins here under `local_wins` wins there under `remote_wins`."""
    mirror = {
        ConflictPolicy.LOCAL_WINS: ConflictPolicy.REMOTE_WINS,
        ConflictPolicy.REMOTE_WINS: ConflictPolicy.LOCAL_WINS,
    }.get(policy, policy)
    base = {"a": "1", "b": "1", "c": "1", "d": "1", "e": "1"}
    one = {"a": "2", "b": "1", "c": "2", "e": "2", "f": "2"}
    other = {"a": "1", "b": "2", "c": "3", "d": "1", "e": "2", "g": "3"}
    outcomes = []
    if policy in (ConflictPolicy.KEEP_BOTH, ConflictPolicy.NEWEST_WINS):
        # Names of copies and times of objects have no mirror, so there is no conflict then.
        one["c"] = other["c"]
    for local, remote, rule in ((one, other, policy), (other, one, mirror)):
        with new_sides() as sides:
            Case(base, local, remote, Direction.BOTH, rule, None).set_up(sides)
            result = sides.sync(conflict=rule)
            outcomes.append((sides.files(), sides.objects(), result.unresolved))
    (here, there, left), (there_2, here_2, left_2) = outcomes
    assert (here, there, left) == (here_2, there_2, left_2)
