"""Configurations that change between syncs, while people go on: what is left out is not touched, nothing is lost."""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.property.profiles import examples
from tests.property.world import Tree, new_sides, recoverable_contents, remove_file, write_file
from tests.unit.syncing.sides import Sides

KEYS = ("a", "b", "logs/x", "logs/y", "pics/1", "pics/2")
PICS, LOGS = ({"local": name, "remote": name, "direction": "both"} for name in ("pics", "logs"))
CONFIGURATIONS: tuple[tuple[dict[str, Any], frozenset[str]], ...] = (
    ({}, frozenset()),
    ({"exclude": ["logs/"]}, frozenset({"logs/x", "logs/y"})),
    ({"exclude": ["*x", "b"]}, frozenset({"logs/x", "b"})),
    ({"include": ["pics/*"]}, frozenset({"a", "b", "logs/x", "logs/y"})),
    ({"folders": ["logs", "a"]}, frozenset({"b", "pics/1", "pics/2"})),
    ({"paths": [PICS]}, frozenset({"a", "b", "logs/x", "logs/y"})),
    ({"paths": [LOGS, PICS]}, frozenset({"a", "b"})),
)
"""Settings, and the keys that they leave out."""


class Configurations(RuleBasedStateMachine):
    """One folder and one bucket, whose configuration a person changes at any time."""

    def __init__(self) -> None:
        super().__init__()
        self._opened = new_sides()
        self.sides: Sides = self._opened.__enter__()
        self._numbers = count(1)
        self.written: set[str] = set()
        self.outside: frozenset[str] = frozenset()
        # Keys that were in step when a run last took them, and that the same mapping has taken since.
        self.agreed: Tree = {}
        self.mapping_of: dict[str, str] = {}

    def teardown(self) -> None:
        self._opened.__exit__(None, None, None)

    @initialize()
    def begin_in_step(self):
        for key in KEYS:
            write_file(self.sides, key, self._new())
        self.sync()

    def _new(self) -> str:
        content = f"{next(self._numbers):04}"
        self.written.add(content)
        return content

    def _mapping(self, key: str) -> str:
        return key.partition("/")[0] if "paths" in self.sides.settings else "."

    @rule(key=st.sampled_from(KEYS))
    def write_here(self, key):
        write_file(self.sides, key, self._new())

    @rule(key=st.sampled_from(KEYS))
    def write_there(self, key):
        self.sides.bucket.upload_file(self._new().encode(), key)

    @rule(key=st.sampled_from(KEYS))
    def delete_here(self, key):
        assume(key in self.sides.files())
        remove_file(self.sides, key)

    @rule(key=st.sampled_from(KEYS))
    def delete_there(self, key):
        self.sides.bucket.delete_files([key])

    @rule(configuration=st.sampled_from(CONFIGURATIONS))
    def configure(self, configuration):
        self.sides.settings, self.outside = configuration

    @rule()
    def sync(self):
        here, there = self.sides.files(), self.sides.objects()
        result = self.sides.sync()
        assert result.failed == 0, result.errors
        files, objects = self.sides.files(), self.sides.objects()
        for key in KEYS:
            if self.mapping_of.get(key) != self._mapping(key):
                self.agreed.pop(key, None)
            self.mapping_of[key] = self._mapping(key)
            if key in self.outside:
                assert (files.get(key), objects.get(key)) == (here.get(key), there.get(key)), "it is out of scope"
                self.agreed.pop(key, None)
                continue
            if key not in self.agreed and bool(here.get(key)) != bool(there.get(key)):
                # Nobody knows why one side lacks it, so it is copied.
                assert files.get(key) == objects.get(key) == (here.get(key) or there.get(key))
            if key in self.agreed and here.get(key) == self.agreed[key] and there.get(key) is None:
                assert key not in files, "it was deleted there"
            if key in self.agreed and there.get(key) == self.agreed[key] and here.get(key) is None:
                assert key not in objects, "it was deleted here"
            if files.get(key) == objects.get(key) and key in files:
                self.agreed[key] = files[key]
            else:
                self.agreed.pop(key, None)
        # What was on one side and not what was agreed on is somewhere still.
        for tree in (here, there):
            assert set(tree.values()) <= recoverable_contents(self.sides)
        assert self.sides.sync().notices == []

    @invariant()
    def nothing_is_invented(self):
        assert recoverable_contents(self.sides) <= self.written


def test_a_configuration_that_changes_deletes_nothing():
    run_state_machine_as_test(Configurations, settings=examples(30, steps=25))
