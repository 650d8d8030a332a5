"""Plugin: registers the provider `b2`, the vendor of that name, and the commands `buckia b2 …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.registry import AdapterSpec

if TYPE_CHECKING:
    from buckia_core.adapters.plugins.account_sources import AccountSource
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec

B2 = AdapterSpec(
    provider="b2",
    title="Backblaze B2",
    settings="buckia_b2.settings:B2Settings",
    adapter="buckia_b2.factory:open_b2",
)


@hookimpl
def buckia_register_adapters() -> list[AdapterSpec]:
    """Return the adapter of this package."""
    return [B2]


@hookimpl
def buckia_register_account_sources() -> list[AccountSource]:
    """Return the tools whose accounts this package takes over."""
    from buckia_core.adapters.plugins.account_sources import AccountSource  # noqa: PLC0415  # a sync does not need it

    return [
        AccountSource("b2", "the command b2", "buckia_b2.account_sources:find_b2_accounts"),
        AccountSource("rclone", "rclone", "buckia_b2.account_sources:find_rclone_remotes"),
    ]


@hookimpl
def buckia_register_provisioners() -> list[ProvisionerSpec]:
    """Return the vendor of this package."""
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec  # noqa: PLC0415  # a sync does not need it

    return [
        ProvisionerSpec(
            vendor="b2",
            title="Backblaze B2",
            provider="b2",
            settings="buckia_b2.provisioner:B2AccountSettings",
            provisioner="buckia_b2.provisioner:B2Provisioner",
        )
    ]


@hookimpl
def buckia_register_commands(cli: Any) -> None:
    """Add the commands of this package."""
    from buckia_b2.commands import register  # noqa: PLC0415  # a sync does not need them

    register(cli)
