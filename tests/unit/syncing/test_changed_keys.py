"""Changed keys for plugins: exactly the objects that a run wrote or deleted."""

from __future__ import annotations

import pytest

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.registry import Registry
from buckia_core.testing import Fault, Faulty


class Plugin:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []

    @hookimpl
    def buckia_after_sync(self, changed, config, bucket):
        assert (config, bucket) == (None, "bucket"), "these tests give the adapter themselves"
        self.told.append(changed)


@pytest.fixture
def plugin(monkeypatch) -> Plugin:
    """A plugin that is the only one."""
    plugins, plugin = Registry(), Plugin()
    plugins._plugins.register(plugin)
    monkeypatch.setattr("buckia_core.syncing.engine.registry", lambda: plugins)
    monkeypatch.setattr(Registry, "hooks", plugins._plugins.hook)
    return plugin


def test_what_was_written_and_deleted(sides, plugin):
    sides.in_step("edited=old gone=old down=old same=old touched=old").here("edited=new new=1").delete_here("gone")
    sides.there("down=new there=1")
    plugin.told.clear()
    sides.sync()
    assert plugin.told == [["edited", "gone", "new"]]
    sides.sync()
    assert plugin.told[1:] == [[]]


def test_a_move_and_a_conflict_copy(sides, plugin):
    sides.in_step("from=content both=old").here("both=mine").there("both=theirs").delete_here("from").here("to=content")
    plugin.told.clear()
    sides.sync()
    ((*changed,),) = plugin.told
    assert {"from", "to"} < set(changed)
    assert [key for key in changed if key.startswith("both.conflict-local-")]


def test_what_failed_is_not_reported(sides, plugin):
    sides.here("a=1 b=1")
    sides.adapter = Faulty(sides.bucket, [Fault("upload_file", at=1)])
    assert sides.sync(max_workers=1).failed == 1
    (changed,) = plugin.told
    assert len(changed) == 1


def test_a_dry_run_calls_nothing(sides, plugin):
    sides.here("a=1").sync(dry_run=True)
    assert plugin.told == []
