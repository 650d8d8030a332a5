"""Registers provider `dirstore`."""

from __future__ import annotations

from buckia_core import AdapterSpec, hookimpl


@hookimpl
def buckia_register_adapters() -> list[AdapterSpec]:
    return [
        AdapterSpec(
            provider="dirstore",
            title="Content-addressed directory",
            settings="buckia_dirstore.settings:DirstoreSettings",
            adapter="buckia_dirstore.sync:DirstoreSync",
        )
    ]
