"""Plugin: registers provider and vendor `bunny`, the commands `buckia bunny …`, and the purge after a sync."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.registry import AdapterSpec

if TYPE_CHECKING:
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec
    from buckia_core.config import BucketConfig

BUNNY = AdapterSpec(
    provider="bunny",
    title="bunny.net storage",
    settings="buckia_bunny.settings:BunnySettings",
    adapter="buckia_bunny.factory:open_zone",
)


@hookimpl
def buckia_register_adapters() -> list[AdapterSpec]:
    """Return the adapter of this package."""
    return [BUNNY]


@hookimpl
def buckia_register_provisioners() -> list[ProvisionerSpec]:
    """Return the vendor of this package."""
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec  # noqa: PLC0415  # a sync does not need it

    return [
        ProvisionerSpec(
            vendor="bunny",
            title="bunny.net",
            provider="bunny",
            settings="buckia_bunny.provisioner:BunnyAccountSettings",
            provisioner="buckia_bunny.provisioner:BunnyProvisioner",
        )
    ]


@hookimpl
def buckia_register_commands(cli: Any) -> None:
    """Add the commands of this package."""
    from buckia_bunny.commands import register  # noqa: PLC0415  # not needed by a sync

    register(cli)


@hookimpl
def buckia_after_sync(bucket: str, changed: Sequence[str], config: BucketConfig | None) -> None:
    """Purge changed objects from the pull zone of the bucket, if it has one."""
    if not changed or config is None or config.provider != BUNNY.provider:
        return
    from buckia_bunny.after_sync import purge_changed  # noqa: PLC0415  # not needed by other providers

    purge_changed(bucket, changed, config)
