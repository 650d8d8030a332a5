"""Registers provider `memory`."""

from __future__ import annotations

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.registry import AdapterSpec

MEMORY = AdapterSpec(
    provider="memory",
    title="Memory of this process",
    settings="buckia_core.adapters.memory.settings:MemorySettings",
    adapter="buckia_core.adapters.memory.sync:MemorySync",
)


@hookimpl
def buckia_register_adapters() -> list[AdapterSpec]:
    """Return the adapter of this package."""
    return [MEMORY]
