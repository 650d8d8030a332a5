"""Registers provider `file`, and the vendor of that name."""

from __future__ import annotations

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.provisioners import ProvisionerSpec
from buckia_core.adapters.plugins.registry import AdapterSpec

DIRECTORY = AdapterSpec(
    provider="file",
    title="Directory on a disk",
    settings="buckia_core.adapters.directory.settings:DirectorySettings",
    adapter="buckia_core.adapters.directory.sync:DirectorySync",
)

VENDOR = ProvisionerSpec(
    vendor="file",
    title="Directory on a disk",
    provider="file",
    settings="buckia_core.adapters.directory.provisioner:DirectoryAccountSettings",
    provisioner="buckia_core.adapters.directory.provisioner:DirectoryProvisioner",
)


@hookimpl
def buckia_register_adapters() -> list[AdapterSpec]:
    """Return the adapter of this package."""
    return [DIRECTORY]


@hookimpl
def buckia_register_provisioners() -> list[ProvisionerSpec]:
    """Return the vendor of this package."""
    return [VENDOR]
