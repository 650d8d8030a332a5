"""Plugin: registers provider `linode`, the vendor of that name, and the commands `buckia linode …`."""

from __future__ import annotations

from typing import Any

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.provisioners import ProvisionerSpec
from buckia_core.adapters.plugins.registry import AdapterSpec

LINODE = AdapterSpec(
    provider="linode",
    title="Linode Object Storage (Akamai)",
    settings="buckia_linode.settings:LinodeSettings",
    adapter="buckia_linode.sync:LinodeSync",
)

VENDOR = ProvisionerSpec(
    vendor="linode",
    title="Linode Object Storage",
    provider="linode",
    settings="buckia_linode.provisioner:LinodeAccountSettings",
    provisioner="buckia_linode.provisioner:LinodeProvisioner",
)


@hookimpl
def buckia_register_adapters() -> list[AdapterSpec]:
    """Return the adapter of this package."""
    return [LINODE]


@hookimpl
def buckia_register_provisioners() -> list[ProvisionerSpec]:
    """Return the vendor of this package."""
    return [VENDOR]


@hookimpl
def buckia_register_commands(cli: Any) -> None:
    """Add the commands of this package."""
    from buckia_linode.commands import register  # noqa: PLC0415  # a sync does not need them

    register(cli)
