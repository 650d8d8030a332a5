"""Settings of a configuration file that run code."""

from __future__ import annotations

from pathlib import Path

from buckia_core.adapters.plugins.registry import registry
from buckia_core.config.bucket import BucketConfig
from buckia_core.config.file.loader import load
from buckia_core.config.settings import setting_fields
from buckia_core.errors import ConfigError, PluginError


def find_code_settings(path: Path) -> list[str]:
    """Return the values in a configuration that run code, in order; none of a file that is no configuration."""
    try:
        buckets = load(path).buckets.values()
    except ConfigError:
        return []
    found = [value for config in buckets for value in _bucket_code_settings(config)]
    return list(dict.fromkeys(found))


def _bucket_code_settings(config: BucketConfig) -> list[str]:
    try:
        settings = registry().spec(config.provider).settings_class()
    except PluginError:
        return []
    found = []
    for name, (_, spec) in setting_fields(settings).items():
        given = (config.settings.get(each) for each in (name, *spec.aliases))
        runs_code = spec.runs_code
        found += [each for each in given if runs_code and isinstance(each, str) and runs_code(each)]
    return found
