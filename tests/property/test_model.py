"""People at work on both sides, syncs in between, faults, a lost baseline; a model says what has to come of it."""

from __future__ import annotations

import os
from itertools import count

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.errors import AdapterError, PermissionDenied, PreconditionFailed, Transient
from buckia_core.planning.policy import ConflictPolicy
from buckia_core.syncing.events import SyncResult
from buckia_core.testing import Fault, Faulty
from tests.property.model import Expected, expected
from tests.property.profiles import examples
from tests.property.world import (
    CONFLICT_COPY,
    CostlyReads,
    Tree,
    clashes,
    held_keys,
    new_sides,
    nothing_done,
    operations,
    recoverable_contents,
    remove_file,
    sha256,
    snapshot,
    write_file,
)
from tests.unit.syncing.sides import Sides

NAMES = ("a", "a-b", "a.txt", "a/b", "a0", "b", "c/x", "c/y", "d")
"""Few enough that things meet; only the first one is in the way of another."""

SOME_KEYS = st.sampled_from(NAMES)
POLICIES = st.sampled_from([each for each in ConflictPolicy if each is not ConflictPolicy.NEWEST_WINS])
ORPHANS = st.sampled_from([None, None, False])
CHANGES = st.sampled_from(["leave", "edit", "edit", "delete"])
LENGTHS = st.sampled_from([4, 4, 4, 9])


def faults() -> st.SearchStrategy[Fault]:
    """Errors at the n-th call, replies that are lost, listings that end in the middle."""
    errors = st.sampled_from(
        [lambda: Transient("cut off"), lambda: PermissionDenied("not you"), lambda: PreconditionFailed("it moved")]
    )
    calls = st.sampled_from(["upload_file", "download_file", "delete_files", "stat_file", "open_file", "copy_file"])
    of_calls = st.builds(
        Fault, calls, errors, at=st.integers(1, 3), times=st.sampled_from([1, 2, None]), after=st.booleans()
    )
    of_listings = st.builds(Fault, st.just("list_files"), at=st.just(1), entries=st.integers(0, 4))
    return of_calls | of_listings


class People(RuleBasedStateMachine):
    """One folder and one bucket, in which nothing that a person wrote may get lost."""

    def __init__(self) -> None:
        super().__init__()
        self._opened = new_sides()
        self.sides: Sides = self._opened.__enter__()
        self._numbers = count(1)
        self.written: set[str] = {""}
        # What was agreed on, as far as the engine has been able to write it down.
        self.base: Tree = {}

    def teardown(self) -> None:
        try:
            self._sync_twice()
        finally:
            self._opened.__exit__(None, None, None)

    @initialize(costly=st.booleans(), keys=st.sets(SOME_KEYS.filter(lambda key: key != "a/b"), min_size=3))
    def begin_in_step(self, costly, keys):
        if costly:
            self.sides.adapter = CostlyReads(self.sides.bucket)
        for key in keys:
            write_file(self.sides, key, self._new_content(4))
        self.sides.sync()
        self._check_and_take_the_baseline()

    # --- what people do ----------------------------------------------------------------------------------

    def _new_content(self, length: int) -> str:
        content = f"{next(self._numbers):0{length}}"
        self.written.add(content)
        return content

    def _make_room_here(self, key: str) -> None:
        for other in self.sides.files():
            if clashes(key, other):
                remove_file(self.sides, other)

    @rule(key=SOME_KEYS, length=LENGTHS)
    def write_here(self, key, length):
        self._make_room_here(key)
        write_file(self.sides, key, self._new_content(length))

    @rule(key=SOME_KEYS, length=LENGTHS)
    def write_there(self, key, length):
        self.sides.bucket.upload_file(self._new_content(length).encode(), key)

    @rule(key=SOME_KEYS)
    def write_the_same_on_both_sides(self, key):
        content = self._new_content(4)
        self._make_room_here(key)
        write_file(self.sides, key, content)
        self.sides.bucket.upload_file(content.encode(), key)

    @rule(key=SOME_KEYS)
    def empty_here(self, key):
        self._make_room_here(key)
        write_file(self.sides, key, "")

    @rule(data=st.data(), length=LENGTHS, here=CHANGES, there=CHANGES)
    def change_what_was_in_step(self, data, length, here, there):
        """One key: left alone, edited or deleted on each side."""
        files, objects = self.sides.files(), self.sides.objects()
        keys = sorted(self.base.keys() & files.keys() & objects.keys())
        assume(keys)
        key = data.draw(st.sampled_from(keys))
        if here == "edit":
            write_file(self.sides, key, self._new_content(length))
        elif here == "delete":
            remove_file(self.sides, key)
        if there == "edit":
            self.sides.bucket.upload_file(self._new_content(length).encode(), key)
        elif there == "delete":
            self.sides.bucket.delete_files([key])

    @rule(data=st.data(), to=SOME_KEYS)
    def rename_here(self, data, to):
        files = self.sides.files()
        assume(files and to not in files)
        key = data.draw(st.sampled_from(sorted(files)))
        assume(not any(clashes(to, other) for other in files if other != key))
        aside = self.sides.folder.with_name("aside")
        os.rename(self.sides.folder / key, aside)
        write_file(self.sides, key, "")
        remove_file(self.sides, key)
        (self.sides.folder / to).parent.mkdir(parents=True, exist_ok=True)
        os.rename(aside, self.sides.folder / to)

    @rule(data=st.data(), to=SOME_KEYS)
    def rename_there(self, data, to):
        objects = self.sides.objects()
        assume(objects and to not in objects)
        key = data.draw(st.sampled_from(sorted(objects)))
        self.sides.bucket.upload_file(objects[key].encode(), to)
        self.sides.bucket.delete_files([key])

    @rule(name=st.sampled_from(["empty", "c/d"]))
    def make_a_directory(self, name):
        (self.sides.folder / name).mkdir(parents=True, exist_ok=True)

    @rule(data=st.data(), seconds=st.integers(0, 2 * 10**9))
    def touch_here(self, data, seconds):
        keys = sorted(self.sides.files())
        assume(keys)
        os.utime(self.sides.folder / data.draw(st.sampled_from(keys)), (seconds, seconds))

    @rule(data=st.data(), here=st.booleans())
    def write_what_is_there_already(self, data, here):
        tree = self.sides.files() if here else self.sides.objects()
        assume(tree)
        key = data.draw(st.sampled_from(sorted(tree)))
        if here:
            write_file(self.sides, key, tree[key])
        else:
            self.sides.bucket.upload_file(tree[key].encode(), key)

    @rule(data=st.data())
    def change_and_revert_here(self, data):
        files = self.sides.files()
        assume(files)
        key = data.draw(st.sampled_from(sorted(files)))
        write_file(self.sides, key, "something else")
        write_file(self.sides, key, files[key])

    @rule(data=st.data())
    def edit_without_a_trace(self, data):
        """P10: other bytes, the same size, the same modification time."""
        files = self.sides.files()
        assume(any(files.values()))
        key = data.draw(st.sampled_from(sorted(key for key, content in files.items() if content)))
        path = self.sides.folder / key
        before = path.stat()
        path.write_text(self._new_content(len(files[key])), "utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    @precondition(lambda self: next(self._numbers) % 3 == 0)
    @rule()
    def lose_the_baseline(self):
        self.sides.lose_baseline()
        self.base = {}

    # --- what the engine does ----------------------------------------------------------------------------

    @rule(policy=POLICIES, orphans=ORPHANS)
    def sync(self, policy, orphans):
        here, there = self.sides.files(), self.sides.objects()
        untouched = snapshot(self.sides.folder), snapshot(self.sides.state_dir)
        self.sides.sync(conflict=policy, delete_orphaned=orphans, dry_run=True)
        planned = operations(self.sides)
        assert (snapshot(self.sides.folder), snapshot(self.sides.state_dir)) == untouched
        assert self.sides.objects() == there

        result = self.sides.sync(conflict=policy, delete_orphaned=orphans)
        assert operations(self.sides) == planned
        assert result.failed == 0, result.errors
        self._check_the_table(here, there, policy, orphans, result)
        self._check_what_was_lost(here, there)
        self._check_and_take_the_baseline()

    @precondition(lambda self: self.written != {""})
    @rule(policy=POLICIES, fault=faults())
    def sync_with_a_fault(self, policy, fault):
        here, there = self.sides.files(), self.sides.objects()
        inner: BaseSync = self.sides.adapter or self.sides.bucket
        self.sides.adapter = Faulty(inner, [fault])
        try:
            self.sides.sync(conflict=policy)
        except AdapterError:
            # P18: a listing that did not finish changes nothing, whatever it showed.
            assert fault.operation == "list_files"
            assert (self.sides.files(), self.sides.objects()) == (here, there)
        finally:
            self.sides.adapter = inner
        self._check_what_was_lost(here, there)
        self._check_and_take_the_baseline()

    # --- what has to hold --------------------------------------------------------------------------------

    @invariant()
    def p5_nothing_is_invented(self):
        assert recoverable_contents(self.sides) <= self.written

    def _check_the_table(
        self, here: Tree, there: Tree, policy: ConflictPolicy, orphans: bool | None, result: SyncResult
    ) -> None:
        files, objects = self.sides.files(), self.sides.objects()
        keys = here.keys() | there.keys()
        kept = held_keys(self.sides)
        for key in keys:
            if key in kept:
                self._check_a_held_source(key, here, there, result)
                continue
            if any(clashes(key, other) for other in keys):
                self._check_a_clash(key, here, there, result)
                continue
            wanted = expected(here.get(key), there.get(key), self.base.get(key), policy, orphans)
            found = Expected(files.get(key), objects.get(key), wanted.copy, key in result.unresolved)
            assert found == wanted, f"{key}: {here.get(key)} {there.get(key)} {self.base.get(key)} {policy} {orphans}"
            if wanted.copy is not None:
                # The key may be a conflict copy itself.
                name = CONFLICT_COPY.sub("", key)
                copies = [each for each in files if CONFLICT_COPY.sub("", each) == name and each != key]
                assert any(files[each] == objects.get(each) == wanted.copy for each in copies)

    def _check_a_held_source(self, key: str, here: Tree, there: Tree, result: SyncResult) -> None:
        """What is not deleted stays as it was, and its content is that of a key that is left to a person."""
        files, objects = self.sides.files(), self.sides.objects()
        assert (files.get(key), objects.get(key)) == (here.get(key), there.get(key))
        content = here.get(key) or there.get(key)
        assert any(content in (files.get(left), objects.get(left)) for left in result.unresolved)

    def _check_a_clash(self, key: str, here: Tree, there: Tree, result: SyncResult) -> None:
        """Of keys that can't both be files here, one that is left to a person is as it was; others are in step."""
        files, objects = self.sides.files(), self.sides.objects()
        if key in result.unresolved:
            assert files.get(key) == here.get(key) and objects.get(key) == there.get(key)
        elif files.get(key) != objects.get(key):
            assert key not in files, "only a delete that must not go to the bucket leaves sides that differ"

    def _check_what_was_lost(self, here: Tree, there: Tree) -> None:
        """P3: what was on a side before, and not what was agreed on, a person wrote, and nobody let go."""
        for tree in (here, there):
            wanted = {content for key, content in tree.items() if self.base.get(key) != content}
            assert wanted <= recoverable_contents(self.sides)

    def _check_and_take_the_baseline(self) -> None:
        """What is remembered is what happened: a row is as before, or says what both sides are now."""
        contents = {sha256(content): content for content in self.written}
        files, objects = self.sides.files(), self.sides.objects()
        base = {}
        for key, row in self.sides.baseline().items():
            base[key] = contents[dict(row.digests)["sha256"]]
            assert base[key] == self.base.get(key) or base[key] == files.get(key) == objects.get(key)
        self.base = base

    def _sync_twice(self) -> None:
        """P1, P2: after a sync both sides are equal, and a second one finds nothing to do."""
        first = self.sides.sync()
        assert first.failed == 0, first.errors
        left = set(first.unresolved) | held_keys(self.sides)
        files, objects = self.sides.files(), self.sides.objects()
        assert {key: files[key] for key in files if key not in left} == {
            key: objects[key] for key in objects if key not in left
        }
        second = self.sides.sync()
        assert nothing_done(second) and set(second.unresolved) | held_keys(self.sides) == left


def test_the_model_and_the_engine_agree():
    """P1 to P5, P7 to P11, P15, P18, in any order that people and faults come in."""
    run_state_machine_as_test(People, settings=examples(150, steps=30))
