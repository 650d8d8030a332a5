"""Plugin: registers the provider `s3`, the vendors of its buckets, and the commands `buckia s3 …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buckia_core.adapters.plugins.hookspecs import hookimpl
from buckia_core.adapters.plugins.registry import AdapterSpec

if TYPE_CHECKING:
    from buckia_core.adapters.plugins.account_sources import AccountSource
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec

S3 = AdapterSpec(
    provider="s3",
    title="AWS S3 and S3-compatible",
    settings="buckia_s3.config.settings:S3Settings",
    adapter="buckia_s3.sync:S3Sync",
)


@hookimpl
def buckia_register_adapters() -> list[AdapterSpec]:
    """Return the adapter of this package."""
    return [S3]


@hookimpl
def buckia_register_account_sources() -> list[AccountSource]:
    """Return the tools whose accounts this package takes over."""
    from buckia_core.adapters.plugins.account_sources import AccountSource  # noqa: PLC0415  # a sync does not need it

    return [
        AccountSource("aws", "AWS profiles", "buckia_s3.config.account_sources:find_aws_profiles"),
        AccountSource("rclone", "rclone", "buckia_s3.config.account_sources:find_rclone_remotes"),
    ]


@hookimpl
def buckia_register_provisioners() -> list[ProvisionerSpec]:
    """Return the vendors of this package."""
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec  # noqa: PLC0415  # a sync does not need it

    return [
        ProvisionerSpec(
            vendor=vendor,
            title=title,
            provider="s3",
            settings=f"buckia_s3.provisioning.{vendor}:{name}AccountSettings",
            provisioner=f"buckia_s3.provisioning.{vendor}:{name}Provisioner",
        )
        for vendor, title, name in (
            ("aws", "Amazon S3", "Aws"),
            ("ceph", "Ceph", "Ceph"),
            ("r2", "Cloudflare R2", "R2"),
        )
    ]


@hookimpl
def buckia_register_commands(cli: Any) -> None:
    """Add the commands of this package."""
    from buckia_s3.commands import register  # noqa: PLC0415  # only needed for these commands

    register(cli)
