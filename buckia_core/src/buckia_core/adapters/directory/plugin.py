"""Registers provider `file`."""

from __future__ import annotations

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.registry import AdapterSpec

DIRECTORY = AdapterSpec(
    provider="file",
    title="Directory on a disk",
    settings="buckia_core.adapters.directory.settings:DirectorySettings",
    adapter="buckia_core.adapters.directory.sync:DirectorySync",
)


@hookimpl
def buckia_register_adapters() -> list[AdapterSpec]:
    """Return the adapter of this package."""
    return [DIRECTORY]
