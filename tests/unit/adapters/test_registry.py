"""How adapters are found among what is installed."""

from __future__ import annotations

from importlib import metadata

import pytest

from buckia_core.adapters.registry import Registry
from buckia_core.errors import AdapterNotInstalled


class Installed:
    """What stands for `metadata.entry_points`; counts how often all packages are looked through."""

    def __init__(self, *entries):
        self.entries = entries
        self.looks = 0

    def __call__(self):
        self.looks += 1
        return metadata.EntryPoints(self.entries)


def entry(provider):
    return metadata.EntryPoint(provider, "buckia_core.adapters.memory.plugin", "buckia.adapters")


def test_packages_are_looked_through_once(monkeypatch):
    installed = Installed(entry("memory"))
    monkeypatch.setattr(metadata, "entry_points", installed)
    plugins = Registry()
    plugins.spec("memory")
    assert plugins.hooks.buckia_register_secret_stores() == []
    assert [status.provider for status in plugins.providers()] == ["memory"]
    assert installed.looks == 1


def test_what_was_missing_is_found_once_it_is_installed(monkeypatch):
    installed = Installed()
    monkeypatch.setattr(metadata, "entry_points", installed)
    plugins = Registry()
    with pytest.raises(AdapterNotInstalled, match="installed: "):
        plugins.spec("memory")
    installed.entries = (entry("memory"),)
    assert plugins.spec("memory").provider == "memory"
