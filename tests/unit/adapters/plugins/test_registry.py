"""How adapters are found among what is installed."""

from __future__ import annotations

import errno

import pytest

from buckia_core.adapters.plugins.entry_points import EntryPoint
from buckia_core.adapters.plugins.registry import Registry
from buckia_core.errors import AdapterNotInstalled

FIND = "buckia_core.adapters.plugins.registry.find_entry_points"


class Installed:
    """What stands for `find_entry_points`; counts how often all packages are looked through."""

    def __init__(self, *entries):
        self.entries = entries
        self.looks = 0

    def __call__(self, groups):
        self.looks += 1
        return list(self.entries)


def entry(provider):
    return EntryPoint("buckia.adapters", provider, "buckia_core.adapters.memory.plugin")


def test_entry_points_are_read_once(monkeypatch):
    installed = Installed(entry("memory"))
    monkeypatch.setattr(FIND, installed)
    plugins = Registry()
    plugins.spec("memory")
    assert plugins.hooks.buckia_register_secret_stores() == []
    assert [status.provider for status in plugins.providers()] == ["memory"]
    assert installed.looks == 1


def test_what_was_missing_is_found_once_it_is_installed(monkeypatch):
    installed = Installed()
    monkeypatch.setattr(FIND, installed)
    plugins = Registry()
    with pytest.raises(AdapterNotInstalled, match="installed: "):
        plugins.spec("memory")
    installed.entries = (entry("memory"),)
    assert plugins.spec("memory").provider == "memory"


@pytest.mark.parametrize("failure", [OSError(errno.EMFILE, "Too many open files"), MemoryError()])
def test_a_failure_of_the_system_is_not_a_broken_adapter(monkeypatch, failure):
    def fail(*_):
        raise failure

    monkeypatch.setattr(FIND, Installed(entry("memory")))
    plugins = Registry()
    with monkeypatch.context() as patch:
        patch.setattr(EntryPoint, "load", fail)
        with pytest.raises(type(failure)):
            plugins.spec("memory")
    spec = plugins.spec("memory")
    monkeypatch.setattr("buckia_core.adapters.plugins.registry.importlib.import_module", fail)
    with pytest.raises(type(failure)):
        spec.adapter_class()
