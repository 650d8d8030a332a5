"""Registers provider `file`, and the vendor of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.registry import AdapterSpec

if TYPE_CHECKING:
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec

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


@hookimpl
def buckia_register_provisioners() -> list[ProvisionerSpec]:
    """Return the vendor of this package."""
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec  # noqa: PLC0415  # a sync does not need it

    return [
        ProvisionerSpec(
            vendor="file",
            title="Directory on a disk",
            provider="file",
            settings="buckia_core.adapters.directory.provisioner:DirectoryAccountSettings",
            provisioner="buckia_core.adapters.directory.provisioner:DirectoryProvisioner",
        )
    ]
