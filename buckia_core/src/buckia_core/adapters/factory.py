"""Factory: creates the adapter of a configured bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.plugins.registry import AdapterSpec, Registry, registry
from buckia_core.adapters.wrappers import wrap
from buckia_core.config import BucketConfig
from buckia_core.config.bandwidth import BandwidthTimetable
from buckia_core.config.environment import TIMEOUT_SETTINGS, timeout
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.config.secrets.references import SecretStores
from buckia_core.config.secrets.store import SecretReader, SecretStore
from buckia_core.config.settings import setting_fields

_log = redacted_logger(__name__)


def open_bucket(config: BucketConfig, plugins: Registry | None = None) -> BaseSync:
    """Create the adapter of a bucket, wrapped in logging, limits and retries as configured.

    Costs no request. The caller closes the adapter. Unsafe settings are logged as warnings.

    Raises:
        AdapterNotInstalled, AdapterBroken: The adapter's package is missing or can't be loaded.
        ConfigError: The settings are invalid.
    """
    return wrap(
        open_adapter(config, plugins),
        retry_attempts=config.retry_attempts,
        retry_seconds=config.retry_seconds,
        rate_limit=config.rate_limit,
        bwlimit=None if config.bwlimit is None else BandwidthTimetable.parse(config.bwlimit),
    )


def open_adapter(config: BucketConfig, plugins: Registry | None = None) -> BaseSync:
    """Create the adapter of a bucket without wrappers. Costs no request. The caller closes the adapter.

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
    """Return the warnings about unsafe settings of a bucket: the property `warnings` of the settings class.

    Raises:
        AdapterNotInstalled, AdapterBroken, ConfigError: As `open_bucket`.
    """
    plugins = plugins or registry()
    settings = _settings(config, plugins.spec(config.provider), plugins)
    return tuple(getattr(settings, "warnings", ()))


def _settings(config: BucketConfig, spec: AdapterSpec, plugins: Registry) -> Any:
    settings = spec.settings_class()
    # A program that makes its own configuration decides by itself.
    if config.source is not None and (seconds := timeout()):
        names = setting_fields(settings).keys() & set(TIMEOUT_SETTINGS)
        config = config.with_changes(**dict.fromkeys(names, seconds))
    return config.adapter_settings(settings, secret_stores=secret_stores(plugins))


def open_secret_stores(base_dir: Path, plugins: Registry | None = None) -> SecretStores:
    """Return the built-in secret stores and those of all plugins, for references relative to a directory."""
    return SecretStores(base_dir, plugins=secret_stores(plugins or registry()))


def secret_stores(plugins: Registry) -> dict[str, SecretStore | SecretReader]:
    """Return the secret stores of all plugins by scheme; the first one registered wins."""
    stores: dict[str, SecretStore | SecretReader] = {}
    for registered in reversed(plugins.hooks.buckia_register_secret_stores()):
        for scheme, store in registered.items():
            stores.setdefault(scheme, store)
    return stores
