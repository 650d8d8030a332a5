"""Registers provider `s3`."""

from __future__ import annotations

from buckia_core.adapters.hookspecs import hookimpl
from buckia_core.adapters.registry import AdapterSpec

S3 = AdapterSpec(
    provider="s3",
    title="AWS S3 and S3-compatible",
    settings="buckia_s3.settings:S3Settings",
    adapter="buckia_s3.sync:S3Sync",
)


@hookimpl
def buckia_register_adapters() -> list[AdapterSpec]:
    """Return the adapter of this package."""
    return [S3]
