"""From a configuration to an adapter, ready to be used."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.plugins.registry import AdapterSpec, Registry, registry
from buckia_core.adapters.wrappers import wrap
from buckia_core.config import BucketConfig

_log = logging.getLogger(__name__)


def open_bucket(config: BucketConfig, plugins: Registry | None = None) -> BaseSync:
    """Return the adapter of a bucket, wrapped in retries, rate limit, throttle and log as configured.

    Costs no request. The caller closes it. What is unsafe about its settings is logged, as a warning.

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
    settings = _settings(config, spec, plugins)
    for line in getattr(settings, "warnings", ()):
        _log.warning("%s: %s", config.name, line)
    return spec.adapter_class()(settings)


def settings_warnings(config: BucketConfig, plugins: Registry | None = None) -> tuple[str, ...]:
    """Return what is unsafe about the settings of a bucket, a line each: the property `warnings` of their class.

    Raises:
        AdapterNotInstalled, AdapterBroken, ConfigError: As `open_bucket`.
    """
    plugins = plugins or registry()
    settings = _settings(config, plugins.spec(config.provider), plugins)
    return tuple(getattr(settings, "warnings", ()))


def _settings(config: BucketConfig, spec: AdapterSpec, plugins: Registry) -> Any:
    return config.adapter_settings(spec.settings_class(), secret_stores=secret_stores(plugins))


def secret_stores(plugins: Registry) -> dict[str, Callable[[str], str]]:
    """Return the secret stores that plugins register, by scheme; of equal schemes, the one registered first."""
    stores: dict[str, Callable[[str], str]] = {}
    for registered in reversed(plugins.hooks.buckia_register_secret_stores()):
        for scheme, store in registered.items():
            stores.setdefault(scheme, store)
    return stores
