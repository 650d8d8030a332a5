"""From a configuration to an adapter, ready to be used."""

from __future__ import annotations

from collections.abc import Callable

from buckia_core.adapters.base import BaseSync
from buckia_core.adapters.registry import Registry, registry
from buckia_core.adapters.wrappers import wrap
from buckia_core.config import BucketConfig


def open_bucket(config: BucketConfig, plugins: Registry | None = None) -> BaseSync:
    """Return the adapter of a bucket, wrapped in retries, rate limit, throttle and log as configured.

    Costs no request. The caller closes it.

    Raises:
        AdapterNotInstalled, AdapterBroken: Its package is not there, or fails.
        ConfigError: Its settings can't be used.
    """
    return wrap(
        open_adapter(config, plugins),
        retry_attempts=config.retry_attempts,
        retry_seconds=config.retry_seconds,
        rate_limit=config.rate_limit,
        bwlimit=config.bwlimit,
    )


def open_adapter(config: BucketConfig, plugins: Registry | None = None) -> BaseSync:
    """Return the adapter of a bucket as its package made it, unwrapped. Costs no request. The caller closes it.

    Raises:
        AdapterNotInstalled, AdapterBroken, ConfigError: As `open_bucket`.
    """
    plugins = plugins or registry()
    spec = plugins.spec(config.provider)
    settings = config.adapter_settings(spec.settings_class(), secret_stores=secret_stores(plugins))
    return spec.adapter_class()(settings)


def secret_stores(plugins: Registry) -> dict[str, Callable[[str], str]]:
    """Return the secret stores that plugins register, by scheme; of equal schemes, the one registered first."""
    stores: dict[str, Callable[[str], str]] = {}
    for registered in reversed(plugins.hooks.buckia_register_secret_stores()):
        for scheme, store in registered.items():
            stores.setdefault(scheme, store)
    return stores
