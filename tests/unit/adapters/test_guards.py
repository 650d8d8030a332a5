"""Plugins that may veto a sync: none is passed over because it can't be loaded."""

from __future__ import annotations

import errno
from importlib.metadata import EntryPoint

import pytest

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.registry import PLUGINS, Registry
from buckia_core.errors import BuckiaError, PluginError
from buckia_core.planning.plan import Plan


@pytest.fixture
def plugins() -> Registry:
    """A registry in whose group `buckia.plugins` one entry can't be loaded."""
    found = Registry()
    entries = [EntryPoint("guard", "a_module_that_is_missing", PLUGINS)]
    found.__dict__["_entries"] = {group: [] for group in found._entries} | {PLUGINS: entries}
    return found


class Guard:
    def __init__(self, error: Exception) -> None:
        self.error = error

    @hookimpl
    def buckia_before_sync(self, plan, bucket):
        raise self.error


def test_a_plugin_that_can_not_be_loaded_stops_a_sync(plugins):
    with pytest.raises(PluginError, match=r"'guard'.*ModuleNotFoundError.*--without-plugin guard"):
        plugins.run_before_sync(Plan(), "b")


@pytest.mark.parametrize("before", [False, True])
def test_it_can_be_left_out(plugins, before):
    if before:
        assert plugins.hooks and plugins.broken_plugins
    plugins.exclude_plugin("guard")
    plugins.run_before_sync(Plan(), "b")


def test_what_is_no_plugin_can_not_be_left_out(plugins):
    with pytest.raises(PluginError, match=r"'gaurd'.*guard"):
        plugins.exclude_plugin("gaurd")


def test_a_veto_is_raised_unchanged_and_a_failure_is_one_too(plugins):
    plugins.exclude_plugin("guard")
    plugins.register(Guard(BuckiaError("not on a Friday")), "vetoing")
    with pytest.raises(BuckiaError, match=r"^not on a Friday$"):
        plugins.run_before_sync(Plan(), "b")
    failing = Registry()
    failing.__dict__["_entries"] = {PLUGINS: []}
    failing.register(Guard(ZeroDivisionError("division by zero")), "failing")
    with pytest.raises(PluginError, match=r"buckia_before_sync.*ZeroDivisionError"):
        failing.run_before_sync(Plan(), "b")


@pytest.mark.parametrize("failure", [OSError(errno.EMFILE, "x"), OSError(errno.EIO, "x"), MemoryError()])
def test_a_failure_of_the_system_is_not_a_broken_plugin(plugins, monkeypatch, failure):
    def fail(entry):
        raise ImportError("can't be imported") from failure

    monkeypatch.setattr(EntryPoint, "load", fail)
    with pytest.raises(type(failure)) as caught:
        plugins.run_before_sync(Plan(), "b")
    assert caught.value is failure and plugins.broken_plugins == {}
    monkeypatch.undo()
    with pytest.raises(PluginError, match="ModuleNotFoundError"):
        plugins.run_before_sync(Plan(), "b")


def test_a_file_that_a_plugin_lacks_is_its_own_affair(plugins, monkeypatch):
    def fail(entry):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "table.json")

    monkeypatch.setattr(EntryPoint, "load", fail)
    with pytest.raises(PluginError, match=r"table\.json"):
        plugins.run_before_sync(Plan(), "b")


def test_a_failure_of_the_system_is_not_a_plugin_that_fails(monkeypatch):
    plugins = Registry()
    plugins.register(Guard(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        plugins.run_before_sync(Plan(), "b")
