"""Secret settings of buckets: which references a configuration uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.factory import secret_stores
from buckia_core.adapters.plugins.registry import Registry, registry
from buckia_core.config import BucketConfig
from buckia_core.config.secrets.references import is_reference
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting_fields
from buckia_core.errors import PluginError


@dataclass(frozen=True, slots=True)
class SecretSetting:
    """A setting of a bucket that has a secret.

    Attributes:
        bucket: Name of the bucket.
        setting: Name of the setting, as in the configuration.
        reference: The reference, or the value with variables such as `${NAME}`; `None` if the secret itself stands in
            the configuration.
        is_variable: Whether the secret comes from variables.
    """

    bucket: str
    setting: str
    reference: str | None
    is_variable: bool = False


def secret_settings(config: BucketConfig, plugins: Registry | None = None) -> list[SecretSetting]:
    """Return the secret settings of a bucket, in the order of the configuration. Reads its file, and no secret.

    Without the adapter of the provider, these are the settings whose value is a reference.

    Raises:
        ConfigError, OSError: The file can't be read again.
    """
    plugins = plugins or registry()
    stores = secret_stores(plugins)
    names = secret_names(config, plugins)
    written = _written_settings(config)
    found = []
    for name, value in config.settings.items():
        if not value or not isinstance(value, str | Secret) or (names is not None and name not in names):
            continue
        if "${" in (text := str(written.get(name, ""))):
            found.append(SecretSetting(config.name, name, text, is_variable=True))
        elif isinstance(value, str) and is_reference(value, stores):
            found.append(SecretSetting(config.name, name, value))
        elif names is not None and names[name]:
            found.append(SecretSetting(config.name, name, None))
    return found


def _written_settings(config: BucketConfig) -> Mapping[str, object]:
    """Return the settings as they stand in the file, without those of other buckets."""
    if config.source is None:
        return {}
    from buckia_core.config.editor import read_config_text  # noqa: PLC0415  # imports the YAML library

    settings = dict(read_config_text(Path(config.source)).buckets.get(config.name, {}))
    credentials = settings.pop("credentials", None)
    return settings | (credentials if isinstance(credentials, dict) else {})


def secret_names(config: BucketConfig, plugins: Registry) -> dict[str, bool] | None:
    """Return the names of the secret settings of a bucket's provider, and whether each must stay unknown to others.

    `None` if the adapter can't be loaded.
    """
    try:
        declared = setting_fields(plugins.spec(config.provider).settings_class())
    except PluginError:
        return None
    return {
        name: not each.public
        for each in declared.values()
        if each.kind is Secret
        for name in (each.name, *each.aliases)
    }
