"""Plugin: registers provider `linode`, the vendor of that name, and the commands `buckia linode …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.registry import AdapterSpec

if TYPE_CHECKING:
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec

LINODE = AdapterSpec(
    provider="linode",
    title="Linode Object Storage (Akamai)",
    settings="buckia_linode.settings:LinodeSettings",
    adapter="buckia_linode.sync:LinodeSync",
)


@hookimpl
def buckia_register_adapters() -> list[AdapterSpec]:
    """Return the adapter of this package."""
    return [LINODE]


@hookimpl
def buckia_register_provisioners() -> list[ProvisionerSpec]:
    """Return the vendor of this package."""
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec  # noqa: PLC0415  # a sync does not need it

    return [
        ProvisionerSpec(
            vendor="linode",
            title="Linode Object Storage",
            provider="linode",
            settings="buckia_linode.provisioner:LinodeAccountSettings",
            provisioner="buckia_linode.provisioner:LinodeProvisioner",
        )
    ]


@hookimpl
def buckia_register_commands(cli: Any) -> None:
    """Add the commands of this package."""
    from buckia_linode.commands import register  # noqa: PLC0415  # a sync does not need them

    register(cli)
